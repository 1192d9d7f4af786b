//! A session: opened by a person, found by the supervisor.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::tmux::{self, tmux};
use crate::error::Error;
use crate::files;
use crate::paths::{Paths, is_hook, is_unit};
use crate::process::Process;

/// How long another who opens a session at this moment may take.
const OPENING: Duration = Duration::from_secs(5);

/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A terminal that every machine knows.
const TERMINAL: &str = "xterm-256color";

/// A session as it is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    /// The process of who opened it, and when that started.
    pid: i32,
    start: u64,
    unit: String,
    /// The hooks and actions it is about; empty: all.
    names: Vec<String>,
    /// `JUJU_DEBUG_AT`: the hook itself is to run, with breakpoints there.
    at: Option<String>,
}

/// A session that lives.
#[derive(Debug)]
pub(crate) struct Session {
    dir: PathBuf,
    document: Document,
}

/// The session that stands in for this hook or action of a unit, if any.
pub(crate) fn attending(paths: &Paths, unit: &str, name: &str) -> Option<Session> {
    let session = Session::of(paths.debug(unit))?;
    let names = &session.document.names;
    let about = names.is_empty() || names.iter().any(|one| one == name);
    (about && session.document.unit == unit).then_some(session)
}

impl Session {
    /// The session in a directory, while it lives.
    pub(super) fn of(dir: PathBuf) -> Option<Self> {
        let document: Document = files::read_json(&file(&dir)).ok()??;
        let session = Self { dir, document };
        session.lives().then_some(session)
    }

    /// Whether somebody looks at it: who opened it, or who came later.
    pub(super) fn lives(&self) -> bool {
        let opener = Process::find(self.document.pid);
        let opened = opener.is_some_and(|one| !one.zombie && one.start == self.document.start);
        opened || tmux::has_session(&self.dir, &self.document.unit)
    }

    /// Whether hooks are to run by themselves, with breakpoints.
    pub(crate) fn runs_hooks(&self) -> bool {
        self.document.at.is_some()
    }

    /// What waits in the hook's place. `handler`: what a window is to execute
    /// instead of a shell.
    pub(crate) fn command(&self, handler: Option<&Path>) -> Result<Command, Error> {
        let program = env::current_exe().map_err(Error::system("find the own program"))?;
        let mut command = Command::new(program);
        command.arg("debugged").arg(&self.dir).args(handler);
        Ok(command)
    }

    /// The variables that a hook has in this session alone.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let at = self.document.at.clone();
        let debug = ("JUJU_DEBUG", self.dir.display().to_string());
        [debug]
            .into_iter()
            .chain(at.map(|at| ("JUJU_DEBUG_AT", at)))
    }

    /// Its unit.
    pub(super) fn unit(&self) -> &str {
        &self.document.unit
    }
}

fn file(dir: &Path) -> PathBuf {
    dir.join("session.json")
}

/// Opens a session of a unit in this terminal, or joins the one that there is,
/// by becoming tmux.
pub(crate) fn open(paths: &Paths, unit: &str, args: &[&str]) -> Result<(), Error> {
    if !is_unit(unit) {
        return Err(Error::Refused(format!("{unit:?} is not a unit")));
    }
    let (at, names) = match args {
        ["--at", at, names @ ..] => (Some((*at).to_owned()), names),
        names => (None, names),
    };
    if let Some(name) = names.iter().find(|name| !is_hook(name)) {
        return Err(Error::Refused(format!("{name:?} is no hook and no action")));
    }
    let dir = paths.debug(unit);
    files::make_dir(&dir, 0o700)?;
    tmux::need()?;
    let held = lock(&dir)?;
    let target = format!("={unit}");
    let mut command = match Session::of(dir.clone()) {
        Some(_) => {
            // What the first one asked for holds for both. Nobody reads this
            // only where there is no terminal, which tmux will say.
            let joined = format!("joining the session that is open for {unit}\n");
            drop(io::stdout().write_all(joined.as_bytes()));
            let mut command = tmux(&dir);
            command.args(["attach-session", "-t", &target]);
            command
        }
        None => {
            let configuration = dir.join("tmux.conf");
            files::write_whole(&configuration, tmux::CONFIGURATION.as_bytes(), false)?;
            // Of a session whose terminal was lost before it was seen.
            drop(fs::remove_file(tmux::socket(&dir)));
            let own = Process::find(i32::try_from(std::process::id()).unwrap_or_default());
            let own = own.ok_or_else(|| Error::Refused("/proc is not there".to_owned()))?;
            let document = Document {
                pid: own.pid,
                start: own.start,
                unit: unit.to_owned(),
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                at,
            };
            files::write_json(&file(&dir), &document, false)?;
            let mut command = tmux(&dir);
            command.arg("-f").arg(configuration);
            command.args(["new-session", "-s", unit, "-n", "machine"]);
            command
        }
    };
    drop(held);
    if env::var("TERM").is_ok_and(|term| matches!(term.as_str(), "" | "dumb" | "unknown")) {
        command.env("TERM", TERMINAL);
    }
    Err(Error::System {
        doing: "run tmux",
        source: command.exec(),
    })
}

/// One opens a session at a time.
fn lock(dir: &Path) -> Result<Flock<fs::File>, Error> {
    let path = dir.join("lock");
    let deadline = Instant::now() + OPENING;
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Ok(held),
            Err((_, nix::Error::EAGAIN)) if Instant::now() < deadline => thread::sleep(LOOK),
            Err((_, error)) => return Err(Error::file("lock", &path)(error.into())),
        }
    }
}

//! The supervisor's state and its main loop.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{Answer, LogLine, Question, Report, RunId};
use nix::fcntl::{Flock, FlockArg};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, umask};

use super::asks::Asks;
use super::connection::Connection;
use super::identity::Identity;
use super::logs::pieces;
use super::run::Run;
use super::wishes::Wishes;
use super::{attach, recover, requests};
use crate::clock;
use crate::error::{Error, describe};
use crate::files;
use crate::hook::{GroupLocks, MachineLock, Prepared};
use crate::journal::Owner;
use crate::paths::Paths;
use crate::pool::Pool;
use crate::routes;

/// How long a new supervisor waits for an old one to let go.
const LOCK_WAIT: Duration = Duration::from_secs(3);

/// How often the main loop looks whether there is still work.
const TICK: u16 = 1_000;

/// How long the main loop pauses when a connection cannot be taken.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The most connections at a time, attached or not.
const CONNECTIONS_MAX: usize = 32;

/// How long a question may wait for a connection and an answer. A hook that
/// waits longer fails, and is tried again as any failed hook is.
const ASK_MAX: Duration = Duration::from_secs(3_600);

/// How long the question for leadership may wait for an answer.
const ASK_LEADER_MAX: Duration = Duration::from_secs(30);

/// The longest log for people before it begins anew, in bytes.
const NOTES_MAX: u64 = 256 << 10;

/// The supervisor.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// Where everything is.
    pub(crate) paths: Paths,
    /// Who the machine is.
    pub(super) identity: Identity,
    /// The lock that admits one hook at a time.
    pub(crate) machine_lock: MachineLock,
    /// Those that admit one task of a group at a time.
    pub(crate) group_locks: GroupLocks,
    /// Units whose tools are in place.
    pub(crate) prepared: Prepared,
    /// Held while a request is carried out: requests are one after another.
    pub(super) requests: Mutex<()>,
    /// Threads for what runs need.
    pub(crate) pool: Pool,
    pub(super) asks: Asks,
    /// Commands that programs on the machine ask for.
    pub(crate) wishes: Wishes,
    state: Mutex<State>,
    connections: AtomicUsize,
    /// Output pipes that daemons of ended hooks still hold.
    pub(crate) lingering: AtomicUsize,
}

/// What changes.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Runs that were not acknowledged.
    pub(super) runs: BTreeMap<RunId, Arc<Run>>,
    /// The newest connection of each owner.
    pub(super) attached: BTreeMap<Owner, Arc<Connection>>,
    /// Units that are gone, whose last hook is being ended.
    pub(super) departed: BTreeSet<(Owner, String)>,
    /// Whether another release waits to take over.
    pub(super) retiring: bool,
    /// Whether nothing may be started any more.
    pub(super) stopping: bool,
}

/// Runs the supervisor until there is nothing to do for `idle`. Returns at
/// once when there is another.
///
/// # Errors
/// When its directories cannot be used.
pub(crate) fn serve(paths: Paths, idle: Duration) -> Result<(), Error> {
    umask(Mode::from_bits_truncate(0o022));
    for dir in [
        paths.lib(),
        paths.run(),
        paths.tool_sockets(),
        paths.journal(),
        paths.fences(),
        paths.charms(),
        paths.units(),
    ] {
        files::make_dir(&dir, 0o700)?;
    }
    let Some(_lock) = only_one(&paths.supervisor_lock())? else {
        return Ok(());
    };
    // Sockets of hooks that no longer run.
    for name in files::names(&paths.tool_sockets())? {
        files::remove_file(&paths.tool_sockets().join(name))?;
    }
    let supervisor = Arc::new(Supervisor {
        identity: Identity::read(),
        machine_lock: MachineLock::new(paths.machine_lock()),
        group_locks: GroupLocks::new(paths.run()),
        prepared: Prepared::default(),
        requests: Mutex::default(),
        pool: Pool::default(),
        asks: Asks::default(),
        wishes: Wishes::default(),
        state: Mutex::default(),
        connections: AtomicUsize::new(0),
        lingering: AtomicUsize::new(0),
        paths,
    });
    recover::recover(&supervisor)?;
    if let Err(error) = routes::restore(&supervisor.paths) {
        // Without them there are addresses that nobody is answered at; hooks
        // run nevertheless.
        supervisor.note(&describe(&error));
    }
    let socket = supervisor.paths.socket();
    files::remove_file(&socket)?;
    let listener = UnixListener::bind(&socket).map_err(Error::file("listen at", &socket))?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))
        .map_err(Error::file("set the mode of", &socket))?;
    supervisor.accept_until_idle(&listener, idle);
    // Whoever comes from here on starts another supervisor.
    files::remove_file(&socket)?;
    supervisor.close_all();
    Ok(())
}

/// The next connection; none when there is none for a tick.
fn next_connection(listener: &UnixListener) -> Result<Option<UnixStream>, Error> {
    let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    match poll(&mut ready, PollTimeout::from(TICK)) {
        Ok(0) | Err(nix::Error::EINTR) => Ok(None),
        Ok(_) => match listener.accept() {
            Ok((stream, _)) => Ok(Some(stream)),
            Err(error) => Err(Error::system("accept a connection")(error)),
        },
        Err(error) => Err(Error::system("wait for connections")(error)),
    }
}

fn only_one(path: &Path) -> Result<Option<Flock<File>>, Error> {
    let deadline = Instant::now() + LOCK_WAIT;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("open", path))?;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => {
                // Its id is for people; it is the lock that counts.
                let id = std::process::id();
                lock.set_len(0)
                    .and_then(|()| (&*lock).write_all(format!("{id}\n").as_bytes()))
                    .map_err(Error::file("write", path))?;
                return Ok(Some(lock));
            }
            Err((_, error)) if error != nix::Error::EWOULDBLOCK => {
                return Err(Error::file("lock", path)(error.into()));
            }
            Err(_) if Instant::now() >= deadline => return Ok(None),
            Err((unlocked, _)) => file = unlocked,
        }
        thread::sleep(Duration::from_millis(50));
    }
}

impl Supervisor {
    /// What changes.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept_until_idle(self: &Arc<Self>, listener: &UnixListener, idle: Duration) {
        let mut busy = Instant::now();
        // Said once for each row of failures.
        let mut failing = false;
        loop {
            match next_connection(listener) {
                Ok(stream) => {
                    failing = false;
                    if let Some(stream) = stream {
                        self.connect(stream);
                    }
                }
                Err(error) => {
                    // Short of files or memory: no reason to end the hooks.
                    if !failing {
                        self.note(&describe(&error));
                    }
                    failing = true;
                    thread::sleep(ACCEPT_RETRY);
                }
            }
            for run in self.runs() {
                run.record_again();
            }
            requests::forget_departed(self);
            if self.connections.load(Ordering::Acquire) > 0
                || self.lingering.load(Ordering::Acquire) > 0
                || self.is_running()
            {
                busy = Instant::now();
            }
            let mut state = self.state();
            let running = state.runs.values().any(|run| !run.is_finished());
            if !running && (state.retiring || busy.elapsed() >= idle) {
                state.stopping = true;
                return;
            }
        }
    }

    fn connect(self: &Arc<Self>, stream: UnixStream) {
        if self.connections.fetch_add(1, Ordering::AcqRel) >= CONNECTIONS_MAX {
            // Dropping the stream closes it; the host tries again.
            self.connections.fetch_sub(1, Ordering::AcqRel);
            return;
        }
        let supervisor = Arc::clone(self);
        let started = thread::Builder::new().spawn(move || {
            if let Err(error) = attach::attach(&supervisor, stream) {
                supervisor.note(&describe(&error));
            }
            supervisor.connections.fetch_sub(1, Ordering::AcqRel);
        });
        if let Err(error) = started {
            self.connections.fetch_sub(1, Ordering::AcqRel);
            self.note(&format!("failed to start a thread: {error}"));
        }
    }

    fn close_all(&self) {
        for connection in self.state().attached.values() {
            connection.close();
        }
    }

    /// All runs that were not acknowledged.
    fn runs(&self) -> Vec<Arc<Run>> {
        self.state().runs.values().cloned().collect()
    }

    /// Whether any hook runs or waits to.
    fn is_running(&self) -> bool {
        self.state().runs.values().any(|run| !run.is_finished())
    }

    /// The newest connection of an owner.
    pub(super) fn attached(&self, owner: &Owner) -> Option<Arc<Connection>> {
        self.state().attached.get(owner).cloned()
    }

    /// Tells the run's owner, if it is connected; it learns it again with the
    /// next connection otherwise.
    pub(crate) fn report(&self, run: &Arc<Run>, report: Report) {
        if let Some(connection) = self.attached(run.owner()) {
            // What was logged before comes before.
            connection.announce(run);
            connection.report(report);
        }
    }

    /// Logs a text, split into lines that are short enough.
    pub(crate) fn log(&self, run: &Arc<Run>, level: &str, module: &str, text: &str) {
        Self::log_with_next(run, level, module, text);
        self.announce(run);
    }

    /// The same, to be sent with whatever the run reports next.
    pub(crate) fn log_with_next(run: &Run, level: &str, module: &str, text: &str) {
        let mut logs = run.logs();
        for piece in pieces(text) {
            logs.push(LogLine {
                at_ms: clock::now_ms(),
                level: level.to_owned(),
                module: module.to_owned(),
                message: piece.to_owned(),
            });
        }
    }

    /// Lets the owner's connection take the run's log lines.
    pub(crate) fn announce(&self, run: &Arc<Run>) {
        if let Some(connection) = self.attached(run.owner()) {
            connection.announce(run);
        }
    }

    /// Asks the controller. Leadership cannot wait for a connection; the rest
    /// does.
    ///
    /// # Errors
    /// The text that the tool prints after `ERROR `.
    pub(crate) fn ask(&self, run: &Arc<Run>, question: &Question) -> Result<Answer, String> {
        let leadership = *question == Question::Leader;
        if leadership && self.attached(run.owner()).is_none() {
            return Err("no connection to the controller".to_owned());
        }
        let limit = if leadership { ASK_LEADER_MAX } else { ASK_MAX };
        self.asks
            .ask(run.owner(), run.id(), question, limit, |report| {
                self.report(run, report);
                if run.live().closed {
                    // It ended just before this was asked.
                    self.abort_asks(run);
                }
            })
    }

    /// Gives up what a run asked, because it has ended.
    pub(crate) fn abort_asks(&self, run: &Run) {
        self.asks.abort_run(run.id());
    }

    /// Says something to people, in the supervisor's own log.
    pub(crate) fn note(&self, text: &str) {
        let path = self.paths.log();
        let written = (|| -> io::Result<()> {
            if fs::metadata(&path).is_ok_and(|log| log.len() > NOTES_MAX) {
                fs::rename(&path, path.with_extension("log.1"))?;
            }
            let mut log = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)?;
            writeln!(log, "{} {text}", clock::now_ms())
        })();
        // There is nobody else to tell.
        drop(written);
    }
}

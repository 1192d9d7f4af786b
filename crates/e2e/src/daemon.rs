//! `lazulid dev` and `lazuli`, as processes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::geteuid;
use serde_json::Value;
use tempfile::TempDir;

use crate::check::Log;
use crate::status::Status;
use crate::transcript;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between the first two looks at a condition; later ones are further apart,
const LOOK: Duration = Duration::from_millis(20);
/// up to this.
const LAST_LOOK: Duration = Duration::from_millis(150);

/// A running Lazuli.
pub struct Lazuli {
    pub(crate) bin: PathBuf,
    pub(crate) dir: TempDir,
    port: u16,
    pub(crate) daemon: Option<Child>,
    /// The first processes of guests, and the guests' directories, by machine.
    pub(crate) guests: RefCell<BTreeMap<String, (u32, String)>>,
}

/// What a command said, and how it ended.
#[derive(Clone, Debug)]
pub struct Said {
    /// The exit code; 128 and more for signals.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Standard output of a command that succeeded.
    ///
    /// # Panics
    /// When it failed.
    #[must_use]
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "it failed: {self:?}");
        self.out
    }

    /// The code and standard error of a command.
    #[must_use]
    pub fn failed(&self) -> (i32, &str) {
        (self.code, self.err.trim_end())
    }
}

impl Lazuli {
    /// Starts one; none, with a word about it, where it cannot run.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start() -> Option<Self> {
        let bin = programs()?;
        let dir = tempfile::Builder::new()
            .prefix("lazuli-e2e-")
            .tempdir_in("/var/tmp")
            .expect("a directory");
        // The private Postgres runs as another user.
        let all = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), all).expect("a mode");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut lazuli = Self {
            bin,
            dir,
            port,
            daemon: None,
            guests: RefCell::default(),
        };
        lazuli.resume();
        Some(lazuli)
    }

    /// Starts `lazulid` again on the same data.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn resume(&mut self) {
        assert!(self.launch(), "lazulid ended:\n{}", self.log());
    }

    /// Starts `lazulid`; whether it comes up.
    pub(crate) fn launch(&mut self) -> bool {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join("lazulid.log"))
            .expect("a log");
        let mut child = Command::new(self.bin.join("lazulid"))
            .args(["dev", "--default-flavour", "lean", "--data"])
            .arg(self.data())
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            // Nobody is asked outside of this machine.
            .env("LAZULID_CHARMHUB_URL", "http://127.0.0.1:9")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("lazulid starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = lines.map_while(Result::ok).any(|line| line == "ready");
        self.daemon = Some(child);
        ready
    }

    /// Ends `lazulid` as a power cut does; Postgres, the simulator and the
    /// guests go on.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().expect("it runs");
        daemon.kill().expect("a signal");
        daemon.wait().expect("an end");
    }

    /// Where everything is kept.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What `lazulid` logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("lazulid.log")).unwrap_or_default()
    }

    /// The CLI, to be run with these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join("lazuli"));
        command
            .args(arguments)
            .env("LAZULI_DATA", self.data().join("cli"))
            .env("TZ", "UTC")
            .env_remove("JUJU_MODEL")
            .stdin(Stdio::null());
        command
    }

    /// Runs the CLI.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    /// Runs the CLI, and expects it to succeed.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok()
    }

    /// Runs the CLI on a line, whose words in single quotes are one, and
    /// compares all that it says: stdout, stderr after `! `, the exit code
    /// unless it is 0. What differs from run to run is a word there, such as
    /// TIME or ADDRESS.
    ///
    /// # Panics
    /// When it says anything else.
    #[track_caller]
    pub fn shows(&self, line: &str, expected: &str) {
        let words = words(line);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        transcript::compare(line, &self.run(&words), expected);
    }

    /// The status of the present model, if there is an answer.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let said = self.run(&["status", "--format", "json"]);
        let document = serde_json::from_str(&said.out).ok()?;
        (said.code == 0).then_some(Status(document))
    }

    /// Waits until the status is as wanted.
    ///
    /// # Panics
    /// When it does not become so.
    #[track_caller]
    pub fn until(&self, what: &str, done: impl Fn(&Status) -> bool) -> Status {
        let mut last = None;
        self.eventually_or(
            what,
            || {
                last = self.status().or(last.take());
                last.as_ref().is_some_and(&done)
            },
            || self.run(&["status"]).out,
        );
        last.expect("it was as wanted")
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// When it does not become so.
    #[track_caller]
    pub fn eventually(&self, what: &str, done: impl FnMut() -> bool) {
        self.eventually_or(what, done, String::new);
    }

    #[track_caller]
    fn eventually_or(&self, what: &str, mut done: impl FnMut() -> bool, see: impl Fn() -> String) {
        let deadline = Instant::now() + PATIENCE;
        let mut pause = LOOK;
        while !done() {
            assert!(
                Instant::now() < deadline,
                "{what}: not so in time\n{}\n{}",
                see(),
                last_lines(&self.log())
            );
            std::thread::sleep(pause);
            pause = (pause * 5 / 4).min(LAST_LOOK);
        }
    }

    /// What the hooks of a unit wrote.
    ///
    /// # Panics
    /// When the unit cannot be reached.
    #[must_use]
    pub fn hooks(&self, unit: &str) -> Log {
        let path = format!("/var/log/hooks-{}", unit.replace('/', "-"));
        Log(self.ok(&["ssh", unit, "cat", &path]))
    }

    /// Asks the daemon's database.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args(["-U", "postgres", "-d", "lazuli", "-Atc", query, "-h"])
            .arg(self.data().join("postgres"))
            .current_dir("/");
        said(&mut psql).ok().trim().to_owned()
    }

    /// Asks the simulator's control endpoint.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn control(&self, method: &str, path: &str, body: Option<&str>) -> Value {
        let answer = self.try_control(method, path, body);
        answer.expect("the simulator answers")
    }

    /// Asks the simulator's control endpoint, which may not answer.
    pub(crate) fn try_control(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Option<Value> {
        let azure = self.data().join("azure");
        let url = std::fs::read_to_string(azure.join("endpoint")).ok()?;
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "-X", method, "--cacert"])
            .arg(azure.join("ca.pem"))
            .arg(format!("{}/sim/{path}", url.trim()));
        if let Some(body) = body {
            curl.args(["-H", "content-type: application/json", "-d", body]);
        }
        let said = said(&mut curl);
        (said.code == 0).then(|| serde_json::from_str(&said.out).unwrap_or_default())
    }

    /// The simulator's virtual machine behind a machine of the present model.
    #[must_use]
    pub fn vm(&self, machine: &str) -> Option<Value> {
        let status = self.status()?;
        let instance = status.0["machines"][machine]["instance-id"].as_str()?;
        let end = format!("/virtualMachines/{instance}");
        let document = self.control("GET", "inventory", None);
        let resources = document["resources"].as_array()?;
        let vm = resources
            .iter()
            .find(|resource| resource["id"].as_str().is_some_and(|id| id.ends_with(&end)));
        vm.cloned()
    }

    /// The names of the simulator's resources of a type, such as
    /// `Microsoft.Compute/virtualMachines`.
    #[must_use]
    pub fn inventory(&self, kind: &str) -> Vec<String> {
        let document = self.control("GET", "inventory", None);
        let resources = document["resources"].as_array().into_iter().flatten();
        let ids = resources.filter_map(|resource| resource["id"].as_str());
        let marker = format!("/{kind}/").to_lowercase();
        ids.filter(|id| id.to_lowercase().contains(&marker))
            .filter_map(|id| id.rsplit('/').next())
            .map(str::to_owned)
            .collect()
    }

    /// Destroys the present model and checks that the cloud is empty.
    ///
    /// # Panics
    /// When something is left.
    pub fn destroy(&self, model: &str) {
        self.ok(&["destroy-model", "--no-prompt", model]);
        self.assert_no_cloud();
    }

    /// Checks that the cloud is empty, and that the ledger knows it.
    ///
    /// # Panics
    /// When something is left.
    #[track_caller]
    pub fn assert_no_cloud(&self) {
        let document = self.control("GET", "inventory", None);
        let left = document["resources"].as_array().expect("a list");
        assert!(left.is_empty(), "the cloud still has: {left:#?}");
        let guests = self.data().join("azure/fabric/guests");
        let guests: Vec<_> = std::fs::read_dir(guests).into_iter().flatten().collect();
        assert!(guests.is_empty(), "guests are left: {guests:?}");
        let ledger = self.sql("select name || ' ' || state from effects");
        assert_eq!(ledger, "", "the ledger still has rows");
    }
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        if n % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

pub(crate) fn said(command: &mut Command) -> Said {
    let done = command.output().expect("it can be run");
    Said {
        code: done.status.code().unwrap_or(128),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// Where the programs are: beside this test's own folder.
fn programs() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let bin = test.parent().and_then(Path::parent)?.to_owned();
    let missing = ["lazuli", "lazulid", "azure-sim", "guest-init"]
        .into_iter()
        .find(|program| !bin.join(program).exists());
    let why = match missing {
        Some(program) => format!("{program} is not built; run scripts/build"),
        None if !geteuid().is_root() => "this needs root, for namespaces".to_owned(),
        None => return Some(bin),
    };
    let required = std::env::var_os("LAZULI_REQUIRE_ALL").is_some();
    assert!(!required, "{why}");
    eprintln!("skipped: {why}");
    None
}

pub(crate) fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

//! A machine in a temporary directory, and hosts that attach to it through
//! `serve` over pipes, as over SSH.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{
    Attach, CharmRef, Context, Hook, HookKind, Limits, Outcome, PROTOCOL, Report, Request, RunId,
    RunRequest, answer, hello, read_frame, write_frame,
};
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_lazuli-runner");

/// The unit's uuid in all tests.
pub(crate) const UNIT: &str = "unit-uuid";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A machine: a root of its own, and whatever supervisor runs there.
pub(crate) struct Machine {
    root: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        // Short: paths of sockets have at most 107 bytes.
        let root = PathBuf::from(format!("/tmp/lzr-{}-{number}", std::process::id()));
        drop(fs::remove_dir_all(&root));
        fs::create_dir_all(&root).unwrap();
        Self { root }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    pub(crate) fn charm_dir(&self) -> PathBuf {
        self.path("var/lib/juju/agents/unit-a-0/charm")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(args).env("LAZULI_RUNNER_ROOT", &self.root);
        command
    }

    /// Uploads a charm of these files; those that are no YAML are executable.
    pub(crate) fn charm(&self, files: &[(&str, &str)]) -> CharmRef {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut all: BTreeMap<&str, &str> = [("metadata.yaml", "name: a\n")].into();
        all.extend(files.iter().copied());
        for (name, text) in all {
            let mode = if name.ends_with(".yaml") {
                0o644
            } else {
                0o755
            };
            zip.start_file(name, SimpleFileOptions::default().unix_permissions(mode))
                .unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        self.upload(zip.finish().unwrap().get_ref())
    }

    pub(crate) fn upload(&self, archive: &[u8]) -> CharmRef {
        let sha256 = hex::encode(Sha256::digest(archive));
        let mut put = self
            .command(&["put", "charm", &sha256, &archive.len().to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        put.stdin.take().unwrap().write_all(archive).unwrap();
        assert!(put.wait().unwrap().success());
        CharmRef {
            url: "local:a-0".to_owned(),
            sha256,
        }
    }

    /// Attaches as the first controller and model.
    pub(crate) fn attach(&self, epoch: u64, connection: u64) -> Host {
        self.attach_with(PROGRAM.as_ref(), epoch, connection)
    }

    /// Attaches through another copy of the program.
    pub(crate) fn attach_with(&self, program: &Path, epoch: u64, connection: u64) -> Host {
        let mut host = self.connect_with(program);
        host.send(&Request::Attach(Attach {
            protocol: PROTOCOL,
            controller: "controller".to_owned(),
            model: "model".to_owned(),
            epoch,
            connection,
        }));
        host
    }

    /// Connects without attaching.
    pub(crate) fn connect(&self) -> Host {
        self.connect_with(PROGRAM.as_ref())
    }

    fn connect_with(&self, program: &Path) -> Host {
        let mut serve = Command::new(program)
            .arg("serve")
            .env("LAZULI_RUNNER_ROOT", &self.root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = serve.stdin.take().unwrap();
        let mut stdout = BufReader::new(serve.stdout.take().unwrap());
        stdin.write_all(hello("n0nce").as_bytes()).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, answer("n0nce", PROTOCOL));
        let (sender, reports) = channel();
        thread::spawn(move || {
            while let Ok(report) = read_frame::<Report>(&mut stdout) {
                if sender.send(report).is_err() {
                    break;
                }
            }
        });
        Host {
            serve,
            stdin: Some(stdin),
            reports,
        }
    }

    pub(crate) fn supervisor(&self) -> Option<i32> {
        let lock = self.path("run/lazuli/supervisor.lock");
        fs::read_to_string(lock).ok()?.trim().parse().ok()
    }

    /// Ends the supervisor as a crash would, and waits until it is gone.
    pub(crate) fn crash(&self) {
        let pid = self.supervisor().unwrap();
        signal(pid, "KILL");
        wait_until("the supervisor to die", || !is_alive(pid));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(pid) = self.supervisor().filter(|pid| is_alive(*pid)) {
            let own = fs::read_link(format!("/proc/{pid}/exe")).ok();
            if own.as_deref() == Some(Path::new(PROGRAM)) {
                self.crash();
            }
        }
        drop(fs::remove_dir_all(&self.root));
    }
}

/// A host at the other end of a channel.
pub(crate) struct Host {
    serve: Child,
    stdin: Option<ChildStdin>,
    reports: Receiver<Report>,
}

impl Host {
    pub(crate) fn send(&mut self, request: &Request) {
        write_frame(self.stdin.as_mut().unwrap(), request).unwrap();
    }

    pub(crate) fn run(&mut self, request: &RunRequest) {
        self.send(&Request::Run(Box::new(request.clone())));
    }

    pub(crate) fn ack(&mut self, request: &RunRequest) {
        self.send(&Request::Ack {
            run: request.run.clone(),
        });
    }

    /// The next report.
    pub(crate) fn next(&self) -> Report {
        self.reports.recv_timeout(PATIENCE).unwrap()
    }

    /// The next report that this takes; others are passed over.
    pub(crate) fn find<T>(&self, mut take: impl FnMut(Report) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let report = self.reports.recv_timeout(left).unwrap();
            if let Some(found) = take(report) {
                return found;
            }
        }
    }

    pub(crate) fn started(&self) -> u32 {
        self.find(|report| match report {
            Report::Started { attempt, .. } => Some(attempt),
            Report::Refused { refusal, .. } => panic!("{refusal:?}"),
            _ => None,
        })
    }

    pub(crate) fn finished(&self) -> Outcome {
        self.find(|report| match report {
            Report::Finished(outcome) => Some(*outcome),
            Report::Refused { refusal, .. } => panic!("{refusal:?}"),
            _ => None,
        })
    }

    /// Runs, waits for the outcome and acknowledges it.
    pub(crate) fn complete(&mut self, request: &RunRequest) -> Outcome {
        self.run(request);
        let outcome = self.finished();
        self.ack(request);
        outcome
    }

    /// Cuts the connection as a lost network does: nothing is said.
    pub(crate) fn cut(mut self) {
        self.serve.kill().unwrap();
        self.serve.wait().unwrap();
    }

    /// Waits until the machine ended the connection.
    pub(crate) fn ended(&self) {
        loop {
            match self.reports.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the connection does not end"),
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.serve.kill());
        drop(self.serve.wait());
    }
}

/// A request for a hook of `a/0`.
pub(crate) fn request(charm: &CharmRef, seq: u64, hook: &str) -> RunRequest {
    RunRequest {
        run: RunId {
            unit: UNIT.to_owned(),
            seq,
        },
        digest: format!("digest-{seq}"),
        unit: "a/0".to_owned(),
        hook: Hook {
            kind: HookKind::Hook,
            name: hook.to_owned(),
        },
        charm: charm.clone(),
        levels: serde_json::json!({ "seq": seq }),
        context: Context {
            model_name: "test".to_owned(),
            juju_version: "3.6.28".to_owned(),
            ..Context::default()
        },
        limits: Limits {
            sync: false,
            ..Limits::default()
        },
    }
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs; a zombie does not.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    })
}

pub(crate) fn signal(pid: i32, signal: &str) {
    let status = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// The number in a file that a hook writes, once it is there.
pub(crate) fn pid_in(path: &Path) -> i32 {
    let mut pid = None;
    wait_until("a hook's pid", || {
        pid = fs::read_to_string(path)
            .ok()
            .filter(|text| text.ends_with('\n'))
            .and_then(|text| text.trim().parse().ok());
        pid.is_some()
    });
    pid.unwrap()
}

/// Everything that is left to read.
pub(crate) fn read_all(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

//! A machine in this process: an SSH server that answers as the runner would,
//! or as badly as a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use lazuli_host::Target;
use lazuli_host::keys::{Identity, KeyPair};
use lazuli_runner::frames::{
    self, Exit, Outcome, Output, PROTOCOL, Refusal, Report, Request, RunId, RunRequest, RunState,
    RunSummary,
};
use russh::keys::PrivateKey;
use russh::server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::common::{identity, pair, target};
use crate::line::Line;

/// How a machine behaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    /// Printed by its login shell before anything else.
    pub(crate) greeting: &'static str,
    /// `serve` prints zeroes for ever instead of an answer.
    pub(crate) flood: bool,
    /// Another version than ours.
    pub(crate) protocol: Option<u32>,
    /// Sent instead of the answer to the attachment.
    pub(crate) garbage: Option<Bytes>,
    /// So many requests to run are lost, and the connection with them.
    pub(crate) lose_runs: usize,
    /// So many requests to run are taken, and the connection then lost.
    pub(crate) cut_after_runs: usize,
    /// Runs do not finish by themselves.
    pub(crate) slow: bool,
    /// Every command fails with these words on stderr.
    pub(crate) failure: Option<&'static str>,
}

/// What a machine has and did.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) manners: Manners,
    pub(crate) runners: BTreeMap<String, Bytes>,
    pub(crate) charms: BTreeMap<String, Bytes>,
    /// Hooks that were started, each once if all is well.
    pub(crate) starts: Vec<RunId>,
    /// Not acknowledged.
    runs: BTreeMap<RunId, (RunRequest, RunState)>,
}

/// The machine.
pub(crate) struct Machine {
    shared: Arc<Shared>,
    host_key: KeyPair,
    user_key: KeyPair,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    memory: Mutex<Memory>,
    line: OnceLock<Line>,
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    fn line(&self) -> &Line {
        self.line.get().unwrap()
    }
}

impl Machine {
    pub(crate) async fn new(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (host_key, user_key) = (pair("host"), pair("user"));
        let shared = Arc::new(Shared::default());
        shared.memory().manners = manners;
        let line = Line::to(listener.local_addr().unwrap()).await;
        assert!(shared.line.set(line).is_ok());
        let config = Arc::new(server::Config {
            keys: vec![PrivateKey::from_openssh(host_key.private.expose()).unwrap()],
            auth_rejection_time: Duration::ZERO,
            ..server::Config::default()
        });
        let mut tasks = JoinSet::new();
        let accepting = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let handler = Handler(Arc::clone(&accepting));
                let config = Arc::clone(&config);
                sessions.spawn(async move {
                    if let Ok(session) = server::run_stream(config, stream, handler).await {
                        drop(session.await);
                    }
                });
            }
        });
        Self {
            shared,
            host_key,
            user_key,
            _tasks: tasks,
        }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory()
    }

    pub(crate) fn line(&self) -> &Line {
        self.shared.line()
    }

    pub(crate) fn target(&self) -> Target {
        target(self.line().address(), "root", &self.host_key)
    }

    pub(crate) fn identity(&self) -> Identity {
        identity(&self.user_key)
    }
}

struct Handler(Arc<Shared>);

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _user: &str,
        _key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let (read, write) = channel.split();
            drop(command(&shared, read, &write).await);
            drop(write.eof().await);
            drop(write.close().await);
        });
        Ok(())
    }
}

/// Serves one channel.
async fn command(
    shared: &Shared,
    mut read: ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
) -> Result<(), russh::Error> {
    let command = loop {
        match read.wait().await {
            Some(ChannelMsg::Exec { command, .. }) => break String::from_utf8(command).unwrap(),
            Some(_) => {}
            None => return Ok(()),
        }
    };
    let manners = shared.memory().manners.clone();
    write.data_bytes(manners.greeting.as_bytes()).await?;
    if let Some(words) = manners.failure {
        write.extended_data_bytes(1, words.as_bytes()).await?;
        return write.exit_status(1).await;
    }
    if command.ends_with(" serve") {
        if manners.flood {
            loop {
                write.data_bytes(vec![0; 32 << 10]).await?;
            }
        }
        return serve(shared, &manners, read, write).await;
    }
    let mut input = BytesMut::new();
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => input.extend_from_slice(&data),
            ChannelMsg::Eof | ChannelMsg::Close => break,
            _ => {}
        }
    }
    let input = input.freeze();
    let words: Vec<&str> = command.split_whitespace().collect();
    let status = if command.ends_with("sh -s") {
        write.data_bytes(look(shared, &input)).await?;
        0
    } else if let Some(at) = words.iter().position(|word| *word == "charm") {
        let sha256 = words[at + 1].to_owned();
        let good = hex::encode(Sha256::digest(&input)) == sha256;
        shared.memory().charms.insert(sha256, input);
        u32::from(!good)
    } else {
        let sha256 = hex::encode(Sha256::digest(&input));
        let good = command.contains(&sha256);
        shared.memory().runners.insert(sha256, input);
        u32::from(!good)
    };
    write.exit_status(status).await
}

/// Answers the script that looks at a machine.
fn look(shared: &Shared, script: &[u8]) -> String {
    let script = String::from_utf8_lossy(script);
    let mark = script.lines().nth(1).unwrap().replace("echo ", "");
    let runners: String = shared
        .memory()
        .runners
        .keys()
        .map(|sha256| format!("runner=/x/{sha256}/lazuli-runner\n"))
        .collect();
    let arch = std::env::consts::ARCH;
    format!("{mark}\narch={arch}\nboot_id=boot\n{runners}{mark}\n")
}

async fn serve(
    shared: &Shared,
    manners: &Manners,
    mut read: ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
) -> Result<(), russh::Error> {
    let mut buffer = BytesMut::new();
    let mut greeted = false;
    loop {
        match read.wait().await {
            Some(ChannelMsg::Data { data }) => buffer.extend_from_slice(&data),
            Some(ChannelMsg::Eof) => return write.exit_status(0).await,
            Some(_) => continue,
            None => return Ok(()),
        }
        if !greeted {
            let Some(end) = buffer.iter().position(|byte| *byte == b'\n') else {
                continue;
            };
            let line = String::from_utf8(buffer.split_to(end + 1).to_vec()).unwrap();
            let nonce = line.trim().strip_prefix("hello ").unwrap();
            let answer = frames::answer(nonce, manners.protocol.unwrap_or(PROTOCOL));
            // In two parts, as a network may.
            let (first, second) = answer.split_at(20);
            write.data_bytes(first.as_bytes().to_vec()).await?;
            write.data_bytes(second.as_bytes().to_vec()).await?;
            greeted = true;
        }
        while let Some((request, taken)) = frames::decode::<Request>(&buffer).unwrap() {
            buffer.advance(taken);
            if let Some(garbage) = &manners.garbage {
                write.data_bytes(garbage.clone()).await?;
                continue;
            }
            for report in take(shared, request) {
                write.data_bytes(frames::encode(&report).unwrap()).await?;
            }
        }
    }
}

/// Does what the supervisor would.
fn take(shared: &Shared, request: Request) -> Vec<Report> {
    let mut memory = shared.memory();
    match request {
        Request::Attach(_) => {
            let mut reports = vec![attached(&memory)];
            for (run, state) in memory.runs.values() {
                reports.extend(told(run, *state));
            }
            reports
        }
        Request::Run(request) => {
            if memory.manners.lose_runs > 0 {
                memory.manners.lose_runs -= 1;
                shared.line().cut();
                return Vec::new();
            }
            let id = request.run.clone();
            if let Some((run, state)) = memory.runs.get(&id) {
                return told(run, *state);
            }
            let sha256 = &request.charm.sha256;
            if !memory.charms.contains_key(sha256) {
                let sha256 = sha256.clone();
                let refusal = Refusal::NoCharm { sha256 };
                let run = Some(id);
                return vec![Report::Refused { run, refusal }];
            }
            let state = if memory.manners.slow {
                RunState::Running
            } else {
                RunState::Finished
            };
            memory.starts.push(id.clone());
            let reports = told(&request, state);
            memory.runs.insert(id, (*request, state));
            if memory.manners.cut_after_runs > 0 {
                memory.manners.cut_after_runs -= 1;
                shared.line().cut();
                return Vec::new();
            }
            reports
        }
        Request::Ack { run } => {
            memory.runs.remove(&run);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn attached(memory: &Memory) -> Report {
    Report::Attached {
        protocol: PROTOCOL,
        boot_id: "boot".to_owned(),
        machine_id: "machine".to_owned(),
        hostname: "fake".to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        os: ("ubuntu".to_owned(), "24.04".to_owned()),
        charms: memory.charms.keys().cloned().collect(),
        runs: memory
            .runs
            .values()
            .map(|(run, state)| RunSummary {
                run: run.run.clone(),
                digest: run.digest.clone(),
                state: *state,
            })
            .collect(),
    }
}

/// All there is to report of a run.
fn told(request: &RunRequest, state: RunState) -> Vec<Report> {
    let run = request.run.clone();
    let started = Report::Started { run, attempt: 1 };
    if state == RunState::Running {
        return vec![started];
    }
    let outcome = Outcome {
        run: request.run.clone(),
        digest: request.digest.clone(),
        unit: request.unit.clone(),
        hook: request.hook.clone(),
        levels: request.levels.clone(),
        attempt: 1,
        exit: Exit::Code { code: 0 },
        writes: Vec::new(),
        immediate: 0,
        output: Output::default(),
        started_ms: 0,
        duration_ms: 0,
        task: None,
    };
    vec![started, Report::Finished(Box::new(outcome))]
}

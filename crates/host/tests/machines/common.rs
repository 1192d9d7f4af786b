//! What all tests of machines share.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lazuli_host::keys::{self, Identity, KeyPair};
use lazuli_host::{
    Blob, Blobs, Dialer, HostConfig, HostEvent, Hosts, MachineHandle, MachineKey, Target, Tuning,
};
use lazuli_model::id::{GenericUuid, MachineId, ModelId};
use lazuli_runner::frames::{
    Attach, CharmRef, Context, Hook, HookKind, Limits, Outcome, PROTOCOL, Report, Request, RunId,
    RunRequest,
};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::timeout;
use uuid::Uuid;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Charm archives in memory.
#[derive(Default)]
pub(crate) struct Archives(BTreeMap<String, Bytes>);

#[async_trait]
impl Blobs for Archives {
    async fn open(&self, sha256: &str) -> io::Result<Blob> {
        let bytes = self.0.get(sha256).cloned();
        bytes
            .map(Blob::from)
            .ok_or_else(|| io::Error::other("there is no such archive"))
    }
}

impl Archives {
    /// Adds an archive.
    pub(crate) fn add(&mut self, bytes: impl Into<Bytes>) -> CharmRef {
        let bytes = bytes.into();
        let sha256 = hex::encode(Sha256::digest(&bytes));
        self.0.insert(sha256.clone(), bytes);
        CharmRef {
            url: "local:a-0".to_owned(),
            sha256,
        }
    }

    /// Adds a charm of these hooks.
    pub(crate) fn charm(&mut self, hooks: &[(&str, &str)]) -> CharmRef {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut file = |name: &str, mode, text: &str| {
            let options = SimpleFileOptions::default().unix_permissions(mode);
            zip.start_file(name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        };
        file("metadata.yaml", 0o644, "name: a\n");
        for (name, text) in hooks {
            file(&format!("hooks/{name}"), 0o755, text);
        }
        self.add(zip.finish().unwrap().into_inner())
    }
}

/// Limits that let tests be quick.
pub(crate) fn quick() -> Tuning {
    Tuning {
        connect: Duration::from_secs(5),
        login: Duration::from_secs(10),
        first_retry: Duration::from_millis(20),
        last_retry: Duration::from_millis(200),
        ..Tuning::default()
    }
}

/// Hosts and what they hear.
pub(crate) struct World {
    pub(crate) hosts: Hosts,
    sender: mpsc::Sender<(MachineKey, HostEvent)>,
    pub(crate) events: mpsc::Receiver<(MachineKey, HostEvent)>,
}

impl World {
    pub(crate) fn new(
        dialer: Dialer,
        tuning: Tuning,
        archives: Archives,
        runner: PathBuf,
        idle: Duration,
    ) -> Self {
        let config = HostConfig {
            dialer,
            runners: BTreeMap::from([(std::env::consts::ARCH.to_owned(), runner)]),
            idle,
            max: 8,
        };
        Self::with(config, tuning, archives)
    }

    pub(crate) fn with(config: HostConfig, tuning: Tuning, archives: Archives) -> Self {
        let (sender, events) = mpsc::channel(64);
        Self {
            hosts: Hosts::with(config, tuning, Arc::new(archives)),
            sender,
            events,
        }
    }

    /// Takes up the first machine of the test for an epoch.
    pub(crate) fn attach(&self, target: Target, identity: &Identity, epoch: u64) -> MachineHandle {
        self.attach_as(key(1), target, identity, epoch)
    }

    pub(crate) fn attach_as(
        &self,
        key: MachineKey,
        target: Target,
        identity: &Identity,
        epoch: u64,
    ) -> MachineHandle {
        let attach = Attach {
            protocol: PROTOCOL,
            controller: "controller".to_owned(),
            model: "model".to_owned(),
            epoch,
            connection: 0,
        };
        let events = self.sender.clone();
        self.hosts
            .attach(key, target, identity.clone(), attach, events)
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> HostEvent {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("waited in vain for an event").unwrap().1
    }

    /// The next event that this takes; others are passed over.
    pub(crate) async fn find<T>(&mut self, mut take: impl FnMut(&HostEvent) -> Option<T>) -> T {
        let mut passed = Vec::new();
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            let Ok(Some((_, event))) = event else {
                panic!("waited in vain; passed over: {passed:#?}");
            };
            if let Some(found) = take(&event) {
                return found;
            }
            passed.push(event);
        }
    }

    /// The next outcome.
    pub(crate) async fn finished(&mut self) -> Outcome {
        self.find(|event| match event {
            HostEvent::Report(Report::Finished(outcome)) => Some((**outcome).clone()),
            HostEvent::Report(Report::Refused { refusal, .. }) => panic!("{refusal:?}"),
            _ => None,
        })
        .await
    }

    /// The next start of a hook: its attempt.
    pub(crate) async fn started(&mut self) -> u32 {
        self.find(|event| match event {
            HostEvent::Report(Report::Started { attempt, .. }) => Some(*attempt),
            HostEvent::Report(Report::Refused { refusal, .. }) => panic!("{refusal:?}"),
            _ => None,
        })
        .await
    }

    /// The next trouble.
    pub(crate) async fn trouble(&mut self) -> String {
        self.find(|event| match event {
            HostEvent::Trouble { reason } => Some(reason.clone()),
            _ => None,
        })
        .await
    }
}

pub(crate) fn key(machine: u128) -> MachineKey {
    MachineKey {
        model: ModelId::from_untyped_uuid(Uuid::from_u128(1)),
        machine: MachineId::from_untyped_uuid(Uuid::from_u128(machine)),
    }
}

pub(crate) fn pair(comment: &str) -> KeyPair {
    keys::generate(comment).unwrap()
}

pub(crate) fn identity(pair: &KeyPair) -> Identity {
    Identity::from_pem(pair.private.expose()).unwrap()
}

pub(crate) fn target(address: SocketAddr, user: &str, host_key: &KeyPair) -> Target {
    Target {
        address,
        user: user.to_owned(),
        host_keys: vec![host_key.public.clone()],
        waits_for_cloud_init: false,
    }
}

/// A request for a hook of `a/0`.
pub(crate) fn request(charm: &CharmRef, seq: u64, hook: &str) -> RunRequest {
    RunRequest {
        run: RunId {
            unit: "unit-uuid".to_owned(),
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

pub(crate) fn run(handle: &MachineHandle, request: &RunRequest) {
    assert!(handle.send(Request::Run(Box::new(request.clone()))));
}

pub(crate) fn ack(handle: &MachineHandle, run: &RunId) {
    assert!(handle.send(Request::Ack { run: run.clone() }));
}

/// The static runner that `scripts/build` makes; none, with a word about it,
/// when it is not there.
pub(crate) fn runner() -> Option<PathBuf> {
    let named = std::env::var_os("LAZULI_RUNNER").map(PathBuf::from);
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().and_then(|deps| deps.parent()).unwrap();
    let beside = folder.join(format!("lazuli-runner-{}", std::env::consts::ARCH));
    let found = named.or_else(|| beside.is_file().then_some(beside));
    if found.is_none() {
        eprintln!("SKIPPED: needs the static lazuli-runner (scripts/build, or LAZULI_RUNNER)");
    }
    found
}

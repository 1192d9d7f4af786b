//! The machines of one model, as its loop talks to them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lazuli_host::keys::Identity;
use lazuli_host::{Facts, HostEvent, MachineHandle, MachineKey, Target};
use lazuli_model::id::{MachineId, ModelId};
use lazuli_model::state::{MachineFacts, MachineSource, ModelState, SSH_IDENTITY};
use lazuli_runner::frames::{Attach, PROTOCOL, Request, RunRequest};
use lazuli_store::StoreError;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::message::Message;
use crate::shared::Shared;

/// A look at a first boot that failed is repeated after this, doubling,
const FIRST_LOOK: Duration = Duration::from_millis(50);
/// up to this.
const LAST_LOOK: Duration = Duration::from_secs(15);

/// Where the events of a model's machines go: one stream comes from all
/// machines, each loop gets its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(Arc<Mutex<HashMap<ModelId, mpsc::Sender<Message>>>>);

impl Routes {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<ModelId, mpsc::Sender<Message>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hands events to the loops they belong to.
pub(crate) async fn route(mut events: mpsc::Receiver<(MachineKey, HostEvent)>, routes: Routes) {
    while let Some((key, event)) = events.recv().await {
        let Some(sender) = routes.with(|routes| routes.get(&key.model).cloned()) else {
            continue;
        };
        let machine = key.machine;
        let message = match event {
            HostEvent::Reached { boot_id } => Message::Reach {
                machine,
                trouble: None,
                boot_id: Some(boot_id),
            },
            HostEvent::Trouble { reason } => Message::Reach {
                machine,
                trouble: Some(reason),
                boot_id: None,
            },
            HostEvent::Report(report) => Message::Report { machine, report },
            HostEvent::Fenced => Message::Fenced,
        };
        // A loop that ended plans anew when it comes back, and machines
        // report again what was not acknowledged.
        drop(sender.send(message).await);
    }
}

/// The machines of one model.
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    model: ModelId,
    epoch: u64,
    identity: Identity,
    messages: mpsc::Sender<Message>,
    routes: Routes,
    machines: HashMap<MachineId, (Target, MachineHandle)>,
    boots: CancellationToken,
}

impl Fleet {
    pub(crate) async fn new(
        shared: Arc<Shared>,
        state: &ModelState,
        epoch: u64,
        messages: mpsc::Sender<Message>,
        routes: Routes,
    ) -> Result<Self, StoreError> {
        let model = state.model().id;
        let store = &shared.store;
        let pem = lazuli_store::secrets::get(store.pool(), store.sealer(), model, SSH_IDENTITY)
            .await?
            .ok_or_else(|| StoreError::NotFound {
                what: format!("the SSH identity of model {model}"),
            })?;
        let identity = Identity::from_pem(&String::from_utf8_lossy(&pem)).map_err(|error| {
            StoreError::Invalid {
                what: "the model's SSH identity".into(),
                why: error.to_string(),
            }
        })?;
        routes.with(|routes| routes.insert(model, messages.clone()));
        Ok(Self {
            shared,
            model,
            epoch,
            identity,
            messages,
            routes,
            machines: HashMap::new(),
            boots: CancellationToken::new(),
        })
    }

    /// Where a machine is now, if that is known.
    fn target(state: &ModelState, machine: MachineId) -> Option<Target> {
        let row = state.machine(machine)?;
        let known = state.machine_state(machine)?;
        let (user, port, waits_for_cloud_init) = match &row.source {
            MachineSource::Cloud { .. } => ("ubuntu".to_owned(), 22, true),
            MachineSource::Manual { user, port, .. } => (user.clone(), *port, false),
        };
        Some(Target {
            address: SocketAddr::new(known.address?, port),
            user,
            host_keys: known.host_keys.clone(),
            waits_for_cloud_init,
        })
    }

    /// The handle of a machine, made anew when the machine is elsewhere now.
    fn handle(&mut self, state: &ModelState, machine: MachineId) -> Option<&MachineHandle> {
        let target = Self::target(state, machine)?;
        let stale = self
            .machines
            .get(&machine)
            .is_some_and(|(known, _)| *known != target);
        if stale {
            self.machines.remove(&machine);
        }
        let (_, handle) = self.machines.entry(machine).or_insert_with(|| {
            let key = MachineKey {
                model: self.model,
                machine,
            };
            let attach = Attach {
                protocol: PROTOCOL,
                controller: self.shared.controller.to_string(),
                model: self.model.to_string(),
                epoch: self.epoch,
                connection: 0,
            };
            let identity = self.identity.clone();
            let handle = self
                .shared
                .hosts
                .attach(key, target.clone(), identity, attach);
            (target, handle)
        });
        Some(handle)
    }

    /// Hands a hook over.
    pub(crate) fn run(&mut self, state: &ModelState, machine: MachineId, request: RunRequest) {
        let request = Request::Run(Box::new(request));
        let sent = self
            .handle(state, machine)
            .is_some_and(|handle| handle.send(request));
        if !sent {
            tracing::warn!(%machine, "a machine takes no more requests");
        }
    }

    /// Says something to a machine that was talked to before.
    pub(crate) fn send(&self, machine: MachineId, request: Request) {
        if let Some((_, handle)) = self.machines.get(&machine)
            && !handle.send(request)
        {
            tracing::warn!(%machine, "a machine takes no more requests");
        }
    }

    /// Looks at a machine until its first boot is finished.
    pub(crate) fn boot(&self, state: &ModelState, machine: MachineId) {
        let Some(target) = Self::target(state, machine) else {
            return;
        };
        let hosts = self.shared.hosts.clone();
        let identity = self.identity.clone();
        let messages = self.messages.clone();
        let cancelled = self.boots.clone();
        self.shared.tasks.spawn(async move {
            let looking = async {
                let mut wait = FIRST_LOOK;
                loop {
                    let message = match hosts.boot(&target, &identity).await {
                        Ok(facts) => Message::Booted {
                            machine,
                            facts: convert(facts),
                        },
                        Err(error) => Message::Reach {
                            machine,
                            trouble: Some(error.to_string()),
                            boot_id: None,
                        },
                    };
                    let done = matches!(message, Message::Booted { .. });
                    if messages.send(message).await.is_err() || done {
                        return;
                    }
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LAST_LOOK);
                }
            };
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = looking => {}
            }
        });
    }

    /// Forgets machines that are gone.
    pub(crate) fn retain(&mut self, state: &ModelState) {
        self.machines
            .retain(|machine, _| state.machine(*machine).is_some());
    }

    /// Ends all connections; nothing ends on the machines.
    pub(crate) fn close(&mut self) {
        self.boots.cancel();
        self.machines.clear();
        self.routes.with(|routes| routes.remove(&self.model));
    }
}

fn convert(facts: Facts) -> MachineFacts {
    MachineFacts {
        hostname: facts.hostname,
        arch: facts.arch,
        cores: facts.cores,
        mem: facts.mem,
        os: facts.os,
        os_version: facts.os_version,
        boot_id: facts.boot_id,
        machine_id: facts.machine_id,
    }
}

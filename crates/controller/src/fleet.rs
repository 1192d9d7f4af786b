//! The machines of one model, as its loop talks to them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

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

/// The machines of one model.
pub(crate) struct Fleet {
    shared: Arc<Shared>,
    model: ModelId,
    epoch: u64,
    identity: Identity,
    /// Where looks at first boots report to.
    messages: mpsc::Sender<Message>,
    /// Where machines report to.
    events: mpsc::Sender<(MachineKey, HostEvent)>,
    machines: HashMap<MachineId, (Target, MachineHandle)>,
    /// Ends the looks that are under way.
    closing: CancellationToken,
}

impl Fleet {
    pub(crate) async fn new(
        shared: Arc<Shared>,
        state: &ModelState,
        epoch: u64,
        messages: mpsc::Sender<Message>,
        events: mpsc::Sender<(MachineKey, HostEvent)>,
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
        Ok(Self {
            shared,
            model,
            epoch,
            identity,
            messages,
            events,
            machines: HashMap::new(),
            closing: CancellationToken::new(),
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

    /// The handle of a machine; it follows the machine to where it is now, so
    /// that what was said and not answered is said there.
    fn handle(&mut self, state: &ModelState, machine: MachineId) -> Option<&MachineHandle> {
        let target = Self::target(state, machine)?;
        let (known, handle) = self.machines.entry(machine).or_insert_with(|| {
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
            let events = self.events.clone();
            let hosts = &self.shared.hosts;
            let handle = hosts.attach(key, target.clone(), identity, attach, events);
            (target.clone(), handle)
        });
        if *known != target {
            handle.update(target.clone(), self.identity.clone());
            *known = target;
        }
        Some(handle)
    }

    /// Hands a hook over; whether the machine took it.
    pub(crate) fn run(
        &mut self,
        state: &ModelState,
        machine: MachineId,
        request: RunRequest,
    ) -> bool {
        let request = Request::Run(Box::new(request));
        self.handle(state, machine)
            .is_some_and(|handle| handle.send(request))
    }

    /// Says something to a machine that was talked to before.
    pub(crate) fn send(&self, machine: MachineId, request: Request) {
        if let Some((_, handle)) = self.machines.get(&machine)
            && !handle.send(request)
        {
            tracing::warn!(%machine, "a machine takes no more requests");
        }
    }

    /// Tells a machine that is talked to where it is now.
    pub(crate) fn follow(&mut self, state: &ModelState, machine: MachineId) {
        if self.machines.contains_key(&machine) {
            self.handle(state, machine);
        }
    }

    /// Takes one look at whether a machine's first boot is finished.
    pub(crate) fn look(&self, state: &ModelState, machine: MachineId) -> bool {
        let Some(target) = Self::target(state, machine) else {
            return false;
        };
        let hosts = self.shared.hosts.clone();
        let identity = self.identity.clone();
        let messages = self.messages.clone();
        let closing = self.closing.clone();
        self.shared.tasks.spawn(async move {
            let looked = tokio::select! {
                () = closing.cancelled() => return,
                looked = hosts.boot(&target, &identity) => looked,
            };
            let result = looked.map(convert).map_err(|error| error.to_string());
            // A loop that ended looks again when it comes back.
            drop(messages.send(Message::Looked { machine, result }).await);
        });
        true
    }

    /// Forgets a machine that is gone.
    pub(crate) fn forget(&mut self, machine: MachineId) {
        self.machines.remove(&machine);
    }

    /// Ends all connections; nothing ends on the machines.
    pub(crate) fn close(&mut self) {
        self.closing.cancel();
        self.machines.clear();
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

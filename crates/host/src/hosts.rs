//! The machines of a replica: one actor each, and one stream of what they say.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use lazuli_model::id::{MachineId, ModelId};
use lazuli_runner::frames::{Attach, Report, Request};
use tokio::sync::{Semaphore, mpsc};

use crate::actor;
use crate::boot::{self, Facts};
use crate::dial::Dialer;
use crate::error::HostError;
use crate::keys::Identity;
use crate::runner::Runners;

/// Requests that wait for a machine, at most.
const WAITING: usize = 1024;

/// Where archives of charms come from.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// The whole archive with this hex sha-256.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    async fn read(&self, sha256: &str) -> io::Result<Bytes>;
}

/// How machines are reached.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Opens connections.
    pub dialer: Dialer,
    /// The machine-side program by architecture (`uname -m`).
    pub runners: BTreeMap<String, PathBuf>,
    /// An idle connection is closed after this.
    pub idle: Duration,
    /// Connections at once, at most.
    pub max: usize,
}

/// A machine of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineKey {
    /// The model.
    pub model: ModelId,
    /// The machine.
    pub machine: MachineId,
}

/// Where a machine is and how it proves itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address and SSH port.
    pub address: SocketAddr,
    /// The user to log in as, who can `sudo -n` (or is root).
    pub user: String,
    /// Pinned host keys, one-line form; any of them is accepted.
    pub host_keys: Vec<String>,
    /// Whether its first boot is over only when cloud-init says so.
    pub waits_for_cloud_init: bool,
}

/// What a machine says, or what is the matter with it.
#[derive(Clone, Debug, PartialEq)]
pub enum HostEvent {
    /// It was reached and its supervisor answers.
    Reached {
        /// Changes with each boot.
        boot_id: String,
    },
    /// It cannot be reached or used; another try follows.
    Trouble {
        /// What failed, why, and what to do.
        reason: String,
    },
    /// Its supervisor reports.
    Report(Report),
    /// Somebody with a higher epoch attached: this replica is not the holder.
    Fenced,
}

pub(crate) struct Shared {
    pub(crate) config: HostConfig,
    pub(crate) runners: Runners,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) permits: Semaphore,
    pub(crate) events: mpsc::Sender<(MachineKey, HostEvent)>,
}

/// The machines of a replica.
#[derive(Clone)]
pub struct Hosts(Arc<Shared>);

/// One machine: requests go in here, what it says comes out of the stream
/// that [`Hosts::new`] was given. Dropping it ends the connection, and nothing
/// on the machine.
#[derive(Debug)]
pub struct MachineHandle {
    requests: mpsc::Sender<Request>,
}

impl Hosts {
    /// Machines whose events go to `events`.
    #[must_use]
    pub fn new(
        config: HostConfig,
        blobs: Arc<dyn Blobs>,
        events: mpsc::Sender<(MachineKey, HostEvent)>,
    ) -> Self {
        Self(Arc::new(Shared {
            runners: Runners::new(config.runners.clone()),
            permits: Semaphore::new(config.max),
            config,
            blobs,
            events,
        }))
    }

    /// Makes ready to talk with a machine. It is connected to when there is
    /// something to say.
    #[must_use]
    pub fn attach(
        &self,
        key: MachineKey,
        target: Target,
        identity: Identity,
        attach: Attach,
    ) -> MachineHandle {
        let (requests, inbox) = mpsc::channel(WAITING);
        tokio::spawn(actor::run(
            Arc::clone(&self.0),
            key,
            target,
            identity,
            attach,
            inbox,
        ));
        MachineHandle { requests }
    }

    /// One look at a machine: waits up to a minute on it for the end of its
    /// first boot, and reads what it says of itself.
    ///
    /// # Errors
    /// When it cannot be reached, or is not finished; look again.
    pub async fn boot(&self, target: &Target, identity: &Identity) -> Result<Facts, HostError> {
        let _permit = self.0.permits.acquire().await;
        boot::look(&self.0.config.dialer, target, identity).await
    }
}

impl MachineHandle {
    /// Hands a request over; false when too many wait (the machine has been
    /// out of reach for long: what matters is planned again).
    #[must_use]
    pub fn send(&self, request: Request) -> bool {
        self.requests.try_send(request).is_ok()
    }
}

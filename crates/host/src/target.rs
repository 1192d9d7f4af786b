//! Which machine, and how to get there.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::keys::Identity;

/// A machine to log in to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its address.
    pub address: SocketAddr,
    /// The user to log in as, who can `sudo -n` (or is root).
    pub user: String,
    /// Host keys in OpenSSH's one-line form, any of which is accepted. There
    /// is no trust on first use: none pinned means no connection.
    pub host_keys: Vec<String>,
    /// The expected `/etc/machine-id`, once known.
    pub machine_id: Option<String>,
    /// How to get there.
    pub via: Via,
}

impl Target {
    /// A machine made by Lazuli: user `ubuntu`, no detour.
    #[must_use]
    pub fn new(address: SocketAddr, host_keys: Vec<String>) -> Self {
        Self {
            address,
            user: "ubuntu".to_owned(),
            host_keys,
            machine_id: None,
            via: Via::Default,
        }
    }
}

/// How to get to a machine.
#[derive(Clone, Debug, Default)]
pub enum Via {
    /// As the daemon is configured.
    #[default]
    Default,
    /// From this network namespace.
    Netns(PathBuf),
    /// Through another machine, by direct-tcpip. Each connection through it
    /// has one of its own to it, so that none stalls another.
    Jump(Arc<Jump>),
}

/// A machine to go through.
#[derive(Clone, Debug)]
pub struct Jump {
    /// The machine.
    pub target: Target,
    /// Who we are there.
    pub identity: Identity,
}

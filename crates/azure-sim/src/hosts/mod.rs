//! What stands behind virtual machines: real guests, or nothing at all.

mod guests;
mod memory;

use std::path::PathBuf;

use lazuli_guests::{GuestSpec, NetworkPolicy, VnetSpec};

pub use guests::GuestHosts;
pub use memory::MemoryHosts;

/// Why the machines behind the virtual machines failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct HostsError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl HostsError {
    /// A failure with a text of its own.
    pub fn text(text: impl Into<String>) -> Self {
        Self(text.into().into())
    }

    /// The whole chain of causes in one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

/// Whether a machine is there, and runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// The name given at its creation.
    pub name: String,
    /// Whether it runs.
    pub running: bool,
}

/// A data disk of a machine.
pub type HostDisk = lazuli_guests::AttachedDisk;

/// Namespaces of this machine that lead to the virtual machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Where the controller opens its sockets.
    pub fabric: Option<PathBuf>,
    /// The outside.
    pub internet: Option<PathBuf>,
}

/// The machines behind virtual machines. All calls block, are idempotent, and
/// may come from several threads at once.
pub trait Hosts: Send + Sync {
    /// Creates or updates a virtual network.
    ///
    /// # Errors
    /// The hosts' own.
    fn ensure_vnet(&self, spec: &VnetSpec) -> Result<(), HostsError>;

    /// Removes a virtual network; absent is well.
    ///
    /// # Errors
    /// While machines are in it, or the hosts' own.
    fn delete_vnet(&self, name: &str) -> Result<(), HostsError>;

    /// Creates machines and powers them on; one that exists is powered on.
    /// Answers in the order of the specs.
    fn create(&self, specs: Vec<GuestSpec>) -> Vec<Result<(), HostsError>>;

    /// Powers a machine on; running is well.
    ///
    /// # Errors
    /// If there is no such machine, or the hosts' own.
    fn start(&self, name: &str) -> Result<(), HostsError>;

    /// Powers a machine off; off is well. `graceful` lets it end its work.
    ///
    /// # Errors
    /// The hosts' own.
    fn stop(&self, name: &str, graceful: bool) -> Result<(), HostsError>;

    /// Removes a machine with its files; absent is well.
    ///
    /// # Errors
    /// The hosts' own.
    fn delete(&self, name: &str) -> Result<(), HostsError>;

    /// Attaches disks to a machine, and detaches all others from it.
    ///
    /// # Errors
    /// If there is no such machine, or the hosts' own.
    fn set_disks(&self, name: &str, disks: &[HostDisk]) -> Result<(), HostsError>;

    /// Makes a disk with the content of another one; one that is there stays.
    ///
    /// # Errors
    /// The hosts' own.
    fn copy_disk(&self, from: &str, to: &str, gib: u32) -> Result<(), HostsError>;

    /// Removes a disk with its content; absent is well.
    ///
    /// # Errors
    /// The hosts' own.
    fn delete_disk(&self, name: &str) -> Result<(), HostsError>;

    /// All machines.
    ///
    /// # Errors
    /// The hosts' own.
    fn list(&self) -> Result<Vec<HostState>, HostsError>;

    /// Sets what the network lets machines do.
    ///
    /// # Errors
    /// The hosts' own.
    fn set_policies(&self, policies: &[(String, NetworkPolicy)]) -> Result<(), HostsError>;

    /// How to reach them from this machine.
    fn namespaces(&self) -> Namespaces {
        Namespaces::default()
    }

    /// Whether machines of 64-bit ARM can run here.
    fn arm64(&self) -> bool;
}

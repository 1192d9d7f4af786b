//! SSH to machines: connections, host keys, the runner's upload, hook runs.
//!
//! One connection per machine, and one channel in it on which the host and the
//! machine's supervisor exchange frames; a hook costs one request and one
//! answer. A connection that breaks ends nothing on the machine: the next one
//! learns what became of it. Keys only, and host keys are pinned: nothing is
//! trusted at first sight.

mod actor;
mod boot;
mod client;
mod dial;
mod error;
mod hosts;
pub mod keys;
mod runner;
mod serve;

pub use boot::Facts;
pub use dial::Dialer;
pub use error::{HostError, HostErrorKind};
pub use hosts::{Blobs, HostConfig, HostEvent, Hosts, MachineHandle, MachineKey, Target};

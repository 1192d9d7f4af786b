//! SSH to machines: connections, host keys, the runner's upload, hook runs.
//!
//! One connection per machine, and one channel in it on which the host and the
//! machine's supervisor exchange frames; a hook costs one request and one
//! answer. A connection that breaks ends nothing on the machine: the next one
//! learns what became of it. Keys only, and host keys are pinned: nothing is
//! trusted at first sight.

mod actor;
mod backoff;
mod charm;
mod config;
mod connect;
mod cut;
mod dialer;
mod error;
mod event;
mod exec;
mod facts;
mod gate;
mod hosts;
pub mod keys;
mod ledger;
mod link;
mod live;
mod runner;
mod ssh;

pub use charm::{Blob, Blobs};
pub use config::{HostConfig, Tuning};
pub use dialer::Dialer;
pub use error::{HostError, HostErrorKind};
pub use event::{HostEvent, MachineKey, State};
pub use exec::{Ending, ExecLimits, ExecOutput, Input};
pub use facts::Facts;
pub use hosts::{Hosts, MachineHandle};
pub use ssh::Target;

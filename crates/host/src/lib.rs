//! SSH to machines: connections, the runner's upload, hook runs.
//!
//! A [`MachineHandle`] takes requests for one machine and connects when there
//! is need; what machines say comes as [`HostEvent`]s on one channel for all.
//! Logins are by key, to machines whose host keys are pinned, and nothing is
//! installed there but one static program.

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
mod target;

pub use charm::{Blob, BlobFuture, Blobs};
pub use config::HostConfig;
pub use dialer::Dialer;
pub use error::{Error, ErrorClass};
pub use event::{Attached, Holder, HostEvent, MachineKey, State};
pub use exec::{Ending, ExecLimits, ExecOutput, Input};
pub use facts::Facts;
pub use hosts::{Hosts, MachineHandle};
pub use keys::Identity;
pub use target::{Jump, Target, Via};

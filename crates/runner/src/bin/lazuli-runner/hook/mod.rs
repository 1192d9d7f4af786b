//! Running one hook: the lock, the charm, the process, its tools, its output,
//! its end.

mod environment;
mod execute;
mod handler;
mod lock;
mod output;
mod prepare;
mod storage;
mod tools;

pub(crate) use execute::{context_id, end_unstarted, spawn};
pub(crate) use lock::MachineLock;
pub(crate) use prepare::Prepared;

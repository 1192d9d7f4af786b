//! Running one hook: the lock, the charm, the process, its tools, its output,
//! its end.

mod account;
mod command;
mod environment;
mod execute;
mod handler;
mod kept;
mod lock;
mod output;
mod prepare;
mod reboot;
mod running;
mod storage;
mod tools;
mod turn;

pub(crate) use execute::{context_id, end_unstarted, spawn};
pub(crate) use lock::MachineLock;
pub(crate) use prepare::Prepared;
pub(crate) use turn::GroupLocks;

//! The supervisor: one per machine, apart from any SSH session.
//!
//! It starts hooks, owns their records, and talks to whoever attaches. It
//! lives while there is work or a connection; what was not acknowledged stays
//! on disk for its successor.

mod asks;
mod attach;
mod connection;
mod fence;
mod identity;
pub(crate) mod logs;
mod recover;
mod requests;
pub(crate) mod run;
mod service;
mod wishes;

pub(crate) use attach::GREETING_MAX;
pub(crate) use service::Supervisor;
pub(crate) use service::serve;

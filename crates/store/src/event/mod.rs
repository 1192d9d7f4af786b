//! Events: append-only, in the transaction of the change.
//!
//! One event says what happened to one entity (a unit, a machine, ...) in one
//! commit. It names the rows that changed, for whoever keeps the model in
//! memory, and carries what status may show of them, for watchers.

mod group;
mod public;
pub mod read;
mod write;

use std::fmt;

pub(crate) use group::{Draft, group};
pub(crate) use write::{Append, append};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A user, by name.
    User(String),
    /// The reconciler.
    Controller,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Controller => f.write_str("controller"),
        }
    }
}

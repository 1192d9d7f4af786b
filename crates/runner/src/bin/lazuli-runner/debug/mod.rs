//! `debug-hooks` and `debug-code`: a person stands in for hooks, in a terminal
//! that tmux keeps.
//!
//! OpenSSH starts `lazuli-runner debug` in a terminal of the machine; it
//! becomes tmux. While that session lives, a hook that it is about is not
//! executed: in its place waits `lazuli-runner debugged`, the hook's process
//! for the supervisor, for a window of the session, in which `lazuli-runner
//! debug-window` runs a shell (or the hook itself, with breakpoints) with the
//! hook's environment. They speak over a socket; whichever dies ends the other.

mod session;
mod tmux;
mod waiter;
mod window;

pub(crate) use session::{Session, attending, open};
pub(crate) use waiter::wait;
pub(crate) use window::show;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a window is told to run.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    /// The unit's name.
    unit: String,
    /// `hooks/NAME` or `actions/NAME`.
    what: String,
    /// The hook's variables.
    variables: BTreeMap<String, String>,
    /// The charm's directory.
    directory: String,
    /// What to execute instead of a shell.
    handler: Option<String>,
}

/// How it ended there.
#[derive(Debug, Serialize, Deserialize)]
struct Left {
    code: u8,
}

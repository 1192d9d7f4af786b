//! What the controller learns of machines.

use std::fmt;

use lazuli_model::id::{MachineId, ModelId};
use lazuli_runner::frames::Report;
use tokio::time::Instant;

use crate::error::HostErrorKind;

/// A machine of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineKey {
    /// The model.
    pub model: ModelId,
    /// The machine.
    pub machine: MachineId,
}

/// What a machine says, or what is the matter with it.
#[derive(Clone, Debug, PartialEq)]
pub enum HostEvent {
    /// It was reached and its supervisor answers, or what was the trouble is
    /// over. What it has to report of runs that were not acknowledged follows.
    Reached {
        /// Changes with each boot.
        boot_id: String,
    },
    /// It cannot be reached or used though there is need; another try
    /// follows. Said once per reason: [`State`] has the next try.
    Trouble {
        /// What failed, why, and what to do.
        reason: String,
    },
    /// Its supervisor reports.
    Report(Report),
    /// Somebody with a higher epoch attached: this replica is not the holder.
    /// Nothing follows.
    Fenced {
        /// The highest epoch that the machine has seen.
        epoch: u64,
    },
}

/// How the connection to a machine stands.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// There is none, and no need of one.
    Idle,
    /// It is being made.
    Connecting {
        /// Since when.
        since: Instant,
        /// What is being done, for people.
        step: &'static str,
    },
    /// It is up.
    Connected {
        /// Since when.
        since: Instant,
    },
    /// It could not be made or was lost, and is tried again.
    Disconnected {
        /// Since when.
        since: Instant,
        /// When it is tried again.
        next_try: Instant,
        /// Tries that failed.
        failures: u32,
        /// Why, for people.
        reason: String,
        /// What kind of reason.
        kind: HostErrorKind,
    },
    /// Another holder has the machine.
    Fenced,
    /// It was closed for good.
    Closed,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("not connected, and no need to be"),
            Self::Connecting { step, .. } => f.write_str(step),
            Self::Connected { .. } => f.write_str("connected"),
            Self::Disconnected {
                next_try, reason, ..
            } => {
                let wait = next_try.saturating_duration_since(Instant::now());
                write!(f, "{reason}; next try in {} s", wait.as_secs().max(1))
            }
            Self::Fenced => f.write_str("another replica holds the model"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

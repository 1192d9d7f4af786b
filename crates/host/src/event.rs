//! What the controller learns of machines.

use std::fmt;
use std::sync::Arc;

use lazuli_model::id::{MachineId, ModelId};
use lazuli_runner::frames::{Report, RunSummary};
use tokio::time::Instant;

use crate::error::ErrorClass;
use crate::facts::Facts;

/// A machine of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MachineKey {
    /// The model.
    pub model: ModelId,
    /// The machine.
    pub machine: MachineId,
}

/// For which holder of the model a machine is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The controller's uuid.
    pub controller: String,
    /// The model's uuid.
    pub model: String,
    /// The model's fencing epoch. Connections within it are numbered here.
    pub epoch: u64,
}

/// A machine to which a supervisor's connection is up.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// What the machine says of itself.
    pub facts: Facts,
    /// Runs it had not got acknowledged; their reports follow.
    pub runs: Vec<RunSummary>,
    /// The number of the connection within the epoch.
    pub connection: u64,
}

/// News of a machine.
#[derive(Clone, Debug)]
pub enum HostEvent {
    /// The supervisor is attached, the first boot's set-up is finished.
    Attached(Arc<Attached>),
    /// The supervisor reports.
    Report(Report),
    /// The connection was lost; it is made again if there is need.
    Lost {
        /// Why, for people.
        reason: String,
        /// What kind of reason.
        class: ErrorClass,
    },
    /// Connecting fails. Said once per reason; [`State`] has the next try.
    Unreachable {
        /// Why, for people.
        reason: String,
        /// What kind of reason.
        class: ErrorClass,
    },
    /// Another holder of the model has attached: this one must stop. Nothing
    /// follows.
    Fenced {
        /// The epoch of the other.
        epoch: u64,
    },
}

/// How the connection to a machine stands.
#[derive(Clone, Debug)]
pub enum State {
    /// There is none, and no need of one.
    Idle,
    /// It is being made.
    Connecting {
        /// Since when.
        since: Instant,
        /// What is being done.
        step: &'static str,
    },
    /// It is up.
    Connected {
        /// Since when.
        since: Instant,
        /// The machine.
        machine: Arc<Attached>,
    },
    /// It could not be made, and is tried again.
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
        class: ErrorClass,
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
            Self::Fenced => f.write_str("another controller holds the model"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

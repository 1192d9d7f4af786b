//! Status words (Juju 3.6) and status rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::{ApplicationId, MachineId, UnitId};

/// Whose status, and which of its statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusKey {
    /// The model's.
    Model,
    /// The application's own, set by its leader.
    Application(ApplicationId),
    /// What runs on the unit: set by the charm, or derived.
    Workload(UnitId),
    /// What Lazuli does with the unit: allocating, executing, idle, error.
    Agent(UnitId),
    /// Lazuli's reach to the machine (`juju-status`): pending, started, down.
    Machine(MachineId),
    /// The instance behind it (`machine-status`): pending, allocating, running.
    Instance(MachineId),
}

/// The agent's word while its machine reboots because a hook asked for it.
pub const REBOOTING: &str = "rebooting";

/// A status with its text, data and age.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The word.
    pub status: String,
    /// The text, for people.
    pub message: String,
    /// The data, such as the hook that failed.
    pub data: BTreeMap<String, serde_json::Value>,
    /// Since when word, text and data are these.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

impl Status {
    /// A status without data.
    #[must_use]
    pub fn new(status: &str, message: impl Into<String>, since: OffsetDateTime) -> Self {
        Self {
            status: status.to_owned(),
            message: message.into(),
            data: BTreeMap::new(),
            since,
        }
    }

    /// Whether both say the same, whatever their age.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        self.status == other.status && self.message == other.message && self.data == other.data
    }
}

/// The words that a charm may set with `status-set`.
pub const SETTABLE: [&str; 4] = ["maintenance", "blocked", "waiting", "active"];

/// How bad a workload status is; an application without one of its own shows
/// the worst of its units (Juju, `core/status/status.go`).
#[must_use]
pub fn severity(status: &str) -> u8 {
    match status {
        "error" => 100,
        "blocked" => 90,
        "maintenance" => 80,
        "waiting" => 70,
        "active" => 60,
        "terminated" => 50,
        _ => 40,
    }
}

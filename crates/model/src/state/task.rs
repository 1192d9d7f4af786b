//! Operations and tasks: actions and commands that users run (Juju's words).

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::id::{MachineId, UnitId};
use crate::names::{MachineName, UnitName};

/// The name under which commands of `exec` run (Juju's).
pub const EXEC: &str = "juju-exec";

/// What a user asked for: one action, or one command, in many places. Written
/// by the API once; it is not kept in memory. How it goes follows from its
/// tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its number, from the counter that tasks share.
    pub number: u64,
    /// For people, such as `action "backup" run on unit-mysql-0`.
    pub summary: String,
    /// The action, or [`EXEC`].
    pub action: String,
    /// What was given, without defaults.
    pub parameters: Arc<Map<String, Value>>,
    /// Why it could not be done in some places, for people; empty if it could.
    pub fail: String,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued_at: OffsetDateTime,
}

/// One run of an action or a command. Made by the API, which later writes
/// [`Task::cancel`] alone; all else is the planner's and the outcome's. In
/// memory only until it has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Its number, unique in the model.
    pub number: u64,
    /// Its operation's.
    pub operation: u64,
    /// Where it runs.
    pub receiver: Receiver,
    /// The action, or [`EXEC`].
    pub name: String,
    /// With the defaults of the action's schema; of a command `command`.
    pub parameters: Arc<Map<String, Value>>,
    /// It needs no turn of its machine.
    pub parallel: bool,
    /// Tasks of one group of a machine take turns, also with `parallel`; empty
    /// is no group.
    pub execution_group: String,
    /// How it stands.
    pub status: TaskStatus,
    /// What it had to say in the end.
    pub message: String,
    /// What it brought, once it has ended.
    pub results: Option<Arc<Map<String, Value>>>,
    /// Somebody wants it to end.
    pub cancel: bool,
    /// The boot of the machine in which it was started: in another one it is
    /// not run again.
    pub boot: Option<String>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued_at: OffsetDateTime,
    /// When it was handed to its machine.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub completed_at: Option<OffsetDateTime>,
}

/// A line that a task said while it ran. Appended by the controller; it is
/// not kept in memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLog {
    /// The task.
    pub task: u64,
    /// Whose: where it runs.
    pub receiver: Receiver,
    /// Counts the writes of the run from 1.
    pub n: u64,
    /// When it was heard.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What it said.
    pub message: String,
}

/// Where a task runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receiver {
    /// In a hook's context of a unit.
    Unit {
        /// The unit.
        id: UnitId,
        /// Its name, which outlives it.
        name: UnitName,
    },
    /// On a machine, in no context.
    Machine {
        /// The machine.
        id: MachineId,
        /// Its name, which outlives it.
        name: MachineName,
    },
}

impl Receiver {
    /// The unit, if it is one.
    #[must_use]
    pub fn unit(&self) -> Option<UnitId> {
        match self {
            Self::Unit { id, .. } => Some(*id),
            Self::Machine { .. } => None,
        }
    }

    /// The machine, if it is one.
    #[must_use]
    pub fn machine(&self) -> Option<MachineId> {
        match self {
            Self::Machine { id, .. } => Some(*id),
            Self::Unit { .. } => None,
        }
    }

    /// `mysql/0` or `3`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Unit { name, .. } => name.to_string(),
            Self::Machine { name, .. } => name.to_string(),
        }
    }

    /// Juju's tag: `unit-mysql-0` or `machine-3`.
    #[must_use]
    pub fn tag(&self) -> String {
        match self {
            Self::Unit { name, .. } => format!("unit-{}-{}", name.application(), name.number()),
            Self::Machine { name, .. } => format!("machine-{}", name.as_str().replace('/', "-")),
        }
    }
}

/// How a task stands (Juju's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// It waits for its turn.
    Pending,
    /// It was handed to its machine.
    Running,
    /// It is being ended.
    Aborting,
    /// It ran.
    Completed,
    /// It ran and failed, or could not run.
    Failed,
    /// It was cancelled before it ran.
    Cancelled,
    /// It was ended while it ran.
    Aborted,
    /// Something went wrong that is not its own doing.
    Error,
}

impl TaskStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Aborting,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Aborted,
        Self::Error,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Aborting => "aborting",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Aborted => "aborted",
            Self::Error => "error",
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Aborting => false,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Aborted | Self::Error => true,
        }
    }
}

/// The status of an operation with tasks of these: Juju's order, in which the
/// first that any task has wins. None without tasks.
#[must_use]
pub fn operation_status(tasks: impl IntoIterator<Item = TaskStatus>) -> Option<TaskStatus> {
    const ORDER: [TaskStatus; 8] = [
        TaskStatus::Error,
        TaskStatus::Running,
        TaskStatus::Aborting,
        TaskStatus::Pending,
        TaskStatus::Failed,
        TaskStatus::Aborted,
        TaskStatus::Cancelled,
        TaskStatus::Completed,
    ];
    let rank = |status: &TaskStatus| ORDER.iter().position(|one| one == status);
    tasks.into_iter().min_by_key(rank)
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no status of a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no status of a task: use pending, running, completed, failed, cancelled, aborting, aborted or error"
)]
pub struct NotATaskStatus(String);

impl FromStr for TaskStatus {
    type Err = NotATaskStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| NotATaskStatus(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stands_as_its_worst_or_busiest_task() {
        use TaskStatus::{Completed, Failed, Pending, Running};
        assert_eq!(operation_status([]), None);
        assert_eq!(operation_status([Completed, Failed]), Some(Failed));
        assert_eq!(operation_status([Pending, Failed]), Some(Pending));
        assert_eq!(operation_status([Running, Pending]), Some(Running));
        assert_eq!(operation_status([Completed, Completed]), Some(Completed));
    }

    #[test]
    fn words_read_back() {
        for status in TaskStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        assert!("done".parse::<TaskStatus>().is_err());
    }
}

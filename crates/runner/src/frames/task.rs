//! Tasks: actions and commands that users asked for, as host and machine see
//! them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RunId;

/// Sequences from here on are numbers of tasks, below they are those of hooks.
const TASKS: u64 = 1 << 62;

/// What an action or a command is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskContext {
    /// The task's number (`JUJU_ACTION_UUID`); empty for a command that a
    /// program on the machine wished for, which is no action.
    pub id: String,
    /// The action's name (`JUJU_ACTION_NAME`); `juju-exec` of a command.
    pub name: String,
    /// What `action-get` shows.
    pub parameters: Map<String, Value>,
    /// What a command is to do: a script for bash.
    pub command: String,
    /// The boot in which it may be started: a task is never run again, also
    /// when the machine has forgotten that it was.
    pub boot: Option<String>,
}

/// What a run waits for on its machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// For the machine's lock, which admits one run at a time.
    #[default]
    Machine,
    /// For that of a group, which admits one run of the group at a time.
    Group(String),
    /// For nothing.
    None,
}

/// What an action or a command brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskResult {
    /// What `action-set` set.
    pub results: Map<String, Value>,
    /// `action-fail` was called, with this text.
    pub failed: Option<String>,
    /// What it printed to standard output.
    pub stdout: Printed,
    /// What it printed to standard error.
    pub stderr: Printed,
}

/// What was printed to one stream: head and tail, if it was too much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Printed {
    /// The text, or base64 of what is no text.
    pub text: String,
    /// Whether it is base64.
    pub base64: bool,
}

impl RunId {
    /// The run of a task: `owner` is the uuid of its unit, or of its machine.
    #[must_use]
    pub fn of_task(owner: String, number: u64) -> Self {
        Self {
            unit: owner,
            seq: TASKS | number,
        }
    }

    /// The number of the task, if it is the run of one.
    #[must_use]
    pub fn task(&self) -> Option<u64> {
        (self.seq & TASKS != 0).then_some(self.seq & !TASKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_tasks_are_not_those_of_hooks() {
        let run = RunId::of_task("u".to_owned(), 7);
        assert_eq!(run.task(), Some(7));
        assert_eq!(run.to_string(), "u:task-7");
        let hook = RunId {
            unit: "u".to_owned(),
            seq: 7,
        };
        assert_eq!(hook.task(), None);
        assert_eq!(hook.to_string(), "u:7");
    }
}

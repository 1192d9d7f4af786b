//! What becomes of a task's outcome and of what it said.

use std::sync::Arc;

use lazuli_model::id::UnitId;
use lazuli_model::state::{Change, EXEC, ModelState, Row, Task, TaskLog, TaskStatus, Unit};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::outcome::{HookWrite, secret_writes, writes};
use crate::task::{TERMINATED, ended};

/// A task that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskEnded {
    /// Its number.
    pub task: u64,
    /// How it ended.
    pub exit: TaskExit,
    /// `action-fail` was called, with this text.
    pub failed: Option<String>,
    /// What it set, with what it printed and its return code.
    pub results: Map<String, Value>,
    /// Its buffered writes: they count if and only if it exited with 0.
    pub writes: Vec<HookWrite>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskExit {
    /// It exited.
    Code(i32),
    /// The charm has no such action.
    Missing,
    /// It could not be run, or a signal ended it.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// It was ended on request.
    Killed {
        /// Why, for people.
        reason: String,
    },
    /// The machine went away while it ran: it is never run again.
    Interrupted,
}

/// The rows after a task's outcome. One that was committed before changes
/// nothing.
#[must_use]
pub fn commit_task(state: &ModelState, end: &TaskEnded, now: OffsetDateTime) -> Vec<Change> {
    let Some(task) = state.task(end.task) else {
        return Vec::new();
    };
    let (mut status, mut message) = judged(task, end);
    let mut changes = Vec::new();
    let unit = task.receiver.unit().and_then(|id| state.unit(id));
    if end.exit == TaskExit::Code(0)
        && let Some(unit) = unit
    {
        match all_writes(state, unit, &end.writes, end.task, now) {
            Ok(written) => changes = written,
            Err(reason) => (status, message) = (TaskStatus::Failed, reason),
        }
    }
    let with_results = Task {
        results: Some(Arc::new(end.results.clone())),
        ..task.clone()
    };
    changes.push(ended(&with_results, status, &message, now));
    changes
}

/// Juju's verdict: of a command only `action-fail` makes a failure, its
/// return code is for who asked.
fn judged(task: &Task, end: &TaskEnded) -> (TaskStatus, String) {
    match &end.exit {
        TaskExit::Code(code) if *code != 0 && task.name != EXEC => {
            (TaskStatus::Failed, format!("exit status {code}"))
        }
        TaskExit::Code(_) => match &end.failed {
            Some(message) => (TaskStatus::Failed, message.clone()),
            None => (TaskStatus::Completed, String::new()),
        },
        TaskExit::Missing => (
            TaskStatus::Failed,
            format!("action not implemented on unit {:?}", task.receiver.name()),
        ),
        TaskExit::Failed { reason } => (TaskStatus::Failed, reason.clone()),
        TaskExit::Killed { .. } if task.status == TaskStatus::Aborting => {
            (TaskStatus::Aborted, TERMINATED.to_owned())
        }
        TaskExit::Killed { reason } => (TaskStatus::Failed, reason.clone()),
        TaskExit::Interrupted => (TaskStatus::Failed, TERMINATED.to_owned()),
    }
}

/// The rows after a command that a program on the machine ran in a unit's
/// context, if it succeeded. What the unit may not write is dropped: who ran
/// it was told already that it succeeded.
#[must_use]
pub fn commit_command(
    state: &ModelState,
    unit: UnitId,
    wrote: &[HookWrite],
    number: u64,
    now: OffsetDateTime,
) -> Vec<Change> {
    let unit = state.unit(unit);
    unit.and_then(|unit| all_writes(state, unit, wrote, number, now).ok())
        .unwrap_or_default()
}

fn all_writes(
    state: &ModelState,
    unit: &Unit,
    wrote: &[HookWrite],
    number: u64,
    now: OffsetDateTime,
) -> Result<Vec<Change>, String> {
    let mut changes = writes(state, unit, wrote, number, now)?;
    changes.extend(secret_writes(state, unit, wrote, None, now)?);
    Ok(changes)
}

/// The row after a task said something; none when it has ended, or was never
/// asked for.
#[must_use]
pub fn task_said(
    state: &ModelState,
    task: u64,
    n: u64,
    message: &str,
    now: OffsetDateTime,
) -> Option<Change> {
    let task = state.task(task)?;
    Some(Change::Put(Row::TaskLog(TaskLog {
        task: task.number,
        receiver: task.receiver.clone(),
        n,
        at: now,
        message: message.to_owned(),
    })))
}

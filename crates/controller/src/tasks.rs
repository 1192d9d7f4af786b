//! Tasks on their way to machines, and their outcomes on the way back.

use lazuli_model::document::JUJU_VERSION;
use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::id::{MachineId, UnitId};
use lazuli_model::state::{
    Change, EXEC, MachineState, ModelState, Receiver, Task, TaskStatus, Unit,
};
use lazuli_plan::{Inputs, Levels, TaskEnded, TaskExit, Turn};
use lazuli_runner::frames::{self, Exit, HookKind, LocalExec, Lock, Outcome, Printed, RunId};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::context::{self, Rows};
use crate::convert;
use crate::settle::Desk;
use crate::vault::Vault;

/// The run of a task.
pub(crate) fn run_of(task: &Task) -> RunId {
    let owner = match &task.receiver {
        Receiver::Unit { id, .. } => id.to_string(),
        Receiver::Machine { id, .. } => id.to_string(),
    };
    RunId::of_task(owner, task.number)
}

/// The machine that a task runs on.
pub(crate) fn machine_of(state: &ModelState, task: &Task) -> Option<MachineId> {
    let unit = task.receiver.unit().and_then(|id| state.unit(id));
    unit.map(|unit| unit.machine).or(task.receiver.machine())
}

/// Builds the request that runs a task, or none when a row it needs is gone.
pub(crate) fn request(inputs: Inputs<'_>, task: &Task) -> Option<frames::RunRequest> {
    let state = inputs.state;
    let name = task.name.clone();
    let is_command = task.name == EXEC;
    let about = frames::TaskContext {
        id: task.number.to_string(),
        name: name.clone(),
        parameters: task.parameters.as_ref().clone(),
        command: match is_command {
            true => text(&task.parameters, "command"),
            false => String::new(),
        },
        boot: task.boot.clone(),
    };
    let (unit, charm, context) = match &task.receiver {
        // As a hook would that is about nothing in particular.
        Receiver::Unit { id, .. } => in_unit(inputs, *id, Hook::UpdateStatus)?,
        Receiver::Machine { id, name } => {
            let context = frames::Context {
                model_name: state.model().name.to_string(),
                model_uuid: state.model().id.to_string(),
                machine: name.to_string(),
                juju_version: JUJU_VERSION.to_owned(),
                ..frames::Context::default()
            };
            // It has been there before, or nothing can be said to it.
            state.machine_state(*id)?;
            let none = frames::CharmRef {
                url: String::new(),
                sha256: String::new(),
            };
            (String::new(), none, context)
        }
    };
    Some(frames::RunRequest {
        run: run_of(task),
        digest: digest(task),
        unit,
        hook: frames::Hook {
            kind: match is_command {
                true => HookKind::Command,
                false => HookKind::Action,
            },
            name,
        },
        charm,
        levels: Value::Null,
        context: frames::Context {
            task: Some(about),
            ..context
        },
        limits: frames::Limits {
            lock: match lazuli_plan::turn(task) {
                Turn::Machine => Lock::Machine,
                Turn::Group(group) => Lock::Group(group.to_owned()),
                Turn::None => Lock::None,
            },
            sync: context::syncs(state),
            ..frames::Limits::default()
        },
    })
}

/// The unit's name, its charm, and what its tools may see.
fn in_unit(
    inputs: Inputs<'_>,
    id: UnitId,
    hook: Hook,
) -> Option<(String, frames::CharmRef, frames::Context)> {
    let state = inputs.state;
    let unit = state.unit(id)?;
    let application = state.application(unit.application)?;
    let levels = Levels {
        hook,
        charm: lazuli_plan::task_charm(state, unit)?,
        config: None,
        leader_version: 0,
        remote_version: 0,
        app_version: 0,
        boot: None,
        resources: None,
    };
    let machine: &MachineState = state.machine_state(unit.machine)?;
    let rows = Rows {
        state,
        unit,
        application,
        charm: state.charm(levels.charm)?,
        machine,
    };
    let context = rows.context(inputs, &levels)?;
    Some((unit.name.to_string(), rows.charm_ref(), context))
}

/// Builds the request that fulfils a wish.
///
/// # Errors
/// Why it is declined, for people.
pub(crate) fn wish_request(
    inputs: Inputs<'_>,
    run: &RunId,
    exec: &LocalExec,
) -> Result<frames::RunRequest, String> {
    let state = inputs.state;
    let not_found = || format!("unit {:?} not found", exec.unit);
    let id = convert::unit(run).ok_or_else(not_found)?;
    let unit = state.unit(id).ok_or_else(not_found)?;
    let hook = match exec.relation {
        None if exec.remote_unit.is_empty() => Hook::UpdateStatus,
        None => return Err("remote unit: no relation id specified".to_owned()),
        Some(number) => Hook::Relation(about(state, unit, number, &exec.remote_unit)?),
    };
    let (unit, charm, context) = in_unit(inputs, id, hook).ok_or_else(not_found)?;
    let mut hash = Sha256::new();
    hash.update(exec.command.as_bytes());
    Ok(frames::RunRequest {
        run: run.clone(),
        digest: hex::encode(hash.finalize()),
        unit,
        hook: frames::Hook {
            kind: HookKind::Command,
            name: EXEC.to_owned(),
        },
        charm,
        levels: Value::Null,
        context: frames::Context {
            task: Some(frames::TaskContext {
                command: exec.command.clone(),
                ..frames::TaskContext::default()
            }),
            ..context
        },
        limits: frames::Limits {
            sync: context::syncs(state),
            ..frames::Limits::default()
        },
    })
}

/// The relation that a command is about, and its only or its named remote
/// unit.
fn about(
    state: &ModelState,
    unit: &Unit,
    number: u64,
    remote: &str,
) -> Result<RelationHook, String> {
    let relation = state
        .relations_of(unit.application)
        .find(|relation| relation.number == number)
        .ok_or_else(|| format!("unable to find relation id {number}: relation not found"))?;
    let members: Vec<_> = state
        .remotes_seen(unit.id, relation.id)
        .filter_map(|seen| state.relation_unit(relation.id, seen.remote))
        .collect();
    let remote = match (remote, members.as_slice()) {
        ("", []) => None,
        ("", [only]) => Some(only.unit),
        ("", _) => {
            return Err(format!(
                "unable to determine remote-unit, please disambiguate: it is one of {}",
                members
                    .iter()
                    .map(|member| member.name.to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            ));
        }
        (name, _) => {
            let named = members
                .iter()
                .find(|member| member.name.to_string() == name);
            let named = named.ok_or_else(|| format!("remote unit {name:?} not found"))?;
            Some(named.unit)
        }
    };
    Ok(RelationHook {
        kind: RelationHookKind::Changed,
        relation: relation.id,
        remote,
        departing: None,
    })
}

/// The rows after a command that a program on a machine wished for.
pub(crate) fn command_ended(desk: &Desk, outcome: &Outcome, now: OffsetDateTime) -> Vec<Change> {
    let unit = convert::unit(&outcome.run).filter(|_| outcome.exit.is_success());
    let Some(unit) = unit else {
        return Vec::new();
    };
    match convert::writes(outcome, &desk.vault, now) {
        Ok(writes) => lazuli_plan::commit_command(&desk.state, unit, &writes, outcome.run.seq, now),
        Err(reason) => {
            // Who ran it was told already that it succeeded.
            tracing::warn!(%unit, reason, "what a command wrote cannot be taken");
            Vec::new()
        }
    }
}

/// What a task is about.
fn digest(task: &Task) -> String {
    let mut hash = Sha256::new();
    hash.update(task.name.as_bytes());
    hash.update([0]);
    hash.update(Value::Object(task.parameters.as_ref().clone()).to_string());
    hex::encode(hash.finalize())
}

fn text(parameters: &Map<String, Value>, name: &str) -> String {
    let value = parameters.get(name).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

/// An outcome in the planner's terms; none of what is no task's.
pub(crate) fn ended(outcome: &Outcome, vault: &Vault, now: OffsetDateTime) -> Option<TaskEnded> {
    let brought = outcome.task.as_deref().cloned().unwrap_or_default();
    let exit = match &outcome.exit {
        Exit::Code { code } => TaskExit::Code(*code),
        Exit::Missing => TaskExit::Missing,
        Exit::Signal { signal } => TaskExit::Failed {
            reason: format!("ended by signal {signal}"),
        },
        Exit::NotStarted { reason } => TaskExit::Failed {
            reason: reason.clone(),
        },
        Exit::Killed { reason } => TaskExit::Killed {
            reason: reason.clone(),
        },
        Exit::Interrupted { .. } => TaskExit::Interrupted,
    };
    let mut results = brought.results;
    if let TaskExit::Code(code) = exit {
        results.insert("return-code".to_owned(), code.into());
    }
    show(&mut results, "stdout", brought.stdout);
    show(&mut results, "stderr", brought.stderr);
    let (exit, writes) = match convert::writes(outcome, vault, now) {
        Ok(writes) => (exit, writes),
        Err(reason) => (TaskExit::Failed { reason }, Vec::new()),
    };
    Some(TaskEnded {
        task: outcome.run.task()?,
        exit,
        failed: brought.failed,
        results,
        writes,
    })
}

/// What was printed, as Juju shows it: nothing when there was nothing.
fn show(results: &mut Map<String, Value>, stream: &str, printed: Printed) {
    if printed.text.is_empty() {
        return;
    }
    if printed.base64 {
        results.insert(format!("{stream}-encoding"), "base64".into());
    }
    results.insert(stream.to_owned(), printed.text.into());
}

/// The row of a task that its machine will not take.
pub(crate) fn refused(task: &Task, reason: &str, now: OffsetDateTime) -> Change {
    Change::Put(lazuli_model::state::Row::Task(Task {
        status: TaskStatus::Error,
        message: format!("its machine refuses it: {reason}"),
        completed_at: Some(now),
        ..task.clone()
    }))
}

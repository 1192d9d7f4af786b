//! Running actions and commands, and ending them.
//!
//! An operation comes to be also where nothing could be scheduled: it says
//! why, place by place, in Juju's words.

use std::collections::BTreeSet;
use std::sync::Arc;

use lazuli_api::{Exec, RunAction};
use lazuli_model::charm::Action;
use lazuli_model::names::ActionName;
use lazuli_model::state::{EXEC, ModelState, Operation, Receiver, Row, Task, TaskStatus, Unit};
use serde_json::{Map, Value, json};

use super::schema::complaint;
use super::{Draft, Refusal, application, machine, unit};

/// Places of one operation.
const MOST: usize = 5_000;
/// Tasks of a model that have not ended.
const MOST_WAITING: usize = 20_000;
/// Bytes of parameters, or of a command.
const LARGEST: usize = 256 << 10;
/// Bytes of the name of a group.
const LONGEST_GROUP: usize = 128;
/// Receivers that a summary names.
const NAMED: usize = 20;

/// What is scheduled in one place.
struct Scheduled {
    receiver: Receiver,
    parameters: Map<String, Value>,
    parallel: bool,
    execution_group: String,
}

/// Runs an action in units.
pub(crate) fn run(draft: &mut Draft<'_>, request: &RunAction) -> Result<(), Refusal> {
    draft.check_alive()?;
    if request.units.is_empty() {
        return Err(Refusal::invalid("no unit is named: name one at least").at("/units"));
    }
    let given = Value::Object(request.parameters.clone());
    check_size(&given.to_string(), "/parameters")?;
    if has_zero(&given) || request.action.contains('\0') {
        return Err(zero("/parameters"));
    }
    if let Some(group) = &request.execution_group {
        check_group(group)?;
    }
    let state = draft.state;
    let scheduled = request
        .units
        .iter()
        .map(|name| in_unit(state, name, request).map_err(|why| (name.clone(), why)))
        .collect();
    enqueue(
        draft,
        &request.action,
        request.parameters.clone(),
        scheduled,
    )
}

fn in_unit(state: &ModelState, name: &str, request: &RunAction) -> Result<Scheduled, String> {
    let unit = named(state, name)?;
    let action = action_of(state, unit, &request.action).ok_or_else(|| {
        format!(
            "action {:?} not defined on unit {:?}",
            request.action,
            unit.name.to_string()
        )
    })?;
    if let Some(wrong) = complaint(&action.schema, &request.parameters) {
        return Err(wrong);
    }
    let group = request.execution_group.as_ref();
    Ok(Scheduled {
        receiver: of_unit(unit),
        parameters: action.with_defaults(request.parameters.clone()),
        parallel: request.parallel.unwrap_or(action.parallel),
        execution_group: group.unwrap_or(&action.execution_group).clone(),
    })
}

/// A unit by its name, or the leader of `mysql/leader`.
fn named<'a>(state: &'a ModelState, name: &str) -> Result<&'a Unit, String> {
    let Some(of) = name.strip_suffix("/leader") else {
        return unit(state, name).map_err(|refusal| refusal.detail);
    };
    let application = application(state, of).map_err(|refusal| refusal.detail)?;
    state
        .leader(application.id)
        .and_then(|leader| state.unit(leader.unit?))
        .ok_or_else(|| format!("could not determine leader for {of:?}"))
}

/// The action of the charm that the unit runs.
fn action_of<'a>(state: &'a ModelState, unit: &Unit, name: &str) -> Option<&'a Action> {
    let name: ActionName = name.parse().ok()?;
    let charm = state.charm(lazuli_plan::task_charm(state, unit)?)?;
    charm.charm.actions.get(&name)
}

fn of_unit(unit: &Unit) -> Receiver {
    Receiver::Unit {
        id: unit.id,
        name: unit.name.clone(),
    }
}

/// Runs a command in units, in all units of applications, and on machines.
pub(crate) fn exec(draft: &mut Draft<'_>, request: &Exec) -> Result<(), Refusal> {
    draft.check_alive()?;
    if request.command.trim().is_empty() {
        return Err(Refusal::invalid("no command is given").at("/command"));
    }
    check_size(&request.command, "/command")?;
    if request.command.contains('\0') {
        return Err(zero("/command"));
    }
    check_group(&request.execution_group)?;
    let state = draft.state;
    let mut found: Vec<Result<Receiver, (String, String)>> = Vec::new();
    if request.all {
        let mut all: Vec<_> = state.machines().collect();
        all.sort_by(|a, b| lazuli_model::natural_cmp(a.name.as_str(), b.name.as_str()));
        found.extend(all.into_iter().map(|row| {
            Ok(Receiver::Machine {
                id: row.id,
                name: row.name.clone(),
            })
        }));
    }
    for name in &request.machines {
        found.push(match machine(state, name) {
            Ok(row) => Ok(Receiver::Machine {
                id: row.id,
                name: row.name.clone(),
            }),
            Err(refusal) => Err((name.clone(), refusal.detail)),
        });
    }
    for name in &request.applications {
        match application(state, name) {
            Ok(row) => {
                let mut units: Vec<_> = state.units_of(row.id).collect();
                units.sort_by(|a, b| a.name.cmp(&b.name));
                found.extend(units.into_iter().map(|unit| Ok(of_unit(unit))));
            }
            Err(refusal) => found.push(Err((name.clone(), refusal.detail))),
        }
    }
    for name in &request.units {
        let unit = named(state, name).map(of_unit);
        found.push(unit.map_err(|why| (name.clone(), why)));
    }
    if found.is_empty() {
        return Err(Refusal::invalid(
            "no place is named: name units, applications or machines that there are",
        ));
    }
    let mut seen = BTreeSet::new();
    found.retain(|one| match one {
        Ok(receiver) => seen.insert(receiver.clone()),
        Err(_) => true,
    });
    let parameters = json!({ "command": request.command });
    let parameters = parameters.as_object().cloned().unwrap_or_default();
    let scheduled = found
        .into_iter()
        .map(|receiver| {
            Ok(Scheduled {
                receiver: receiver?,
                parameters: parameters.clone(),
                parallel: request.parallel,
                execution_group: request.execution_group.clone(),
            })
        })
        .collect();
    enqueue(draft, EXEC, parameters, scheduled)
}

fn enqueue(
    draft: &mut Draft<'_>,
    action: &str,
    parameters: Map<String, Value>,
    scheduled: Vec<Result<Scheduled, (String, String)>>,
) -> Result<(), Refusal> {
    if scheduled.len() > MOST {
        return Err(Refusal::invalid(format!(
            "{} places at once are too many: at most {MOST}",
            scheduled.len()
        )));
    }
    let waiting = draft.state.tasks().count();
    if waiting + scheduled.len() > MOST_WAITING {
        return Err(Refusal::conflict(format!(
            "{waiting} tasks have not ended: wait until some have, or cancel some"
        )));
    }
    let names: Vec<String> = scheduled
        .iter()
        .take(NAMED)
        .map(|one| match one {
            Ok(one) => one.receiver.tag(),
            Err((name, _)) => name.clone(),
        })
        .collect();
    let more = match scheduled.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut fail: Vec<String> = Vec::new();
    let operation = draft.numbers.task();
    draft.operation = Some(operation);
    for one in scheduled {
        let one = match one {
            Ok(one) => one,
            Err((_, why)) => {
                fail.push(why);
                continue;
            }
        };
        let number = draft.numbers.task();
        draft.put(Row::Task(Task {
            number,
            operation,
            receiver: one.receiver,
            name: action.to_owned(),
            parameters: Arc::new(one.parameters),
            parallel: one.parallel,
            execution_group: one.execution_group,
            status: TaskStatus::Pending,
            message: String::new(),
            results: None,
            cancel: false,
            boot: None,
            enqueued_at: draft.now,
            started_at: None,
            completed_at: None,
        }));
    }
    draft.put(Row::Operation(Operation {
        number: operation,
        summary: format!("{action} run on {}{more}", names.join(",")),
        action: action.to_owned(),
        parameters: Arc::new(parameters),
        fail: fail.join("\n"),
        enqueued_at: draft.now,
    }));
    Ok(())
}

/// Wants a task to end; one that has ended stays as it is.
pub(crate) fn cancel(draft: &mut Draft<'_>, number: u64) {
    if let Some(task) = draft.state.task(number).filter(|task| !task.cancel) {
        draft.put(Row::Task(Task {
            cancel: true,
            ..task.clone()
        }));
    }
}

fn check_size(text: &str, pointer: &str) -> Result<(), Refusal> {
    if text.len() > LARGEST {
        return Err(Refusal::invalid(format!(
            "{} bytes are too many: at most {LARGEST}",
            text.len()
        ))
        .at(pointer));
    }
    Ok(())
}

fn check_group(group: &str) -> Result<(), Refusal> {
    if group.len() > LONGEST_GROUP || group.contains('\0') {
        return Err(Refusal::invalid(format!(
            "the name of an execution group has at most {LONGEST_GROUP} bytes"
        ))
        .at("/execution_group"));
    }
    Ok(())
}

fn zero(pointer: &str) -> Refusal {
    Refusal::invalid("a zero byte cannot be stored: encode the value (base64)").at(pointer)
}

fn has_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_zero),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || has_zero(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

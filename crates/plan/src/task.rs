//! Tasks: when an action or a command of a user gets its turn, and how it
//! ends (reference: Juju 3.6, `uniter/actions/resolver.go`).
//!
//! A unit does one thing at a time, hook or task; in the order of its tasks,
//! and before any hook but those that Juju's resolver puts first. Beyond its
//! unit a task takes its machine's turn like a hook, or its group's, or none.
//! That it runs is committed before it is handed to its machine, so that it
//! keeps its turn whatever becomes of the controller.

use lazuli_model::hook::Hook;
use lazuli_model::id::{CharmId, MachineId};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, EXEC, Machine, ModelState, Receiver, Row, Task, TaskStatus, Unit,
};
use time::OffsetDateTime;

use crate::cloud;
use crate::leader::renewed_grant;
use crate::subject::is_ready;
use crate::types::{Action, Blocked, Inputs, RunningTask, Subject, SubjectPlan};
use crate::unit;

/// A task that was told to end and has not after this is not waited for.
const ENDING: time::Duration = time::Duration::minutes(1);

/// What Juju says of a task that somebody cancelled before it ran.
const CANCELLED: &str = "action cancelled via the API";
/// What Juju says of a task that ended with its machine, or was made to.
pub(crate) const TERMINATED: &str = "action terminated";

/// What a task needs besides its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// The machine's, as a hook does.
    Machine,
    /// That of a group on the machine.
    Group(&'a str),
    /// None.
    None,
}

/// What a task needs besides its unit.
#[must_use]
pub fn turn(task: &Task) -> Turn<'_> {
    match (task.execution_group.as_str(), task.parallel) {
        ("", true) => Turn::None,
        ("", false) => Turn::Machine,
        (group, _) => Turn::Group(group),
    }
}

/// The charm that runs a unit's tasks: the one that is in place, which is the
/// new one already where its first hook failed.
#[must_use]
pub fn task_charm(state: &ModelState, unit: &Unit) -> Option<CharmId> {
    let application = state.application(unit.application)?;
    let done = state.unit_state(unit.id);
    let error = done.and_then(|done| done.error.as_ref());
    let fresh = error.is_some_and(|error| matches!(error.hook, Hook::Install | Hook::UpgradeCharm));
    let before = done.and_then(|done| done.charm).filter(|_| !fresh);
    Some(before.unwrap_or(application.charm))
}

/// Whether it was handed to its machine, or is about to be.
pub(crate) fn is_running(task: &Task) -> bool {
    matches!(task.status, TaskStatus::Running | TaskStatus::Aborting)
}

/// What a person calls it: `action backup`, or `a command`.
pub(crate) fn called(task: &Task) -> String {
    match task.name.as_str() {
        EXEC => "a command".to_owned(),
        name => format!("action {name}"),
    }
}

/// Tasks of a machine and of its units that run.
pub(crate) fn running_on(state: &ModelState, machine: MachineId) -> impl Iterator<Item = &Task> {
    let own = state.tasks_on(machine);
    let of_units = state
        .units_on(machine)
        .flat_map(|unit| state.tasks_of(unit.id));
    own.chain(of_units).filter(|task| is_running(task))
}

/// The task with its end.
pub(crate) fn ended(task: &Task, status: TaskStatus, message: &str, now: OffsetDateTime) -> Change {
    Change::Put(Row::Task(Task {
        status,
        message: message.to_owned(),
        completed_at: Some(now),
        ..task.clone()
    }))
}

/// Plans a task.
pub(crate) fn plan(inputs: Inputs<'_>, task: &Task) -> SubjectPlan {
    let mut plan = SubjectPlan::default();
    let state = inputs.state;
    let unit = task.receiver.unit().and_then(|id| state.unit(id));
    let machine = match &task.receiver {
        Receiver::Unit { .. } => unit.and_then(|unit| state.machine(unit.machine)),
        Receiver::Machine { id, .. } => state.machine(*id),
    };
    let Some(machine) = machine else {
        let (status, message) = match is_running(task) {
            true => (TaskStatus::Aborted, TERMINATED.to_owned()),
            false => (
                TaskStatus::Cancelled,
                format!("{} is gone", task.receiver.name()),
            ),
        };
        plan.decisions
            .push(ended(task, status, &message, inputs.now));
        return plan;
    };
    let subject = TaskPlan {
        inputs,
        task,
        unit,
        machine,
    };
    if is_running(task) {
        subject.running(&mut plan);
    } else {
        subject.pending(&mut plan);
    }
    plan
}

#[derive(Clone, Copy)]
struct TaskPlan<'a> {
    inputs: Inputs<'a>,
    task: &'a Task,
    /// Where it runs, if that is a unit.
    unit: Option<&'a Unit>,
    machine: &'a Machine,
}

impl TaskPlan<'_> {
    fn pending(self, plan: &mut SubjectPlan) {
        let TaskPlan { inputs, task, .. } = self;
        if task.cancel {
            let end = ended(task, TaskStatus::Cancelled, CANCELLED, inputs.now);
            plan.decisions.push(end);
            return;
        }
        if self.goes() {
            let why = format!("{} is being removed", task.receiver.name());
            let end = ended(task, TaskStatus::Cancelled, &why, inputs.now);
            plan.decisions.push(end);
            return;
        }
        if let Some((reason, on)) = self.obstacle() {
            plan.blocked = Some(Blocked {
                reason,
                on: Some(on),
                until: None,
            });
            return;
        }
        let known = inputs.state.machine_state(self.machine.id);
        let facts = known.and_then(|known| known.facts.as_ref());
        plan.decisions.push(Change::Put(Row::Task(Task {
            status: TaskStatus::Running,
            started_at: Some(inputs.now),
            boot: facts.map(|facts| facts.boot_id.clone()),
            ..task.clone()
        })));
        if let Some(unit) = self.unit {
            plan.decisions
                .extend(renewed_grant(inputs.state, unit, inputs.now));
        }
    }

    /// Whether where it is to run goes.
    fn goes(self) -> bool {
        match self.unit {
            Some(unit) => unit.life != Life::Alive,
            None => self.machine.life != Life::Alive,
        }
    }

    /// What it waits for.
    fn obstacle(self) -> Option<(String, Subject)> {
        let state = self.inputs.state;
        if !is_ready(state, self.machine) {
            return Some(self.on_machine(""));
        }
        if let Some(unit) = self.unit {
            let first = state.tasks_of(unit.id).next();
            if let Some(first) = first.filter(|first| first.number != self.task.number) {
                let reason = format!("waiting for task {} of {}", first.number, unit.name);
                return Some((reason, Subject::Task(first.number)));
            }
            let of_unit = |reason: String| (reason, Subject::Unit(unit.id));
            if self.inputs.flight.hooks.contains_key(&unit.id) {
                return Some(of_unit(format!("waiting for a hook of {}", unit.name)));
            }
            if let Some(hook) = unit::before_tasks(self.inputs, unit) {
                return Some(of_unit(format!(
                    "waiting for the {hook} hook of {}",
                    unit.name
                )));
            }
        }
        match turn(self.task) {
            Turn::None => None,
            Turn::Machine => {
                let hook = state
                    .units_on(self.machine.id)
                    .find(|unit| self.inputs.flight.hooks.contains_key(&unit.id));
                if let Some(unit) = hook {
                    return Some(self.on_machine(&format!(": {} runs a hook", unit.name)));
                }
                self.other(|other| turn(other) == Turn::Machine)
            }
            group @ Turn::Group(_) => self.other(|other| turn(other) == group),
        }
    }

    /// Another task on the machine that has the turn.
    fn other(self, has: impl Fn(&Task) -> bool) -> Option<(String, Subject)> {
        let other = running_on(self.inputs.state, self.machine.id).find(|other| has(other))?;
        let reason = format!(
            "waiting for machine {}: {} runs {}",
            self.machine.name,
            other.receiver.name(),
            called(other)
        );
        Some((reason, Subject::Task(other.number)))
    }

    fn on_machine(self, why: &str) -> (String, Subject) {
        let reason = format!("waiting for machine {}{why}", self.machine.name);
        (reason, Subject::Machine(self.machine.id))
    }

    fn running(self, plan: &mut SubjectPlan) {
        let TaskPlan { inputs, task, .. } = self;
        if cloud::instance_is_gone(inputs.state, self.machine) {
            let status = match task.status {
                TaskStatus::Aborting => TaskStatus::Aborted,
                _ => TaskStatus::Failed,
            };
            plan.decisions
                .push(ended(task, status, TERMINATED, inputs.now));
            return;
        }
        let Some(running) = inputs.flight.tasks.get(&task.number) else {
            if is_ready(inputs.state, self.machine) {
                plan.actions.push(Action::RunTask { task: task.number });
                self.block(plan, format!("{} starts", called(task)), None);
            } else {
                let (reason, on) = self.on_machine("");
                plan.blocked = Some(Blocked {
                    reason,
                    on: Some(on),
                    until: None,
                });
            }
            return;
        };
        self.in_flight(plan, running);
    }

    /// A task may take as long as it likes, unless somebody cancels it, or its
    /// unit goes and does not wait any longer.
    fn in_flight(self, plan: &mut SubjectPlan, running: &RunningTask) {
        let TaskPlan { inputs, task, .. } = self;
        let now = inputs.now;
        if let Some(since) = running.ending {
            if now >= since + ENDING {
                let end = ended(task, TaskStatus::Aborted, TERMINATED, now);
                plan.decisions.push(end);
                return;
            }
            plan.wake_at = Some(since + ENDING);
            self.block(plan, format!("ending {}", called(task)), plan.wake_at);
            return;
        }
        let removal = inputs.state.model().removal_timeout();
        let deadline = self.goes().then(|| running.since + removal);
        let force = match self.unit {
            Some(unit) => unit.force,
            None => self.machine.force,
        };
        let over = self.goes() && (force || deadline.is_some_and(|at| now >= at));
        if !task.cancel && !over {
            plan.wake_at = deadline;
            self.block(plan, format!("running {}", called(task)), deadline);
            return;
        }
        if task.status != TaskStatus::Aborting {
            plan.decisions.push(Change::Put(Row::Task(Task {
                status: TaskStatus::Aborting,
                ..task.clone()
            })));
            return;
        }
        plan.actions.push(Action::KillTask {
            task: task.number,
            reason: match task.cancel {
                true => CANCELLED.to_owned(),
                false => format!("{} is being removed", task.receiver.name()),
            },
        });
        self.block(plan, format!("ending {}", called(task)), None);
    }

    fn block(self, plan: &mut SubjectPlan, reason: String, until: Option<OffsetDateTime>) {
        plan.blocked = Some(Blocked {
            reason,
            on: Some(Subject::Machine(self.machine.id)),
            until,
        });
    }
}

//! Handing out what the plans ask for, unless it is under way. Only called
//! when everything that the plans rest on is committed.

use lazuli_model::id::UnitId;
use lazuli_model::offer::Offer;
use lazuli_plan::{Action, Inputs, Levels, Look, Running, RunningTask, Subject};
use lazuli_runner::frames::{Request, RunId};
use time::OffsetDateTime;

use crate::context;
use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::settle::Desk;
use crate::tasks;

/// A hook that runs longer than this is shown as executing; a shorter one is
/// not worth a row.
const SHOWN_AFTER: time::Duration = time::Duration::milliseconds(150);
/// A machine that takes no more requests is asked again after this.
const FULL_RETRY: time::Duration = time::Duration::seconds(1);

/// Starts one action.
pub(crate) fn start(
    desk: &mut Desk,
    fleet: &mut Fleet,
    cloud: &CloudWorker,
    offers: &[Offer],
    action: &Action,
    now: OffsetDateTime,
) {
    match action {
        Action::Ensure { effect } | Action::Poll { effect } | Action::Remove { effect } => {
            let Some(row) = desk.state.effect(*effect).cloned() else {
                return;
            };
            if desk.flight.effects.insert(*effect) {
                cloud.start(action, row);
            }
        }
        Action::Boot { machine } => {
            let looking = desk.flight.looks.get(machine) == Some(&Look::UnderWay);
            if !looking && fleet.look(&desk.state, *machine) {
                desk.flight.looks.insert(*machine, Look::UnderWay);
            }
        }
        Action::RunHook { unit, seq, levels } => {
            run_hook(desk, fleet, offers, (*unit, *seq, levels), now);
        }
        Action::RunTask { task } => run_task(desk, fleet, offers, *task, now),
        Action::KillTask { task, reason } => kill_task(desk, fleet, *task, reason, now),
        Action::KillHook { unit, seq, reason } => {
            if let Some(row) = desk.state.unit(*unit) {
                let run = RunId {
                    unit: unit.to_string(),
                    seq: *seq,
                };
                let reason = reason.clone();
                fleet.send(row.machine, Request::Kill { run, reason });
                if let Some(running) = desk.flight.hooks.get_mut(unit) {
                    running.ending.get_or_insert(now);
                    // Its deadline begins now.
                    desk.touch_at(now, Subject::Unit(*unit));
                }
            }
        }
    }
}

fn run_task(
    desk: &mut Desk,
    fleet: &mut Fleet,
    offers: &[Offer],
    number: u64,
    now: OffsetDateTime,
) {
    if desk.flight.tasks.contains_key(&number) {
        return;
    }
    let Some(task) = desk.state.task(number) else {
        return;
    };
    let inputs = Inputs {
        state: &desk.state,
        flight: &desk.flight,
        offers,
        now,
    };
    let machine = tasks::machine_of(&desk.state, task);
    let Some((machine, request)) = machine.zip(tasks::request(inputs, task)) else {
        return;
    };
    let unit = task.receiver.unit();
    if !fleet.run(&desk.state, machine, request) {
        tracing::warn!(%machine, task = number, "a machine takes no more requests");
        desk.touch_at(now + FULL_RETRY, Subject::Task(number));
        return;
    }
    let running = RunningTask {
        since: now,
        ending: None,
    };
    desk.flight.tasks.insert(number, running);
    desk.touch_at(now, Subject::Task(number));
    if let Some(unit) = unit {
        desk.touch_at(now + SHOWN_AFTER, Subject::Unit(unit));
    }
}

fn kill_task(desk: &mut Desk, fleet: &Fleet, number: u64, reason: &str, now: OffsetDateTime) {
    let Some(task) = desk.state.task(number) else {
        return;
    };
    if let Some(machine) = tasks::machine_of(&desk.state, task) {
        let run = tasks::run_of(task);
        let reason = reason.to_owned();
        fleet.send(machine, Request::Kill { run, reason });
    }
    if let Some(running) = desk.flight.tasks.get_mut(&number) {
        running.ending.get_or_insert(now);
        // Its deadline begins now.
        desk.touch_at(now, Subject::Task(number));
    }
}

fn run_hook(
    desk: &mut Desk,
    fleet: &mut Fleet,
    offers: &[Offer],
    (unit, seq, levels): (UnitId, u64, &Levels),
    now: OffsetDateTime,
) {
    let Some(machine) = desk.state.unit(unit).map(|row| row.machine) else {
        return;
    };
    let busy = desk
        .state
        .units_on(machine)
        .any(|other| desk.flight.hooks.contains_key(&other.id));
    if busy {
        return;
    }
    let inputs = Inputs {
        state: &desk.state,
        flight: &desk.flight,
        offers,
        now,
    };
    let Some(request) = context::run_request(inputs, unit, seq, levels) else {
        return;
    };
    if !fleet.run(&desk.state, machine, request) {
        tracing::warn!(%machine, %unit, "a machine takes no more requests");
        desk.touch_at(now + FULL_RETRY, Subject::Unit(unit));
        return;
    }
    let running = Running {
        seq,
        hook: levels.hook.clone(),
        since: now,
        ending: None,
    };
    desk.flight.hooks.insert(unit, running);
    desk.touch_at(now + SHOWN_AFTER, Subject::Unit(unit));
}

//! Handing out what the plans ask for, unless it is under way. Only called
//! when everything that the plans rest on is committed.

use lazuli_model::id::UnitId;
use lazuli_model::offer::Offer;
use lazuli_plan::{Action, Inputs, Levels, Look, Running, Subject};
use lazuli_runner::frames::{Request, RunId};
use time::OffsetDateTime;

use crate::context;
use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::settle::Desk;

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

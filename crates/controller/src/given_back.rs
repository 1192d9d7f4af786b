//! Runs that a machine gives back without an outcome of their own: they were
//! interrupted, or refused. They run again, and operators see why not yet.

use lazuli_model::id::{MachineId, UnitId};
use lazuli_plan::{InFlight, PutOff, Subject};
use lazuli_runner::frames::{Refusal, RunId};
use time::OffsetDateTime;

use crate::convert;
use crate::settle::Desk;
use crate::task_news;

/// How long a run waits before it is handed out again grows with how often it
/// was given back. Taking the same news twice counts once.
pub(crate) fn put_off(
    flight: &mut InFlight,
    (unit, seq): (UnitId, u64),
    reason: String,
    at_once: bool,
    now: OffsetDateTime,
) {
    let running = flight.hooks.get(&unit);
    let is_running = running.is_some_and(|running| running.seq == seq);
    let before = flight.put_off.get(&unit);
    if is_running || before.is_none_or(|before| before.seq != seq) {
        let next = PutOff::again(before, seq, reason, at_once, now);
        flight.put_off.insert(unit, next);
    }
}

/// A run that was refused is not in flight, unless another one is: then its
/// outcome comes, and the plan is made anew.
pub(crate) fn refused(
    desk: &mut Desk,
    machine: MachineId,
    run: Option<&RunId>,
    refusal: &Refusal,
    now: OffsetDateTime,
) {
    tracing::warn!(%machine, ?run, ?refusal, "a machine refused a request");
    if let Some(number) = run.and_then(RunId::task) {
        task_news::refused(desk, number, refusal, now);
        return;
    }
    let Some((unit, seq)) = run.and_then(|run| Some((convert::unit(run)?, run.seq))) else {
        return;
    };
    let reason = match refusal {
        Refusal::Digest { .. } | Refusal::Busy { .. } | Refusal::Fenced { .. } => return,
        Refusal::Protocol { speaks } => {
            format!("its machine has a runner of another version ({speaks})")
        }
        Refusal::NoCharm { sha256 } => format!("its machine does not have the charm {sha256}"),
        Refusal::Invalid { reason } => format!("its machine refused it: {reason}"),
    };
    // Not at once: what refused it now would do so again.
    put_off(&mut desk.flight, (unit, seq), reason, false, now);
    desk.flight.hooks.remove(&unit);
    desk.touch(Subject::Unit(unit));
}

#[cfg(test)]
mod tests {
    use lazuli_model::hook::Hook;
    use lazuli_model::id::GenericUuid;
    use lazuli_plan::Running;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_run_is_given_back_once_for_each_time_that_it_was_handed_out() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let unit = UnitId::from_untyped_uuid(Uuid::nil());
        let mut flight = InFlight::default();
        let mut times = |is_running: bool| {
            let running = Running {
                seq: 3,
                hook: Hook::Start,
                since: now,
                ending: None,
            };
            match is_running {
                true => flight.hooks.insert(unit, running),
                false => flight.hooks.remove(&unit),
            };
            put_off(&mut flight, (unit, 3), "it broke off".to_owned(), true, now);
            flight.put_off[&unit].times
        };
        assert_eq!(times(true), 1);
        // The batch is taken again, or the machine says it again.
        assert_eq!(times(false), 1);
        assert_eq!(times(true), 2);
    }
}

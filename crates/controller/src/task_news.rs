//! Taking news of tasks, and of commands that programs on machines want.

use lazuli_model::id::MachineId;
use lazuli_plan::{Inputs, Subject};
use lazuli_runner::frames::{LocalExec, Outcome, Question, Refusal, Request, RunId};
use time::OffsetDateTime;

use crate::news::{Outbox, REFUSED_RETRY, renew_for};
use crate::settle::Desk;
use crate::tasks;

/// A task's run is over.
pub(crate) fn ended(desk: &mut Desk, outcome: &Outcome, now: OffsetDateTime) {
    let Some(ended) = tasks::ended(outcome) else {
        return;
    };
    desk.flight.tasks.remove(&ended.task);
    desk.touch(Subject::Task(ended.task));
    for change in lazuli_plan::commit_task(&desk.state, &ended, now) {
        desk.record(change);
    }
}

/// A task that its machine cannot take has failed, unless that passes.
pub(crate) fn refused(desk: &mut Desk, number: u64, refusal: &Refusal, now: OffsetDateTime) {
    match refusal {
        Refusal::Digest { .. } | Refusal::Busy { .. } | Refusal::Fenced { .. } => {}
        Refusal::Protocol { .. } | Refusal::NoCharm { .. } => {
            desk.flight.tasks.remove(&number);
            desk.touch_at(now + REFUSED_RETRY, Subject::Task(number));
        }
        Refusal::Invalid { reason } => {
            desk.flight.tasks.remove(&number);
            if let Some(task) = desk.state.task(number).cloned() {
                desk.record(tasks::refused(&task, reason, now));
            }
        }
    }
}

/// A program on a machine wants a command to be run in the context of a unit
/// there: its run is asked for once the grant that it may need is committed.
pub(crate) fn wished(
    desk: &mut Desk,
    outbox: &mut Outbox,
    machine: MachineId,
    (run, exec): (&RunId, &LocalExec),
    now: OffsetDateTime,
) {
    renew_for(desk, run, &Question::Leader, now);
    let inputs = Inputs {
        state: &desk.state,
        flight: &desk.flight,
        offers: &[],
        now,
    };
    let request = match tasks::wish_request(inputs, run, exec) {
        Ok(request) => Request::Run(Box::new(request)),
        Err(reason) => Request::Decline {
            run: run.clone(),
            reason,
        },
    };
    outbox.push((machine, request));
}

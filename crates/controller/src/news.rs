//! Taking news: what a message changes in the rows and in what is in flight,
//! and what a machine is told once that is committed.
//!
//! Nothing here waits or acts, so a batch whose commit failed is taken again
//! on top of the rows as they are then; taking an outcome twice changes
//! nothing.

use lazuli_cloud::{CloudError, Progress};
use lazuli_host::HostEvent;
use lazuli_model::id::{EffectId, MachineId, UnitId};
use lazuli_model::state::{Change, EffectState, MachineFacts, MachineState, ModelState, Row};
use lazuli_plan::{Ended, Exit as Ending, Look, SharedNames, Subject};
use lazuli_runner::frames::{Exit, Output, Question, Refusal, Report, Request, RunId, Write};
use lazuli_store::StoreError;
use time::OffsetDateTime;

use crate::answer;
use crate::convert;
use crate::given_back;
use crate::ledger;
use crate::message::Message;
use crate::settle::Desk;
use crate::sightings::{self, Told};
use crate::survey::Sight;
use crate::{task_news, tasks};

/// A run that a machine refused is not asked for again before this.
pub(crate) const REFUSED_RETRY: time::Duration = time::Duration::seconds(5);

/// What machines are told once the batch is committed.
pub(crate) type Outbox = Vec<(MachineId, Request)>;

/// Whether a machine may say that: it speaks for its own units, and for those
/// that are gone. A machine is root's, and root may be anybody.
pub(crate) fn is_of(state: &ModelState, machine: MachineId, event: &HostEvent) -> bool {
    let HostEvent::Report(report) = event else {
        return true;
    };
    let run = match report {
        Report::Finished(outcome) => Some(&outcome.run),
        Report::Immediate { run, .. }
        | Report::Ask { run, .. }
        | Report::Log { run, .. }
        | Report::Wish { run, .. }
        | Report::Started { run, .. } => Some(run),
        Report::Refused { run, .. } => run.as_ref(),
        Report::Attached { .. } => None,
    };
    let task = run
        .and_then(RunId::task)
        .and_then(|number| state.task(number));
    if let Some(task) = task {
        return tasks::machine_of(state, task) == Some(machine);
    }
    let unit = run.and_then(convert::unit).and_then(|id| state.unit(id));
    unit.is_none_or(|unit| unit.machine == machine)
}

/// What is taken in place of a message that cannot be stored.
pub(crate) fn unstorable(message: Message, error: &StoreError) -> Option<Message> {
    let Message::Machine {
        machine,
        event: HostEvent::Report(Report::Finished(mut outcome)),
    } = message
    else {
        return None;
    };
    let reason = format!("its outcome cannot be stored: {error}");
    let known = matches!(&outcome.exit, Exit::NotStarted { reason: before } if *before == reason);
    outcome.writes = Vec::new();
    outcome.task = None;
    outcome.output = Output::default();
    outcome.exit = Exit::NotStarted { reason };
    (!known).then_some(Message::Machine {
        machine,
        event: HostEvent::Report(Report::Finished(outcome)),
    })
}

/// Turns a message into changes and flight.
pub(crate) fn take(desk: &mut Desk, outbox: &mut Outbox, message: &Message, now: OffsetDateTime) {
    match message {
        Message::Called { effect, result } => called(desk, *effect, result, now),
        Message::Listed { result: Ok(seen) } => {
            for change in sightings::observe(&desk.state, seen, now) {
                desk.record(change);
            }
        }
        Message::Surveyed { sight } => surveyed(desk, sight),
        Message::Listed { result: Err(error) } => {
            tracing::warn!(model = %desk.state.model().id, %error, "failed to list machines");
        }
        Message::Looked { machine, result } => looked(desk, *machine, result, now),
        Message::Machine { machine, event } => said(desk, outbox, *machine, event, now),
        Message::Offers => {
            for subject in lazuli_plan::subjects(&desk.state) {
                if matches!(subject, Subject::Machine(_)) {
                    desk.touch(subject);
                }
            }
        }
    }
}

fn called(
    desk: &mut Desk,
    effect: EffectId,
    result: &Result<Progress, CloudError>,
    now: OffsetDateTime,
) {
    desk.flight.effects.remove(&effect);
    desk.flight.doubted.remove(&effect);
    let Some(before) = desk.state.effect(effect).cloned() else {
        return;
    };
    touch_effect(desk, effect);
    let row = ledger::advance(&before, result, desk.lookout.pending(), now);
    desk.lookout.list_wanted |= sightings::is_back(&before, &row);
    if row != before {
        desk.record(Change::Put(Row::Effect(row)));
    }
    if before.machine.is_some() && result.as_ref().is_err_and(lacks_its_surroundings) {
        doubt_what_is_shared(desk);
    }
}

/// Whether a machine was refused because of something that it refers to.
fn lacks_its_surroundings(error: &CloudError) -> bool {
    matches!(
        error.code.as_str(),
        "ResourceGroupNotFound" | "InvalidResourceReference" | "NotFound"
    )
}

/// Has the cloud asked whether group, network and the rest are still there.
fn doubt_what_is_shared(desk: &mut Desk) {
    let shared = desk
        .state
        .effects()
        .filter(|row| row.machine.is_none() && row.state == EffectState::Present)
        .map(|row| row.id);
    desk.flight.doubted.extend(shared);
    desk.touch(Subject::Model);
}

/// Compares the instances with what was seen of the subscription.
fn surveyed(desk: &mut Desk, sight: &Sight) {
    let group = SharedNames::of(desk.state.model()).group;
    let state = &desk.state;
    let late = |id: EffectId| {
        state.effect(id).is_none_or(|row| {
            row.state != EffectState::Gone || row.changed_at + sightings::LATE < sight.began
        })
    };
    for id in desk.lookout.tombstones(late) {
        let Some(row) = desk.state.effect(id) else {
            continue;
        };
        let seen = sight.survey.get(&group, &row.name);
        if let Some(row) = sightings::revived(&desk.state, row, seen, sight.began) {
            tracing::warn!(effect = %row.name, "a machine that was gone is there");
            desk.record(Change::Put(Row::Effect(row)));
        }
    }
    let machines: Vec<_> = desk.lookout.instances().collect();
    for machine in machines {
        let Some(effect) = sightings::present(&desk.state, machine) else {
            continue;
        };
        let seen = sight.survey.get(&group, &effect.name);
        match sightings::compare(effect, seen, sight.began) {
            Told::Nothing => {}
            Told::Row(row) => {
                desk.lookout.list_wanted |= sightings::is_back(effect, &row);
                desk.record(Change::Put(Row::Effect(*row)));
            }
            Told::Doubt(effect) => {
                desk.flight.doubted.insert(effect);
                desk.touch(Subject::Machine(machine));
            }
        }
    }
}

fn looked(
    desk: &mut Desk,
    machine: MachineId,
    result: &Result<MachineFacts, String>,
    now: OffsetDateTime,
) {
    desk.flight.looks.remove(&machine);
    match result {
        Ok(facts) => on_machine(desk, machine, |known| {
            known.facts = Some(facts.clone());
            known.unreachable = None;
        }),
        Err(reason) => {
            on_machine(desk, machine, |known| {
                ledger::reach(known, Some(reason.clone()), None, now);
            });
            let known = desk.state.machine_state(machine);
            if let Some(trouble) = known.and_then(|known| known.unreachable.as_ref()) {
                let next = ledger::next_look(trouble, now);
                desk.flight.looks.insert(machine, Look::Failed { next });
            }
        }
    }
}

/// What a machine says, or what is the matter with it.
fn said(
    desk: &mut Desk,
    outbox: &mut Outbox,
    machine: MachineId,
    event: &HostEvent,
    now: OffsetDateTime,
) {
    match event {
        HostEvent::Reached { boot_id } => on_machine(desk, machine, |known| {
            ledger::reach(known, None, Some(boot_id.clone()), now);
        }),
        HostEvent::Trouble { reason } => {
            let known = desk.state.machine_state(machine);
            // The cloud may know why.
            desk.lookout.survey_wanted |= known.is_some_and(|known| known.unreachable.is_none());
            on_machine(desk, machine, |known| {
                ledger::reach(known, Some(reason.clone()), None, now);
            });
        }
        HostEvent::Report(report) => {
            if desk.state.machine(machine).is_some() {
                self::report(desk, outbox, machine, report, now);
            }
        }
        // The loop ends; nothing is to be written.
        HostEvent::Fenced { .. } => {}
    }
}

fn report(
    desk: &mut Desk,
    outbox: &mut Outbox,
    machine: MachineId,
    report: &Report,
    now: OffsetDateTime,
) {
    match report {
        Report::Finished(outcome) => {
            let run = outcome.run.clone();
            match convert::ended(outcome, &desk.vault, now) {
                _ if run.task().is_some() => task_news::ended(desk, outcome, now),
                _ if run.is_wish() => {
                    if desk.wishes.is_first(&run) {
                        for change in tasks::command_ended(desk, outcome, now) {
                            desk.record(change);
                        }
                    }
                }
                Some(ended) if is_foreign(&desk.state, &ended) => {
                    tracing::warn!(%machine, %run, "an outcome is about what is not its unit's");
                    let reason = "its machine spoke of another hook".to_owned();
                    let run = (ended.unit, ended.seq);
                    given_back::put_off(&mut desk.flight, run, reason, false, now);
                    end_run(desk, ended.unit, ended.seq);
                }
                Some(ended) => {
                    match &ended.exit {
                        Ending::Interrupted { reason } => {
                            given_back::put_off(
                                &mut desk.flight,
                                (ended.unit, ended.seq),
                                reason.clone(),
                                true,
                                now,
                            );
                        }
                        Ending::Success | Ending::Failed { .. } => {
                            desk.flight.put_off.remove(&ended.unit);
                        }
                    }
                    for change in lazuli_plan::commit_outcome(&desk.state, &ended, now) {
                        desk.record(change);
                    }
                    end_run(desk, ended.unit, ended.seq);
                }
                None => {
                    // Not dropped silently: the run is asked for again.
                    tracing::warn!(%machine, %run, "an outcome is not understood");
                    if let Some(unit) = convert::unit(&run) {
                        let reason = "its outcome is not understood".to_owned();
                        given_back::put_off(&mut desk.flight, (unit, run.seq), reason, false, now);
                        end_run(desk, unit, run.seq);
                    }
                }
            }
            outbox.push((machine, Request::Ack { run }));
        }
        Report::Immediate { run, n, write } => {
            if let (Some(task), Write::ActionLog { message }) = (run.task(), write) {
                let said = lazuli_plan::task_said(&desk.state, task, *n, message, now);
                said.into_iter().for_each(|change| desk.record(change));
            }
            if let (Some(unit), Some(write)) = (convert::unit(run), convert::immediate(write)) {
                for change in lazuli_plan::immediate(&desk.state, unit, &write, now) {
                    desk.record(change);
                }
            }
            let run = run.clone();
            outbox.push((machine, Request::AckWrites { run, upto: *n }));
        }
        Report::Ask { run, ask, question } => {
            renew_for(desk, run, question, now);
            let answer = answer::answer(desk, run, question, now);
            fetched(desk, run, question);
            let run = run.clone();
            // After the commit: a grant is committed before it is given.
            outbox.push((
                machine,
                Request::Answer {
                    run,
                    ask: *ask,
                    answer,
                },
            ));
        }
        Report::Wish { run, exec } => task_news::wished(desk, outbox, machine, (run, exec), now),
        Report::Refused {
            run: Some(run),
            refusal,
        } if run.is_wish() => {
            if let Refusal::Invalid { reason } = refusal {
                let (run, reason) = (run.clone(), reason.clone());
                outbox.push((machine, Request::Decline { run, reason }));
            }
        }
        Report::Refused { run, refusal } => {
            given_back::refused(desk, machine, run.as_ref(), refusal, now);
        }
        // Lines of logs went their own way; the others say nothing new.
        Report::Log { .. } | Report::Attached { .. } | Report::Started { .. } => {}
    }
}

fn is_foreign(state: &ModelState, ended: &Ended) -> bool {
    state
        .unit(ended.unit)
        .is_some_and(|unit| lazuli_plan::is_foreign(state, unit, &ended.levels.hook))
}

/// A run is over: its unit, and whoever waits for its machine, go on.
fn end_run(desk: &mut Desk, unit: UnitId, seq: u64) {
    let running = desk.flight.hooks.get(&unit);
    if running.is_some_and(|running| running.seq <= seq) {
        desk.flight.hooks.remove(&unit);
    }
    touch_unit(desk, unit);
}

/// A leader that asks is granted leadership anew.
pub(crate) fn renew_for(desk: &mut Desk, run: &RunId, question: &Question, now: OffsetDateTime) {
    if *question != Question::Leader {
        return;
    }
    let unit = convert::unit(run).and_then(|id| desk.state.unit(id));
    let renewed = unit.and_then(|unit| lazuli_plan::renewed_grant(&desk.state, unit, now));
    if let Some(change) = renewed {
        desk.record(change);
    }
}

/// Remembers which content of a resource a unit was given.
fn fetched(desk: &mut Desk, run: &RunId, question: &Question) {
    let Question::Resource { name } = question else {
        return;
    };
    let unit = convert::unit(run).and_then(|id| desk.state.unit(id));
    let change = unit.and_then(|unit| lazuli_plan::fetch_resource(&desk.state, unit, name));
    if let Some(change) = change {
        desk.record(change);
    }
}

fn on_machine(desk: &mut Desk, machine: MachineId, change: impl FnOnce(&mut MachineState)) {
    desk.touch(Subject::Machine(machine));
    let Some(known) = desk.state.machine_state(machine) else {
        return;
    };
    let mut new = known.clone();
    change(&mut new);
    if new != *known {
        desk.record(Change::Put(Row::MachineState(new)));
    }
}

fn touch_effect(desk: &mut Desk, effect: EffectId) {
    let machine = desk.state.effect(effect).and_then(|row| row.machine);
    desk.touch(machine.map_or(Subject::Model, Subject::Machine));
}

fn touch_unit(desk: &mut Desk, unit: UnitId) {
    desk.touch(Subject::Unit(unit));
    let Some(row) = desk.state.unit(unit) else {
        return;
    };
    let (machine, application) = (row.machine, row.application);
    let neighbours: Vec<_> = desk.state.units_on(machine).map(|unit| unit.id).collect();
    let mut waiting: Vec<u64> = desk
        .state
        .tasks_on(machine)
        .map(|task| task.number)
        .collect();
    for neighbour in neighbours {
        desk.touch(Subject::Unit(neighbour));
        waiting.extend(desk.state.tasks_of(neighbour).map(|task| task.number));
    }
    for task in waiting {
        desk.touch(Subject::Task(task));
    }
    desk.touch(Subject::Application(application));
    desk.touch(Subject::Machine(machine));
}

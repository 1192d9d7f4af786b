//! What a machine was asked and what it has answered: a pure state machine,
//! so that no cut, wherever it falls, loses a run or starts one twice.
//!
//! The machine keeps a run until it is acknowledged and repeats what it knows
//! at each attachment; the same run with the same digest is never started
//! twice there. So it suffices to ask again for runs that the machine does not
//! list, to acknowledge again those that it lists though they were
//! acknowledged, and to say again who is to be killed or forgotten.

use std::collections::{BTreeMap, VecDeque};

use lazuli_runner::frames::{Refusal, Report, Request, RunId, RunRequest, RunState, RunSummary};

/// Requests that wait, at most, before no more are taken.
const WAITING_MAX: usize = 4_096;

/// Whatever the attempt.
const ANY: u32 = u32::MAX;

/// The book of one machine.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Runs that were asked for or found and are not acknowledged.
    runs: BTreeMap<RunId, Entry>,
    /// Acknowledged up to this attempt, but the machine may not know.
    acked: BTreeMap<RunId, u32>,
    /// Units to forget, which the machine may not know.
    forgets: Vec<String>,
    outbox: VecDeque<Out>,
    attached: bool,
}

#[derive(Debug, Default)]
struct Entry {
    /// None when it was found at the machine.
    request: Option<Box<RunRequest>>,
    /// The request was given out to be sent.
    sent: bool,
    finished: bool,
    /// The attempt that finished.
    attempt: Option<u32>,
    kill: Option<String>,
    /// The run of the same unit that has to be acknowledged first.
    behind: Option<RunId>,
}

#[derive(Debug)]
enum Out {
    Run(RunId),
    Other(Request),
}

impl Ledger {
    /// Takes a request. What makes no sense without a connection (answers,
    /// grants, acknowledged writes) is dropped when there is none: the machine
    /// asks and reports again.
    pub(crate) fn request(&mut self, request: Request) {
        match request {
            Request::Attach(_) => {}
            Request::Run(run) => self.run(run),
            Request::Ack { run } => {
                let attempt = self.runs.remove(&run).and_then(|entry| entry.attempt);
                if self.acked.len() >= WAITING_MAX {
                    self.acked.pop_first();
                }
                self.acked.insert(run.clone(), attempt.unwrap_or(ANY));
                self.push(Request::Ack { run: run.clone() });
                self.release(&run);
            }
            Request::Kill { run, reason } => {
                if let Some(entry) = self.runs.get_mut(&run) {
                    if !entry.sent {
                        // It must not begin after it was given up; but it may
                        // run there since before.
                        entry.request = None;
                    }
                    entry.kill = Some(reason.clone());
                }
                self.push(Request::Kill { run, reason });
            }
            Request::Forget { unit } => {
                // What was asked for of that name is of the unit that is gone:
                // never again. What the machine may have is still waited for.
                let attached = self.attached;
                self.runs.retain(|_, entry| {
                    let gone = |request: &mut Box<RunRequest>| request.unit == unit;
                    if entry.request.take_if(gone).is_some() {
                        entry.kill = None;
                        return attached && entry.behind.is_none();
                    }
                    true
                });
                if !self.forgets.contains(&unit) {
                    self.forgets.push(unit.clone());
                }
                self.push(Request::Forget { unit });
            }
            Request::AckWrites { .. }
            | Request::Answer { .. }
            | Request::Grant { .. }
            | Request::Decline { .. } => {
                self.push(request);
            }
            // Programs on the machine say that, not hosts.
            Request::Exec(_) => {}
        }
    }

    fn run(&mut self, run: Box<RunRequest>) {
        let id = run.run.clone();
        // It must not be forgotten again by a repeat.
        let name = &run.unit;
        if self.attached {
            self.forgets.retain(|unit| unit != name);
        }
        if let Some(attempt) = self.acked.get_mut(&id)
            && *attempt == ANY
        {
            *attempt = 0;
        }
        let entry = self.runs.entry(id.clone()).or_default();
        let repeat = entry.request.is_some() && !entry.finished;
        entry.request = Some(run);
        entry.finished = false;
        if self.attached && !repeat {
            self.outbox.push_back(Out::Run(id));
        }
    }

    /// Asks again for what waited behind a run that was acknowledged.
    fn release(&mut self, acked: &RunId) {
        let mut released = Vec::new();
        for (run, entry) in &mut self.runs {
            if entry.behind.as_ref() == Some(acked) {
                entry.behind = None;
                released.push(run.clone());
            }
        }
        self.again(released);
    }

    /// Asks again for runs that were refused for a reason that is gone.
    pub(crate) fn again(&mut self, runs: Vec<RunId>) {
        if self.attached {
            self.outbox.extend(runs.into_iter().map(Out::Run));
        }
    }

    fn push(&mut self, request: Request) {
        if self.attached {
            self.outbox.push_back(Out::Other(request));
        }
    }

    /// The machine is attached and has listed what it knows.
    pub(crate) fn attached(&mut self, listed: &[RunSummary]) {
        self.attached = true;
        self.outbox.clear();
        let known: BTreeMap<&RunId, &RunSummary> = listed
            .iter()
            .map(|summary| (&summary.run, summary))
            .collect();
        self.acked.retain(|run, _| known.contains_key(run));
        for run in self.acked.clone().into_keys() {
            self.push(Request::Ack { run });
        }
        for unit in self.forgets.clone() {
            self.push(Request::Forget { unit });
        }
        self.runs
            .retain(|run, entry| entry.request.is_some() || known.contains_key(run));
        for summary in listed {
            if !self.acked.contains_key(&summary.run) {
                self.runs.entry(summary.run.clone()).or_default();
            }
        }
        let mut again = Vec::new();
        let mut kills = Vec::new();
        for (run, entry) in &mut self.runs {
            entry.behind = None;
            let summary = known.get(run);
            // What is listed and acknowledged is the attempt before.
            let before = self.acked.contains_key(run);
            let differs = |request: &RunRequest| {
                before || summary.is_none_or(|summary| summary.digest != request.digest)
            };
            let unknown = entry.request.as_deref().is_some_and(differs);
            if unknown && !entry.finished {
                again.push(Out::Run(run.clone()));
            }
            let running = summary.is_none_or(|summary| summary.state == RunState::Running);
            if let Some(reason) = entry.kill.clone().filter(|_| running && !entry.finished) {
                let run = run.clone();
                kills.push(Out::Other(Request::Kill { run, reason }));
            }
        }
        self.outbox.extend(again);
        self.outbox.extend(kills);
        // Said before its name is used again, and never after.
        let named = |unit: &String, entry: &Entry| {
            let request = entry.request.as_ref();
            request.is_some_and(|request| request.unit == *unit)
        };
        let runs = &self.runs;
        self.forgets
            .retain(|unit| !runs.values().any(|entry| named(unit, entry)));
    }

    /// Takes a report; whether the controller needs it.
    pub(crate) fn report(&mut self, report: &Report) -> bool {
        match report {
            Report::Attached { .. } => false,
            // It is said again as long as nobody asks for its run.
            Report::Wish { run, .. } => {
                !self.acked.contains_key(run) && !self.runs.contains_key(run)
            }
            Report::Started { run, attempt } => {
                let wanted = self.is_wanted(run, *attempt);
                if wanted && run.task().is_none() && !run.is_wish() {
                    // Requests arrive in order: what was acknowledged before
                    // this run was asked for is known there.
                    self.acked.retain(|acked, _| acked.unit != run.unit);
                }
                if wanted {
                    self.runs.entry(run.clone()).or_default();
                }
                wanted
            }
            Report::Finished(outcome) => {
                let wanted = self.is_wanted(&outcome.run, outcome.attempt);
                if wanted {
                    let entry = self.runs.entry(outcome.run.clone()).or_default();
                    entry.finished = true;
                    entry.attempt = Some(outcome.attempt);
                }
                wanted
            }
            Report::Refused { run, refusal } => {
                if let Some(run) = run {
                    self.refused(run, refusal);
                }
                true
            }
            Report::Immediate { run, .. } | Report::Ask { run, .. } | Report::Log { run, .. } => {
                !self.acked.contains_key(run) || self.runs.contains_key(run)
            }
        }
    }

    fn refused(&mut self, run: &RunId, refusal: &Refusal) {
        match refusal {
            // It is asked for again when what it lacks is there.
            Refusal::NoCharm { .. } => {}
            // It is asked for again when the other is acknowledged; at once, if
            // the acknowledgement crossed the refusal on its way.
            Refusal::Busy { run: other } => {
                if self.acked.remove(other).is_some() {
                    self.again(vec![run.clone()]);
                } else if let Some(entry) = self.runs.get_mut(run) {
                    entry.behind = Some(other.clone());
                }
            }
            // The one that is recorded under this name reports itself.
            Refusal::Digest { .. } => {
                if let Some(entry) = self.runs.get_mut(run) {
                    entry.request = None;
                }
            }
            Refusal::Fenced { .. } | Refusal::Protocol { .. } | Refusal::Invalid { .. } => {
                self.runs.remove(run);
            }
        }
    }

    /// An attempt that was acknowledged is over.
    fn is_wanted(&self, run: &RunId, attempt: u32) -> bool {
        self.acked.get(run).is_none_or(|acked| attempt > *acked)
    }

    /// The next request to send.
    pub(crate) fn next(&mut self) -> Option<Request> {
        loop {
            match self.outbox.pop_front()? {
                Out::Other(request) => return Some(request),
                Out::Run(id) => {
                    // It may have been acknowledged meanwhile.
                    let Some(entry) = self.runs.get_mut(&id) else {
                        continue;
                    };
                    if let Some(request) = entry.request.clone() {
                        entry.sent = true;
                        return Some(Request::Run(request));
                    }
                    if !entry.finished {
                        // Its unit is gone, and it never got to the machine.
                        self.runs.remove(&id);
                    }
                }
            }
        }
    }

    /// Whether requests wait to be sent.
    pub(crate) fn has_next(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Whether more requests may come.
    pub(crate) fn has_room(&self) -> bool {
        self.outbox.len() < WAITING_MAX && self.runs.len() < WAITING_MAX
    }

    /// Whether a hook is under way, or is to be.
    pub(crate) fn in_flight(&self) -> bool {
        self.runs.values().any(|entry| !entry.finished)
    }

    /// Whether a connection is needed.
    pub(crate) fn has_work(&self) -> bool {
        let unsaid = !self.acked.is_empty() || !self.forgets.is_empty();
        self.in_flight() || self.has_next() || (unsaid && !self.attached)
    }

    /// The connection is gone; what was sent may not have arrived.
    pub(crate) fn lost(&mut self) {
        self.attached = false;
        self.outbox.clear();
    }

    /// The connection was closed in order: all that was sent has arrived.
    pub(crate) fn closed(&mut self) {
        self.lost();
        self.acked.clear();
        self.forgets.clear();
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;

//! The loop of one model: gather, apply, plan, commit, act.
//!
//! Everything that arrives while a commit is under way is the next batch, so
//! commits grow with the load without a timer. Nothing acts before the
//! decisions it rests on are committed under the model's fence; whoever lost
//! the model learns it at the next commit and stops.

use std::sync::Arc;
use std::time::Duration;

use lazuli_model::id::{EffectId, MachineId, ModelId, UnitId};
use lazuli_model::offer::Offer;
use lazuli_model::state::{Change, Effect, EffectSpec, EffectState, MachineState, Row, RowKey};
use lazuli_plan::{Action, Running, Subject};
use lazuli_runner::frames::{Question, Refusal, Report, Request, RunId};
use lazuli_store::heads::Position;
use lazuli_store::{Batch, Class, Loaded, StoreError};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::context;
use crate::convert;
use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::freeze;
use crate::ledger;
use crate::message::Message;
use crate::settle::Desk;
use crate::shared::{Shared, now};

/// Messages that wait for a loop, at most; senders wait beyond that.
pub(crate) const INBOX: usize = 1024;
/// Messages that are taken into one batch, at most.
const BATCH: usize = 512;
/// A hook that runs longer than this is shown as executing; a shorter one is
/// not worth a row.
const SHOWN_AFTER: time::Duration = time::Duration::milliseconds(150);
/// Commits that fail are tried again from this, doubling,
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// to this.
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why a loop ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The model is gone.
    Removed,
    /// Another replica holds it.
    Fenced,
    /// It was told to.
    Cancelled,
    /// It cannot go on; the model is taken up anew.
    Failed(String),
}

/// The loop of one model.
pub(crate) struct ModelLoop {
    shared: Arc<Shared>,
    model: ModelId,
    epoch: u64,
    desk: Desk,
    /// How far the rows are that were read.
    position: Position,
    fleet: Fleet,
    cloud: CloudWorker,
    inbox: mpsc::Receiver<Message>,
    offers: watch::Receiver<Arc<Vec<Offer>>>,
    /// Messages whose effect is not committed yet: taken again after a reload.
    batch: Vec<Message>,
    /// What machines are told once the batch is committed.
    outbox: Vec<(MachineId, Request)>,
    /// When the model's machines were last listed for.
    list_at: Option<Instant>,
}

impl ModelLoop {
    pub(crate) fn new(
        shared: Arc<Shared>,
        epoch: u64,
        loaded: Loaded,
        fleet: Fleet,
        cloud: CloudWorker,
        inbox: mpsc::Receiver<Message>,
        offers: watch::Receiver<Arc<Vec<Offer>>>,
    ) -> Self {
        Self {
            shared,
            model: loaded.state.model().id,
            epoch,
            desk: Desk::new(loaded.state),
            position: loaded.position,
            fleet,
            cloud,
            inbox,
            offers,
            batch: Vec::new(),
            outbox: Vec::new(),
            list_at: None,
        }
    }

    /// Runs until the model is gone, lost, or the token says stop.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> End {
        let mut feed = self.shared.store.feed().subscribe(self.model);
        let end = loop {
            match self.turn().await {
                Ok(()) => {}
                Err(end) => break end,
            }
            let wake = self.next_wake();
            tokio::select! {
                () = cancel.cancelled() => break End::Cancelled,
                message = self.inbox.recv() => match message {
                    Some(message) => self.gather(message),
                    None => break End::Cancelled,
                },
                changed = feed.changed() => {
                    if changed.is_err() {
                        break End::Cancelled;
                    }
                    if let Err(end) = self.refresh().await {
                        break end;
                    }
                }
                changed = self.offers.changed() => {
                    if changed.is_ok() {
                        self.gather(Message::Offers);
                    }
                }
                () = sleep_until(wake) => self.list_if_due(),
            }
        };
        self.fleet.close();
        end
    }

    /// Takes a message and all that wait behind it.
    fn gather(&mut self, first: Message) {
        self.batch.push(first);
        while self.batch.len() < BATCH {
            match self.inbox.try_recv() {
                Ok(message) => self.batch.push(message),
                Err(_) => break,
            }
        }
    }

    /// Plans, commits and acts until nothing is left to do now.
    async fn turn(&mut self) -> Result<(), End> {
        let mut retry = FIRST_RETRY;
        loop {
            let now = now();
            let batch = std::mem::take(&mut self.batch);
            for message in &batch {
                self.take(message, now);
            }
            self.batch = batch;
            let offers = self.offers.borrow().clone();
            if let Err(error) = self.desk.settle(&offers, now) {
                return Err(End::Failed(error.to_string()));
            }
            match self.commit().await {
                Ok(removed) => {
                    self.batch.clear();
                    for (machine, request) in std::mem::take(&mut self.outbox) {
                        self.fleet.send(machine, request);
                    }
                    if removed {
                        return Err(End::Removed);
                    }
                    self.act(now);
                    return Ok(());
                }
                Err(error) => {
                    self.outbox.clear();
                    self.after_failed_commit(&error, &mut retry).await?;
                }
            }
        }
    }

    /// Writes what the desk has, under the fence; whether the model is gone.
    async fn commit(&mut self) -> Result<bool, StoreError> {
        if self.desk.is_clean() {
            return Ok(false);
        }
        let bodies = freeze::new_machines(&self.shared, &self.cloud, &mut self.desk).await?;
        let changes = self.desk.changes();
        let touches_desired = changes.iter().any(|change| is_desired(&change.key()));
        let batch = Batch {
            bodies,
            generation: touches_desired.then_some(self.position.generation),
            ..Batch::new(self.model, self.epoch, changes)
        };
        let committed = self.shared.store.commit(&[batch]).await?;
        self.desk.committed();
        let Some(done) = committed.first() else {
            return Ok(false);
        };
        // Only when nobody committed in between is what we have all there is.
        if done.position.revision == self.position.revision + 1 {
            self.position = done.position;
        }
        Ok(done.removed)
    }

    /// What to do about a commit that failed follows from its class. The rows
    /// are read anew, and the batch is taken again on top of them: taking an
    /// outcome twice changes nothing.
    async fn after_failed_commit(
        &mut self,
        error: &StoreError,
        retry: &mut Duration,
    ) -> Result<(), End> {
        match error.class() {
            Class::Fenced => return Err(End::Fenced),
            Class::NotFound => return Err(End::Removed),
            Class::Conflict | Class::Unknown => {}
            Class::Transient => {
                tracing::warn!(model = %self.model, %error, "the database does not answer; trying again");
            }
            Class::User | Class::Bug => {
                tracing::error!(model = %self.model, error = ?error, "a batch cannot be committed; trying again");
            }
        }
        tokio::time::sleep(*retry).await;
        *retry = (*retry * 2).min(LAST_RETRY);
        match lazuli_store::load(self.shared.store.pool(), self.model).await {
            Ok(loaded) => {
                self.desk.reload(loaded.state);
                self.position = loaded.position;
                Ok(())
            }
            Err(error) if error.class() == Class::NotFound => Err(End::Removed),
            Err(_) => Ok(()),
        }
    }

    /// Reads what others committed.
    async fn refresh(&mut self) -> Result<(), End> {
        match self.read_changes().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(End::Removed),
            // The next ring, or the sweep, tries again.
            Err(error) => {
                tracing::warn!(model = %self.model, %error, "failed to read what changed");
                Ok(())
            }
        }
    }

    /// Whether the model is still there.
    async fn read_changes(&mut self) -> Result<bool, StoreError> {
        let pool = self.shared.store.pool();
        let since = self.position.revision;
        let Some(changed) = lazuli_store::changed_since(pool, self.model, since).await? else {
            return Ok(false);
        };
        if changed.position.revision == since {
            return Ok(true);
        }
        let Some(keys) = changed.keys else {
            // Older than the events that are kept.
            let loaded = lazuli_store::load(pool, self.model).await?;
            self.desk.reload(loaded.state);
            self.position = loaded.position;
            return Ok(true);
        };
        for change in lazuli_store::rows(pool, self.model, &keys).await? {
            self.desk.absorb(change);
        }
        self.position = changed.position;
        Ok(true)
    }

    /// Turns one message of the batch into changes and flight.
    fn take(&mut self, message: &Message, now: OffsetDateTime) {
        match message {
            Message::Called { effect, result } => {
                self.desk.flight.effects.remove(effect);
                let row = self.desk.state.effect(*effect);
                let advanced = row.map(|row| ledger::advance(row, result, now));
                if let Some(row) = advanced {
                    self.touch_effect(*effect);
                    if self.desk.state.effect(*effect) != Some(&row) {
                        self.desk.record(Change::Put(Row::Effect(row)));
                    }
                }
                self.list_at = None;
            }
            Message::Listed { result: Ok(seen) } => {
                for change in ledger::observe(&self.desk.state, seen, now) {
                    self.desk.record(change);
                }
            }
            Message::Listed { result: Err(error) } => {
                tracing::warn!(model = %self.model, %error, "failed to list machines");
            }
            Message::Booted { machine, facts } => {
                self.desk.flight.boots.remove(machine);
                let facts = facts.clone();
                self.on_machine(*machine, |known| {
                    known.facts = Some(facts);
                    known.unreachable = None;
                });
            }
            Message::Reach {
                machine,
                trouble,
                boot_id,
            } => {
                let (trouble, boot_id) = (trouble.clone(), boot_id.clone());
                self.on_machine(*machine, |known| {
                    ledger::reach(known, trouble, boot_id, now);
                });
            }
            Message::Report { machine, report } => {
                let (machine, report) = (*machine, report.clone());
                self.report(machine, report, now);
            }
            Message::Fenced | Message::Offers => {
                for subject in lazuli_plan::subjects(&self.desk.state) {
                    if matches!(subject, Subject::Machine(_)) {
                        self.desk.touch(subject);
                    }
                }
            }
        }
    }

    fn on_machine(&mut self, machine: MachineId, change: impl FnOnce(&mut MachineState)) {
        self.desk.touch(Subject::Machine(machine));
        let Some(known) = self.desk.state.machine_state(machine) else {
            return;
        };
        let mut new = known.clone();
        change(&mut new);
        if new != *known {
            self.desk.record(Change::Put(Row::MachineState(new)));
        }
    }

    fn touch_effect(&mut self, effect: EffectId) {
        let machine = self.desk.state.effect(effect).and_then(|row| row.machine);
        self.desk
            .touch(machine.map_or(Subject::Model, Subject::Machine));
    }

    /// What a machine's supervisor says.
    fn report(&mut self, machine: MachineId, report: Report, now: OffsetDateTime) {
        match report {
            Report::Finished(outcome) => {
                let run = outcome.run.clone();
                if let Some(ended) = convert::ended(&outcome) {
                    let unit = ended.unit;
                    for change in lazuli_plan::commit_outcome(&self.desk.state, &ended, now) {
                        self.desk.record(change);
                    }
                    let running = self.desk.flight.hooks.get(&unit);
                    if running.is_some_and(|running| running.seq <= ended.seq) {
                        self.desk.flight.hooks.remove(&unit);
                    }
                    self.touch_unit(unit);
                } else {
                    tracing::warn!(%machine, %run, "an outcome that is not understood is dropped");
                }
                self.outbox.push((machine, Request::Ack { run }));
            }
            Report::Immediate { run, n, write } => {
                if let (Some(unit), Some(write)) = (convert::unit(&run), convert::immediate(&write))
                {
                    for change in lazuli_plan::immediate(&self.desk.state, unit, &write, now) {
                        self.desk.record(change);
                    }
                }
                self.outbox
                    .push((machine, Request::AckWrites { run, upto: n }));
            }
            Report::Ask { run, ask, question } => {
                self.renew_for(&run, &question, now);
                let answer = answer::answer(&self.desk, &run, &question, now);
                // After the commit: a grant is committed before it is given.
                self.outbox
                    .push((machine, Request::Answer { run, ask, answer }));
            }
            Report::Refused { run, refusal } => self.refused(machine, run, &refusal),
            Report::Log {
                run,
                lines,
                dropped,
            } => {
                if let Some(unit) = convert::unit(&run).and_then(|id| self.desk.state.unit(id)) {
                    self.shared
                        .logs
                        .push(self.model, &unit.name.to_string(), lines, dropped);
                }
            }
            Report::Attached { .. } | Report::Started { .. } => {}
        }
    }

    /// A leader that asks is granted leadership anew.
    fn renew_for(&mut self, run: &RunId, question: &Question, now: OffsetDateTime) {
        if *question != Question::Leader {
            return;
        }
        let unit = convert::unit(run).and_then(|id| self.desk.state.unit(id));
        let renewed = unit.and_then(|unit| lazuli_plan::renewed_grant(&self.desk.state, unit, now));
        if let Some(change) = renewed {
            self.desk.record(change);
        }
    }

    /// A run that was refused is not in flight, unless another one is: then
    /// its outcome comes, and the plan is made anew.
    fn refused(&mut self, machine: MachineId, run: Option<RunId>, refusal: &Refusal) {
        tracing::warn!(%machine, ?run, ?refusal, "a machine refused a request");
        let Some(unit) = run.as_ref().and_then(convert::unit) else {
            return;
        };
        match refusal {
            Refusal::Digest { .. } | Refusal::Busy { .. } | Refusal::Fenced { .. } => {}
            Refusal::Protocol { .. } | Refusal::NoCharm { .. } | Refusal::Invalid { .. } => {
                self.desk.flight.hooks.remove(&unit);
                // Not at once: what refused it now would do so again.
                self.desk
                    .touch_at(now() + time::Duration::seconds(5), Subject::Unit(unit));
            }
        }
    }

    /// A unit, and whoever waits for its machine.
    fn touch_unit(&mut self, unit: UnitId) {
        self.desk.touch(Subject::Unit(unit));
        let Some(row) = self.desk.state.unit(unit) else {
            return;
        };
        let (machine, application) = (row.machine, row.application);
        let neighbours: Vec<_> = self
            .desk
            .state
            .units_on(machine)
            .map(|unit| unit.id)
            .collect();
        for neighbour in neighbours {
            self.desk.touch(Subject::Unit(neighbour));
        }
        self.desk.touch(Subject::Application(application));
        self.desk.touch(Subject::Machine(machine));
    }

    /// Hands out what the plans ask for and is not under way.
    fn act(&mut self, now: OffsetDateTime) {
        for action in self.desk.take_actions() {
            match action {
                Action::Ensure { effect } | Action::Poll { effect } | Action::Remove { effect } => {
                    let Some(row) = self.desk.state.effect(effect).cloned() else {
                        continue;
                    };
                    if self.desk.flight.effects.insert(effect) {
                        self.cloud.start(&action, row);
                    }
                }
                Action::Boot { machine } => {
                    if self.desk.flight.boots.insert(machine) {
                        self.fleet.boot(&self.desk.state, machine);
                    }
                }
                Action::RunHook { unit, seq, levels } => {
                    self.run_hook(unit, seq, &levels, now);
                }
                Action::KillHook { unit, seq, reason } => {
                    if let Some(row) = self.desk.state.unit(unit) {
                        let run = RunId {
                            unit: unit.to_string(),
                            seq,
                        };
                        let request = Request::Kill { run, reason };
                        self.fleet.send(row.machine, request);
                    }
                }
            }
        }
        self.fleet.retain(&self.desk.state);
        self.list_if_due();
    }

    fn run_hook(
        &mut self,
        unit: UnitId,
        seq: u64,
        levels: &lazuli_plan::Levels,
        now: OffsetDateTime,
    ) {
        let offers = self.offers.borrow().clone();
        let inputs = lazuli_plan::Inputs {
            state: &self.desk.state,
            flight: &self.desk.flight,
            offers: &offers,
            now,
        };
        let Some(machine) = self.desk.state.unit(unit).map(|row| row.machine) else {
            return;
        };
        let busy = self
            .desk
            .state
            .units_on(machine)
            .any(|other| self.desk.flight.hooks.contains_key(&other.id));
        if busy {
            return;
        }
        let Some(request) = context::run_request(inputs, unit, seq, levels) else {
            return;
        };
        let running = Running {
            seq,
            hook: levels.hook.clone(),
            since: now,
        };
        self.desk.flight.hooks.insert(unit, running);
        self.desk.touch_at(now + SHOWN_AFTER, Subject::Unit(unit));
        self.fleet.run(&self.desk.state, machine, request);
    }

    /// Lists the group's machines while an address is missing.
    fn list_if_due(&mut self) {
        if !ledger::list_is_due(&self.desk.state) {
            self.list_at = None;
            return;
        }
        let due = self.list_at.is_none_or(|at| at <= Instant::now());
        if due && self.cloud.list() {
            self.list_at = Some(Instant::now() + ledger::list_interval());
        }
    }

    fn next_wake(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let planned = self.desk.next_wake().map(|at| {
            let wait = (at - now()).max(time::Duration::ZERO);
            Instant::now() + wait.unsigned_abs()
        });
        let listed = self.list_at;
        [planned, listed]
            .into_iter()
            .flatten()
            .fold(far, Instant::min)
    }
}

/// Whether users write rows of this kind: decisions about them rest on what
/// users want, and are refused when that has changed.
fn is_desired(key: &RowKey) -> bool {
    matches!(
        key,
        RowKey::Model
            | RowKey::Charm(_)
            | RowKey::Application(_)
            | RowKey::Machine(_)
            | RowKey::Unit(_)
            | RowKey::Relation(_)
    )
}

/// Whether an effect's row is new: decided, and without a body yet.
pub(crate) fn is_new_machine(row: &Effect) -> bool {
    matches!(row.spec, EffectSpec::VirtualMachine(_)) && row.state == EffectState::Planned
}

//! The loop of one model: gather, apply, plan, commit, act.
//!
//! Everything that arrives while a commit is under way is the next batch, so
//! commits grow with the load without a timer. Nothing acts before the
//! decisions it rests on are committed under the model's fence; whoever lost
//! the model learns it at the next commit and stops.

mod commit;

use std::sync::Arc;
use std::time::Duration;

use lazuli_host::{HostEvent, MachineKey};
use lazuli_model::id::ModelId;
use lazuli_model::offer::Offer;
use lazuli_model::state::RowKey;
use lazuli_runner::frames::{Report, Request};
use lazuli_store::heads::Position;
use lazuli_store::{Class, Loaded};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::convert;
use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::hand_out;
use crate::message::Message;
use crate::news::{self, Outbox};
use crate::quarantine::Quarantine;
use crate::settle::Desk;
use crate::shared::{Shared, now};
use crate::sightings::LIST_AGAIN;
use crate::survey::Sight;
use crate::vault::Vault;

/// Messages that wait for a loop, at most; senders wait beyond that.
pub(crate) const INBOX: usize = 1024;
/// Messages that are taken into one batch, at most.
const BATCH: usize = 512;
/// A list of machines that failed is asked for again after this, unless the
/// cloud names a time.
const LIST_RETRY: Duration = Duration::from_secs(10);

/// Why a loop ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The model is gone.
    Removed,
    /// Another replica holds it.
    Fenced {
        /// The highest epoch that a machine has seen, if one said so.
        seen: Option<u64>,
    },
    /// It was told to.
    Cancelled,
    /// It cannot go on; the model is taken up anew.
    Failed(String),
}

/// Where a loop's news comes from.
pub(crate) struct Sources {
    /// Calls to the cloud and looks at machines.
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// The model's machines.
    pub(crate) machines: mpsc::Receiver<(MachineKey, HostEvent)>,
    /// The sizes on offer.
    pub(crate) offers: watch::Receiver<Arc<Vec<Offer>>>,
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
    sources: Sources,
    /// Messages whose effect is not committed yet: taken again after a reload.
    batch: Vec<Message>,
    /// What machines are told once the batch is committed.
    outbox: Outbox,
    /// When the model's machines are listed again.
    list_at: Option<Instant>,
    /// What is seen of the subscription, while the model has machines there.
    surveys: Option<watch::Receiver<Option<Arc<Sight>>>>,
    /// When to read again what others committed, after a read that failed.
    refresh_at: Option<Instant>,
    /// What could not be committed.
    quarantine: Quarantine,
}

impl ModelLoop {
    pub(crate) fn new(
        shared: Arc<Shared>,
        epoch: u64,
        loaded: Loaded,
        vault: Vault,
        fleet: Fleet,
        cloud: CloudWorker,
        sources: Sources,
    ) -> Self {
        let mut desk = Desk::new(loaded.state);
        desk.vault = vault;
        Self {
            shared,
            model: desk.state.model().id,
            epoch,
            desk,
            position: loaded.position,
            fleet,
            cloud,
            sources,
            batch: Vec::new(),
            outbox: Vec::new(),
            list_at: None,
            surveys: None,
            refresh_at: None,
            quarantine: Quarantine::default(),
        }
    }

    /// Runs until the model is gone, lost, or the token says stop.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> End {
        let end = tokio::select! {
            () = cancel.cancelled() => End::Cancelled,
            end = self.cycle() => end,
        };
        self.fleet.close();
        end
    }

    async fn cycle(&mut self) -> End {
        let mut feed = self.shared.store.feed().subscribe(self.model);
        // What was committed since the model was read is no news to a
        // subscriber.
        feed.mark_changed();
        loop {
            if let Err(end) = self.turn().await {
                return end;
            }
            if let Some(message) = self.quarantine.next() {
                self.batch.push(message);
                continue;
            }
            let wake = self.next_wake();
            tokio::select! {
                message = self.sources.inbox.recv() => match message {
                    Some(message) => self.gather(message),
                    None => return End::Cancelled,
                },
                said = self.sources.machines.recv() => match said {
                    Some(said) => self.hear(said),
                    None => return End::Cancelled,
                },
                changed = feed.changed() => {
                    if changed.is_err() {
                        return End::Cancelled;
                    }
                    // Our own commits ring as well.
                    let known = feed.borrow_and_update().is_some_and(|at| {
                        at.revision <= self.position.revision
                    });
                    if !known && let Err(end) = self.refresh().await {
                        return end;
                    }
                }
                changed = self.sources.offers.changed() => {
                    if changed.is_ok() {
                        self.gather(Message::Offers);
                    }
                }
                sight = next_sight(&mut self.surveys) => {
                    self.gather(Message::Surveyed { sight });
                }
                () = sleep_until(wake) => {
                    self.list_if_due();
                    if self.refresh_at.is_some_and(|at| at <= Instant::now())
                        && let Err(end) = self.refresh().await
                    {
                        return end;
                    }
                }
            }
            while self.batch.len() < BATCH
                && let Ok(message) = self.sources.inbox.try_recv()
            {
                self.gather(message);
            }
            while self.batch.len() < BATCH
                && let Ok(said) = self.sources.machines.try_recv()
            {
                self.hear(said);
            }
            if let Some(seen) = self.fenced() {
                return End::Fenced { seen: Some(seen) };
            }
        }
    }

    fn gather(&mut self, message: Message) {
        let soon = Instant::now() + LIST_AGAIN;
        match &message {
            // What it brought may have addresses to learn.
            Message::Called { result: Ok(_), .. } => {
                self.list_at = self.list_at.map(|at| at.min(soon));
            }
            Message::Listed {
                result: Err(error), ..
            } => {
                let wait = error.retry_after.unwrap_or(LIST_RETRY);
                self.list_at = Some(Instant::now() + wait);
            }
            _ => {}
        }
        self.batch.push(message);
    }

    /// Takes what a machine says, of its own units; lines of logs go their own
    /// way, once.
    fn hear(&mut self, (key, event): (MachineKey, HostEvent)) {
        if !news::is_of(&self.desk.state, key.machine, &event) {
            tracing::warn!(machine = %key.machine, "a machine speaks for a unit that is not on it");
            return;
        }
        if let HostEvent::Report(Report::Log {
            run,
            lines,
            dropped,
        }) = event
        {
            if let Some(unit) = convert::unit(&run).and_then(|id| self.desk.state.unit(id)) {
                let name = unit.name.to_string();
                self.shared.logs.push(self.model, &name, lines, dropped);
            }
            return;
        }
        self.gather(Message::Machine {
            machine: key.machine,
            event,
        });
    }

    /// The epoch that a machine has seen if that is higher: another replica
    /// holds the model, or the database was put back to an earlier state.
    /// Either way this loop has nothing to say any more.
    fn fenced(&self) -> Option<u64> {
        self.batch
            .iter()
            .filter_map(|message| match message {
                Message::Machine {
                    event: HostEvent::Fenced { epoch },
                    ..
                } => Some(*epoch),
                _ => None,
            })
            .max()
    }

    /// Plans, commits and acts until nothing is left to do now.
    async fn turn(&mut self) -> Result<(), End> {
        let mut retry = commit::FIRST_RETRY;
        loop {
            let now = now();
            for message in &self.batch {
                news::take(&mut self.desk, &mut self.outbox, message, now);
            }
            let offers = self.sources.offers.borrow().clone();
            if let Err(error) = self.desk.settle(&offers, now) {
                return Err(End::Failed(error.to_string()));
            }
            match self.commit().await {
                Ok(done) => {
                    self.batch.clear();
                    self.quarantine.accepted();
                    for (machine, request) in std::mem::take(&mut self.outbox) {
                        self.fleet.send(machine, request);
                    }
                    self.forget(&done.deleted);
                    for (machine, unit) in self.desk.take_departed() {
                        self.fleet.send(machine, Request::Forget { unit });
                    }
                    for machine in done.moved {
                        self.fleet.follow(&self.desk.state, machine);
                    }
                    if done.removed {
                        return Err(End::Removed);
                    }
                    self.act(&offers, now);
                    return Ok(());
                }
                Err(error) => {
                    self.outbox.clear();
                    self.after_failed_commit(&error, &mut retry).await?;
                    if matches!(error.class(), Class::User | Class::Bug) {
                        self.quarantine.refuse(&mut self.batch, &error);
                        if self.quarantine.is_stuck() {
                            self.tell_stuck(&error).await?;
                        }
                    }
                }
            }
        }
    }

    /// Lets go of what was kept about rows that are no more.
    fn forget(&mut self, deleted: &[RowKey]) {
        for key in deleted {
            match key {
                RowKey::Machine(machine) => {
                    self.fleet.forget(*machine);
                    self.desk.flight.looks.remove(machine);
                }
                RowKey::Effect(effect) => {
                    self.desk.flight.doubted.remove(effect);
                }
                RowKey::Unit(unit) => {
                    self.desk.flight.hooks.remove(unit);
                    self.desk.flight.put_off.remove(unit);
                }
                RowKey::Task(task) => {
                    self.desk.flight.tasks.remove(task);
                }
                _ => {}
            }
        }
    }

    /// Hands out what the plans ask for and is not under way.
    fn act(&mut self, offers: &[Offer], now: OffsetDateTime) {
        for action in self.desk.take_actions() {
            hand_out::start(
                &mut self.desk,
                &mut self.fleet,
                &self.cloud,
                offers,
                &action,
                now,
            );
        }
        self.list_if_due();
        self.look_out();
    }

    /// Lists the group's machines while an address is missing.
    fn list_if_due(&mut self) {
        if !self.desk.lookout.needs_list() {
            self.list_at = None;
            return;
        }
        let due = self.list_at.is_none_or(|at| at <= Instant::now());
        if due && self.cloud.list() {
            self.desk.lookout.list_wanted = false;
            self.list_at = Some(Instant::now() + LIST_AGAIN);
        }
    }

    /// Looks at the subscription's machines while some are the model's.
    fn look_out(&mut self) {
        match (&self.surveys, self.desk.lookout.needs_surveys()) {
            (None, true) => self.surveys = Some(self.shared.surveys.subscribe()),
            (Some(_), false) => self.surveys = None,
            _ => {}
        }
        if std::mem::take(&mut self.desk.lookout.survey_wanted) {
            self.shared.surveys.want();
        }
    }

    fn next_wake(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let planned = self.desk.next_wake().map(|at| {
            let wait = (at - now()).max(time::Duration::ZERO);
            Instant::now() + wait.unsigned_abs()
        });
        [planned, self.list_at, self.refresh_at]
            .into_iter()
            .flatten()
            .fold(far, Instant::min)
    }
}

/// The next survey; never, while none is wanted.
async fn next_sight(surveys: &mut Option<watch::Receiver<Option<Arc<Sight>>>>) -> Arc<Sight> {
    loop {
        let Some(receiver) = surveys else {
            return std::future::pending().await;
        };
        if receiver.changed().await.is_err() {
            *surveys = None;
        } else if let Some(sight) = receiver.borrow_and_update().clone() {
            return sight;
        }
    }
}

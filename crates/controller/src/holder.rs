//! Holding models: one replica at a time drives a model.
//!
//! A replica keeps one heartbeat alive, by the database's clock, and takes the
//! models that nobody holds. Losing a model is learned at the next commit (the
//! epoch moved) or here (the heartbeat could not be renewed in time); either
//! way its loop ends and touches nothing any more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use lazuli_cloud::Cloud;
use lazuli_host::Hosts;
use lazuli_model::id::{ModelId, ReplicaId};
use lazuli_model::offer::Offer;
use lazuli_plan::SharedNames;
use lazuli_store::{News, Store, StoreError, heads};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::heartbeat::Deadline;
use crate::logs::LogWriter;
use crate::model_loop::{End, INBOX, ModelLoop, Sources};
use crate::offers;
use crate::shared::{CLOUD_CALLS, Shared};
use crate::survey::{self, Surveys};
use crate::vault::Vault;

/// Models without a holder are looked for this often.
const LOOK: Duration = Duration::from_secs(3);
/// A model whose loop failed is taken up again after this, doubling,
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// to this.
const LAST_RETRY: Duration = Duration::from_secs(60);
/// Models that are taken at once, at most.
const TAKE: u32 = 64;

/// What a controller is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The cloud.
    pub cloud: Arc<dyn Cloud>,
    /// SSH to machines.
    pub hosts: Hosts,
    /// This replica.
    pub replica: ReplicaId,
    /// The region whose sizes are offered.
    pub region: String,
}

/// Runs the controller until `cancel`; then gives its models back.
pub async fn run(parts: Parts, cancel: CancellationToken) {
    let (logs, writer) = LogWriter::new(parts.store.clone());
    let tasks = TaskTracker::new();
    tasks.spawn(writer);
    let (deadline, heartbeat) = Deadline::keep(parts.store.clone(), parts.replica);
    let heartbeat = tokio::spawn(heartbeat);
    let shared = Arc::new(Shared {
        deadline,
        controller: parts.store.controller(),
        store: parts.store,
        cloud: parts.cloud,
        hosts: parts.hosts,
        replica: parts.replica,
        logs,
        calls: Arc::new(Semaphore::new(CLOUD_CALLS)),
        surveys: Surveys::default(),
        tasks: tasks.clone(),
    });
    let (offers, observer) = offers::observe(Arc::clone(&shared), parts.region, cancel.clone());
    tasks.spawn(observer);
    tasks.spawn(survey::observe(Arc::clone(&shared), cancel.clone()));
    let mut holder = Holder {
        shared: Arc::clone(&shared),
        offers,
        loops: JoinSet::new(),
        tokens: HashMap::new(),
        held: HashSet::new(),
        failed: HashMap::new(),
        floors: HashMap::new(),
    };
    holder.run(&cancel).await;
    holder.end_all().await;
    heartbeat.abort();
    if let Err(error) = heads::retire(shared.store.pool(), shared.replica).await {
        tracing::warn!(%error, "failed to give models back; others take them when the heartbeat expires");
    }
}

struct Holder {
    shared: Arc<Shared>,
    offers: watch::Receiver<Arc<Vec<Offer>>>,
    loops: JoinSet<End>,
    tokens: HashMap<task::Id, (ModelId, CancellationToken)>,
    held: HashSet<ModelId>,
    /// Models whose loop failed: how often in a row, and not to be taken up
    /// before.
    failed: HashMap<ModelId, (u32, Instant)>,
    /// Epochs that machines have seen and our rows have not: the database was
    /// put back to an earlier state. The next epoch is beyond.
    floors: HashMap<ModelId, u64>,
}

impl Holder {
    async fn run(&mut self, cancel: &CancellationToken) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let feed = self.shared.store.feed().clone();
        let mut ticks = feed.all();
        let mut tick = 0;
        let mut deadline = self.shared.deadline.clone();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = deadline.turn() => match deadline.is_ahead() {
                    true if self.held.is_empty() => self.take_vacant().await,
                    true => {}
                    false => {
                        tracing::warn!("the heartbeat has expired; letting go of all models");
                        self.end_all().await;
                    }
                },
                _ = look.tick() => self.take_vacant().await,
                changed = ticks.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // A commit to what is held costs nothing here.
                    let moved = feed.changed_since(tick);
                    tick = moved.tick;
                    let is_new = |news: &News| !news.removed && !self.held.contains(&news.model);
                    if moved.news.iter().any(is_new) {
                        self.take_vacant().await;
                    }
                }
                Some(ended) = self.loops.join_next_with_id() => self.ended(ended),
            }
        }
    }

    async fn take_vacant(&mut self) {
        if !self.shared.deadline.is_ahead() {
            return;
        }
        let pool = self.shared.store.pool();
        let mut models = match heads::vacant(pool, TAKE).await {
            Ok(models) => models,
            Err(error) => {
                tracing::warn!(%error, "failed to look for models without a holder");
                return;
            }
        };
        match heads::held_by(pool, self.shared.replica).await {
            Ok(mine) => models.extend(mine),
            Err(error) => tracing::warn!(%error, "failed to look for our models"),
        }
        for model in models {
            let waits = self
                .failed
                .get(&model)
                .is_some_and(|(_, at)| Instant::now() < *at);
            if waits || self.held.contains(&model) {
                continue;
            }
            if let Err(error) = self.take(model).await {
                tracing::warn!(%model, %error, "failed to take a model");
                self.put_off(model);
            }
        }
    }

    /// A model that cannot be driven is not taken up again at once.
    fn put_off(&mut self, model: ModelId) {
        let (times, at) = self.failed.entry(model).or_insert((0, Instant::now()));
        // What failed long ago says nothing of now.
        if at.elapsed() > LAST_RETRY {
            *times = 0;
        }
        *at = Instant::now() + (FIRST_RETRY * (1 << (*times).min(8))).min(LAST_RETRY);
        *times += 1;
    }

    async fn take(&mut self, model: ModelId) -> Result<(), StoreError> {
        let pool = self.shared.store.pool();
        let floor = self.floors.get(&model).copied().unwrap_or(0);
        let Some(hold) = heads::take(pool, model, self.shared.replica, floor).await? else {
            return Ok(());
        };
        self.floors.remove(&model);
        let loaded = lazuli_store::load(pool, model).await?;
        let vault = Vault::new(
            self.shared.store.data_key(model).await?,
            self.shared.cloud.spec(),
        );
        let group = SharedNames::of(loaded.state.model()).group;
        let (sender, inbox) = mpsc::channel(INBOX);
        let (events, machines) = mpsc::channel(INBOX);
        let fleet = Fleet::new(
            Arc::clone(&self.shared),
            &loaded.state,
            hold.epoch,
            sender.clone(),
            events,
        )
        .await?;
        let token = CancellationToken::new();
        let cloud = CloudWorker::new(
            Arc::clone(&self.shared),
            model,
            &group,
            sender,
            token.clone(),
        );
        let looped = ModelLoop::new(
            Arc::clone(&self.shared),
            hold.epoch,
            loaded,
            vault,
            fleet,
            cloud,
            Sources {
                inbox,
                machines,
                offers: self.offers.clone(),
            },
        );
        let task = self.loops.spawn(looped.run(token.clone()));
        self.tokens.insert(task.id(), (model, token));
        self.held.insert(model);
        tracing::info!(%model, epoch = hold.epoch, "holding");
        Ok(())
    }

    fn ended(&mut self, ended: Result<(task::Id, End), task::JoinError>) {
        let (id, end) = match ended {
            Ok((id, end)) => (id, end),
            Err(error) => (error.id(), End::Failed(error.to_string())),
        };
        let Some((model, token)) = self.tokens.remove(&id) else {
            return;
        };
        // Calls that wait for their turn are not made any more.
        token.cancel();
        self.held.remove(&model);
        match end {
            End::Removed => {
                self.failed.remove(&model);
                self.floors.remove(&model);
                tracing::info!(%model, "the model is gone");
            }
            End::Fenced { seen } => {
                tracing::warn!(%model, ?seen, "another replica holds the model now, or the database is of before");
                if let Some(seen) = seen {
                    self.floors.insert(model, seen);
                }
                self.put_off(model);
            }
            End::Cancelled => {}
            End::Failed(reason) => {
                tracing::error!(%model, %reason, "a model's loop failed; it is taken up anew");
                self.put_off(model);
            }
        }
    }

    async fn end_all(&mut self) {
        for (_, token) in self.tokens.values() {
            token.cancel();
        }
        while let Some(ended) = self.loops.join_next_with_id().await {
            self.ended(ended);
        }
    }
}

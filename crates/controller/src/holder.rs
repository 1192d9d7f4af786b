//! Holding models: one replica at a time drives a model.
//!
//! A replica keeps one heartbeat alive, by the database's clock, and takes the
//! models that nobody holds. Losing a model is learned at the next commit (the
//! epoch moved) or here (the heartbeat could not be renewed in time); either
//! way its loop ends and touches nothing any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use lazuli_cloud::Cloud;
use lazuli_host::Hosts;
use lazuli_model::id::{ModelId, ReplicaId};
use lazuli_model::offer::Offer;
use lazuli_plan::SharedNames;
use lazuli_store::{Store, StoreError, heads};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::effects::CloudWorker;
use crate::fleet::Fleet;
use crate::logs::LogWriter;
use crate::model_loop::{End, INBOX, ModelLoop, Sources};
use crate::offers;
use crate::shared::{CLOUD_CALLS, Shared};

/// A heartbeat holds this long.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// It is renewed this often, and models without a holder are looked for.
const RENEW: Duration = Duration::from_secs(3);
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
    let shared = Arc::new(Shared {
        controller: parts.store.controller(),
        store: parts.store,
        cloud: parts.cloud,
        hosts: parts.hosts,
        replica: parts.replica,
        logs,
        calls: Arc::new(Semaphore::new(CLOUD_CALLS)),
        tasks: tasks.clone(),
    });
    let (offers, observer) = offers::observe(Arc::clone(&shared), parts.region, cancel.clone());
    tasks.spawn(observer);
    let mut holder = Holder {
        shared: Arc::clone(&shared),
        offers,
        loops: JoinSet::new(),
        held: HashMap::new(),
    };
    holder.run(&cancel).await;
    holder.end_all().await;
    if let Err(error) = heads::retire(shared.store.pool(), shared.replica).await {
        tracing::warn!(%error, "failed to give models back; others take them when the heartbeat expires");
    }
}

struct Holder {
    shared: Arc<Shared>,
    offers: watch::Receiver<Arc<Vec<Offer>>>,
    loops: JoinSet<End>,
    held: HashMap<task::Id, (ModelId, CancellationToken)>,
}

impl Holder {
    async fn run(&mut self, cancel: &CancellationToken) {
        let mut renew = interval(RENEW);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut feed = self.shared.store.feed().all();
        let mut deadline = Instant::now();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = renew.tick() => {
                    match self.renew(deadline).await {
                        Some(until) => deadline = until,
                        None if Instant::now() >= deadline => self.end_all().await,
                        None => {}
                    }
                }
                changed = feed.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if Instant::now() < deadline {
                        self.take_vacant().await;
                    }
                }
                Some(ended) = self.loops.join_next_with_id() => self.ended(ended),
            }
        }
    }

    /// Renews the heartbeat; until when this replica may act.
    async fn renew(&mut self, deadline: Instant) -> Option<Instant> {
        let renewal = heads::heartbeat(self.shared.store.pool(), self.shared.replica, HEARTBEAT);
        let limit = deadline.max(Instant::now() + RENEW);
        match timeout_at(limit, renewal).await {
            Ok(Ok(until)) => {
                self.take_vacant().await;
                Some(until)
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed to renew the heartbeat");
                None
            }
            Err(_) => None,
        }
    }

    async fn take_vacant(&mut self) {
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
            if self.held.values().any(|(held, _)| *held == model) {
                continue;
            }
            if let Err(error) = self.take(model).await {
                tracing::warn!(%model, %error, "failed to take a model");
            }
        }
    }

    async fn take(&mut self, model: ModelId) -> Result<(), StoreError> {
        let pool = self.shared.store.pool();
        let Some(hold) = heads::take(pool, model, self.shared.replica, 0).await? else {
            return Ok(());
        };
        let loaded = lazuli_store::load(pool, model).await?;
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
        let cloud = CloudWorker::new(Arc::clone(&self.shared), model, &group, sender);
        let token = CancellationToken::new();
        let looped = ModelLoop::new(
            Arc::clone(&self.shared),
            hold.epoch,
            loaded,
            fleet,
            cloud,
            Sources {
                inbox,
                machines,
                offers: self.offers.clone(),
            },
        );
        let task = self.loops.spawn(looped.run(token.clone()));
        self.held.insert(task.id(), (model, token));
        tracing::info!(%model, epoch = hold.epoch, "holding");
        Ok(())
    }

    fn ended(&mut self, ended: Result<(task::Id, End), task::JoinError>) {
        let (id, end) = match ended {
            Ok((id, end)) => (id, end),
            Err(error) => (error.id(), End::Failed(error.to_string())),
        };
        let Some((model, _)) = self.held.remove(&id) else {
            return;
        };
        match end {
            End::Removed => tracing::info!(%model, "the model is gone"),
            End::Fenced => tracing::warn!(%model, "another replica holds the model now"),
            End::Cancelled => {}
            End::Failed(reason) => {
                tracing::error!(%model, %reason, "a model's loop failed; it is taken up anew");
            }
        }
    }

    async fn end_all(&mut self) {
        for (_, token) in self.held.values() {
            token.cancel();
        }
        while let Some(ended) = self.loops.join_next_with_id().await {
            self.ended(ended);
        }
    }
}

//! The feed: one concept for "something changed".
//!
//! Whoever commits rings: an empty NOTIFY on a connection of its own, at most
//! one per 25 ms and never inside a writing transaction, where it would
//! serialise commits. One tailer per process then reads which heads moved; a
//! sweep does the same now and then, so a bell that was lost costs seconds
//! and never correctness. What this process commits, it knows at once.

mod known;
mod recent;
mod tail;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lazuli_model::id::ModelId;
use lazuli_model::state::Change;
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::StoreError;
use crate::commit::Committed;
use crate::connect::pool_options;
use crate::heads::Position;
use crate::limit::Doing;

use known::Known;
pub use known::{Moved, News};
use recent::Recent;

/// A handle on the feed of this process.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    known: Mutex<Known>,
    recent: Mutex<Recent>,
    /// Rung after commits.
    bell: Notify,
    ended: CancellationToken,
    tasks: TaskTracker,
}

/// Sweeps this often.
const SWEEP: Duration = Duration::from_secs(3);

/// Knowledge that nothing confirmed for so long is not handed out.
const FRESH: Duration = Duration::from_secs(10);

impl Feed {
    /// Starts the tasks of the feed on connections of their own. Returns once
    /// all heads are known.
    pub(crate) async fn start(pool: &PgPool) -> Result<Self, StoreError> {
        let own = pool_options(3, Duration::from_secs(10))
            .connect_lazy_with(pool.connect_options().as_ref().clone());
        let feed = Self(Arc::new(Inner {
            known: Mutex::new(Known::default()),
            recent: Mutex::new(Recent::default()),
            bell: Notify::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }));
        let horizon = tail::read(&own, &feed, 0).doing("read all heads").await?;
        let tasks = feed.0.tasks.clone();
        tasks.spawn(tail::tail(own.clone(), feed.clone(), horizon));
        tasks.spawn(tail::ring(own, feed.clone()));
        tasks.close();
        Ok(feed)
    }

    /// Ends the tasks of the feed.
    pub(crate) async fn end(&self) {
        self.0.ended.cancel();
        self.0.tasks.wait().await;
    }

    /// Follows a model: `None` until there is one, and again once it is
    /// removed.
    #[must_use]
    pub fn subscribe(&self, model: ModelId) -> watch::Receiver<Option<Position>> {
        self.known().subscribe(model)
    }

    /// Follows everything: a tick that grows whenever any head moved. Then
    /// ask [`Feed::changed_since`].
    #[must_use]
    pub fn all(&self) -> watch::Receiver<u64> {
        self.known().ticks()
    }

    /// The models whose heads moved since a tick, 0 for all.
    #[must_use]
    pub fn changed_since(&self, tick: u64) -> Moved {
        self.known().changed_since(tick)
    }

    /// How far a model is, without asking anybody. None when the feed has
    /// not heard of it, or has not reached Postgres lately: then ask
    /// [`crate::heads::position`].
    #[must_use]
    pub fn known_position(&self, model: ModelId) -> Option<Position> {
        self.known().position(model, FRESH)
    }

    /// What became of a model after a revision, as far as another, in the
    /// order in which it was committed, without asking anybody. None when this
    /// process did not commit all of it itself, and lately.
    pub(crate) fn committed_between(
        &self,
        model: ModelId,
        after: u64,
        upto: u64,
    ) -> Option<(Position, Vec<Change>)> {
        self.recent().between(model, after, upto)
    }

    /// Tells of a commit of this process, and rings for the others.
    pub(crate) fn committed(&self, committed: Committed, changes: &[Change]) {
        // Before it is heard of: whoever hears of it finds it.
        if !committed.removed
            && let Some(kept) = recent::worth_keeping(changes)
        {
            self.recent()
                .keep(committed.model, committed.position, kept);
        }
        self.known()
            .learn(committed.model, committed.position, committed.removed);
        self.ring();
    }

    /// Rings, soon.
    pub fn ring(&self) {
        self.0.bell.notify_one();
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.0.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing that holds this lock can panic half way.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Feed")
    }
}

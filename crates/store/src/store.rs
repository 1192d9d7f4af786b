//! The handle that servers and controllers share.

use std::sync::Arc;

use lazuli_model::id::{ControllerId, ModelId};
use lazuli_model::state::Change;
use sqlx::PgPool;

use crate::commit::{Batch, Committed, commit};
use crate::connect::check_schema;
use crate::desired::Edit;
use crate::event::Actor;
use crate::feed::Feed;
use crate::heads::Position;
use crate::limit::Doing;
use crate::load::{self, Loaded, Refreshed};
use crate::seal::{DataKey, Sealer, data_key};
use crate::transaction::begin;
use crate::{StoreError, controller};

/// Postgres, the feed over it and the controller's key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    feed: Feed,
    sealer: Sealer,
    controller: ControllerId,
}

impl Store {
    /// Checks the schema and the key, and starts the feed.
    ///
    /// # Errors
    ///
    /// Fails when the schema is older than this program, when the controller
    /// is not set up, or with another key.
    pub async fn open(pool: PgPool, sealer: Sealer) -> Result<Self, StoreError> {
        check_schema(&pool).await?;
        let controller = controller::check(&pool, &sealer).await?;
        let feed = Feed::start(&pool).await?;
        Ok(Self(Arc::new(Inner {
            pool,
            feed,
            sealer,
            controller,
        })))
    }

    /// Ends the feed and closes all connections once they are given back.
    pub async fn close(&self) {
        self.0.feed.end().await;
        self.0.pool.close().await;
    }

    /// The connections, for the functions of nouns.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    /// The feed.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// The controller's key.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    /// The controller's id.
    #[must_use]
    pub fn controller(&self) -> ControllerId {
        self.0.controller
    }

    /// Loads a model.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such model.
    pub async fn load(&self, model: ModelId) -> Result<Loaded, StoreError> {
        load::load(self.pool(), model).await
    }

    /// Brings a model in memory up to date: as far as anybody here heard of
    /// it when this process committed what is new, else by reading.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does; the model in memory is then as before.
    pub async fn refresh(&self, loaded: &mut Loaded) -> Result<Refreshed, StoreError> {
        let (model, after) = (loaded.state.model().id, loaded.position.revision);
        if let Some((position, changes)) = self.own_since(model, after) {
            return Ok(load::replay(loaded, changes, position));
        }
        load::refresh(self.pool(), loaded).await
    }

    /// What became of a model's rows since a revision, if this process
    /// committed all of it itself, and lately; in the order of the commits.
    #[must_use]
    pub fn own_since(&self, model: ModelId, since: u64) -> Option<(Position, Vec<Change>)> {
        let known = self.feed().known_position(model)?;
        self.feed().committed_between(model, since, known.revision)
    }

    /// Commits a controller's batches in one transaction, and rings. Answers
    /// in the order of the batches.
    ///
    /// # Errors
    ///
    /// `Fenced` and `Stale` name the model that is in the way: repeat without
    /// its batch. `OutcomeUnknown`: read before going on.
    pub async fn commit(&self, batches: &[Batch]) -> Result<Vec<Committed>, StoreError> {
        let committed = commit(self.pool(), batches).await?;
        for (&each, batch) in committed.iter().zip(batches) {
            self.feed().committed(each, &batch.changes);
        }
        Ok(committed)
    }

    /// Begins a transaction of the API on a model, which holds its head until
    /// it is committed or dropped. `expected` is the generation of `If-Match`.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such model, `GenerationMismatch` when it
    /// is at another generation.
    pub async fn edit(
        &self,
        model: ModelId,
        expected: Option<u64>,
        actor: Actor,
    ) -> Result<Edit, StoreError> {
        let transaction = begin(self.pool()).doing("begin an edit").await?;
        Edit::begin(transaction, self.feed().clone(), model, expected, actor).await
    }

    /// The data key of a model, for the bodies of its effects.
    ///
    /// # Errors
    ///
    /// Fails when there is no such model, or its key was wrapped by another.
    pub async fn data_key(&self, model: ModelId) -> Result<DataKey, StoreError> {
        let mut connection = self.pool().acquire().doing("read a data key").await?;
        data_key(&mut connection, self.sealer(), model).await
    }
}

//! One transaction of the API on one model.

use std::sync::Arc;

use lazuli_model::charm::Charm;
use lazuli_model::id::{CharmId, ModelId};
use lazuli_model::state::{Change, CharmRevision, Row, RowKey};
use sqlx::{Postgres, Transaction, query_scalar};

use crate::commit::{Committed, Part, apply, end, removes, within};
use crate::convert::{raw, typed, unsigned32};
use crate::event::Actor;
use crate::feed::Feed;
use crate::heads::{self, Position};
use crate::idempotency::{self, Answer, Key};
use crate::limit::Doing;
use crate::load::{self, Loaded, Refreshed};
use crate::{StoreError, rows};

/// A transaction that holds the head of a model. Changes are gathered and
/// written by [`Edit::commit`]; dropping it leaves everything as it was.
#[derive(Debug)]
pub struct Edit {
    transaction: Transaction<'static, Postgres>,
    feed: Feed,
    model: ModelId,
    actor: Actor,
    position: Position,
    next_machine: u64,
    next_relation: u64,
    next_task: u64,
    counted: bool,
    changes: Vec<Change>,
}

/// A charm to add to a model; its archive is a blob already.
#[derive(Clone, Debug)]
pub struct NewCharm {
    /// Its id, if it is new.
    pub id: CharmId,
    /// The charm's name.
    pub name: String,
    /// Hex sha-256 of the archive.
    pub sha256: String,
    /// What the archive says.
    pub charm: Arc<Charm>,
}

impl Edit {
    pub(crate) async fn begin(
        mut transaction: Transaction<'static, Postgres>,
        feed: Feed,
        model: ModelId,
        expected: Option<u64>,
        actor: Actor,
    ) -> Result<Self, StoreError> {
        let raised = heads::raise(&mut transaction, model).await?;
        let found = raised.position.generation.saturating_sub(1);
        if let Some(expected) = expected
            && expected != found
        {
            return Err(StoreError::GenerationMismatch {
                expected,
                actual: found,
            });
        }
        Ok(Self {
            transaction,
            feed,
            model,
            actor,
            position: raised.position,
            next_machine: raised.next_machine,
            next_relation: raised.next_relation,
            next_task: raised.next_task,
            counted: false,
            changes: Vec::new(),
        })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> ModelId {
        self.model
    }

    /// How far the model will be with this transaction.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Loads the model as it is under the lock, without the changes gathered.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does.
    pub async fn load(&mut self) -> Result<Loaded, StoreError> {
        let mut loaded = load::load_in(&mut self.transaction, self.model).await?;
        loaded.position = self.before();
        Ok(loaded)
    }

    /// Brings a model in memory up to what it is under the lock, by reading
    /// the rows that changed; without the changes gathered.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does, or when it is another model.
    pub async fn refresh(&mut self, loaded: &mut Loaded) -> Result<Refreshed, StoreError> {
        if loaded.state.model().id != self.model {
            return Err(StoreError::NotFound {
                what: format!("model {}", loaded.state.model().id),
            });
        }
        let (after, before) = (loaded.position.revision, self.before());
        if let Some((_, changes)) = self
            .feed
            .committed_between(self.model, after, before.revision)
        {
            return Ok(load::replay(loaded, changes, before));
        }
        let refreshed = load::refresh_in(&mut self.transaction, loaded).await?;
        loaded.position = before;
        Ok(refreshed)
    }

    /// The rows behind keys, as they are under the lock.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does.
    pub async fn rows(
        &mut self,
        keys: &std::collections::BTreeSet<RowKey>,
    ) -> Result<Vec<Change>, StoreError> {
        rows::named(&mut self.transaction, self.model, keys).await
    }

    /// Gathers a row to write.
    pub fn put(&mut self, row: Row) {
        self.changes.push(Change::Put(row));
    }

    /// Gathers a row to delete.
    pub fn delete(&mut self, key: RowKey) {
        self.changes.push(Change::Delete(key));
    }

    /// Gathers changes; of several of one row the last one counts.
    pub fn extend(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.changes.extend(changes);
    }

    /// What was gathered.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The number of a new machine, never used again.
    pub fn next_machine(&mut self) -> u64 {
        self.counted = true;
        let number = self.next_machine;
        self.next_machine += 1;
        number
    }

    /// The number of a new relation, never used again.
    pub fn next_relation(&mut self) -> u64 {
        self.counted = true;
        let number = self.next_relation;
        self.next_relation += 1;
        number
    }

    /// The number of a new operation or task, never used again; from 1.
    pub fn next_task(&mut self) -> u64 {
        self.counted = true;
        let number = self.next_task;
        self.next_task += 1;
        number
    }

    /// Adds a local charm under the next revision of its name. An archive
    /// that the model has already keeps its revision.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does.
    pub async fn add_charm(&mut self, new: NewCharm) -> Result<CharmRevision, StoreError> {
        let gathered = self.changes.iter().find_map(|change| match change {
            Change::Put(Row::Charm(charm))
                if charm.name == new.name && charm.sha256 == new.sha256 =>
            {
                Some(charm.clone())
            }
            _ => None,
        });
        if let Some(charm) = gathered {
            return Ok(charm);
        }
        if let Some(charm) = self.charm_of(&new).await? {
            return Ok(charm);
        }
        let revision = query_scalar!(
            r#"insert into charm_names as n (model, name, next_revision) values ($1, $2, 1)
               on conflict (model, name) do update set next_revision = n.next_revision + 1
               returning next_revision - 1 as "revision!""#,
            raw(self.model),
            new.name,
        )
        .fetch_one(&mut *self.transaction)
        .doing("number a charm")
        .await?;
        let revision = unsigned32(revision);
        let charm = CharmRevision {
            id: new.id,
            url: format!("local:{}-{revision}", new.name),
            name: new.name,
            revision,
            sha256: new.sha256,
            charm: new.charm,
        };
        self.put(Row::Charm(charm.clone()));
        Ok(charm)
    }

    /// The charm that the model has of this archive, if any.
    async fn charm_of(&mut self, new: &NewCharm) -> Result<Option<CharmRevision>, StoreError> {
        let id = query_scalar!(
            "select id from charms where model = $1 and name = $2 and sha256 = $3
             order by revision desc limit 1",
            raw(self.model),
            new.name,
            new.sha256,
        )
        .fetch_optional(&mut *self.transaction)
        .doing("look for a charm")
        .await?;
        let Some(id) = id else {
            return Ok(None);
        };
        let model = raw(self.model);
        let found = rows::charm::by_key(&mut self.transaction, model, &[typed(id)]).await?;
        Ok(found.into_iter().find_map(|row| match row {
            Row::Charm(charm) => Some(charm),
            _ => None,
        }))
    }

    /// Stores the answer to a request together with its changes, so that a
    /// repeat of the request gets the same one.
    ///
    /// # Errors
    ///
    /// Fails when Postgres does.
    pub async fn remember(&mut self, key: &Key, answer: &Answer) -> Result<(), StoreError> {
        idempotency::finish_in(&mut self.transaction, key, answer).await
    }

    /// Writes what was gathered, with the events that say so.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` when a name is taken. `OutcomeUnknown` when the answer
    /// was lost.
    pub async fn commit(self) -> Result<Committed, StoreError> {
        let feed = self.feed.clone();
        let (committed, changes) = within(self.write()).await?;
        feed.committed(committed, &changes);
        Ok(committed)
    }

    async fn write(mut self) -> Result<(Committed, Vec<Change>), StoreError> {
        if self.counted {
            heads::count(
                &mut self.transaction,
                self.model,
                self.next_machine,
                self.next_relation,
                self.next_task,
            )
            .await?;
        }
        let part = Part {
            model: self.model,
            revision: self.position.revision,
            actor: &self.actor,
            changes: &self.changes,
        };
        apply(&mut self.transaction, &[part]).await?;
        end(self.transaction).await?;
        let committed = Committed {
            model: self.model,
            position: self.position,
            removed: removes(&self.changes),
        };
        Ok((committed, self.changes))
    }

    /// How far the model was before this transaction.
    fn before(&self) -> Position {
        Position {
            revision: self.position.revision.saturating_sub(1),
            generation: self.position.generation.saturating_sub(1),
        }
    }
}

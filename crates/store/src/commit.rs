//! A controller's commits: decisions and observations in batches, under the
//! fences of their models.

use std::collections::BTreeMap;
use std::time::Duration;

use lazuli_model::id::{EffectId, ModelId};
use lazuli_model::state::{Change, RowKey};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::raw;
use crate::error::lost;
use crate::event::{self, Actor, Append};
use crate::heads::{self, Position};
use crate::limit::{Doing, in_time, timed_out};
use crate::logs::{self, LogLine};
use crate::rows;
use crate::seal::Sealed;
use crate::transaction::begin;

/// Past this a connection is given up: the server's own timeouts end what it
/// was doing.
const LIMIT: Duration = Duration::from_secs(60);

/// What to commit for one model.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The model.
    pub model: ModelId,
    /// The epoch with which it is held.
    pub epoch: u64,
    /// The generation that the decisions rest on: the batch is refused as
    /// stale when desired state has moved past it. None for what is so
    /// whatever users want, such as observations and the outcomes of hooks.
    pub generation: Option<u64>,
    /// Who did it.
    pub actor: Actor,
    /// Rows to write or delete; of several changes of a row the last one
    /// counts.
    pub changes: Vec<Change>,
    /// Bodies of effects, frozen: one that is there already stays.
    pub bodies: Vec<(EffectId, Sealed)>,
    /// Lines for the model's log.
    pub logs: Vec<LogLine>,
}

impl Batch {
    /// A batch with changes alone.
    #[must_use]
    pub fn new(model: ModelId, epoch: u64, changes: Vec<Change>) -> Self {
        Self {
            model,
            epoch,
            generation: None,
            actor: Actor::Controller,
            changes,
            bodies: Vec::new(),
            logs: Vec::new(),
        }
    }
}

/// What was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The model.
    pub model: ModelId,
    /// How far it is now.
    pub position: Position,
    /// The model itself was removed.
    pub removed: bool,
}

/// Commits batches of different models in one transaction: all or none.
/// Answers in the order of the batches.
///
/// # Errors
///
/// `Fenced` and `Stale` name the model that is in the way: repeat without its
/// batch. `OutcomeUnknown`: read before going on.
pub(crate) async fn commit(pool: &PgPool, batches: &[Batch]) -> Result<Vec<Committed>, StoreError> {
    let transaction = begin(pool).doing("begin a commit").await?;
    within(write(transaction, batches)).await
}

async fn write(
    mut transaction: Transaction<'static, Postgres>,
    batches: &[Batch],
) -> Result<Vec<Committed>, StoreError> {
    let mut order: Vec<&Batch> = batches.iter().collect();
    order.sort_by_key(|batch| batch.model);
    let mut committed = BTreeMap::new();
    for batch in order {
        let position = heads::fence(&mut transaction, batch.model, batch.epoch).await?;
        if let Some(seen) = batch.generation
            && seen != position.generation
        {
            return Err(StoreError::Stale {
                model: batch.model,
                seen,
                generation: position.generation,
            });
        }
        committed.insert(batch.model, position);
    }
    let parts: Vec<Part<'_>> = batches
        .iter()
        .filter_map(|batch| {
            Some(Part {
                model: batch.model,
                revision: committed.get(&batch.model)?.revision,
                actor: &batch.actor,
                changes: &batch.changes,
            })
        })
        .collect();
    apply(&mut transaction, &parts).await?;
    let bodies: Vec<_> = batches
        .iter()
        .flat_map(|batch| {
            let model = raw(batch.model);
            batch
                .bodies
                .iter()
                .map(move |(effect, body)| (model, *effect, body.clone()))
        })
        .collect();
    if !bodies.is_empty() {
        rows::effect::freeze(&mut transaction, &bodies).await?;
    }
    let lines: Vec<&LogLine> = batches.iter().flat_map(|batch| &batch.logs).collect();
    if !lines.is_empty() {
        logs::append_in(&mut transaction, &lines).await?;
    }
    end(transaction).await?;
    Ok(batches
        .iter()
        .filter_map(|batch| {
            Some(Committed {
                model: batch.model,
                position: *committed.get(&batch.model)?,
                removed: removes(&batch.changes),
            })
        })
        .collect())
}

/// Changes of one model in a transaction that holds its head.
pub(crate) struct Part<'a> {
    pub(crate) model: ModelId,
    pub(crate) revision: u64,
    pub(crate) actor: &'a Actor,
    pub(crate) changes: &'a [Change],
}

/// Writes events and rows. Of several changes of a row the last one counts.
pub(crate) async fn apply(
    connection: &mut PgConnection,
    parts: &[Part<'_>],
) -> Result<(), StoreError> {
    let mut last: BTreeMap<(Uuid, RowKey), &Change> = BTreeMap::new();
    let mut appends = Vec::with_capacity(parts.len());
    for part in parts {
        let model = raw(part.model);
        let mut own: BTreeMap<RowKey, &Change> = BTreeMap::new();
        for change in part.changes {
            own.insert(change.key(), change);
        }
        appends.push(Append {
            model,
            revision: part.revision,
            actor: part.actor,
            drafts: event::group(part.model, own.values().copied()),
        });
        last.extend(own.into_iter().map(|(key, change)| ((model, key), change)));
    }
    event::append(connection, &appends).await?;
    let changes: Vec<(Uuid, &Change)> = last
        .into_iter()
        .map(|((model, _), change)| (model, change))
        .collect();
    rows::write(connection, &changes).await
}

/// Whether the model itself goes.
pub(crate) fn removes(changes: &[Change]) -> bool {
    changes
        .iter()
        .any(|change| matches!(change, Change::Delete(RowKey::Model)))
}

/// Commits. An answer that does not come leaves the outcome unknown.
pub(crate) async fn end(transaction: Transaction<'_, Postgres>) -> Result<(), StoreError> {
    in_time(LIMIT, transaction.commit()).await.map_err(lost)
}

/// Bounds a transaction: a network that swallows packets must not hold up a
/// controller for ever. Whether it was committed is then not known.
pub(crate) async fn within<T>(
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| {
        Err(StoreError::OutcomeUnknown {
            source: timed_out(),
        })
    })
}

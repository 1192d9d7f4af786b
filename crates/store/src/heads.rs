//! Heads and holding: which replica works on which model, and how far it is.
//!
//! A replica keeps one heartbeat alive, by the database's clock. A model may
//! be taken when nobody holds it, when the replica holds it already (it
//! restarted), or when its holder's heartbeat has expired. Taking raises the
//! epoch, and each commit names the epoch it was taken with.

use std::time::Duration;

use lazuli_model::id::{ModelId, ReplicaId};
use sqlx::{PgConnection, PgPool, query, query_scalar};
use tokio::time::Instant;

use crate::StoreError;
use crate::convert::{bigint, raw, typed, unsigned};
use crate::limit::Doing;

/// No floor is higher than this: each model can be taken again as often.
const EPOCHS: u64 = 1 << 62;

/// How far a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Raised by every commit.
    pub revision: u64,
    /// Raised by each change of desired state.
    pub generation: u64,
}

/// A model that a replica holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The model.
    pub model: ModelId,
    /// What commits name.
    pub epoch: u64,
}

/// Keeps a replica's heartbeat alive. Returns until when, on this machine's
/// monotonic clock, it may act on what it holds: nobody takes that over
/// before.
///
/// # Errors
///
/// Fails when Postgres does; the former deadline then still holds.
pub async fn heartbeat(
    pool: &PgPool,
    replica: ReplicaId,
    ttl: Duration,
) -> Result<Instant, StoreError> {
    // Taken before the database's clock is: the deadline errs on the safe side.
    let before = Instant::now();
    query!(
        "insert into replicas (id, expires_at)
         values ($1, clock_timestamp() + make_interval(secs => $2))
         on conflict (id) do update set expires_at = excluded.expires_at",
        raw(replica),
        ttl.as_secs_f64(),
    )
    .execute(pool)
    .doing("keep the heartbeat")
    .await?;
    Ok(before + ttl)
}

/// Takes a model, if it may be taken, with an epoch above `at_least`: after a
/// restore from a backup the head's own epoch is behind those that machines
/// have seen. 0 where nothing is known of any.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn take(
    pool: &PgPool,
    model: ModelId,
    replica: ReplicaId,
    at_least: u64,
) -> Result<Option<Hold>, StoreError> {
    let epoch = query_scalar!(
        "update heads h set holder = $2, epoch = greatest(epoch, $3) + 1
         where model = $1 and removed_at is null
            and (holder is null or holder = $2 or not exists (
                select from replicas r where r.id = h.holder and r.expires_at > clock_timestamp()
            ))
         returning epoch",
        raw(model),
        raw(replica),
        bigint(at_least.min(EPOCHS)),
    )
    .fetch_optional(pool)
    .doing("take a model")
    .await?;
    Ok(epoch.map(|epoch| Hold {
        model,
        epoch: unsigned(epoch),
    }))
}

/// Lets go of a model, so that another replica can take it at once.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn release(pool: &PgPool, replica: ReplicaId, hold: Hold) -> Result<(), StoreError> {
    query!(
        "update heads set holder = null where model = $1 and holder = $2 and epoch = $3",
        raw(hold.model),
        raw(replica),
        bigint(hold.epoch),
    )
    .execute(pool)
    .doing("let go of a model")
    .await?;
    Ok(())
}

/// Lets go of all that a replica holds and removes its heartbeat.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn retire(pool: &PgPool, replica: ReplicaId) -> Result<(), StoreError> {
    query!(
        "with gone as (delete from replicas where id = $1)
         update heads set holder = null where holder = $1 and removed_at is null",
        raw(replica)
    )
    .execute(pool)
    .doing("let go of all models")
    .await?;
    Ok(())
}

/// The models that a replica holds.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn held_by(pool: &PgPool, replica: ReplicaId) -> Result<Vec<ModelId>, StoreError> {
    let models = query_scalar!(
        "select model from heads where holder = $1 and removed_at is null order by model",
        raw(replica)
    )
    .fetch_all(pool)
    .doing("list the models held")
    .await?;
    Ok(models.into_iter().map(typed).collect())
}

/// Models that nobody holds, or whose holder's heartbeat has expired.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn vacant(pool: &PgPool, limit: u32) -> Result<Vec<ModelId>, StoreError> {
    let models = query_scalar!(
        "select model from heads h
         where removed_at is null and (holder is null or not exists (
            select from replicas r where r.id = h.holder and r.expires_at > clock_timestamp()
         ))
         order by model limit $1",
        i64::from(limit)
    )
    .fetch_all(pool)
    .doing("list the models without a holder")
    .await?;
    Ok(models.into_iter().map(typed).collect())
}

/// How far a model is; none when there is no such model (any longer).
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn position(pool: &PgPool, model: ModelId) -> Result<Option<Position>, StoreError> {
    let row = query!(
        "select revision, generation from heads where model = $1 and removed_at is null",
        raw(model)
    )
    .fetch_optional(pool)
    .doing("read a head")
    .await?;
    Ok(row.map(|row| Position {
        revision: unsigned(row.revision),
        generation: unsigned(row.generation),
    }))
}

/// The first statement of a controller's transaction: fence, lock and
/// revision in one.
pub(crate) async fn fence(
    connection: &mut PgConnection,
    model: ModelId,
    epoch: u64,
) -> Result<Position, StoreError> {
    let row = query!(
        "update heads set revision = revision + 1, moved = pg_current_xact_id()::text::bigint
         where model = $1 and epoch = $2 and removed_at is null
         returning revision, generation",
        raw(model),
        bigint(epoch),
    )
    .fetch_optional(connection)
    .doing("pass the fence of a model")
    .await?
    .ok_or(StoreError::Fenced { model, epoch })?;
    Ok(Position {
        revision: unsigned(row.revision),
        generation: unsigned(row.generation),
    })
}

/// A head as the API's transaction found it and raised it.
pub(crate) struct Raised {
    pub(crate) position: Position,
    pub(crate) next_machine: u64,
    pub(crate) next_relation: u64,
    pub(crate) next_task: u64,
}

/// The first statement of the API's transaction.
pub(crate) async fn raise(
    connection: &mut PgConnection,
    model: ModelId,
) -> Result<Raised, StoreError> {
    let row = query!(
        "update heads set revision = revision + 1, generation = generation + 1,
            moved = pg_current_xact_id()::text::bigint
         where model = $1 and removed_at is null
         returning revision, generation, next_machine, next_relation, next_task",
        raw(model)
    )
    .fetch_optional(connection)
    .doing("lock a model")
    .await?
    .ok_or_else(|| StoreError::NotFound {
        what: format!("model {model}"),
    })?;
    Ok(Raised {
        position: Position {
            revision: unsigned(row.revision),
            generation: unsigned(row.generation),
        },
        next_machine: unsigned(row.next_machine),
        next_relation: unsigned(row.next_relation),
        next_task: unsigned(row.next_task),
    })
}

/// Stores how many numbers the API's transaction has used.
pub(crate) async fn count(
    connection: &mut PgConnection,
    model: ModelId,
    next_machine: u64,
    next_relation: u64,
    next_task: u64,
) -> Result<(), StoreError> {
    query!(
        "update heads set next_machine = $2, next_relation = $3, next_task = $4 where model = $1",
        raw(model),
        bigint(next_machine),
        bigint(next_relation),
        bigint(next_task),
    )
    .execute(connection)
    .doing("count machines, relations and tasks")
    .await?;
    Ok(())
}

/// The head of a new model.
pub(crate) async fn create(
    connection: &mut PgConnection,
    model: ModelId,
) -> Result<Position, StoreError> {
    query!(
        "insert into heads (model, revision, generation) values ($1, 1, 1)",
        raw(model)
    )
    .execute(connection)
    .doing("make a head")
    .await?;
    Ok(Position {
        revision: 1,
        generation: 1,
    })
}

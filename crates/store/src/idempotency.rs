//! Idempotency keys: a request that is repeated gets the answer it had.
//!
//! A key is claimed before the work and given its answer in the work's own
//! transaction. A claim without an answer belongs to a request that still
//! runs, or that died; after two minutes it may be claimed again.

use serde_json::Value;
use sqlx::{PgConnection, PgPool, query};

use crate::StoreError;
use crate::limit::Doing;

/// Seconds after which a claim without an answer is taken for abandoned.
const STALE: f64 = 120.0;

/// A key, of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The user.
    pub owner: String,
    /// The header's value.
    pub key: String,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers and body, as the server sees fit.
    pub body: Value,
}

/// What to do about a request with a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Do it.
    Fresh,
    /// It is done: answer this.
    Replay(Answer),
    /// The key was used for another request: refuse it.
    Mismatch,
    /// The same request is under way: answer 409 and let it be repeated.
    Pending,
}

/// Claims a key for a request with this hash.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn claim(pool: &PgPool, key: &Key, body_hash: &[u8]) -> Result<Claim, StoreError> {
    let claimed = query!(
        "insert into idempotency as i (owner, key, body_hash) values ($1, $2, $3)
         on conflict (owner, key) do update set created_at = now()
            where i.status is null and i.body_hash = excluded.body_hash
                and i.created_at < now() - make_interval(secs => $4)
         returning owner",
        key.owner,
        key.key,
        body_hash,
        STALE,
    )
    .fetch_optional(pool)
    .doing("claim an idempotency key")
    .await?;
    if claimed.is_some() {
        return Ok(Claim::Fresh);
    }
    let row = query!(
        "select body_hash, status, answer from idempotency where owner = $1 and key = $2",
        key.owner,
        key.key,
    )
    .fetch_optional(pool)
    .doing("read an idempotency key")
    .await?;
    Ok(match row {
        Some(row) if row.body_hash != body_hash => Claim::Mismatch,
        Some(row) => match row.status.zip(row.answer) {
            Some((status, body)) => Claim::Replay(Answer {
                status: u16::try_from(status).unwrap_or(500),
                body,
            }),
            None => Claim::Pending,
        },
        // Given up by the one who had it, a moment ago.
        None => Claim::Pending,
    })
}

/// Stores the answer to a request that changed no model. For one that did,
/// see [`crate::desired::Edit::remember`].
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn finish(pool: &PgPool, key: &Key, answer: &Answer) -> Result<(), StoreError> {
    let mut connection = pool.acquire().doing("store an answer").await?;
    finish_in(&mut connection, key, answer).await
}

/// Gives a key up after a failure that a repeat may not have.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn forget(pool: &PgPool, key: &Key) -> Result<(), StoreError> {
    query!(
        "delete from idempotency where owner = $1 and key = $2 and status is null",
        key.owner,
        key.key,
    )
    .execute(pool)
    .doing("give an idempotency key up")
    .await?;
    Ok(())
}

pub(crate) async fn finish_in(
    connection: &mut PgConnection,
    key: &Key,
    answer: &Answer,
) -> Result<(), StoreError> {
    query!(
        "update idempotency set status = $3, answer = $4 where owner = $1 and key = $2",
        key.owner,
        key.key,
        i16::try_from(answer.status).unwrap_or(i16::MAX),
        answer.body,
    )
    .execute(connection)
    .doing("store an answer")
    .await?;
    Ok(())
}

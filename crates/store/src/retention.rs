//! Retention: what is kept for how long.
//!
//! Events are kept in weeks and logs in days, counted from the epoch; whole
//! partitions are dropped, all else goes in slices, so that no transaction
//! runs long enough to hold up who reads below the oldest one. Call
//! [`maintain`] every hour or so, from one replica or from all: a second call
//! does nothing. Statements here may take longer than those of requests: give
//! it connections of its own.

mod actions;
mod partitions;
mod trim;

use sqlx::PgPool;
use time::Duration;

use crate::StoreError;

pub(crate) use partitions::prepare;

/// What to keep.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events younger than this, to the week.
    pub events: Duration,
    /// Logs younger than this, to the day.
    pub logs: Duration,
    /// Bytes of logs at most: the oldest days go first, never the current.
    pub log_bytes: u64,
    /// Entries of the history of statuses younger than this.
    pub history: Duration,
    /// Entries of the history per status.
    pub history_entries: u32,
    /// Answers to requests with an idempotency key.
    pub idempotency: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            events: Duration::days(30),
            logs: Duration::days(14),
            log_bytes: 4 << 30,
            history: Duration::days(14),
            history_entries: 100,
            idempotency: Duration::days(1),
        }
    }
}

/// What upkeep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Partitions that were dropped.
    pub dropped: Vec<String>,
    /// Rows that were deleted.
    pub deleted: u64,
}

/// Makes partitions ahead and removes what is too old.
///
/// # Errors
///
/// Fails when Postgres does; what was done until then stays done.
pub async fn maintain(pool: &PgPool, retention: &Retention) -> Result<Maintained, StoreError> {
    let strays = trim::strays(pool, retention).await?;
    prepare(pool).await?;
    partitions::sort(pool).await?;
    let dropped = partitions::drop_old(pool, retention).await?;
    let rest = trim::rest(pool, retention).await? + actions::trim(pool).await?;
    Ok(Maintained {
        dropped,
        deleted: strays + rest,
    })
}

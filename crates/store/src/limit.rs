//! How long Postgres is waited for.
//!
//! Its own timeouts end what it hears of. When packets vanish on the way it
//! hears nothing and says nothing, so each statement is bounded on this side
//! too. A connection that was given up in the middle of a statement is not
//! used again unless it answers (see [`crate::connect`]).

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use crate::StoreError;
use crate::error::doing;

/// A statement and the wait for its connection: more than Postgres' own
/// limits together, whose errors say more.
pub(crate) const STATEMENT: Duration = Duration::from_secs(45);

/// A statement of the feed, which is small.
pub(crate) const FEED: Duration = Duration::from_secs(15);

/// What a bounded statement is doing, for its errors.
pub(crate) trait Doing<T>: Future<Output = Result<T, sqlx::Error>> + Sized {
    /// Bounds a statement and gives its error a context:
    /// `.fetch_all(pool).doing("load units").await?`.
    async fn doing(self, what: &'static str) -> Result<T, StoreError> {
        in_time(STATEMENT, self).await.map_err(doing(what))
    }
}

impl<T, F: Future<Output = Result<T, sqlx::Error>>> Doing<T> for F {}

/// Bounds what is asked of Postgres.
pub(crate) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

/// No answer came.
pub(crate) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
}

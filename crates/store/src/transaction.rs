//! Beginning transactions.
//!
//! Whoever asks may stop waiting at any moment: a client hangs up, a time
//! limit passes. sqlx rolls back a transaction that is dropped, but one that
//! is dropped while `BEGIN` is under way it takes for not begun: its
//! connection would go back to the pool inside of it, and what the next one
//! writes there would never be committed. So `BEGIN` is always seen through.

use std::io;

use sqlx::{PgPool, Postgres, Transaction};

/// Begins a transaction.
///
/// # Errors
///
/// Fails when Postgres does, or no connection is free in time.
pub(crate) async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    begin_with(pool, "begin").await
}

/// Begins a transaction with a statement of its own.
///
/// # Errors
///
/// As [`begin`].
pub(crate) async fn begin_with(
    pool: &PgPool,
    statement: &'static str,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let pool = pool.clone();
    // A task goes on when its handle is dropped; the transaction that nobody
    // takes is then rolled back.
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    begun
        .await
        .unwrap_or_else(|error| Err(sqlx::Error::Io(io::Error::other(error))))
}

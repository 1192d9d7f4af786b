//! The two tasks of the feed: one reads what moved, one rings.

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{Executor, PgPool, Postgres, query};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Feed, SWEEP};
use crate::convert::{typed, unsigned};
use crate::heads::Position;
use crate::limit::{FEED, in_time};

const CHANNEL: &str = "lazuli";

/// Rings are at least this far apart, and so are reads after bells.
const APART: Duration = Duration::from_millis(25);

/// After an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads what moved whenever a bell rings, and now and then without one.
pub(super) async fn tail(pool: PgPool, feed: Feed, mut horizon: i64) {
    let ended = feed.0.ended.clone();
    let work = async {
        loop {
            if let Err(error) = follow(&pool, &feed, &mut horizon).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the feed is cut off from the database; trying again"
                );
            }
            sleep(PAUSE).await;
        }
    };
    ended.run_until_cancelled(work).await;
}

async fn follow(pool: &PgPool, feed: &Feed, horizon: &mut i64) -> Result<(), sqlx::Error> {
    let mut listener = in_time(FEED, PgListener::connect_with(pool)).await?;
    in_time(FEED, listener.listen(CHANNEL)).await?;
    let mut sweep = interval(SWEEP);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        // What rings says only that something moved, and so does a
        // reconnection (`None`), during which bells may have been lost.
        tokio::select! {
            bell = listener.try_recv() => drop(bell?),
            _ = sweep.tick() => {}
        }
        // On the listener's own connection: one that is cut off hears no bell,
        // and only a question that stays without answer tells.
        *horizon = read(&mut listener, feed, *horizon).await?;
        sleep(APART).await;
        while listener.next_buffered().is_some() {}
        *horizon = read(&mut listener, feed, *horizon).await?;
    }
}

/// Reads the heads that transactions moved which a snapshot did not see yet.
/// Returns the oldest transaction that this snapshot does not see.
pub(super) async fn read<'c>(
    connection: impl Executor<'c, Database = Postgres>,
    feed: &Feed,
    horizon: i64,
) -> Result<i64, sqlx::Error> {
    let at = Instant::now();
    let reading = query!(
        r#"select h.horizon as "horizon!", m.model as "model?", m.revision as "revision?",
            m.generation as "generation?", m.removed_at is not null as "removed!"
         from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as horizon) h
         left join heads m on m.moved >= $1"#,
        horizon
    )
    .fetch_all(connection);
    let rows = in_time(FEED, reading).await?;
    let mut known = feed.known();
    let mut next = horizon;
    for row in rows {
        next = row.horizon;
        if let (Some(model), Some(revision), Some(generation)) =
            (row.model, row.revision, row.generation)
        {
            let position = Position {
                revision: unsigned(revision),
                generation: unsigned(generation),
            };
            known.learn(typed(model), position, row.removed);
        }
    }
    known.confirm(at);
    Ok(next)
}

/// Rings for the other replicas after this one committed.
pub(super) async fn ring(pool: PgPool, feed: Feed) {
    let ended = feed.0.ended.clone();
    let work = async {
        loop {
            feed.0.bell.notified().await;
            let ringing = query!("select pg_notify($1, '')", CHANNEL).execute(&pool);
            if let Err(error) = in_time(FEED, ringing).await {
                // The others' sweeps find it as well, a little later.
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "failed to ring for other replicas"
                );
            }
            sleep(APART).await;
        }
    };
    ended.run_until_cancelled(work).await;
}

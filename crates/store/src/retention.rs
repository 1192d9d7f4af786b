//! Retention: what is kept for how long, and the partitions that it takes.
//!
//! Events are kept in weeks and logs in days, counted from the epoch; whole
//! partitions are dropped. Call [`maintain`] every hour or so, from one
//! replica or from all: a second call does nothing.

use time::{Duration, OffsetDateTime};

use sqlx::{PgPool, query, query_scalar};

use crate::StoreError;
use crate::error::doing;

const EVENTS: Span = Span {
    parent: "events",
    days: 7,
};
const LOGS: Span = Span {
    parent: "logs",
    days: 1,
};

/// Partitions made ahead of time.
const AHEAD: i64 = 3;

/// Spans of one kind of partition.
#[derive(Clone, Copy)]
struct Span {
    parent: &'static str,
    days: i64,
}

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

/// Makes the partitions of the time around now.
pub(crate) async fn prepare(pool: &PgPool) -> Result<(), StoreError> {
    let now = query_scalar!(r#"select now() as "now!""#)
        .fetch_one(pool)
        .await
        .map_err(doing("read the database's clock"))?;
    for span in [EVENTS, LOGS] {
        for n in 0..=AHEAD {
            let (starts, ends) = span.around(now + Duration::days(n * span.days));
            let made = query_scalar!(
                r#"select partition_make($1, $2, $3) as "made!""#,
                span.parent,
                starts,
                ends
            )
            .fetch_one(pool)
            .await
            .map_err(doing("make a partition"))?;
            if !made {
                tracing::warn!(
                    table = span.parent,
                    %starts,
                    "rows of this time are in the default partition already and stay there"
                );
            }
        }
    }
    Ok(())
}

/// Makes partitions ahead and removes what is too old.
///
/// # Errors
///
/// Fails when Postgres does; what was done until then stays done.
pub async fn maintain(pool: &PgPool, retention: &Retention) -> Result<Maintained, StoreError> {
    prepare(pool).await?;
    let mut maintained = Maintained::default();
    for (span, keep) in [(EVENTS, retention.events), (LOGS, retention.logs)] {
        let old = query_scalar!(
            "select name from partitions
             where parent = $1 and ends < now() - make_interval(secs => $2) order by starts",
            span.parent,
            keep.as_seconds_f64(),
        )
        .fetch_all(pool)
        .await
        .map_err(doing("list old partitions"))?;
        for name in old {
            drop_partition(pool, &name).await?;
            maintained.dropped.push(name);
        }
    }
    maintained
        .dropped
        .extend(cap_logs(pool, retention.log_bytes).await?);
    maintained.deleted += trim(pool, retention).await?;
    Ok(maintained)
}

async fn drop_partition(pool: &PgPool, name: &str) -> Result<(), StoreError> {
    query!("select partition_drop($1)", name)
        .execute(pool)
        .await
        .map_err(doing("drop a partition"))?;
    Ok(())
}

/// Drops the oldest days of logs until the rest is small enough.
async fn cap_logs(pool: &PgPool, limit: u64) -> Result<Vec<String>, StoreError> {
    let days = query!(
        r#"select name, pg_total_relation_size(to_regclass(name)) as "size!"
         from partitions where parent = 'logs' and ends < now() order by starts desc"#
    )
    .fetch_all(pool)
    .await
    .map_err(doing("measure the logs"))?;
    let mut total = 0;
    let mut dropped = Vec::new();
    for day in days {
        total += crate::convert::unsigned(day.size);
        if total > limit {
            drop_partition(pool, &day.name).await?;
            dropped.push(day.name);
        }
    }
    Ok(dropped)
}

/// Deletes what is not partitioned, row by row: it is little.
async fn trim(pool: &PgPool, retention: &Retention) -> Result<u64, StoreError> {
    let history = query!(
        "delete from status_history where since < now() - make_interval(secs => $1)
            or id in (
                select id from (
                    select id, row_number() over (
                        partition by model, kind, entity order by id desc
                    ) as place from status_history
                ) ranked where place > $2
            )",
        retention.history.as_seconds_f64(),
        i64::from(retention.history_entries),
    )
    .execute(pool)
    .await
    .map_err(doing("trim the history of statuses"))?;
    let answers = query!(
        "delete from idempotency where created_at < now() - make_interval(secs => $1)",
        retention.idempotency.as_seconds_f64(),
    )
    .execute(pool)
    .await
    .map_err(doing("forget old answers"))?;
    // What the default partitions hold is deleted like other rows, and heads
    // learn of it as they do when a partition goes.
    let events = query!(
        "with gone as (
            delete from events_other where at < now() - make_interval(secs => $1)
            returning model, revision
         ), pruned as (
            update heads h set pruned = greatest(h.pruned, g.revision)
            from (select model, max(revision) as revision from gone group by model) g
            where h.model = g.model
         )
         select count(*) as \"count!\" from gone",
        retention.events.as_seconds_f64(),
    )
    .fetch_one(pool)
    .await
    .map_err(doing("delete old events"))?;
    let logs = query!(
        "delete from logs_other where at < now() - make_interval(secs => $1)",
        retention.logs.as_seconds_f64(),
    )
    .execute(pool)
    .await
    .map_err(doing("delete old logs"))?;
    let replicas = query!(
        "delete from replicas r where expires_at < now() - interval '1 day'
            and not exists (select from heads h where h.holder = r.id)"
    )
    .execute(pool)
    .await
    .map_err(doing("forget dead replicas"))?;
    // Uploads that broke off together with their connection to Postgres.
    let blobs =
        query!("delete from blobs where sha256 is null and created_at < now() - interval '1 day'")
            .execute(pool)
            .await
            .map_err(doing("remove unfinished blobs"))?;
    let heads = query!(
        "delete from heads h where removed_at < now() - make_interval(secs => $1)
            and not exists (select from events e where e.model = h.model)",
        retention.events.as_seconds_f64(),
    )
    .execute(pool)
    .await
    .map_err(doing("forget removed models"))?;
    Ok(history.rows_affected()
        + answers.rows_affected()
        + crate::convert::unsigned(events.count)
        + logs.rows_affected()
        + replicas.rows_affected()
        + blobs.rows_affected()
        + heads.rows_affected())
}

impl Span {
    /// The span that a time falls into.
    fn around(self, at: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        let length = self.days * 86_400;
        let into = at.unix_timestamp().rem_euclid(length);
        let starts = at.replace_nanosecond(0).unwrap_or(at) - Duration::seconds(into);
        (starts, starts + Duration::seconds(length))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn spans_meet_and_hold_their_time() {
        for span in [EVENTS, LOGS] {
            let at = datetime!(2026-11-23 23:59:59.9 UTC);
            let (starts, ends) = span.around(at);
            assert!(starts <= at && at < ends);
            assert_eq!(span.around(ends).0, ends);
            assert_eq!(span.around(starts), (starts, ends));
        }
    }
}

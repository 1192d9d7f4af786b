//! Partitions: made ahead of time, dropped whole.

use sqlx::{PgPool, query, query_scalar};
use time::{Duration, OffsetDateTime};

use super::Retention;
use crate::StoreError;
use crate::convert::unsigned;
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

/// Makes the partitions of the time around now.
pub(crate) async fn prepare(pool: &PgPool) -> Result<(), StoreError> {
    let now = query_scalar!(r#"select now() as "now!""#)
        .fetch_one(pool)
        .await
        .map_err(doing("read the database's clock"))?;
    for span in [EVENTS, LOGS] {
        for n in 0..=AHEAD {
            make(pool, span, now + Duration::days(n * span.days)).await?;
        }
    }
    Ok(())
}

/// Gives what is in the default partitions partitions of its own: a line that
/// came with a wrong time, and all that came while upkeep was late.
pub(super) async fn sort(pool: &PgPool) -> Result<(), StoreError> {
    // A clock that is days ahead says nothing of use.
    query!(
        "update logs set at = now() where at > now() + make_interval(days => $1)",
        i32::try_from(AHEAD).unwrap_or(i32::MAX),
    )
    .execute(pool)
    .await
    .map_err(doing("correct the times of logs"))?;
    let strays = query_scalar!(
        r#"select distinct date_bin('7 days', at, 'epoch') as "at!" from events_other
         order by 1 limit 32"#
    )
    .fetch_all(pool)
    .await
    .map_err(doing("look for events without a partition"))?;
    for at in strays {
        make(pool, EVENTS, at).await?;
    }
    let strays = query_scalar!(
        r#"select distinct date_bin('1 day', at, 'epoch') as "at!" from logs_other
         order by 1 limit 32"#
    )
    .fetch_all(pool)
    .await
    .map_err(doing("look for logs without a partition"))?;
    for at in strays {
        make(pool, LOGS, at).await?;
    }
    Ok(())
}

async fn make(pool: &PgPool, span: Span, at: OffsetDateTime) -> Result<(), StoreError> {
    let (starts, ends) = span.around(at);
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
            "too much of this time is in the default partition already and stays there"
        );
    }
    Ok(())
}

/// Drops what is too old, and the oldest days of logs until the rest is small
/// enough.
pub(super) async fn drop_old(
    pool: &PgPool,
    retention: &Retention,
) -> Result<Vec<String>, StoreError> {
    let mut dropped = Vec::new();
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
            drop_one(pool, &name).await?;
            dropped.push(name);
        }
    }
    dropped.extend(cap_logs(pool, retention.log_bytes).await?);
    Ok(dropped)
}

async fn cap_logs(pool: &PgPool, limit: u64) -> Result<Vec<String>, StoreError> {
    let days = query!(
        r#"select name as "name!", pg_total_relation_size(to_regclass(name)) as "size!",
            past as "past!"
         from (
            select name, starts, ends < now() as past from partitions
            where parent = 'logs' and starts < now()
            union all
            select 'logs_other', 'infinity', false
         ) days
         order by past, starts desc"#
    )
    .fetch_all(pool)
    .await
    .map_err(doing("measure the logs"))?;
    let mut total = 0;
    let mut dropped = Vec::new();
    for day in days {
        total += unsigned(day.size);
        if day.past && total > limit {
            drop_one(pool, &day.name).await?;
            dropped.push(day.name);
        }
    }
    Ok(dropped)
}

async fn drop_one(pool: &PgPool, name: &str) -> Result<(), StoreError> {
    query!("select partition_drop($1)", name)
        .execute(pool)
        .await
        .map_err(doing("drop a partition"))?;
    Ok(())
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

//! What is not partitioned, row by row, in slices.

use sqlx::{PgPool, query, query_scalar};
use uuid::Uuid;

use super::Retention;
use crate::StoreError;
use crate::convert::{bigint, unsigned};
use crate::error::doing;

/// Rows of one statement.
const SLICE: u64 = 5_000;

/// Statuses whose histories one statement looks at.
const STATUSES: i64 = 200;

/// Slices of one kind at most; the rest waits for the next time.
const SLICES: usize = 2_000;

/// What is old enough by its own time.
#[derive(Clone, Copy)]
enum Old {
    /// Events in the default partition.
    Events,
    /// Logs in the default partition.
    Logs,
    /// Entries of the history of statuses.
    History,
    /// Answers to requests.
    Answers,
}

/// Deletes what is too old in the default partitions.
pub(super) async fn strays(pool: &PgPool, retention: &Retention) -> Result<u64, StoreError> {
    Ok(slices(pool, retention, Old::Events).await? + slices(pool, retention, Old::Logs).await?)
}

/// Deletes what else is too old, or too much.
pub(super) async fn rest(pool: &PgPool, retention: &Retention) -> Result<u64, StoreError> {
    let deleted = slices(pool, retention, Old::History).await?
        + cap_history(pool, retention.history_entries).await?
        + slices(pool, retention, Old::Answers).await?;
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
    // By now they are resources, or nobody wanted them.
    let uploads = query!("delete from uploads where created_at < now() - interval '1 day'")
        .execute(pool)
        .await
        .map_err(doing("forget uploads"))?;
    let heads = query!(
        "delete from heads h where removed_at < now() - make_interval(secs => $1)
            and not exists (select from events e where e.model = h.model)",
        retention.events.as_seconds_f64(),
    )
    .execute(pool)
    .await
    .map_err(doing("forget removed models"))?;
    Ok(deleted
        + replicas.rows_affected()
        + blobs.rows_affected()
        + uploads.rows_affected()
        + heads.rows_affected())
}

/// Deletes slice after slice until one is not full.
async fn slices(pool: &PgPool, retention: &Retention, old: Old) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for _ in 0..SLICES {
        let gone = slice(pool, retention, old).await?;
        deleted += gone;
        if gone < SLICE {
            break;
        }
    }
    Ok(deleted)
}

async fn slice(pool: &PgPool, retention: &Retention, old: Old) -> Result<u64, StoreError> {
    let most = bigint(SLICE);
    let deleted = match old {
        // Heads learn of it as they do when a partition goes.
        Old::Events => query_scalar!(
            r#"with gone as (
                delete from events_other where ctid = any(array(
                    select ctid from events_other
                    where at < now() - make_interval(secs => $1) limit $2))
                returning model, revision
             ), pruned as (
                update heads h set pruned = greatest(h.pruned, g.revision)
                from (select model, max(revision) as revision from gone group by model) g
                where h.model = g.model
             )
             select count(*) as "count!" from gone"#,
            retention.events.as_seconds_f64(),
            most,
        )
        .fetch_one(pool)
        .await
        .map(unsigned),
        Old::Logs => query!(
            "delete from logs_other where ctid = any(array(
                select ctid from logs_other
                where at < now() - make_interval(secs => $1) limit $2))",
            retention.logs.as_seconds_f64(),
            most,
        )
        .execute(pool)
        .await
        .map(|done| done.rows_affected()),
        Old::History => query!(
            "delete from status_history where id = any(array(
                select id from status_history
                where since < now() - make_interval(secs => $1) order by since limit $2))",
            retention.history.as_seconds_f64(),
            most,
        )
        .execute(pool)
        .await
        .map(|done| done.rows_affected()),
        Old::Answers => query!(
            "delete from idempotency where ctid = any(array(
                select ctid from idempotency
                where created_at < now() - make_interval(secs => $1) limit $2))",
            retention.idempotency.as_seconds_f64(),
            most,
        )
        .execute(pool)
        .await
        .map(|done| done.rows_affected()),
    };
    deleted.map_err(doing("delete what is too old"))
}

/// Deletes what is more than the cap of each status' history.
async fn cap_history(pool: &PgPool, entries: u32) -> Result<u64, StoreError> {
    let mut deleted = 0;
    let (mut model, mut kind, mut entity) = (Uuid::nil(), String::new(), Uuid::nil());
    loop {
        // From one status to the next by the index, not past all their rows.
        let last = query!(
            r#"with recursive statuses as (
                (select model, kind, entity from status_history
                 where (model, kind, entity) > ($1, $2, $3)
                 order by model, kind, entity limit 1)
                union all
                select next.model, next.kind, next.entity
                from statuses s cross join lateral (
                    select h.model, h.kind, h.entity from status_history h
                    where (h.model, h.kind, h.entity) > (s.model, s.kind, s.entity)
                    order by h.model, h.kind, h.entity limit 1) next
             ), page as (
                select model, kind, entity from statuses limit $4
             ), gone as (
                delete from status_history h using page p cross join lateral (
                    select t.id from status_history t
                    where t.model = p.model and t.kind = p.kind and t.entity = p.entity
                    order by t.id desc offset $5 limit 1) cut
                where h.model = p.model and h.kind = p.kind and h.entity = p.entity
                    and h.id <= cut.id
                returning 1
             )
             select model as "model!", kind as "kind!", entity as "entity!",
                (select count(*) from gone) as "deleted!"
             from page order by model desc, kind desc, entity desc limit 1"#,
            model,
            kind,
            entity,
            STATUSES,
            i64::from(entries),
        )
        .fetch_optional(pool)
        .await
        .map_err(doing("cap the history of statuses"))?;
        let Some(last) = last else {
            return Ok(deleted);
        };
        deleted += unsigned(last.deleted);
        (model, kind, entity) = (last.model, last.kind, last.entity);
    }
}

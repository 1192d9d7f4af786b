//! Operations that have ended, for as long and as much as their models want:
//! `max-action-results-age` and `max-action-results-size`.

use std::collections::BTreeMap;

use lazuli_model::state::results_kept;
use sqlx::types::Json;
use sqlx::{PgPool, query};

use crate::StoreError;
use crate::convert::bigint;
use crate::error::doing;

/// Operations of one statement.
const SLICE: i64 = 1_000;
/// Statements per model at most; the rest waits for the next time.
const SLICES: usize = 1_000;

/// Deletes what is too old, or too much; answers how many rows went.
pub(super) async fn trim(pool: &PgPool) -> Result<u64, StoreError> {
    let models = query!(
        r#"select id, config as "config: Json<BTreeMap<String, String>>" from models order by id"#
    )
    .fetch_all(pool)
    .await
    .map_err(doing("list the models"))?;
    let mut deleted = 0;
    for model in models {
        let (age, bytes) = results_kept(&model.config.0);
        for _ in 0..SLICES {
            // An operation goes whole, once the last of its tasks has ended.
            // About what a row takes beside its documents: 500 bytes.
            let gone = query!(
                r#"with whole as (
                    select o.number, o.enqueued_at, count(t.number) as tasks,
                        bool_and(t.completed_at is not null) as ended,
                        max(t.completed_at) as completed_at,
                        500 + pg_column_size(o.parameters)::bigint + coalesce(sum(
                            500 + pg_column_size(t.parameters)
                            + coalesce(pg_column_size(t.results), 0)), 0)::bigint as bytes
                    from operations o
                    left join tasks t on t.model = o.model and t.operation = o.number
                    where o.model = $1 group by o.number, o.enqueued_at, o.parameters
                 ), summed as (
                    select *, (sum(bytes) over (order by number desc))::bigint as total from whole
                 ), old as (
                    select number from summed
                    where (ended or tasks = 0)
                        and (coalesce(completed_at, enqueued_at)
                            < now() - make_interval(secs => $2) or total > $3)
                    order by number limit $4
                 ), said as (
                    delete from task_logs l using tasks t, old
                    where t.model = $1 and t.operation = old.number
                        and l.model = t.model and l.task = t.number
                    returning 1
                 ), ran as (
                    delete from tasks t using old
                    where t.model = $1 and t.operation = old.number returning 1
                 ), asked as (
                    delete from operations o using old
                    where o.model = $1 and o.number = old.number returning 1
                 )
                 select (select count(*) from asked) as "operations!",
                    (select count(*) from asked) + (select count(*) from ran)
                    + (select count(*) from said) as "rows!""#,
                model.id,
                age.as_seconds_f64(),
                bigint(bytes),
                SLICE,
            )
            .fetch_one(pool)
            .await
            .map_err(doing("delete operations that are too old"))?;
            deleted += u64::try_from(gone.rows).unwrap_or_default();
            if gone.operations < SLICE {
                break;
            }
        }
    }
    Ok(deleted)
}

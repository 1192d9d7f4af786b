//! Operations and what their tasks said: written here, and read by
//! [`crate::operations`] alone, since no model in memory holds them.

use lazuli_model::state::{Operation, TaskLog};
use sqlx::types::Json;
use sqlx::{PgConnection, query};

use crate::StoreError;
use crate::convert::{Of, bigint, column, models};
use crate::limit::Doing;

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Operation>],
) -> Result<(), StoreError> {
    query!(
        "insert into operations (model, number, summary, action, parameters, fail, enqueued_at)
         select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::jsonb[],
            $6::text[], $7::timestamptz[])
         on conflict (model, number) do nothing",
        &models(rows),
        &column(rows, |row| bigint(row.number)),
        &column(rows, |row| row.summary.clone()),
        &column(rows, |row| row.action.clone()),
        &column(rows, |row| Json(row.parameters.clone())) as &[Json<_>],
        &column(rows, |row| row.fail.clone()),
        &column(rows, |row| row.enqueued_at),
    )
    .execute(connection)
    .doing("write operations")
    .await?;
    Ok(())
}

/// Appends what tasks said; what was said before under the same number is
/// the same.
pub(crate) async fn put_logs(
    connection: &mut PgConnection,
    rows: &[Of<'_, TaskLog>],
) -> Result<(), StoreError> {
    query!(
        "insert into task_logs (model, task, n, at, message)
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[],
            $5::text[])
         on conflict (model, task, n) do nothing",
        &models(rows),
        &column(rows, |row| bigint(row.task)),
        &column(rows, |row| bigint(row.n)),
        &column(rows, |row| row.at),
        &column(rows, |row| row.message.clone()),
    )
    .execute(connection)
    .doing("write what tasks say")
    .await?;
    Ok(())
}

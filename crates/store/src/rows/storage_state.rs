//! Where storage instances are.

use lazuli_model::id::StorageInstanceId;
use lazuli_model::state::{Row, StorageState};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw};
use crate::limit::Doing;

struct Record {
    body: Json<StorageState>,
}

impl Record {
    #[expect(clippy::unnecessary_wraps, reason = "as other kinds of rows")]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::StorageState(self.body.0))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select body as \"body: Json<StorageState>\" from storage_states t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load where storage is", keys: StorageInstanceId,
    "where t.model = $1 and t.storage = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, StorageState>],
) -> Result<(), StoreError> {
    query!(
        "insert into storage_states (model, storage, body)
         select * from unnest($1::uuid[], $2::uuid[], $3::jsonb[])
         on conflict (model, storage) do update set body = excluded.body",
        &models(rows),
        &column(rows, |row| raw(row.storage)),
        &column(rows, |row| Json(row.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write where storage is")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, StorageInstanceId)],
) -> Result<(), StoreError> {
    query!(
        "delete from storage_states t using unnest($1::uuid[], $2::uuid[]) as k (model, storage)
         where t.model = k.model and t.storage = k.storage",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete where storage is")
    .await?;
    Ok(())
}

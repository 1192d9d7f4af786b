//! Storage instances as users want them.

use lazuli_model::id::StorageInstanceId;
use lazuli_model::state::{Row, Storage};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw};
use crate::limit::Doing;

struct Record {
    body: Json<Storage>,
}

impl Record {
    #[expect(clippy::unnecessary_wraps, reason = "as other kinds of rows")]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Storage(self.body.0))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select body as \"body: Json<Storage>\" from storages t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load storage", keys: StorageInstanceId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Storage>],
) -> Result<(), StoreError> {
    query!(
        "insert into storages (model, id, name, body)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
         on conflict (model, id) do update set name = excluded.name, body = excluded.body",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| Json(row.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write storage")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, StorageInstanceId)],
) -> Result<(), StoreError> {
    query!(
        "delete from storages t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete storage")
    .await?;
    Ok(())
}

//! Secrets, without what they say.

use lazuli_model::secret::SecretId;
use lazuli_model::state::{Row, Secret};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part};
use crate::limit::Doing;

struct Record {
    body: Json<Secret>,
}

impl Record {
    #[expect(clippy::unnecessary_wraps, reason = "as all rows")]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Secret(self.body.0))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select body as \"body: Json<Secret>\" from secrets t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load secrets", keys: SecretId,
    "where t.model = $1 and t.id = any($2)",
    &keys.iter().map(SecretId::to_string).collect::<Vec<_>>()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Secret>],
) -> Result<(), StoreError> {
    query!(
        "insert into secrets (model, id, body)
         select * from unnest($1::uuid[], $2::text[], $3::jsonb[])
         on conflict (model, id) do update set body = excluded.body",
        &models(rows),
        &column(rows, |row| row.id.to_string()),
        &column(rows, |row| Json(row.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write secrets")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, SecretId)],
) -> Result<(), StoreError> {
    query!(
        "delete from secrets t using unnest($1::uuid[], $2::text[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &keys.iter().map(|key| key.1.to_string()).collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("delete secrets")
    .await?;
    Ok(())
}

//! Relations.

use lazuli_model::id::RelationId;
use lazuli_model::state::{Endpoint, Relation, Row};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, life, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    number: i64,
    endpoints: Json<Vec<Endpoint>>,
    life: String,
    force: bool,
    created_at: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Relation(Relation {
            id: typed(self.id),
            number: unsigned(self.number),
            endpoints: self.endpoints.0,
            life: life("relations", &self.life)?,
            force: self.force,
            created_at: self.created_at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, number, endpoints as \"endpoints: Json<Vec<Endpoint>>\", life, \
             force, created_at \
             from relations t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load relations", keys: RelationId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Relation>],
) -> Result<(), StoreError> {
    query!(
        "insert into relations (model, id, number, endpoints, life, force, created_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::jsonb[], $5::text[],
            $6::boolean[], $7::timestamptz[])
         on conflict (model, id) do update set number = excluded.number,
            endpoints = excluded.endpoints, life = excluded.life, force = excluded.force,
            created_at = excluded.created_at",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| bigint(row.number)),
        &column(rows, |row| Json(row.endpoints.clone())) as &[Json<_>],
        &column(rows, |row| row.life.to_string()),
        &column(rows, |row| row.force),
        &column(rows, |row| row.created_at),
    )
    .execute(connection)
    .doing("write relations")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, RelationId)],
) -> Result<(), StoreError> {
    query!(
        "delete from relations t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete relations")
    .await?;
    Ok(())
}

//! Units' memberships and settings in relations.

use std::sync::Arc;

use lazuli_model::id::{RelationId, UnitId};
use lazuli_model::state::{RelationUnit, Row, Settings};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, parsed, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    relation: Uuid,
    unit: Uuid,
    name: String,
    in_scope: bool,
    settings: Json<Arc<Settings>>,
    version: i64,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::RelationUnit(RelationUnit {
            relation: typed(self.relation),
            unit: typed(self.unit),
            name: parsed("relation_units", "name", &self.name)?,
            in_scope: self.in_scope,
            settings: self.settings.0,
            version: unsigned(self.version),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select relation, unit, name, in_scope, \
             settings as \"settings: Json<Arc<Settings>>\", version \
             from relation_units t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load members of relations", keys: (RelationId, UnitId),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::uuid[]) as k (relation, unit) where t.relation = k.relation and t.unit = k.unit)",
    &part(keys, |key| raw(key.0)), &part(keys, |key| raw(key.1))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, RelationUnit>],
) -> Result<(), StoreError> {
    query!(
        "insert into relation_units (model, relation, unit, name, in_scope, settings, version)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::boolean[],
            $6::jsonb[], $7::bigint[])
         on conflict (model, relation, unit) do update set name = excluded.name,
            in_scope = excluded.in_scope, settings = excluded.settings,
            version = excluded.version",
        &models(rows),
        &column(rows, |row| raw(row.relation)),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| row.in_scope),
        &column(rows, |row| Json(row.settings.clone())) as &[Json<_>],
        &column(rows, |row| bigint(row.version)),
    )
    .execute(connection)
    .doing("write members of relations")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (RelationId, UnitId))],
) -> Result<(), StoreError> {
    query!(
        "delete from relation_units t using unnest($1::uuid[], $2::uuid[], $3::uuid[]) as k (model, relation, unit)
         where t.model = k.model and t.relation = k.relation and t.unit = k.unit",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &part(keys, |key| raw(key.1.1)),
    )
    .execute(connection)
    .doing("delete members of relations")
.await?;
    Ok(())
}

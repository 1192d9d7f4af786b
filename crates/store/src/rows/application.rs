//! Applications.

use std::collections::BTreeMap;

use lazuli_model::config::Settings;
use lazuli_model::constraints::Constraints;
use lazuli_model::id::ApplicationId;
use lazuli_model::names::StorageName;
use lazuli_model::state::{Application, ExposeRule, Row, StorageDirective};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, integer, life, models, parsed, part, raw, typed, unsigned32};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    name: String,
    charm: Uuid,
    base: String,
    constraints: Json<Constraints>,
    config: Json<Settings>,
    exposed: Option<Json<BTreeMap<String, ExposeRule>>>,
    storage: Json<BTreeMap<StorageName, StorageDirective>>,
    bindings: Json<BTreeMap<String, String>>,
    trust: bool,
    life: String,
    force: bool,
    next_unit: i32,
    created_at: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Application(Application {
            id: typed(self.id),
            name: parsed("applications", "name", &self.name)?,
            charm: typed(self.charm),
            base: parsed("applications", "base", &self.base)?,
            constraints: self.constraints.0,
            config: self.config.0,
            exposed: self.exposed.map(|json| json.0),
            storage: self.storage.0,
            bindings: self.bindings.0,
            trust: self.trust,
            life: life("applications", &self.life)?,
            force: self.force,
            next_unit: unsigned32(self.next_unit),
            created_at: self.created_at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, name, charm, base, \
             constraints as \"constraints: Json<Constraints>\", \
             config as \"config: Json<Settings>\", \
             exposed as \"exposed: Json<BTreeMap<String, ExposeRule>>\", \
             storage as \"storage: Json<BTreeMap<StorageName, StorageDirective>>\", \
             bindings as \"bindings: Json<BTreeMap<String, String>>\", trust, life, \
             force, next_unit, created_at \
             from applications t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load applications", keys: ApplicationId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Application>],
) -> Result<(), StoreError> {
    query!(
        "insert into applications (model, id, name, charm, base, constraints, config, exposed,
            trust, life, force, next_unit, created_at, storage, bindings)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[],
            $6::jsonb[], $7::jsonb[], $8::jsonb[], $9::boolean[], $10::text[], $11::boolean[],
            $12::integer[], $13::timestamptz[], $14::jsonb[], $15::jsonb[])
         on conflict (model, id) do update set name = excluded.name, charm = excluded.charm,
            base = excluded.base, constraints = excluded.constraints, config = excluded.config,
            exposed = excluded.exposed, trust = excluded.trust, life = excluded.life,
            force = excluded.force, next_unit = excluded.next_unit,
            created_at = excluded.created_at, storage = excluded.storage,
            bindings = excluded.bindings",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| raw(row.charm)),
        &column(rows, |row| row.base.to_string()),
        &column(rows, |row| Json(row.constraints.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.config.clone())) as &[Json<_>],
        &column(rows, |row| row.exposed.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| row.trust),
        &column(rows, |row| row.life.to_string()),
        &column(rows, |row| row.force),
        &column(rows, |row| integer(row.next_unit)),
        &column(rows, |row| row.created_at),
        &column(rows, |row| Json(row.storage.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.bindings.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write applications")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, ApplicationId)],
) -> Result<(), StoreError> {
    query!(
        "delete from applications t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete applications")
    .await?;
    Ok(())
}

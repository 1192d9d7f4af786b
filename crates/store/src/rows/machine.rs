//! Machines.

use lazuli_model::constraints::Constraints;
use lazuli_model::id::MachineId;
use lazuli_model::state::{Machine, MachineSource, Row};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, life, models, parsed, part, raw, typed};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    name: String,
    base: String,
    constraints: Json<Constraints>,
    source: Json<MachineSource>,
    spaces: Json<Vec<String>>,
    life: String,
    force: bool,
    for_unit: bool,
    created_at: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Machine(Machine {
            id: typed(self.id),
            name: parsed("machines", "name", &self.name)?,
            base: parsed("machines", "base", &self.base)?,
            constraints: self.constraints.0,
            source: self.source.0,
            spaces: self.spaces.0,
            life: life("machines", &self.life)?,
            force: self.force,
            for_unit: self.for_unit,
            created_at: self.created_at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, name, base, constraints as \"constraints: Json<Constraints>\", \
             source as \"source: Json<MachineSource>\", \
             spaces as \"spaces: Json<Vec<String>>\", life, force, for_unit, created_at \
             from machines t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load machines", keys: MachineId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Machine>],
) -> Result<(), StoreError> {
    query!(
        "insert into machines (model, id, name, base, constraints, source, life, force,
            for_unit, created_at, spaces)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[],
            $6::jsonb[], $7::text[], $8::boolean[], $9::boolean[], $10::timestamptz[],
            $11::jsonb[])
         on conflict (model, id) do update set name = excluded.name, base = excluded.base,
            constraints = excluded.constraints, source = excluded.source, life = excluded.life,
            force = excluded.force, for_unit = excluded.for_unit,
            created_at = excluded.created_at, spaces = excluded.spaces",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| row.base.to_string()),
        &column(rows, |row| Json(row.constraints.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.source.clone())) as &[Json<_>],
        &column(rows, |row| row.life.to_string()),
        &column(rows, |row| row.force),
        &column(rows, |row| row.for_unit),
        &column(rows, |row| row.created_at),
        &column(rows, |row| Json(row.spaces.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write machines")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, MachineId)],
) -> Result<(), StoreError> {
    query!(
        "delete from machines t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete machines")
    .await?;
    Ok(())
}

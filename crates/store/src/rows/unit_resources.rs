//! What units have of their applications' resources.

use std::collections::BTreeMap;

use lazuli_model::id::UnitId;
use lazuli_model::state::{Row, UnitResources};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw, typed};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    level: Option<String>,
    fetched: Json<BTreeMap<String, String>>,
}

impl Record {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as of the rows that can be corrupt"
    )]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::UnitResources(UnitResources {
            unit: typed(self.unit),
            level: self.level,
            fetched: self.fetched.0,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, level, fetched as \"fetched: Json<BTreeMap<String, String>>\" \
             from unit_resources t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load resources of units", keys: UnitId,
    "where t.model = $1 and t.unit = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, UnitResources>],
) -> Result<(), StoreError> {
    query!(
        "insert into unit_resources (model, unit, level, fetched)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[])
         on conflict (model, unit) do update set level = excluded.level,
            fetched = excluded.fetched",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| row.level.clone()) as &[Option<String>],
        &column(rows, |row| Json(row.fetched.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write resources of units")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, UnitId)],
) -> Result<(), StoreError> {
    query!(
        "delete from unit_resources t using unnest($1::uuid[], $2::uuid[]) as k (model, unit)
         where t.model = k.model and t.unit = k.unit",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete resources of units")
    .await?;
    Ok(())
}

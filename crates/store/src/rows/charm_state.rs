//! What charms keep.

use std::sync::Arc;

use lazuli_model::id::UnitId;
use lazuli_model::state::{CharmState, Row, Settings};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw, typed};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    state: Json<Arc<Settings>>,
}

impl Record {
    #[expect(clippy::unnecessary_wraps, reason = "one shape for all kinds of rows")]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::CharmState(CharmState {
            unit: typed(self.unit),
            state: self.state.0,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, state as \"state: Json<Arc<Settings>>\" \
             from charm_states t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load what charms keep", keys: UnitId,
    "where t.model = $1 and t.unit = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, CharmState>],
) -> Result<(), StoreError> {
    query!(
        "insert into charm_states (model, unit, state)
         select * from unnest($1::uuid[], $2::uuid[], $3::jsonb[])
         on conflict (model, unit) do update set state = excluded.state",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| Json(row.state.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write what charms keep")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, UnitId)],
) -> Result<(), StoreError> {
    query!(
        "delete from charm_states t using unnest($1::uuid[], $2::uuid[]) as k (model, unit)
         where t.model = k.model and t.unit = k.unit",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete what charms keep")
    .await?;
    Ok(())
}

//! Who leads applications.

use std::sync::Arc;

use lazuli_model::id::ApplicationId;
use lazuli_model::state::{Leader, Row, Settings};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    application: Uuid,
    unit: Option<Uuid>,
    granted_until: Option<OffsetDateTime>,
    settings: Json<Arc<Settings>>,
    version: i64,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Leader(Leader {
            application: typed(self.application),
            unit: self.unit.map(typed),
            granted_until: self.granted_until,
            settings: self.settings.0,
            version: unsigned(self.version),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select application, unit, granted_until, \
             settings as \"settings: Json<Arc<Settings>>\", version \
             from leaders t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load leaders", keys: ApplicationId,
    "where t.model = $1 and t.application = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Leader>],
) -> Result<(), StoreError> {
    query!(
        "insert into leaders (model, application, unit, granted_until, settings, version)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[],
            $5::jsonb[], $6::bigint[])
         on conflict (model, application) do update set unit = excluded.unit,
            granted_until = excluded.granted_until, settings = excluded.settings,
            version = excluded.version",
        &models(rows),
        &column(rows, |row| raw(row.application)),
        &column(rows, |row| row.unit.map(raw)) as &[Option<Uuid>],
        &column(rows, |row| row.granted_until) as &[Option<OffsetDateTime>],
        &column(rows, |row| Json(row.settings.clone())) as &[Json<_>],
        &column(rows, |row| bigint(row.version)),
    )
    .execute(connection)
    .doing("write leaders")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, ApplicationId)],
) -> Result<(), StoreError> {
    query!(
        "delete from leaders t using unnest($1::uuid[], $2::uuid[]) as k (model, application)
         where t.model = k.model and t.application = k.application",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete leaders")
    .await?;
    Ok(())
}

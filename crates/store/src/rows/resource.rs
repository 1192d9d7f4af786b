//! Resources of applications.

use lazuli_model::id::ApplicationId;
use lazuli_model::state::{Resource, ResourceOrigin, Row};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    application: Uuid,
    name: String,
    origin: Json<ResourceOrigin>,
    sha256: String,
    fingerprint: String,
    size: i64,
    at: OffsetDateTime,
}

impl Record {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as of the rows that can be corrupt"
    )]
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Resource(Resource {
            application: typed(self.application),
            name: self.name,
            origin: self.origin.0,
            sha256: self.sha256,
            fingerprint: self.fingerprint,
            size: unsigned(self.size),
            at: self.at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select application, name, origin as \"origin: Json<ResourceOrigin>\", sha256, \
             fingerprint, size, at from resources t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load resources", keys: (ApplicationId, String),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::text[]) as k (application, name) where t.application = k.application and t.name = k.name)",
    &part(keys, |key| raw(key.0)), &keys.iter().map(|key| key.1.clone()).collect::<Vec<_>>()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Resource>],
) -> Result<(), StoreError> {
    query!(
        "insert into resources (model, application, name, origin, sha256, fingerprint, size, at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::text[],
            $6::text[], $7::bigint[], $8::timestamptz[])
         on conflict (model, application, name) do update set origin = excluded.origin,
            sha256 = excluded.sha256, fingerprint = excluded.fingerprint, size = excluded.size,
            at = excluded.at",
        &models(rows),
        &column(rows, |row| raw(row.application)),
        &column(rows, |row| row.name.clone()),
        &column(rows, |row| Json(row.origin.clone())) as &[Json<_>],
        &column(rows, |row| row.sha256.clone()),
        &column(rows, |row| row.fingerprint.clone()),
        &column(rows, |row| bigint(row.size)),
        &column(rows, |row| row.at),
    )
    .execute(connection)
    .doing("write resources")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (ApplicationId, String))],
) -> Result<(), StoreError> {
    query!(
        "delete from resources t
         using unnest($1::uuid[], $2::uuid[], $3::text[]) as k (model, application, name)
         where t.model = k.model and t.application = k.application and t.name = k.name",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &keys.iter().map(|key| key.1.1.clone()).collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("delete resources")
    .await?;
    Ok(())
}

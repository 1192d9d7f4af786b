//! Applications' settings in relations.

use std::sync::Arc;

use lazuli_model::id::{ApplicationId, RelationId};
use lazuli_model::state::{RelationApplication, Row, Settings};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    relation: Uuid,
    application: Uuid,
    settings: Json<Arc<Settings>>,
    version: i64,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::RelationApplication(RelationApplication {
            relation: typed(self.relation),
            application: typed(self.application),
            settings: self.settings.0,
            version: unsigned(self.version),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select relation, application, \
             settings as \"settings: Json<Arc<Settings>>\", version \
             from relation_applications t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load applications' settings in relations", keys: (RelationId, ApplicationId),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::uuid[]) as k (relation, application) where t.relation = k.relation and t.application = k.application)",
    &part(keys, |key| raw(key.0)), &part(keys, |key| raw(key.1))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, RelationApplication>],
) -> Result<(), StoreError> {
    query!(
        "insert into relation_applications (model, relation, application, settings, version)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::jsonb[], $5::bigint[])
         on conflict (model, relation, application) do update set settings = excluded.settings,
            version = excluded.version",
        &models(rows),
        &column(rows, |row| raw(row.relation)),
        &column(rows, |row| raw(row.application)),
        &column(rows, |row| Json(row.settings.clone())) as &[Json<_>],
        &column(rows, |row| bigint(row.version)),
    )
    .execute(connection)
    .doing("write applications' settings in relations")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (RelationId, ApplicationId))],
) -> Result<(), StoreError> {
    query!(
        "delete from relation_applications t using unnest($1::uuid[], $2::uuid[], $3::uuid[]) as k (model, relation, application)
         where t.model = k.model and t.relation = k.relation and t.application = k.application",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &part(keys, |key| raw(key.1.1)),
    )
    .execute(connection)
    .doing("delete applications' settings in relations")
.await?;
    Ok(())
}

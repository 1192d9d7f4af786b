//! Charms.

use std::sync::Arc;

use lazuli_model::charm::Charm;
use lazuli_model::id::CharmId;
use lazuli_model::state::{CharmRevision, Row};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, integer, models, part, raw, typed, unsigned32};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    url: String,
    name: String,
    revision: i32,
    sha256: String,
    charm: Json<Arc<Charm>>,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Charm(CharmRevision {
            id: typed(self.id),
            url: self.url,
            name: self.name,
            revision: unsigned32(self.revision),
            sha256: self.sha256,
            charm: self.charm.0,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, url, name, revision, sha256, \
             charm as \"charm: Json<Arc<Charm>>\" \
             from charms t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load charms", keys: CharmId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, CharmRevision>],
) -> Result<(), StoreError> {
    query!(
        "insert into charms (model, id, url, name, revision, sha256, charm)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[],
            $6::text[], $7::jsonb[])
         on conflict (model, id) do update set url = excluded.url, name = excluded.name,
            revision = excluded.revision, sha256 = excluded.sha256, charm = excluded.charm",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.url.clone()),
        &column(rows, |row| row.name.clone()),
        &column(rows, |row| integer(row.revision)),
        &column(rows, |row| row.sha256.clone()),
        &column(rows, |row| Json(row.charm.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write charms")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, CharmId)],
) -> Result<(), StoreError> {
    query!(
        "delete from charms t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete charms")
    .await?;
    Ok(())
}

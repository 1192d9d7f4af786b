//! What units have done about remote units.

use lazuli_model::id::{RelationId, UnitId};
use lazuli_model::state::{RemoteSeen, Row};
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    relation: Uuid,
    remote: Uuid,
    version: i64,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::RemoteSeen(RemoteSeen {
            unit: typed(self.unit),
            relation: typed(self.relation),
            remote: typed(self.remote),
            version: unsigned(self.version),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, relation, remote, version \
             from remote_seen t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load what units did about remote units", keys: (UnitId, RelationId, UnitId),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::uuid[], $4::uuid[]) as k (unit, relation, remote) where t.unit = k.unit and t.relation = k.relation and t.remote = k.remote)",
    &part(keys, |key| raw(key.0)), &part(keys, |key| raw(key.1)), &part(keys, |key| raw(key.2))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, RemoteSeen>],
) -> Result<(), StoreError> {
    query!(
        "insert into remote_seen (model, unit, relation, remote, version)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[])
         on conflict (model, unit, relation, remote) do update set version = excluded.version",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| raw(row.relation)),
        &column(rows, |row| raw(row.remote)),
        &column(rows, |row| bigint(row.version)),
    )
    .execute(connection)
    .doing("write what units did about remote units")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (UnitId, RelationId, UnitId))],
) -> Result<(), StoreError> {
    query!(
        "delete from remote_seen t using unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) as k (model, unit, relation, remote)
         where t.model = k.model and t.unit = k.unit and t.relation = k.relation and t.remote = k.remote",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &part(keys, |key| raw(key.1.1)),
        &part(keys, |key| raw(key.1.2)),
    )
    .execute(connection)
    .doing("delete what units did about remote units")
.await?;
    Ok(())
}

//! What units have done in relations.

use lazuli_model::id::{RelationId, UnitId};
use lazuli_model::state::{RelationSeen, Row};
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    relation: Uuid,
    created: bool,
    broken: bool,
    app_version: i64,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::RelationSeen(RelationSeen {
            unit: typed(self.unit),
            relation: typed(self.relation),
            created: self.created,
            broken: self.broken,
            app_version: unsigned(self.app_version),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, relation, created, broken, app_version \
             from relation_seen t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load what units did in relations", keys: (UnitId, RelationId),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::uuid[]) as k (unit, relation) where t.unit = k.unit and t.relation = k.relation)",
    &part(keys, |key| raw(key.0)), &part(keys, |key| raw(key.1))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, RelationSeen>],
) -> Result<(), StoreError> {
    query!(
        "insert into relation_seen (model, unit, relation, created, broken, app_version)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::boolean[], $5::boolean[],
            $6::bigint[])
         on conflict (model, unit, relation) do update set created = excluded.created,
            broken = excluded.broken, app_version = excluded.app_version",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| raw(row.relation)),
        &column(rows, |row| row.created),
        &column(rows, |row| row.broken),
        &column(rows, |row| bigint(row.app_version)),
    )
    .execute(connection)
    .doing("write what units did in relations")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (UnitId, RelationId))],
) -> Result<(), StoreError> {
    query!(
        "delete from relation_seen t using unnest($1::uuid[], $2::uuid[], $3::uuid[]) as k (model, unit, relation)
         where t.model = k.model and t.unit = k.unit and t.relation = k.relation",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &part(keys, |key| raw(key.1.1)),
    )
    .execute(connection)
    .doing("delete what units did in relations")
.await?;
    Ok(())
}

//! Units.

use lazuli_model::id::UnitId;
use lazuli_model::state::{Resolve, Row, Unit};
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, life, models, parsed, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    name: String,
    application: Uuid,
    machine: Uuid,
    principal: Option<Uuid>,
    life: String,
    force: bool,
    resolve_seq: Option<i64>,
    resolve_retry: Option<bool>,
    created_at: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Unit(Unit {
            id: typed(self.id),
            name: parsed("units", "name", &self.name)?,
            application: typed(self.application),
            machine: typed(self.machine),
            principal: self.principal.map(typed),
            life: life("units", &self.life)?,
            force: self.force,
            resolve: self
                .resolve_seq
                .zip(self.resolve_retry)
                .map(|(seq, retry)| Resolve {
                    seq: unsigned(seq),
                    retry,
                }),
            created_at: self.created_at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, name, application, machine, principal, life, force, resolve_seq, \
             resolve_retry, created_at from units where model = $1" + $filter,
            $($argument),+
        )
    };
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Vec<Row>, StoreError> {
    let records = select!("", model)
        .fetch_all(connection)
        .doing("load units")
        .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    model: Uuid,
    keys: &[UnitId],
) -> Result<Vec<Row>, StoreError> {
    let ids = part(keys, |id| raw(*id));
    let records = select!(" and id = any($2)", model, &ids)
        .fetch_all(connection)
        .doing("load units")
        .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Unit>],
) -> Result<(), StoreError> {
    query!(
        "insert into units (model, id, name, application, machine, principal, life, force,
            resolve_seq, resolve_retry, created_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[],
            $6::uuid[], $7::text[], $8::boolean[], $9::bigint[], $10::boolean[],
            $11::timestamptz[])
         on conflict (model, id) do update set name = excluded.name,
            application = excluded.application, machine = excluded.machine,
            principal = excluded.principal, life = excluded.life, force = excluded.force,
            resolve_seq = excluded.resolve_seq, resolve_retry = excluded.resolve_retry,
            created_at = excluded.created_at",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| raw(row.application)),
        &column(rows, |row| raw(row.machine)),
        &column(rows, |row| row.principal.map(raw)) as &[Option<Uuid>],
        &column(rows, |row| row.life.to_string()),
        &column(rows, |row| row.force),
        &column(rows, |row| row.resolve.map(|resolve| bigint(resolve.seq))) as &[Option<i64>],
        &column(rows, |row| row.resolve.map(|resolve| resolve.retry)) as &[Option<bool>],
        &column(rows, |row| row.created_at),
    )
    .execute(connection)
    .doing("write units")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, UnitId)],
) -> Result<(), StoreError> {
    query!(
        "delete from units t using unnest($1::uuid[], $2::uuid[]) as k (model, id)
         where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete units")
    .await?;
    Ok(())
}

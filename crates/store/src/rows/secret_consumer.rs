//! What units read of secrets.

use lazuli_model::id::UnitId;
use lazuli_model::secret::SecretId;
use lazuli_model::state::{Row, SecretConsumer};
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, integer, models, parsed, part, raw, typed, unsigned32};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    secret: String,
    label: String,
    revision: i32,
    told: i32,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::SecretConsumer(SecretConsumer {
            secret: parsed("secret_consumers", "secret", &self.secret)?,
            unit: typed(self.unit),
            label: self.label,
            revision: unsigned32(self.revision),
            told: unsigned32(self.told),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, secret, label, revision, told from secret_consumers t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load what units read of secrets", keys: (UnitId, SecretId),
    "where t.model = $1 and exists (select from unnest($2::uuid[], $3::text[]) as k (unit, secret) where t.unit = k.unit and t.secret = k.secret)",
    &part(keys, |key| raw(key.0)),
    &keys.iter().map(|key| key.1.to_string()).collect::<Vec<_>>()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, SecretConsumer>],
) -> Result<(), StoreError> {
    query!(
        "insert into secret_consumers (model, unit, secret, label, revision, told)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[],
            $6::integer[])
         on conflict (model, unit, secret) do update set label = excluded.label,
            revision = excluded.revision, told = excluded.told",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| row.secret.to_string()),
        &column(rows, |row| row.label.clone()),
        &column(rows, |row| integer(row.revision)),
        &column(rows, |row| integer(row.told)),
    )
    .execute(connection)
    .doing("write what units read of secrets")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, (UnitId, SecretId))],
) -> Result<(), StoreError> {
    query!(
        "delete from secret_consumers t
         using unnest($1::uuid[], $2::uuid[], $3::text[]) as k (model, unit, secret)
         where t.model = k.model and t.unit = k.unit and t.secret = k.secret",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.0)),
        &keys
            .iter()
            .map(|key| key.1.1.to_string())
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("delete what units read of secrets")
    .await?;
    Ok(())
}

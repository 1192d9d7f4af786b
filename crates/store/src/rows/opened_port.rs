//! Port ranges that units have opened.

use lazuli_model::state::{OpenedPort, Row};
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, parsed, part, raw, typed};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    endpoint: String,
    range: String,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::OpenedPort(OpenedPort {
            unit: typed(self.unit),
            endpoint: self.endpoint,
            range: parsed("opened_ports", "range", &self.range)?,
        }))
    }
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Vec<Row>, StoreError> {
    let records = query_as!(
        Record,
        "select unit, endpoint, range from opened_ports where model = $1",
        model
    )
    .fetch_all(connection)
    .doing("load opened ports")
    .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    model: Uuid,
    keys: &[OpenedPort],
) -> Result<Vec<Row>, StoreError> {
    let records = query_as!(
        Record,
        "select t.unit, t.endpoint, t.range from opened_ports t
         join unnest($2::uuid[], $3::text[], $4::text[]) as k (unit, endpoint, range)
            on t.unit = k.unit and t.endpoint = k.endpoint and t.range = k.range
         where t.model = $1",
        model,
        &part(keys, |key| raw(key.unit)),
        &texts(keys, |key| key.endpoint.clone()),
        &texts(keys, |key| key.range.to_string()),
    )
    .fetch_all(connection)
    .doing("load opened ports")
    .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, OpenedPort>],
) -> Result<(), StoreError> {
    query!(
        "insert into opened_ports (model, unit, endpoint, range)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
         on conflict (model, unit, endpoint, range) do nothing",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| row.endpoint.clone()),
        &column(rows, |row| row.range.to_string()),
    )
    .execute(connection)
    .doing("write opened ports")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, OpenedPort)],
) -> Result<(), StoreError> {
    query!(
        "delete from opened_ports t
         using unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
            as k (model, unit, endpoint, range)
         where t.model = k.model and t.unit = k.unit and t.endpoint = k.endpoint
            and t.range = k.range",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1.unit)),
        &texts(keys, |key| key.1.endpoint.clone()),
        &texts(keys, |key| key.1.range.to_string()),
    )
    .execute(connection)
    .doing("delete opened ports")
    .await?;
    Ok(())
}

fn texts<K>(keys: &[K], of: impl Fn(&K) -> String) -> Vec<String> {
    keys.iter().map(of).collect()
}

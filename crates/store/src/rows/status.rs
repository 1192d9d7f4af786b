//! Statuses, and the history of what they said.

use std::collections::BTreeMap;

use lazuli_model::state::Row;
use lazuli_model::status::{Status, StatusKey};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{part, raw, typed};
use crate::limit::Doing;

struct Record {
    kind: String,
    entity: Uuid,
    status: String,
    message: String,
    data: Json<BTreeMap<String, serde_json::Value>>,
    since: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        let key = key(&self.kind, self.entity)?;
        Ok(Row::Status(
            key,
            Status {
                status: self.status,
                message: self.message,
                data: self.data.0,
                since: self.since,
            },
        ))
    }
}

/// The word for a status' kind in the schema.
pub(crate) fn kind(key: StatusKey) -> &'static str {
    match key {
        StatusKey::Model => "model",
        StatusKey::Application(_) => "application",
        StatusKey::Workload(_) => "workload",
        StatusKey::Agent(_) => "agent",
        StatusKey::Machine(_) => "machine",
        StatusKey::Instance(_) => "instance",
    }
}

/// Whose status it is; the nil id for the model's own.
pub(crate) fn entity(key: StatusKey) -> Uuid {
    match key {
        StatusKey::Model => Uuid::nil(),
        StatusKey::Application(id) => raw(id),
        StatusKey::Workload(id) | StatusKey::Agent(id) => raw(id),
        StatusKey::Machine(id) | StatusKey::Instance(id) => raw(id),
    }
}

fn key(kind: &str, entity: Uuid) -> Result<StatusKey, StoreError> {
    Ok(match kind {
        "model" => StatusKey::Model,
        "application" => StatusKey::Application(typed(entity)),
        "workload" => StatusKey::Workload(typed(entity)),
        "agent" => StatusKey::Agent(typed(entity)),
        "machine" => StatusKey::Machine(typed(entity)),
        "instance" => StatusKey::Instance(typed(entity)),
        _ => {
            return Err(StoreError::Corrupt {
                table: "statuses",
                what: "kind",
                value: kind.to_owned(),
            });
        }
    })
}

pub(crate) async fn load(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Vec<Row>, StoreError> {
    let records = query_as!(
        Record,
        r#"select kind, entity, status, message,
            data as "data: Json<BTreeMap<String, serde_json::Value>>", since
         from statuses where model = $1"#,
        model
    )
    .fetch_all(connection)
    .doing("load statuses")
    .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    model: Uuid,
    keys: &[StatusKey],
) -> Result<Vec<Row>, StoreError> {
    let records = query_as!(
        Record,
        r#"select t.kind, t.entity, t.status, t.message,
            t.data as "data: Json<BTreeMap<String, serde_json::Value>>", t.since
         from statuses t join unnest($2::text[], $3::uuid[]) as k (kind, entity)
            on t.kind = k.kind and t.entity = k.entity
         where t.model = $1"#,
        model,
        &kinds(keys, |key| *key),
        &part(keys, |key| entity(*key)),
    )
    .fetch_all(connection)
    .doing("load statuses")
    .await?;
    records.into_iter().map(Record::row).collect()
}

/// Writes statuses; what says something else than before goes into the
/// history as well.
pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[(Uuid, StatusKey, &Status)],
) -> Result<(), StoreError> {
    query!(
        "with new as (
            select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[],
                $6::jsonb[], $7::timestamptz[])
                as r (model, kind, entity, status, message, data, since)
         ), history as (
            insert into status_history (model, kind, entity, status, message, data, since)
            select new.* from new left join statuses old
                on old.model = new.model and old.kind = new.kind and old.entity = new.entity
            where (old.status, old.message, old.data)
                is distinct from (new.status, new.message, new.data)
         )
         insert into statuses (model, kind, entity, status, message, data, since)
         select * from new
         on conflict (model, kind, entity) do update set status = excluded.status,
            message = excluded.message, data = excluded.data, since = excluded.since",
        &part(rows, |row| row.0),
        &kinds(rows, |row| row.1),
        &part(rows, |row| entity(row.1)),
        &texts(rows, |status| status.status.clone()),
        &texts(rows, |status| status.message.clone()),
        &rows.iter().map(|row| Json(&row.2.data)).collect::<Vec<_>>() as &[Json<_>],
        &rows.iter().map(|row| row.2.since).collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("write statuses")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, StatusKey)],
) -> Result<(), StoreError> {
    query!(
        "delete from statuses t using unnest($1::uuid[], $2::text[], $3::uuid[])
            as k (model, kind, entity)
         where t.model = k.model and t.kind = k.kind and t.entity = k.entity",
        &part(keys, |key| key.0),
        &kinds(keys, |key| key.1),
        &part(keys, |key| entity(key.1)),
    )
    .execute(connection)
    .doing("delete statuses")
    .await?;
    Ok(())
}

/// The latest entries of a status' history, the newest first.
pub(crate) async fn history(
    connection: &mut PgConnection,
    model: Uuid,
    key: StatusKey,
    limit: i64,
) -> Result<Vec<Status>, StoreError> {
    let records = query_as!(
        Record,
        r#"select kind, entity, status, message,
            data as "data: Json<BTreeMap<String, serde_json::Value>>", since
         from status_history where model = $1 and kind = $2 and entity = $3
         order by id desc limit $4"#,
        model,
        kind(key),
        entity(key),
        limit
    )
    .fetch_all(connection)
    .doing("load a status' history")
    .await?;
    Ok(records
        .into_iter()
        .map(|record| Status {
            status: record.status,
            message: record.message,
            data: record.data.0,
            since: record.since,
        })
        .collect())
}

fn kinds<R>(rows: &[R], of: impl Fn(&R) -> StatusKey) -> Vec<String> {
    rows.iter().map(|row| kind(of(row)).to_owned()).collect()
}

fn texts(rows: &[(Uuid, StatusKey, &Status)], of: impl Fn(&Status) -> String) -> Vec<String> {
    rows.iter().map(|row| of(row.2)).collect()
}

//! Tasks. Only those that have not ended are read here: a model in memory
//! holds no others. See [`crate::operations`] for all of them.

use std::sync::Arc;

use lazuli_model::state::{Receiver, Row, Task};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, parsed, part, raw, typed, unsigned};
use crate::limit::Doing;

/// A task as it is kept.
pub(crate) struct Record {
    pub(crate) number: i64,
    pub(crate) operation: i64,
    pub(crate) receiver_kind: String,
    pub(crate) receiver: Uuid,
    pub(crate) receiver_name: String,
    pub(crate) name: String,
    pub(crate) parameters: Json<Arc<Map<String, Value>>>,
    pub(crate) parallel: bool,
    pub(crate) execution_group: String,
    pub(crate) status: String,
    pub(crate) message: String,
    pub(crate) results: Option<Json<Arc<Map<String, Value>>>>,
    pub(crate) cancel: bool,
    pub(crate) boot: Option<String>,
    pub(crate) enqueued_at: OffsetDateTime,
    pub(crate) started_at: Option<OffsetDateTime>,
    pub(crate) completed_at: Option<OffsetDateTime>,
}

impl Record {
    pub(crate) fn task(self) -> Result<Task, StoreError> {
        let receiver = match self.receiver_kind.as_str() {
            "machine" => Receiver::Machine {
                id: typed(self.receiver),
                name: parsed("tasks", "receiver_name", &self.receiver_name)?,
            },
            _ => Receiver::Unit {
                id: typed(self.receiver),
                name: parsed("tasks", "receiver_name", &self.receiver_name)?,
            },
        };
        Ok(Task {
            number: unsigned(self.number),
            operation: unsigned(self.operation),
            receiver,
            name: self.name,
            parameters: self.parameters.0,
            parallel: self.parallel,
            execution_group: self.execution_group,
            status: parsed("tasks", "status", &self.status)?,
            message: self.message,
            results: self.results.map(|json| json.0),
            cancel: self.cancel,
            boot: self.boot,
            enqueued_at: self.enqueued_at,
            started_at: self.started_at,
            completed_at: self.completed_at,
        })
    }

    fn row(self) -> Result<Row, StoreError> {
        self.task().map(Row::Task)
    }
}

/// Selects tasks as [`Record`]s.
macro_rules! select_tasks {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            $crate::rows::task::Record,
            "select number, operation, receiver_kind, receiver, receiver_name, name, \
             parameters as \"parameters: Json<Arc<Map<String, Value>>>\", parallel, \
             execution_group, status, message, \
             results as \"results: Json<Arc<Map<String, Value>>>\", cancel, boot, enqueued_at, \
             started_at, completed_at from tasks t " + $filter,
            $($argument),+
        )
    };
}

pub(crate) use select_tasks;

pub(crate) async fn load(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Vec<Row>, StoreError> {
    let records = select_tasks!("where t.model = $1 and t.completed_at is null", model)
        .fetch_all(connection)
        .doing("load tasks")
        .await?;
    records.into_iter().map(Record::row).collect()
}

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    model: Uuid,
    keys: &[u64],
) -> Result<Vec<Row>, StoreError> {
    let numbers: Vec<i64> = keys.iter().map(|number| bigint(*number)).collect();
    let records = select_tasks!(
        "where t.model = $1 and t.number = any($2) and t.completed_at is null",
        model,
        &numbers
    )
    .fetch_all(connection)
    .doing("load tasks")
    .await?;
    records.into_iter().map(Record::row).collect()
}

/// Writes tasks. What has ended stays as it is, and so does somebody's wish
/// that a task end: it may have been written since the row was read.
pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Task>],
) -> Result<(), StoreError> {
    query!(
        "insert into tasks as t (model, number, operation, receiver_kind, receiver,
            receiver_name, name, parameters, parallel, execution_group, status, message, results,
            cancel, boot, enqueued_at, started_at, completed_at)
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[],
            $6::text[], $7::text[], $8::jsonb[], $9::boolean[], $10::text[], $11::text[],
            $12::text[], $13::jsonb[], $14::boolean[], $15::text[], $16::timestamptz[],
            $17::timestamptz[], $18::timestamptz[])
         on conflict (model, number) do update set status = excluded.status,
            message = excluded.message, results = excluded.results,
            cancel = t.cancel or excluded.cancel, boot = excluded.boot,
            started_at = excluded.started_at, completed_at = excluded.completed_at
         where t.completed_at is null",
        &models(rows),
        &column(rows, |row| bigint(row.number)),
        &column(rows, |row| bigint(row.operation)),
        &column(rows, |row| kind(&row.receiver).to_owned()),
        &column(rows, |row| id(&row.receiver)),
        &column(rows, |row| row.receiver.name()),
        &column(rows, |row| row.name.clone()),
        &column(rows, |row| Json(row.parameters.clone())) as &[Json<_>],
        &column(rows, |row| row.parallel),
        &column(rows, |row| row.execution_group.clone()),
        &column(rows, |row| row.status.to_string()),
        &column(rows, |row| row.message.clone()),
        &column(rows, |row| row.results.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| row.cancel),
        &column(rows, |row| row.boot.clone()) as &[Option<String>],
        &column(rows, |row| row.enqueued_at),
        &column(rows, |row| row.started_at) as &[Option<OffsetDateTime>],
        &column(rows, |row| row.completed_at) as &[Option<OffsetDateTime>],
    )
    .execute(connection)
    .doing("write tasks")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, u64)],
) -> Result<(), StoreError> {
    let numbers: Vec<i64> = keys.iter().map(|key| bigint(key.1)).collect();
    query!(
        "delete from tasks t using unnest($1::uuid[], $2::bigint[]) as k (model, number)
         where t.model = k.model and t.number = k.number",
        &part(keys, |key| key.0),
        &numbers,
    )
    .execute(connection)
    .doing("delete tasks")
    .await?;
    Ok(())
}

fn kind(receiver: &Receiver) -> &'static str {
    match receiver {
        Receiver::Unit { .. } => "unit",
        Receiver::Machine { .. } => "machine",
    }
}

fn id(receiver: &Receiver) -> Uuid {
    match receiver {
        Receiver::Unit { id, .. } => raw(*id),
        Receiver::Machine { id, .. } => raw(*id),
    }
}

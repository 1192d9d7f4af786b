//! Operations and tasks as people ask for them: those that have ended too.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::id::ModelId;
use lazuli_model::state::{Operation, Task, TaskStatus};
use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{PgPool, query, query_as};
use time::OffsetDateTime;

use crate::StoreError;
use crate::convert::{bigint, raw, unsigned};
use crate::limit::Doing;
use crate::rows::task::{Record, select_tasks};

/// Lines of one task that are read at most: the last ones.
const LINES: i64 = 10_000;

/// An operation with its tasks, in order of their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The operation.
    pub operation: Operation,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// What they said, by task, in order.
    pub logs: BTreeMap<u64, Vec<(OffsetDateTime, String)>>,
}

/// Which operations to list; what is empty stands for all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Actions' names.
    pub actions: Vec<String>,
    /// Applications' names.
    pub applications: Vec<String>,
    /// Units' names.
    pub units: Vec<String>,
    /// Machines' names.
    pub machines: Vec<String>,
    /// How they stand.
    pub statuses: Vec<TaskStatus>,
    /// How many to pass over.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// An operation.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn get(pool: &PgPool, model: ModelId, number: u64) -> Result<Option<Whole>, StoreError> {
    Ok(read(pool, model, &[bigint(number)]).await?.pop())
}

/// The operation of a task.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn of_task(pool: &PgPool, model: ModelId, task: u64) -> Result<Option<u64>, StoreError> {
    let found = query!(
        "select operation from tasks where model = $1 and number = $2",
        raw(model),
        bigint(task),
    )
    .fetch_optional(pool)
    .doing("look for a task")
    .await?;
    Ok(found.map(|row| unsigned(row.operation)))
}

/// Operations in the order in which they were asked for, and whether there
/// are more.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn list(
    pool: &PgPool,
    model: ModelId,
    filter: &Filter,
) -> Result<(Vec<Whole>, bool), StoreError> {
    let statuses: Vec<String> = filter.statuses.iter().map(ToString::to_string).collect();
    let found = query!(
        r#"select o.number from operations o
         left join lateral (
            select t.status from tasks t where t.model = o.model and t.operation = o.number
            order by array_position(array['error', 'running', 'aborting', 'pending', 'failed',
                'aborted', 'cancelled', 'completed'], t.status)
            limit 1) s on true
         where o.model = $1
            and (cardinality($2::text[]) = 0 or o.action = any($2))
            and (cardinality($3::text[]) = 0 or coalesce(s.status, 'error') = any($3))
            and (cardinality($4::text[]) + cardinality($5::text[]) + cardinality($6::text[]) = 0
                or exists (select from tasks t where t.model = o.model and t.operation = o.number
                    and case t.receiver_kind
                        when 'unit' then t.receiver_name = any($4)
                            or split_part(t.receiver_name, '/', 1) = any($5)
                        else t.receiver_name = any($6) end))
         order by o.number offset $7 limit $8"#,
        raw(model),
        &filter.actions,
        &statuses,
        &filter.units,
        &filter.applications,
        &filter.machines,
        i64::from(filter.offset),
        i64::from(filter.limit) + 1,
    )
    .fetch_all(pool)
    .doing("list operations")
    .await?;
    let mut numbers: Vec<i64> = found.into_iter().map(|row| row.number).collect();
    let more = numbers.len() > filter.limit as usize;
    numbers.truncate(filter.limit as usize);
    Ok((read(pool, model, &numbers).await?, more))
}

struct OperationRecord {
    number: i64,
    summary: String,
    action: String,
    parameters: Json<Arc<Map<String, Value>>>,
    fail: String,
    enqueued_at: OffsetDateTime,
}

async fn read(pool: &PgPool, model: ModelId, numbers: &[i64]) -> Result<Vec<Whole>, StoreError> {
    let operations = query_as!(
        OperationRecord,
        r#"select number, summary, action,
            parameters as "parameters: Json<Arc<Map<String, Value>>>", fail, enqueued_at
         from operations where model = $1 and number = any($2) order by number"#,
        raw(model),
        numbers,
    )
    .fetch_all(pool)
    .doing("read operations")
    .await?;
    let records = select_tasks!(
        "where t.model = $1 and t.operation = any($2) order by t.number",
        raw(model),
        numbers
    )
    .fetch_all(pool)
    .doing("read tasks")
    .await?;
    let mut tasks: BTreeMap<u64, Vec<Task>> = BTreeMap::new();
    for task in records.into_iter().map(Record::task) {
        let task = task?;
        tasks.entry(task.operation).or_default().push(task);
    }
    let ids: Vec<i64> = tasks
        .values()
        .flatten()
        .map(|task| bigint(task.number))
        .collect();
    let lines = query!(
        r#"select l.task as "task!", l.at as "at!", l.message as "message!"
         from unnest($2::bigint[]) as k (task)
         cross join lateral (
            select task, n, at, message from task_logs
            where model = $1 and task = k.task order by n desc limit $3) l
         order by l.task, l.n"#,
        raw(model),
        &ids,
        LINES,
    )
    .fetch_all(pool)
    .doing("read what tasks said")
    .await?;
    let mut logs: BTreeMap<u64, Vec<(OffsetDateTime, String)>> = BTreeMap::new();
    for line in lines {
        let said = logs.entry(unsigned(line.task)).or_default();
        said.push((line.at, line.message));
    }
    Ok(operations
        .into_iter()
        .map(|record| {
            let number = unsigned(record.number);
            let tasks = tasks.remove(&number).unwrap_or_default();
            Whole {
                logs: tasks
                    .iter()
                    .filter_map(|task| Some((task.number, logs.remove(&task.number)?)))
                    .collect(),
                tasks,
                operation: Operation {
                    number,
                    summary: record.summary,
                    action: record.action,
                    parameters: record.parameters.0,
                    fail: record.fail,
                    enqueued_at: record.enqueued_at,
                },
            }
        })
        .collect())
}

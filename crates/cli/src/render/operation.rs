//! Operations and tasks in Juju's forms.

use lazuli_api::{OperationInfo, TaskInfo};
use serde_json::{Map, Value, json};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::error::Result;
use crate::output::Structured;
use crate::render::table::Table;
use crate::render::times::Clock;

const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// What is printed apart in plain output, and not among the results.
const RESERVED: [&str; 5] = [
    "stdout",
    "stdout-encoding",
    "stderr",
    "stderr-encoding",
    "return-code",
];

/// Columns of a summary, at most, in a table.
const SUMMARY: usize = 60;

/// A time as Go prints it: `2006-01-02 15:04:05 +0000 UTC`.
pub(crate) fn go_time(at: OffsetDateTime, offset: UtcOffset) -> String {
    let text = at
        .to_offset(offset)
        .format(DATE)
        .unwrap_or_else(|_| at.to_string());
    if offset.is_utc() {
        return format!("{text} +0000 UTC");
    }
    let (hours, minutes, _) = offset.as_hms();
    let sign = if offset.is_negative() { '-' } else { '+' };
    let zone = format!("{sign}{:02}{:02}", hours.abs(), minutes.abs());
    format!("{text} {zone} {zone}")
}

/// The name of where a task runs.
pub(crate) fn place(task: &TaskInfo) -> &str {
    let machine = task.machine.as_deref();
    task.unit.as_deref().or(machine).unwrap_or_default()
}

/// The code of a task's process; 0 for one without.
pub(crate) fn return_code(task: &TaskInfo) -> i64 {
    let results = task.results.as_ref();
    let code = results.and_then(|results| results.get("return-code")?.as_i64());
    code.unwrap_or_default()
}

/// A task as `run` and `show-task` show it, without where it runs.
pub(crate) fn task(task: &TaskInfo, offset: UtcOffset) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("id".to_owned(), json!(task.id));
    about(&mut map, task, offset);
    map
}

/// The same with its unit or machine, as `run` shows it.
pub(crate) fn result(one: &TaskInfo, offset: UtcOffset) -> Value {
    let mut map = task(one, offset);
    if let Some(unit) = &one.unit {
        map.insert("unit".to_owned(), json!(unit));
    }
    if let Some(machine) = &one.machine {
        map.insert("machine".to_owned(), json!(machine));
    }
    Value::Object(map)
}

fn about(map: &mut Map<String, Value>, task: &TaskInfo, offset: UtcOffset) {
    map.insert("status".to_owned(), json!(task.status));
    if !task.message.is_empty() {
        map.insert("message".to_owned(), json!(task.message));
    }
    if let Some(results) = task.results.as_ref().filter(|results| !results.is_empty()) {
        map.insert("results".to_owned(), json!(results));
    }
    if !task.log.is_empty() {
        let lines = task.log.iter();
        let lines = lines.map(|line| format!("{} {}", go_time(line.at, offset), line.message));
        map.insert("log".to_owned(), lines.collect());
    }
    let times = timing(task.enqueued, task.started, task.completed, offset);
    map.insert("timing".to_owned(), times);
}

fn timing(
    enqueued: OffsetDateTime,
    started: Option<OffsetDateTime>,
    completed: Option<OffsetDateTime>,
    offset: UtcOffset,
) -> Value {
    let times = [
        ("enqueued", Some(enqueued)),
        ("started", started),
        ("completed", completed),
    ];
    let times = times
        .into_iter()
        .filter_map(|(name, at)| Some((name.to_owned(), json!(go_time(at?, offset)))));
    Value::Object(times.collect())
}

/// An operation as `show-operation` shows it.
pub(crate) fn operation(one: &OperationInfo, offset: UtcOffset) -> Value {
    let mut map = Map::new();
    map.insert("summary".to_owned(), json!(one.summary));
    map.insert("status".to_owned(), json!(one.status));
    if !one.fail.is_empty() {
        map.insert("fail".to_owned(), json!(one.fail));
    }
    map.insert(
        "action".to_owned(),
        json!({ "name": one.action, "parameters": one.parameters }),
    );
    let times = timing(one.enqueued, one.started, one.completed, offset);
    map.insert("timing".to_owned(), times);
    if !one.tasks.is_empty() {
        let tasks = one.tasks.iter().map(|task| {
            let mut map = Map::new();
            map.insert("host".to_owned(), json!(place(task)));
            about(&mut map, task, offset);
            (task.id.clone(), Value::Object(map))
        });
        map.insert("tasks".to_owned(), Value::Object(tasks.collect()));
    }
    Value::Object(map)
}

/// The table of `operations`.
pub(crate) fn table(operations: &[OperationInfo], clock: Clock) -> String {
    let mut table = Table::new(&["ID", "Status", "Started", "Finished", "Task IDs", "Summary"]);
    for one in operations {
        let time = |at: Option<OffsetDateTime>| at.map_or(String::new(), |at| clock.full(at));
        let ids: Vec<&str> = one.tasks.iter().map(|task| task.id.as_str()).collect();
        table.row([
            one.id.clone(),
            one.status.clone(),
            time(one.started),
            time(one.completed),
            ids.join(","),
            cut(&one.summary),
        ]);
    }
    table.text()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SUMMARY) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What tasks brought, for people: of several, each under its place's name.
pub(crate) fn plain<'a>(tasks: impl Iterator<Item = &'a TaskInfo> + Clone) -> Result<String> {
    let several = tasks.clone().nth(1).is_some();
    let mut text = String::new();
    for (n, one) in tasks.enumerate() {
        if several {
            text.push_str(if n > 0 { "\n" } else { "" });
            text.push_str(place(one));
            text.push_str(":\n");
        }
        text.push_str(&plain_one(one)?);
    }
    Ok(text)
}

fn plain_one(task: &TaskInfo) -> Result<String> {
    let mut text = String::new();
    if task.status == "failed" && !task.message.is_empty() {
        text.push_str("Action id ");
        text.push_str(&task.id);
        text.push_str(" failed: ");
        text.push_str(&task.message);
        text.push('\n');
    }
    let Some(results) = &task.results else {
        return Ok(text);
    };
    let own: Map<String, Value> = results
        .iter()
        .filter(|(key, _)| !RESERVED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !own.is_empty() {
        text.push_str(&Structured::Yaml.text(&own)?);
    }
    for stream in ["stdout", "stderr"] {
        let printed = results.get(stream).and_then(Value::as_str);
        if let Some(printed) = printed.filter(|printed| !printed.is_empty()) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(printed);
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, offset};

    use super::*;

    const AT: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn sample() -> TaskInfo {
        TaskInfo {
            id: "2".to_owned(),
            operation: "1".to_owned(),
            action: "backup".to_owned(),
            receiver: "unit-web-0".to_owned(),
            unit: Some("web/0".to_owned()),
            machine: None,
            status: "completed".to_owned(),
            ended: true,
            waiting: None,
            message: String::new(),
            results: json!({ "file": { "name": "x" }, "return-code": 0, "stdout": "out" })
                .as_object()
                .cloned(),
            log: vec![lazuli_api::TaskLine {
                at: AT,
                message: "half".to_owned(),
            }],
            enqueued: AT,
            started: Some(AT),
            completed: None,
        }
    }

    #[test]
    fn times_are_gos() {
        assert_eq!(go_time(AT, UtcOffset::UTC), "2026-01-02 03:04:05 +0000 UTC");
        assert_eq!(
            go_time(AT, offset!(-3:30)),
            "2026-01-01 23:34:05 -0330 -0330"
        );
    }

    #[test]
    fn a_result_is_jujus() {
        assert_eq!(
            result(&sample(), UtcOffset::UTC),
            json!({
                "id": "2",
                "status": "completed",
                "unit": "web/0",
                "results": { "file": { "name": "x" }, "return-code": 0, "stdout": "out" },
                "log": ["2026-01-02 03:04:05 +0000 UTC half"],
                "timing": {
                    "enqueued": "2026-01-02 03:04:05 +0000 UTC",
                    "started": "2026-01-02 03:04:05 +0000 UTC",
                },
            })
        );
    }

    #[test]
    fn people_read_results_then_what_was_printed() {
        let one = sample();
        assert_eq!(
            plain([&one].into_iter()).unwrap(),
            "file:\n  name: x\nout\n"
        );
        let failed = TaskInfo {
            status: "failed".to_owned(),
            message: "no luck".to_owned(),
            results: None,
            machine: Some("3".to_owned()),
            unit: None,
            ..sample()
        };
        assert_eq!(
            plain([&one, &failed].into_iter()).unwrap(),
            "web/0:\nfile:\n  name: x\nout\n\n3:\nAction id 2 failed: no luck\n"
        );
    }
}

//! Operations and tasks: asked for, looked at, waited for, cancelled.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use lazuli_api::{
    ActionInfo, ActionList, CancelTask, Changed, Exec, HookList, OperationInfo, OperationList,
    OperationQuery, RunAction, TaskInfo, TaskLine, WriteQuery,
};
use lazuli_model::state::{ModelState, Receiver, Task, TaskStatus, operation_status};
use lazuli_plan::{InFlight, Inputs, Subject};
use lazuli_store::operations::{self, Filter, Whole};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::time::{Duration, Instant};

use super::stream;
use crate::app::App;
use crate::change::{self, Refusal};
use crate::error::Error;
use crate::extract::{Admin, Body, Edit, InModel, Named, Query, Read, Shown, Write};

/// Operations of a list, unless the caller says otherwise (Juju's number),
const USUAL: u32 = 50;
/// and at most.
const MOST: u32 = 1000;
/// How long a caller may wait for a change.
const LONGEST: Duration = Duration::from_secs(60);

/// Lists the actions of an application's charm.
#[utoipa::path(get, path = "/models/{model}/applications/{application}/actions",
    tag = "operations", responses((status = 200, body = ActionList)))]
pub(super) async fn list_actions(
    Named(name): Named,
    shown: Shown,
) -> Result<Json<ActionList>, Error> {
    let state = &shown.0.state;
    let row = change::application(state, &name)?;
    let charm = state.charm(row.charm);
    let actions = charm.map(|charm| {
        let all = charm.charm.actions.iter();
        all.map(|(name, action)| {
            let info = ActionInfo {
                description: action.description.clone(),
                parallel: action.parallel,
                execution_group: action.execution_group.clone(),
                schema: action.schema.clone(),
            };
            (name.to_string(), info)
        })
        .collect()
    });
    Ok(Json(ActionList {
        actions: actions.unwrap_or_default(),
    }))
}

/// Lists the hooks of an application's charm.
#[utoipa::path(get, path = "/models/{model}/applications/{application}/hooks",
    tag = "operations", responses((status = 200, body = HookList)))]
pub(super) async fn list_hooks(Named(name): Named, shown: Shown) -> Result<Json<HookList>, Error> {
    let state = &shown.0.state;
    let row = change::application(state, &name)?;
    let charm = state.charm(row.charm);
    let hooks = charm.map(|charm| {
        let all = charm.charm.known_hooks().into_iter();
        all.map(|name| (charm.charm.hooks.has_hook(&name), name))
            .map(|(has, name)| (name, has))
            .collect()
    });
    Ok(Json(HookList {
        hooks: hooks.unwrap_or_default(),
    }))
}

/// Runs an action.
#[utoipa::path(post, path = "/models/{model}/operations", tag = "operations",
    params(WriteQuery), request_body = RunAction, responses((status = 202, body = Changed)))]
pub(super) async fn run_action(edit: Edit<Write, Body<RunAction>>) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, body| {
        change::run(draft, &body.value)
    })
    .await
}

/// Runs a command.
#[utoipa::path(post, path = "/models/{model}/exec", tag = "operations",
    params(WriteQuery), request_body = Exec, responses((status = 202, body = Changed)))]
pub(super) async fn exec(edit: Edit<Admin, Body<Exec>>) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, body| {
        change::exec(draft, &body.value)
    })
    .await
}

/// Cancels a task; one that has ended stays as it is.
#[utoipa::path(post, path = "/models/{model}/tasks/{task}/cancel", tag = "operations",
    params(WriteQuery), request_body = CancelTask, responses((status = 202, body = Changed)))]
pub(super) async fn cancel_task(
    Named(name): Named,
    State(app): State<App>,
    scope: InModel<Write>,
    edit: Edit<Write, Body<CancelTask>>,
) -> Result<Response, Error> {
    let number = number("task", &name)?;
    if operations::of_task(app.store.pool(), scope.model, number)
        .await?
        .is_none()
    {
        return Err(Refusal::not_found("task", &name).into());
    }
    edit.apply(StatusCode::ACCEPTED, |draft, _| {
        change::cancel(draft, number);
        Ok(())
    })
    .await
}

/// Lists operations.
#[utoipa::path(get, path = "/models/{model}/operations", tag = "operations",
    params(OperationQuery), responses((status = 200, body = OperationList)))]
pub(super) async fn list_operations(
    State(app): State<App>,
    scope: InModel<Read>,
    Query(query): Query<OperationQuery>,
) -> Result<Json<OperationList>, Error> {
    let list = |text: &Option<String>| -> Vec<String> {
        let parts = text.as_deref().unwrap_or_default().split(',');
        let parts = parts.map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let statuses: Result<Vec<TaskStatus>, _> = list(&query.status)
        .iter()
        .map(|word| word.parse())
        .collect();
    let filter = Filter {
        actions: list(&query.actions),
        applications: list(&query.applications),
        units: list(&query.units),
        machines: list(&query.machines),
        statuses: statuses.map_err(|error: lazuli_model::state::NotATaskStatus| {
            Error::bad_request(error.to_string())
        })?,
        offset: query.offset.unwrap_or_default(),
        limit: query
            .limit
            .filter(|limit| *limit > 0)
            .unwrap_or(USUAL)
            .min(MOST),
    };
    let loaded = app.cache.get(scope.model).await?;
    let (found, more) = operations::list(app.store.pool(), scope.model, &filter).await?;
    let reasons = Reasons {
        state: &loaded.state,
        now: app.now(),
    };
    let found = found.into_iter();
    Ok(Json(OperationList {
        operations: found.map(|whole| operation(whole, &reasons)).collect(),
        more,
    }))
}

/// Shows an operation with its tasks.
#[utoipa::path(get, path = "/models/{model}/operations/{operation}", tag = "operations",
    responses((status = 200, body = OperationInfo), (status = 304, description = "As it was")))]
pub(super) async fn show_operation(
    Named(name): Named,
    State(app): State<App>,
    scope: InModel<Read>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let number = number("operation", &name)?;
    let wanted = Wanted {
        kind: "operation",
        name: &name,
        number,
    };
    follow(&app, &scope, &headers, wanted, |whole, reasons| {
        let ended = whole.tasks.iter().all(|task| task.status.is_final());
        Some((operation(whole, reasons), ended))
    })
    .await
}

/// Shows a task.
#[utoipa::path(get, path = "/models/{model}/tasks/{task}", tag = "operations",
    responses((status = 200, body = TaskInfo), (status = 304, description = "As it was")))]
pub(super) async fn show_task(
    Named(name): Named,
    State(app): State<App>,
    scope: InModel<Read>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let of = number("task", &name)?;
    let found = operations::of_task(app.store.pool(), scope.model, of).await?;
    let wanted = Wanted {
        kind: "task",
        name: &name,
        number: found.ok_or_else(|| Refusal::not_found("task", &name))?,
    };
    follow(&app, &scope, &headers, wanted, |whole, reasons| {
        let tasks = operation(whole, reasons).tasks;
        let task = tasks.into_iter().find(|task| task.id == name)?;
        let ended = task.ended;
        Some((task, ended))
    })
    .await
}

fn number(kind: &str, name: &str) -> Result<u64, Error> {
    name.parse()
        .map_err(|_| Refusal::not_found(kind, name).into())
}

/// What is asked for.
struct Wanted<'a> {
    kind: &'a str,
    name: &'a str,
    /// The operation's.
    number: u64,
}

/// Answers a document about an operation, at once or when it is another than
/// the caller knows; one that has ended changes no more.
async fn follow<T: Serialize>(
    app: &App,
    scope: &InModel<Read>,
    headers: &HeaderMap,
    wanted: Wanted<'_>,
    document: impl Fn(Whole, &Reasons<'_>) -> Option<(T, bool)>,
) -> Result<Response, Error> {
    let known = headers.get(IF_NONE_MATCH);
    let known = known.and_then(|tag| tag.to_str().ok());
    let until = Instant::now() + patience(headers);
    let mut place = None;
    loop {
        let revision = app.cache.revision(scope.model).await?;
        // Not after the rows: what has ended meanwhile waits for nothing.
        let loaded = app.cache.get(scope.model).await?;
        let whole = operations::get(app.store.pool(), scope.model, wanted.number).await?;
        let reasons = Reasons {
            state: &loaded.state,
            now: app.now(),
        };
        let (document, ended) = whole
            .and_then(|whole| document(whole, &reasons))
            .ok_or_else(|| Refusal::not_found(wanted.kind, wanted.name))?;
        let body = serde_json::to_vec(&document)
            .map_err(|error| Error::Bug(format!("an operation cannot be written: {error}")))?;
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&body)[..16]));
        if known != Some(tag.as_str()) {
            let headers = [
                (CONTENT_TYPE, "application/json".to_owned()),
                (CACHE_CONTROL, "no-cache".to_owned()),
                (ETAG, tag),
            ];
            return Ok((headers, body).into_response());
        }
        let left = until.saturating_duration_since(Instant::now());
        if ended || left.is_zero() || app.stopping.is_cancelled() {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
        }
        if place.is_none() {
            place = Some(stream::place(app, scope.session.user.id)?);
        }
        tokio::select! {
            () = app.cache.wait_past(scope.model, revision, left) => {}
            () = app.stopping.cancelled() => {}
        }
    }
}

/// How long to wait: `Prefer: wait=SECONDS` (RFC 7240).
fn patience(headers: &HeaderMap) -> Duration {
    let prefer = headers.get("prefer").and_then(|value| value.to_str().ok());
    let wait = prefer.into_iter().flat_map(|text| text.split([',', ';']));
    let wait = wait
        .filter_map(|part| part.trim().strip_prefix("wait="))
        .find_map(|seconds| seconds.trim_matches('"').parse::<f64>().ok());
    let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wait.unwrap_or_default().min(LONGEST)
}

/// Why tasks wait: the planner's word, as far as rows tell it.
struct Reasons<'a> {
    state: &'a ModelState,
    now: OffsetDateTime,
}

impl Reasons<'_> {
    fn of(&self, task: &Task) -> Option<String> {
        if task.status != TaskStatus::Pending {
            return None;
        }
        let inputs = Inputs {
            state: self.state,
            flight: &InFlight::default(),
            offers: &[],
            now: self.now,
        };
        let plan = lazuli_plan::plan_subject(inputs, Subject::Task(task.number));
        plan.blocked.map(|blocked| blocked.reason)
    }
}

/// An operation as it is shown.
fn operation(whole: Whole, reasons: &Reasons<'_>) -> OperationInfo {
    let Whole {
        operation,
        tasks,
        mut logs,
    } = whole;
    let status = operation_status(tasks.iter().map(|task| task.status));
    let ended = tasks.iter().all(|task| task.completed_at.is_some());
    OperationInfo {
        id: operation.number.to_string(),
        summary: operation.summary,
        // Nothing could be scheduled.
        status: status.unwrap_or(TaskStatus::Error).to_string(),
        fail: operation.fail,
        action: operation.action,
        parameters: operation.parameters.as_ref().clone(),
        enqueued: operation.enqueued_at,
        started: tasks.iter().filter_map(|task| task.started_at).min(),
        completed: tasks
            .iter()
            .filter_map(|task| task.completed_at)
            .max()
            .filter(|_| ended),
        tasks: tasks
            .into_iter()
            .map(|one| {
                let log = logs.remove(&one.number).unwrap_or_default();
                let lines = log.into_iter();
                let waiting = reasons.of(&one);
                task(
                    one,
                    waiting,
                    lines
                        .map(|(at, message)| TaskLine { at, message })
                        .collect(),
                )
            })
            .collect(),
    }
}

fn task(task: Task, waiting: Option<String>, log: Vec<TaskLine>) -> TaskInfo {
    let (unit, machine) = match &task.receiver {
        Receiver::Unit { name, .. } => (Some(name.to_string()), None),
        Receiver::Machine { name, .. } => (None, Some(name.to_string())),
    };
    TaskInfo {
        id: task.number.to_string(),
        operation: task.operation.to_string(),
        action: task.name,
        receiver: task.receiver.tag(),
        unit,
        machine,
        status: task.status.to_string(),
        ended: task.status.is_final(),
        waiting,
        message: task.message,
        results: task.results.map(|results| results.as_ref().clone()),
        log,
        enqueued: task.enqueued_at,
        started: task.started_at,
        completed: task.completed_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_what_is_preferred_within_limits() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("prefer", http::HeaderValue::from_static(text));
            patience(&headers)
        };
        assert_eq!(of("wait=30"), Duration::from_secs(30));
        assert_eq!(of("respond-async, wait=0.5"), Duration::from_millis(500));
        assert_eq!(of("wait=9999"), LONGEST);
        for nothing in ["", "wait", "wait=soon", "wait=-1"] {
            assert_eq!(of(nothing), Duration::ZERO, "{nothing}");
        }
    }
}

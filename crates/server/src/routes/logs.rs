//! Logs of a model: a page, or lines as they come.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use lazuli_api::{LogLine, LogPage, LogQuery};
use lazuli_model::id::ModelId;
use lazuli_model::names::UnitName;
use lazuli_store::logs::{self, LogCursor, LogFilter};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Duration, Instant, sleep};

use super::stream::{Cut, HEARTBEAT, Writer, answer, message, place};
use crate::app::App;
use crate::error::Error;
use crate::extract::{InModel, Query, Read};

/// Lines of a page, unless the caller says otherwise.
const USUAL: u32 = 1000;
/// Lines of a page at most, as Juju has it.
const MOST: u32 = 10_000;
/// Lines are no events and ring no bell: a follower looks this often.
const LOOK: Duration = Duration::from_millis(500);

/// Reads a model's logs, or follows them as server-sent events.
#[utoipa::path(get, path = "/models/{model}/logs", tag = "models", params(LogQuery),
    responses((status = 200, body = LogPage)))]
pub(super) async fn read_logs(
    State(app): State<App>,
    scope: InModel<Read>,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let filter = filter(&query)?;
    let limit = query.limit.unwrap_or(USUAL);
    if limit > MOST || query.tail.is_some_and(|lines| lines > MOST) {
        return Err(Error::bad_request(format!("at most {MOST} lines at once")));
    }
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = match last.or(query.after.as_deref()) {
        Some(text) => text
            .parse()
            .map_err(|_| Error::bad_request("that is no point of a log to go on after"))?,
        None => match query.tail {
            Some(lines) => logs::tail(app.store.pool(), scope.model, &filter, lines).await?,
            None => LogCursor::default(),
        },
    };
    if !query.follow {
        let (lines, next) =
            logs::read(app.store.pool(), scope.model, &filter, after, limit).await?;
        let page = LogPage {
            lines: lines.into_iter().map(shown).collect(),
            next: next.to_string(),
        };
        return Ok(Json(page).into_response());
    }
    let place = place(&app, scope.session.user.id)?;
    let (follower, model) = (app.clone(), scope.model);
    let left = query.limit.map(u64::from);
    Ok(answer(
        &app,
        place,
        scope.standing(),
        move |writer| async move { follow(&follower, model, &filter, after, left, &writer).await },
    ))
}

async fn follow(
    app: &App,
    model: ModelId,
    filter: &LogFilter,
    mut after: LogCursor,
    mut left: Option<u64>,
    writer: &Writer,
) -> Result<(), Cut> {
    let mut said = Instant::now();
    writer.beat().await?;
    loop {
        let read = logs::read(app.store.pool(), model, filter, after, USUAL).await;
        let (lines, next) = match read {
            Ok(page) => page,
            Err(error) => {
                writer.end(error.into()).await;
                return Ok(());
            }
        };
        let id = next.to_string();
        let some = !lines.is_empty();
        for line in lines {
            if left == Some(0) {
                return Ok(());
            }
            left = left.map(|left| left - 1);
            match message(&id, "line", &shown(line)) {
                Ok(event) => writer.send(event).await?,
                Err(error) => {
                    writer.end(error).await;
                    return Ok(());
                }
            }
        }
        after = next;
        if left == Some(0) {
            return Ok(());
        }
        if some {
            said = Instant::now();
            continue;
        }
        if said.elapsed() >= HEARTBEAT {
            writer.beat().await?;
            said = Instant::now();
        }
        tokio::select! {
            () = writer.gone() => return Err(Cut),
            () = sleep(LOOK) => {}
        }
    }
}

fn filter(query: &LogQuery) -> Result<LogFilter, Error> {
    let since = query
        .since
        .as_deref()
        .map(|text| OffsetDateTime::parse(text, &Rfc3339))
        .transpose()
        .map_err(|_| Error::bad_request("since is a time such as 2026-01-02T03:04:05Z"))?;
    let level = query
        .level
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error: logs::NotALevel| Error::bad_request(error.to_string()))?;
    Ok(LogFilter {
        include: entities(query.include.as_deref()),
        exclude: entities(query.exclude.as_deref()),
        include_modules: list(query.include_module.as_deref()),
        exclude_modules: list(query.exclude_module.as_deref()),
        level,
        since,
    })
}

fn list(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Entities as logs have them; `mysql/0` is `unit-mysql-0`, `3` `machine-3`.
fn entities(text: Option<&str>) -> Vec<String> {
    let one = |text: String| match text.parse::<UnitName>() {
        Ok(unit) => format!("unit-{}-{}", unit.application(), unit.number()),
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => format!("machine-{text}"),
        Err(_) => text,
    };
    list(text).into_iter().map(one).collect()
}

fn shown(line: logs::LogLine) -> LogLine {
    LogLine {
        at: line.at,
        entity: line.entity,
        level: line.level.to_string(),
        module: line.module,
        message: line.message,
    }
}

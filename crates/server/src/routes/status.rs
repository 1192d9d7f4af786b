//! The status document, by revision.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, StatusCode};
use lazuli_api::StatusQuery;
use lazuli_model::document::status::Status;
use tokio::time::Duration;

use crate::app::App;
use crate::error::Error;
use crate::extract::{InModel, Query, Read, known_revision};
use crate::routes::stream;

/// How long a watcher waits for something new.
const WATCH: Duration = Duration::from_secs(30);

/// Shows a model's status; 304 when it is still what the caller knows.
#[utoipa::path(get, path = "/models/{model}/status", tag = "models", params(StatusQuery),
    responses((status = 200, body = Status), (status = 304, description = "As it was")))]
pub(super) async fn show_status(
    State(app): State<App>,
    scope: InModel<Read>,
    Query(query): Query<StatusQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if let Some(after) = query.after {
        let _place = stream::place(&app, scope.session.user.id)?;
        tokio::select! {
            () = app.cache.wait_past(scope.model, after, WATCH) => {}
            () = app.stopping.cancelled() => {}
        }
        if app.cache.revision(scope.model).await? <= after {
            return Ok(unchanged(after));
        }
    }
    if let Some(known) = known_revision(&headers)
        && query.min_revision.is_none_or(|least| least <= known)
        && app.cache.revision(scope.model).await? == known
    {
        return Ok(unchanged(known));
    }
    let status = app
        .cache
        .status(scope.model, query.min_revision, &app.settings.controller);
    let (revision, body) = status.await?;
    if known_revision(&headers) == Some(revision) {
        return Ok(unchanged(revision));
    }
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (ETAG, tag(revision)),
    ];
    Ok((headers, body).into_response())
}

fn unchanged(revision: u64) -> Response {
    (StatusCode::NOT_MODIFIED, [(ETAG, tag(revision))]).into_response()
}

fn tag(revision: u64) -> String {
    format!("\"r{revision}\"")
}

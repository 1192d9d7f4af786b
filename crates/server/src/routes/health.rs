//! For whoever watches the server itself.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use lazuli_api::{Code, Problem};
use tokio::time::{Duration, timeout};

use crate::app::App;
use crate::error::respond;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(super) async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The server can do its work: the database answers, and it is not about to
/// stop.
pub(super) async fn ready(State(app): State<App>) -> Response {
    let reason = if app.stopping.is_cancelled() {
        "the server is about to stop"
    } else if matches!(
        timeout(PATIENCE, app.store.pool().acquire()).await,
        Ok(Ok(_))
    ) {
        return StatusCode::NO_CONTENT.into_response();
    } else {
        "the database does not answer"
    };
    respond(&Problem::new(Code::Unavailable, reason).with_retry_after(2))
}

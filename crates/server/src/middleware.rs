//! What happens to every request: an id, a log line, a limit, a deadline.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use lazuli_api::{Code, PROBLEM_JSON, Problem};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::error::{Error, respond};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bytes of a problem that gets its request's id.
const LARGEST_PROBLEM: usize = 1 << 20;

/// How long a request may take; uploads and streams set their own.
const DEADLINE: Duration = Duration::from_secs(60);

/// Gives a request an id, logs how it went, and names the id in problems.
pub(crate) async fn identify(mut request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|id| id.to_str().ok());
    let given = given.filter(|id| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=64).contains(&id.len()) && id.bytes().all(plain)
    });
    let id = given.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let Ok(value) = HeaderValue::try_from(&id) else {
        return next.run(request).await;
    };
    request
        .headers_mut()
        .insert(REQUEST_ID.clone(), value.clone());
    let span = tracing::info_span!(
        "request",
        %id,
        method = %request.method(),
        path = request.uri().path(),
    );
    let began = Instant::now();
    let response = async {
        let response = next.run(request).await;
        tracing::debug!(
            status = response.status().as_u16(),
            millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response
    }
    .instrument(span)
    .await;
    let mut response = name_instance(response, &id).await;
    response.headers_mut().insert(REQUEST_ID.clone(), value);
    response
}

/// Writes the request's id into a problem.
async fn name_instance(response: Response, id: &str) -> Response {
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != PROBLEM_JSON) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_PROBLEM).await;
    let bytes = body.unwrap_or_default();
    let named = serde_json::from_slice::<Problem>(&bytes)
        .ok()
        .and_then(|mut problem| {
            problem.instance = Some(id.to_owned());
            serde_json::to_vec(&problem).ok()
        });
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let body = named.map_or(axum::body::Body::from(bytes), axum::body::Body::from);
    Response::from_parts(parts, body)
}

/// Answers 429 when too many requests are under way.
pub(crate) async fn limit(
    State(places): State<Arc<Semaphore>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_place) = places.try_acquire() else {
        return respond(&Error::busy("the server is busy: try again soon", 1).into_problem());
    };
    next.run(request).await
}

/// Answers 504 when a request takes too long.
pub(crate) async fn deadline(request: Request, next: Next) -> Response {
    match tokio::time::timeout(DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => respond(&Problem::new(
            Code::TimedOut,
            "the request took too long: it may or may not have been done",
        )),
    }
}

/// A problem for paths and methods that there are none of.
pub(crate) async fn unknown_path(request: Request) -> Response {
    respond(&Problem::new(
        Code::NotFound,
        format!("there is no {}", request.uri().path()),
    ))
}

/// As [`unknown_path`].
pub(crate) async fn unknown_method(request: Request) -> Response {
    let mut response = respond(&Problem::new(
        Code::MethodNotAllowed,
        format!(
            "{} does not take {}",
            request.uri().path(),
            request.method()
        ),
    ));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

//! Every failure becomes a problem here, by its class, and nowhere else.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use lazuli_api::{Code, PROBLEM_JSON, Problem};
use lazuli_store::{Class, StoreError};

use crate::change::Refusal;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Refused with a problem that is ready.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// What was asked cannot be done.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Work on another thread failed.
    #[error("{doing} failed")]
    Task {
        /// What was attempted.
        doing: &'static str,
        /// How it failed.
        #[source]
        source: tokio::task::JoinError,
    },
    /// Something that should not be.
    #[error("{0}")]
    Bug(String),
}

impl Error {
    pub(crate) fn problem(code: Code, detail: impl Into<String>) -> Self {
        Self::Problem(Box::new(Problem::new(code, detail)))
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::problem(Code::BadRequest, detail)
    }

    /// The same words whoever asks for whatever.
    pub(crate) fn unauthorized() -> Self {
        Self::problem(
            Code::Unauthorized,
            "invalid entity name or password, or a token that is not valid: log in",
        )
    }

    /// Juju's words.
    pub(crate) fn forbidden() -> Self {
        Self::problem(Code::Forbidden, "permission denied")
    }

    pub(crate) fn busy(detail: impl Into<String>, seconds: u32) -> Self {
        let problem = Problem::new(Code::TooManyRequests, detail).with_retry_after(seconds);
        Self::Problem(Box::new(problem))
    }

    /// What the caller is told.
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Problem(problem) => *problem,
            Self::Refused(refusal) => {
                let problem = Problem::new(refusal.code, refusal.detail.clone());
                match refusal.pointer {
                    Some(pointer) => problem.with_field(pointer, refusal.detail),
                    None => problem,
                }
            }
            Self::Store(error) => of_store(&error),
            Self::Task { .. } | Self::Bug(_) => {
                tracing::error!(error = report(&self), "a request failed");
                internal()
            }
        }
    }
}

fn internal() -> Problem {
    Problem::new(
        Code::Internal,
        "the server failed: its log says why, under the request's id",
    )
}

fn of_store(error: &StoreError) -> Problem {
    match (error.class(), error) {
        (Class::Transient, _) => {
            tracing::warn!(error = report(error), "the database does not answer");
            Problem::new(
                Code::Unavailable,
                "the database does not answer now: try again soon",
            )
            .with_retry_after(2)
        }
        (Class::Unknown, _) => {
            tracing::warn!(error = report(error), "a commit's answer was lost");
            Problem::new(Code::OutcomeUnknown, error.to_string()).with_retry_after(2)
        }
        (Class::Conflict, StoreError::GenerationMismatch { .. }) => {
            Problem::new(Code::GenerationMismatch, error.to_string())
        }
        (Class::Conflict, StoreError::AlreadyExists { .. }) => {
            Problem::new(Code::AlreadyExists, error.to_string())
        }
        (Class::Conflict | Class::Fenced, _) => Problem::new(Code::Conflict, error.to_string()),
        (Class::NotFound, _) => Problem::new(Code::NotFound, error.to_string()),
        (Class::User, StoreError::TooLarge { .. }) => {
            Problem::new(Code::TooLarge, error.to_string())
        }
        (Class::User, _) => Problem::new(Code::Invalid, error.to_string()),
        (Class::Bug, _) => {
            tracing::error!(error = report(error), "the store failed");
            internal()
        }
    }
}

/// An error with all its causes, for the log.
fn report(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        respond(&self.into_problem())
    }
}

/// A problem as an answer.
pub(crate) fn respond(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Some(seconds) = problem.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

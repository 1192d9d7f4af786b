//! The pages that problems' types lead to.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use lazuli_api::{Class, Code};

use crate::error::Error;

/// `GET /problems/{code}`.
pub(super) async fn page(Path(code): Path<String>) -> Response {
    let Some(code) = Code::from_text(&code) else {
        return Error::problem(Code::NotFound, "there is no such kind of problem").into_response();
    };
    let advice = match code.class() {
        Class::User => "The request has to change; the problem's detail and errors say how.",
        Class::Auth => "Log in, or ask an administrator for the right.",
        Class::NotFound => "It is not there, or may not be seen by who asked.",
        Class::Conflict => "Read what is there now, then decide whether to ask again.",
        Class::Transient => {
            "Ask again later, after the Retry-After if there is one. With an Idempotency-Key a \
             repeat is always safe."
        }
        Class::Bug => "The server's log says more, under the request's id.",
    };
    let text = format!(
        "{} ({})\n\nCode: {}\n\n{advice}\n",
        code.title(),
        code.status(),
        code.as_str()
    );
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

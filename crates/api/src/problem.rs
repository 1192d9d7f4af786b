//! Problems (RFC 9457): what went wrong, in stable codes.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a [`Problem`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Where the page of a code is, on the server that answered.
const PAGES: &str = "/problems/";

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A page about this kind of problem, relative to the server.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This problem, for people: what failed, why, what to do.
    pub detail: String,
    /// The kind of problem, for programs: never changes its meaning. See
    /// [`Code`].
    pub code: String,
    /// The request's id, to be found in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Seconds after which to try again, when that may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// What is wrong with single fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What is wrong with a field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where it is, as a JSON pointer: `/config/port`.
    pub pointer: String,
    /// What is wrong.
    pub detail: String,
}

/// What to do about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Change the request.
    User,
    /// Log in, or ask for the right.
    Auth,
    /// There is no such thing.
    NotFound,
    /// Somebody else was first: read again, then decide.
    Conflict,
    /// Try again later.
    Transient,
    /// Lazuli's mistake, or the operator's set-up.
    Bug,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $text:literal, $status:literal, $class:ident, $title:literal;)+) => {
        /// The kinds of problems. New ones may come; their texts never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code of this text; none for one that this version does
            /// not know.
            #[must_use]
            pub fn from_text(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// The code as text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)+
                }
            }

            /// What to do about it.
            #[must_use]
            pub fn class(self) -> Class {
                match self {
                    $(Self::$name => Class::$class,)+
                }
            }

            /// The kind of problem, in words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)+
                }
            }
        }
    };
}

codes! {
    /// The request cannot be read: JSON, query, path or headers.
    BadRequest, "bad-request", 400, User, "The request cannot be read";
    /// No valid token or password.
    Unauthorized, "unauthorized", 401, Auth, "Log in first";
    /// The user may not do this.
    Forbidden, "forbidden", 403, Auth, "Permission denied";
    /// There is no such thing, or the user may not see it.
    NotFound, "not-found", 404, NotFound, "Not found";
    /// The path does not take this method.
    MethodNotAllowed, "method-not-allowed", 405, User, "Method not allowed";
    /// The state of things does not allow it.
    Conflict, "conflict", 409, Conflict, "Not possible as things are";
    /// The name is taken.
    AlreadyExists, "already-exists", 409, Conflict, "The name is taken";
    /// The same request is under way.
    RequestPending, "request-pending", 409, Transient, "The same request is under way";
    /// What was asked for is no longer kept.
    Gone, "gone", 410, Conflict, "No longer kept";
    /// `If-Match` does not.
    GenerationMismatch, "generation-mismatch", 412, Conflict, "Changed in the meantime";
    /// The body is over the limit.
    TooLarge, "too-large", 413, User, "Too large";
    /// The body has another media type.
    UnsupportedMedia, "unsupported-media-type", 415, User, "Another media type is needed";
    /// The request can be read, but what it says cannot be done.
    Invalid, "invalid", 422, User, "Not valid";
    /// The idempotency key was used for another request.
    KeyReused, "idempotency-key-reused", 422, User, "The idempotency key was used before";
    /// Too many requests, or too many at once.
    TooManyRequests, "too-many-requests", 429, Transient, "Too many requests";
    /// Lazuli's mistake.
    Internal, "internal", 500, Bug, "Internal error";
    /// This server cannot do it as it is set up.
    NotSupported, "not-supported", 501, User, "Not supported";
    /// What is needed for it does not answer.
    Unreachable, "unreachable", 502, Transient, "Not reachable";
    /// The database does not answer, or the server is about to stop.
    Unavailable, "unavailable", 503, Transient, "Not available now";
    /// A commit may or may not have happened: read, then decide.
    OutcomeUnknown, "outcome-unknown", 503, Transient, "It may or may not have happened";
    /// It took too long.
    TimedOut, "timed-out", 504, Transient, "It took too long";
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{PAGES}{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.as_str().to_owned(),
            instance: None,
            retry_after: None,
            errors: Vec::new(),
        }
    }

    /// With what is wrong with a field.
    #[must_use]
    pub fn with_field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            pointer: pointer.into(),
            detail: detail.into(),
        });
        self
    }

    /// With a time after which to try again.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What to do about it; by the status, if the code is one that this
    /// version does not know.
    #[must_use]
    pub fn class(&self) -> Class {
        if let Some(code) = Code::from_text(&self.code) {
            return code.class();
        }
        match self.status {
            401 | 403 => Class::Auth,
            404 => Class::NotFound,
            409 | 410 | 412 => Class::Conflict,
            429 | 502..=504 => Class::Transient,
            400..=499 => Class::User,
            _ => Class::Bug,
        }
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        self.code == code.as_str()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::from_text(code.as_str()), Some(*code));
            assert_eq!(Problem::new(*code, "x").class(), code.class());
        }
    }

    #[test]
    fn codes_of_later_versions_have_a_class() {
        let mut problem = Problem::new(Code::NotFound, "x");
        problem.code = "lost-in-space".to_owned();
        assert_eq!(problem.class(), Class::NotFound);
    }

    #[test]
    fn a_problem_is_small_json() {
        let problem = Problem::new(Code::NotFound, "model \"x\" not found");
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "/problems/not-found",
                "title": "Not found",
                "status": 404,
                "detail": "model \"x\" not found",
                "code": "not-found",
            })
        );
    }
}

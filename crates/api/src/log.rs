//! Logs of models.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// The query of `GET /v1/models/{model}/logs`. Lists have commas between.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Only of these: `unit-mysql-0`, `mysql/0`, `machine-3`, `unit-mysql-*`.
    pub include: Option<String>,
    /// But not of these.
    pub exclude: Option<String>,
    /// Only of these modules and what is below them.
    pub include_module: Option<String>,
    /// But not of these.
    pub exclude_module: Option<String>,
    /// This bad or worse: `WARNING`.
    pub level: Option<String>,
    /// Not older than this (RFC 3339).
    pub since: Option<String>,
    /// Go on after this point of an earlier answer.
    pub after: Option<String>,
    /// Begin with the last so many lines.
    pub tail: Option<u32>,
    /// At most so many lines; 1,000 when absent, 10,000 at most.
    pub limit: Option<u32>,
    /// Go on with lines as they come, as server-sent events.
    pub follow: bool,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Whose, such as `unit-mysql-0`.
    pub entity: String,
    /// `TRACE`, `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`.
    pub level: String,
    /// Where in it.
    pub module: String,
    /// What.
    pub message: String,
}

/// A page of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// In order.
    pub lines: Vec<LogLine>,
    /// Where to go on, as `?after=`.
    pub next: String,
}

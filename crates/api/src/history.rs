//! The history of statuses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// The query of `GET /v1/models/{model}/status-log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct StatusLogQuery {
    /// Of a unit (`mysql/0`), a machine (`3`) or an application; of the model
    /// when absent.
    pub entity: Option<String>,
    /// Juju's types: `workload`, `juju-unit` or `unit` (both) of a unit,
    /// `machine`, `juju-machine` or both when absent.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    pub kind: Option<String>,
    /// At most so many entries; 20 when absent, 1,000 at most.
    pub limit: Option<u32>,
}

/// A status that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusEntry {
    /// The word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The data, such as the hook that failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Object>)]
    pub data: BTreeMap<String, serde_json::Value>,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// Juju's type: `workload`, `juju-unit`, `application`, `machine`,
    /// `juju-machine`, `model`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The history of a status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusLog {
    /// The oldest first, as Juju prints them.
    pub entries: Vec<StatusEntry>,
}

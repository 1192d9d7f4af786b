//! Operations and tasks: actions and commands that users run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

/// `POST /v1/models/{model}/operations`: runs an action. The answer names the
/// operation, which says what could not be scheduled, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunAction {
    /// The action's name.
    pub action: String,
    /// Units, such as `mysql/0`, or `mysql/leader`.
    pub units: Vec<String>,
    /// Its parameters, checked by the action's schema.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// Run it beside what else runs on the machine; as the charm says when
    /// absent.
    pub parallel: Option<bool>,
    /// Take turns within this group; as the charm says when absent.
    pub execution_group: Option<String>,
}

/// `POST /v1/models/{model}/exec`: runs a command, as root in the context of
/// units, and as the machine's user on machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exec {
    /// A script for bash.
    pub command: String,
    /// Units, such as `mysql/0`, or `mysql/leader`.
    pub units: Vec<String>,
    /// Applications: all of their units.
    pub applications: Vec<String>,
    /// Machines.
    pub machines: Vec<String>,
    /// All machines.
    pub all: bool,
    /// Run it beside what else runs on the machine.
    pub parallel: bool,
    /// Take turns within this group.
    pub execution_group: String,
}

/// `POST /v1/models/{model}/tasks/{task}/cancel`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelTask {}

/// The query of `GET /v1/models/{model}/operations`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
    /// Of these actions, with commas between; `juju-exec` for commands.
    pub actions: Option<String>,
    /// On units of these applications.
    pub applications: Option<String>,
    /// On these units.
    pub units: Option<String>,
    /// On these machines.
    pub machines: Option<String>,
    /// That stand so: pending, running, completed, failed, ...
    pub status: Option<String>,
    /// How many to pass over.
    pub offset: Option<u32>,
    /// How many at most; 50 when absent.
    pub limit: Option<u32>,
}

/// `GET /v1/models/{model}/operations`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationList {
    /// In the order in which they were asked for.
    pub operations: Vec<OperationInfo>,
    /// Whether there are more.
    pub more: bool,
}

/// `GET /v1/models/{model}/operations/{operation}`. With `If-None-Match` and
/// `Prefer: wait=30` it answers when something about it has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationInfo {
    /// Its number.
    pub id: String,
    /// For people.
    pub summary: String,
    /// pending, running, completed, failed, cancelled, aborting, aborted, or
    /// error.
    pub status: String,
    /// What was not scheduled, and why; a line for each place.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fail: String,
    /// The action's name; `juju-exec` for a command.
    pub action: String,
    /// What was given.
    #[schema(value_type = Object)]
    pub parameters: Map<String, Value>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued: OffsetDateTime,
    /// When the first of its tasks began.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub started: Option<OffsetDateTime>,
    /// When the last of its tasks ended.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub completed: Option<OffsetDateTime>,
    /// Its tasks, in order.
    pub tasks: Vec<TaskInfo>,
}

/// `GET /v1/models/{model}/tasks/{task}`, which waits as an operation does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskInfo {
    /// Its number.
    pub id: String,
    /// Its operation's.
    pub operation: String,
    /// The action's name; `juju-exec` for a command.
    pub action: String,
    /// `unit-mysql-0` or `machine-3`.
    pub receiver: String,
    /// The unit's name, if it runs in one's context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The machine's name, if it runs on one itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// As of operations.
    pub status: String,
    /// Whether it has ended.
    pub ended: bool,
    /// Why it has not begun, if it waits for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// What it had to say in the end.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What it brought, with `stdout`, `stderr` and `return-code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub results: Option<Map<String, Value>>,
    /// What it said while it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<TaskLine>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub enqueued: OffsetDateTime,
    /// When it began.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub started: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub completed: Option<OffsetDateTime>,
}

/// A line that a task said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskLine {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What.
    pub message: String,
}

/// `GET /v1/models/{model}/applications/{application}/actions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionList {
    /// By name.
    pub actions: BTreeMap<String, ActionInfo>,
}

/// `GET /v1/models/{model}/applications/{application}/hooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HookList {
    /// The hooks that the charm may be asked for, by name, and whether it has
    /// a program for each: the others are never run.
    pub hooks: BTreeMap<String, bool>,
}

/// An action of a charm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionInfo {
    /// What it does.
    pub description: String,
    /// Whether it runs beside what else runs on the machine.
    pub parallel: bool,
    /// The group it takes turns in; empty for none.
    pub execution_group: String,
    /// The JSON schema (draft 4) of its parameters.
    #[schema(value_type = Object)]
    pub schema: Value,
}

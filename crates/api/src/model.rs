//! Models, their settings and who may do what with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::entity::Written;

/// `POST /v1/models`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewModel {
    /// Its name, unique among those of its owner.
    pub name: String,
    /// Its owner; whoever asks when absent. Only a superuser may name others.
    pub owner: Option<String>,
    /// The cloud; there is one, so this only checks its name.
    pub cloud: Option<String>,
    /// The cloud's region; the controller's when absent.
    pub region: Option<String>,
    /// Settings, as of `model-config`.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub config: BTreeMap<String, serde_json::Value>,
    /// Constraints of all machines, such as `mem=4G`.
    pub constraints: Option<String>,
    /// SSH keys of users that may log in to its machines.
    pub authorized_keys: Vec<String>,
}

/// The answer to `POST /v1/models`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelAdded {
    /// How far the model is.
    pub written: Written,
    /// The model.
    pub model: ModelInfo,
    /// What to tell about its settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelInfo {
    /// Its id.
    pub uuid: String,
    /// Its name, without its owner.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// The controller's name.
    pub controller: String,
    /// The controller's id.
    pub controller_uuid: String,
    /// The cloud.
    pub cloud: String,
    /// The region.
    pub region: String,
    /// The addresses of its network.
    pub address_range: String,
    /// `alive` or `dying`.
    pub life: String,
    /// Its status.
    pub status: ModelStatusInfo,
    /// What the caller may do with it: `read`, `write` or `admin`.
    pub access: String,
    /// Who may do what with it; empty for those who may only look.
    pub users: BTreeMap<String, ModelUser>,
    /// Its machines, by number.
    pub machines: BTreeMap<String, ModelMachine>,
    /// How many applications it has.
    pub applications: u32,
    /// How many units it has.
    pub units: u32,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// How far it is.
    pub at: Written,
}

/// A model's status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelStatusInfo {
    /// The word.
    pub current: String,
    /// The text.
    pub message: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// A user of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelUser {
    /// A name for people.
    pub display_name: String,
    /// `read`, `write` or `admin`.
    pub access: String,
}

/// A machine of a model, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelMachine {
    /// Its processors, once known.
    pub cores: u32,
}

/// `GET /v1/models`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// Those that the caller may see, by owner and name.
    pub models: Vec<ModelInfo>,
}

/// `GET /v1/models/{model}/config`: Juju's shape, by key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelConfigDocument {
    /// Values by key.
    pub config: BTreeMap<String, ModelConfigValue>,
}

/// A setting of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelConfigValue {
    /// The value.
    #[serde(rename = "Value")]
    pub value: serde_json::Value,
    /// `default`, `controller` or `model`.
    #[serde(rename = "Source")]
    pub source: String,
}

/// `PATCH /v1/models/{model}/config`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfigChange {
    /// Values to set, texts or plain values.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub set: BTreeMap<String, serde_json::Value>,
    /// Keys to go back to their defaults.
    pub reset: Vec<String>,
}

/// `GET /v1/models/{model}/ssh-keys`: whom machines of a model let in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeys {
    /// The model's own key, in OpenSSH's one-line form: Lazuli logs in with
    /// it. Machines of the cloud are made with it; whoever enlists a machine
    /// that exists puts it into the authorized_keys there.
    pub model_key: String,
    /// Keys of users, likewise.
    pub keys: Vec<String>,
}

/// `POST` and `PUT /v1/models/{model}/ssh-keys`: keys of users, one line each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizedKeys {
    /// In OpenSSH's one-line form.
    pub keys: Vec<String>,
}

/// What a user may do with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLevel {
    /// May look.
    Read,
    /// May change what is in it.
    Write,
    /// May do anything with it.
    Admin,
}

/// `PUT /v1/models/{model}/access/{user}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessGrant {
    /// What the user may do from now on.
    pub access: AccessLevel,
}

/// `GET /v1/models/{model}/access`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessList {
    /// By user.
    pub users: BTreeMap<String, AccessLevel>,
}

/// The query of `GET /v1/models/{model}/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct StatusQuery {
    /// Not older than this revision (of a write's answer): the server waits
    /// for it for a few seconds.
    pub min_revision: Option<u64>,
    /// Answer only once the model is past this revision, or after a while
    /// with 304.
    pub after: Option<u64>,
}

impl AccessLevel {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

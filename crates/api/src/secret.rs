//! Secrets of users, and what may be seen of those of charms.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a secret says: key to value in base64. It does not show when it is
/// printed for debugging.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SecretData(pub BTreeMap<String, String>);

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretData({} keys)", self.0.len())
    }
}

/// `POST /v1/models/{model}/secrets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewSecret {
    /// Unique among the model's.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it says.
    pub content: SecretData,
}

/// `PATCH /v1/models/{model}/secrets/{secret}`: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SecretUpdate {
    /// Another name.
    pub name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether revisions that nobody reads any more go by themselves.
    pub auto_prune: Option<bool>,
    /// A new revision, unless the newest says the same.
    pub content: Option<SecretData>,
}

/// `PATCH /v1/models/{model}/secrets/{secret}/access`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretAccessChange {
    /// Applications that may read it from now on.
    pub grant: Vec<String>,
    /// Applications that may no longer.
    pub revoke: Vec<String>,
}

/// The query of `DELETE /v1/models/{model}/secrets/{secret}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SecretRemoval {
    /// One revision rather than all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Answer what would go, and remove nothing.
    pub dry_run: bool,
}

/// The query of `GET /v1/models/{model}/secrets/{secret}/content`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SecretContentQuery {
    /// This revision rather than the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
}

/// What a revision of a secret says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretContent {
    /// The revision.
    pub revision: u32,
    /// Changes with the content.
    pub checksum: String,
    /// What it says.
    pub data: SecretData,
}

/// Secrets, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretList {
    /// The secrets.
    pub secrets: Vec<SecretInfo>,
}

/// A secret, what it says aside. Times are RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SecretInfo {
    /// The id, without `secret:`.
    pub id: String,
    /// The newest revision.
    pub revision: u32,
    /// `<model>` for those of users, else an application or a unit.
    pub owner: String,
    /// The name of a user's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The owner's label of a charm's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `hourly` and the like; empty for never.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rotation: String,
    /// When it is to be rotated next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotates: Option<String>,
    /// When the newest revision expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was made.
    pub created: String,
    /// When it was changed last.
    pub updated: String,
    /// The revisions that are there, from the oldest.
    pub revisions: Vec<SecretRevisionInfo>,
    /// Who else may read it.
    pub access: Vec<SecretAccessInfo>,
}

/// A revision of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretRevisionInfo {
    /// Its number, from 1.
    pub revision: u32,
    /// When it was made.
    pub created: String,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// Who may read a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretAccessInfo {
    /// The tag of an application or a unit.
    pub target: String,
    /// The tag of the relation or the model that it ends with.
    pub scope: String,
    /// `view`.
    pub role: String,
}

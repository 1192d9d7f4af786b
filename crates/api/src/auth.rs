//! Logging in, users and the server's version.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// `POST /v1/login`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
    /// What to call the token, such as the name of the machine it is for.
    #[serde(default)]
    pub label: Option<String>,
    /// Seconds after which the token expires; none: the server's default.
    #[serde(default)]
    pub expires_in: Option<u32>,
}

/// A token, shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoggedIn {
    /// To be sent as `Authorization: Bearer`.
    pub token: String,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// Whose it is.
    pub user: String,
}

/// `GET /v1/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// The user.
    pub user: String,
    /// The user's name for people.
    pub display_name: String,
    /// `login` or `superuser`.
    pub access: String,
}

/// `GET /v1/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionInfo {
    /// Lazuli's own version.
    pub version: String,
    /// The version of Juju that charms and clients see.
    pub juju_version: String,
    /// The controller's name.
    pub controller: String,
    /// The controller's id.
    pub controller_uuid: String,
    /// The cloud that models are made in.
    pub cloud: String,
    /// The region that models are made in unless they say otherwise.
    pub region: String,
}

/// `POST /v1/users`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to log in with.
    pub name: String,
    /// A name for people.
    #[serde(default)]
    pub display_name: String,
    /// The first password; without one the user cannot log in yet.
    #[serde(default)]
    pub password: Option<String>,
    /// `login` (the default) or `superuser`.
    #[serde(default)]
    pub access: Option<String>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserInfo {
    /// The name to log in with.
    pub name: String,
    /// A name for people.
    pub display_name: String,
    /// `login` or `superuser`.
    pub access: String,
    /// Whether the user may not log in.
    pub disabled: bool,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// `GET /v1/users`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserList {
    /// By name.
    pub users: Vec<UserInfo>,
}

/// `PATCH /v1/users/{user}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UserUpdate {
    /// `login` or `superuser`; as it is when absent.
    pub access: Option<String>,
    /// Whether the user may log in; as it is when absent.
    pub disabled: Option<bool>,
}

/// `PUT /v1/users/{user}/password`. Ends all of the user's sessions.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The new password.
    pub password: String,
    /// The present one; a superuser needs none for others.
    #[serde(default)]
    pub current: Option<String>,
}

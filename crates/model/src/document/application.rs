//! `juju show-application` and `juju config` (Juju,
//! `cmd/juju/application/{show,config}.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::constraints::Constraints;
use crate::state::ExposeRule;

/// An application, without its name, which the CLI makes the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ShowApplication))]
#[serde(rename_all = "kebab-case")]
pub struct ShowApplication {
    /// The charm's name.
    pub charm: String,
    /// `ubuntu@24.04`.
    pub base: String,
    /// Of Charmhub's charms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// What is asked of its machines.
    #[serde(default, skip_serializing_if = "Constraints::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub constraints: Constraints,
    /// Whether it is no subordinate.
    pub principal: bool,
    /// Whether it is exposed.
    pub exposed: bool,
    /// Endpoint (or empty for all) to who may reach it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub exposed_endpoints: BTreeMap<String, ExposeRule>,
    /// Whether it is of another model.
    pub remote: bool,
    /// `alive`, `dying`.
    pub life: String,
    /// Endpoint (or empty for the default) to space.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoint_bindings: BTreeMap<String, String>,
}

/// An application's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ApplicationConfig))]
#[serde(rename_all = "kebab-case")]
pub struct ApplicationConfig {
    /// The application.
    pub application: String,
    /// What is not the charm's: `trust`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub application_config: BTreeMap<String, ConfigSetting>,
    /// The charm's name.
    pub charm: String,
    /// The charm's options.
    pub settings: BTreeMap<String, ConfigSetting>,
}

/// An option and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ConfigSetting))]
#[serde(rename_all = "kebab-case")]
pub struct ConfigSetting {
    /// The value when nothing is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// What it is for.
    pub description: String,
    /// `default`, `user` or `unset`.
    pub source: String,
    /// `string`, `int`, `float`, `boolean`, `secret`; of `trust` `bool`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

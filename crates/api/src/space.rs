//! Spaces and bindings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/models/{model}/spaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceList {
    /// By number.
    pub spaces: Vec<SpaceInfo>,
}

/// A space: subnets of the model's network, by a name that endpoints are
/// bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpaceInfo {
    /// Its number.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its subnets.
    pub subnets: Vec<SubnetInfo>,
    /// The applications with an endpoint that is bound to it.
    pub applications: Vec<String>,
    /// How many machines have an address in it.
    pub machine_count: u32,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubnetInfo {
    /// Its range, such as `10.64.32.0/24`.
    pub cidr: String,
    /// Its name at the cloud.
    pub provider_id: String,
    /// The name of its network at the cloud.
    pub provider_network_id: String,
    /// Whether the cloud has it yet: it is made with the first machine.
    pub made: bool,
}

/// `POST /v1/models/{model}/spaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AddSpace {
    /// Its name.
    pub name: String,
    /// The ranges of its subnets: those that there are move to it, others are
    /// made. Without any it gets the next one that is free.
    pub subnets: Vec<String>,
}

/// `PATCH /v1/models/{model}/spaces/{space}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChangeSpace {
    /// Its new name.
    pub name: Option<String>,
    /// Subnets that move to it, or are made in it.
    pub subnets: Vec<String>,
    /// Move subnets although machines have addresses in them.
    pub force: bool,
}

/// `POST /v1/models/{model}/applications/{application}/bindings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bind {
    /// Endpoint or extra binding (or empty for the default) to space.
    pub bindings: BTreeMap<String, String>,
    /// Bind although machines are not in the space: their units have no
    /// address for the endpoint then.
    pub force: bool,
}

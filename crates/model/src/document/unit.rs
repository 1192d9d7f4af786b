//! `juju show-unit` (Juju, `cmd/juju/application/showunit.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::state::Settings;

/// A unit, without its name, which the CLI makes the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = ShowUnit))]
#[serde(rename_all = "kebab-case")]
pub struct ShowUnit {
    /// `application-version-set`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workload_version: String,
    /// The machine's number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// `80/tcp`; always there.
    pub opened_ports: Vec<String>,
    /// The address to reach it at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub public_address: String,
    /// The charm's url.
    pub charm: String,
    /// Whether it leads.
    pub leader: bool,
    /// `alive`, `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
    /// Its relations, those without any data among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relation_info: Vec<UnitRelation>,
}

/// A relation as a unit has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = UnitRelation))]
#[serde(rename_all = "kebab-case")]
pub struct UnitRelation {
    /// The relation's number.
    pub relation_id: u64,
    /// The unit's endpoint.
    pub endpoint: String,
    /// The other end's endpoint; of peers their own.
    pub related_endpoint: String,
    /// What the other application says; of peers their own.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub application_data: Settings,
    /// What the unit says.
    pub local_unit: RelationData,
    /// What the other units say, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub related_units: BTreeMap<String, RelationData>,
}

/// What a unit says in a relation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = RelationData))]
#[serde(rename_all = "kebab-case")]
pub struct RelationData {
    /// Whether others see it.
    pub in_scope: bool,
    /// Its settings; `null` when it never had any.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<BTreeMap<String, String>>))]
    pub data: Option<Settings>,
}

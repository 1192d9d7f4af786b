//! Charms.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::ConfigSchema;
use crate::names::EndpointName;
use crate::state::EndpointRole;

/// A charm as its archive describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Charm {
    /// metadata.yaml.
    pub meta: Metadata,
    /// config.yaml.
    pub config: ConfigSchema,
    /// Whether there is an executable `dispatch`.
    pub dispatch: bool,
    /// The names under `hooks/`.
    pub hooks: BTreeSet<String>,
}

/// metadata.yaml.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The charm's name.
    pub name: String,
    /// Whether it is a subordinate.
    pub subordinate: bool,
    /// Endpoints by name.
    pub endpoints: BTreeMap<EndpointName, CharmEndpoint>,
    /// Extra bindings.
    pub extra_bindings: BTreeSet<String>,
}

/// An endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CharmEndpoint {
    /// Role.
    pub role: EndpointRole,
    /// Interface.
    pub interface: String,
    /// Container scope.
    pub container_scoped: bool,
}

impl Charm {
    /// Whether running this hook would run anything.
    #[must_use]
    pub fn has_hook(&self, name: &str) -> bool {
        self.dispatch || self.hooks.contains(name)
    }
}

impl Metadata {
    /// All names that `network-get` knows.
    pub fn binding_names(&self) -> impl Iterator<Item = String> {
        self.endpoints
            .keys()
            .map(ToString::to_string)
            .chain(self.extra_bindings.iter().cloned())
            .chain(["juju-info".to_owned()])
    }
}

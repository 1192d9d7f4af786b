//! Endpoints: what a charm provides, requires and shares among its units.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::document::{Document, present};
use super::error::CharmError;
use crate::names::EndpointName;
use crate::state::EndpointRole;
use crate::yaml::Node;

/// Who takes part in a relation.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// A subordinate and its principal's unit on one machine.
    Container,
    /// All units of both applications.
    #[default]
    Global,
}

/// An endpoint of a charm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its side.
    pub role: EndpointRole,
    /// What both sides must agree on.
    pub interface: String,
    /// Who takes part.
    #[serde(default)]
    pub scope: Scope,
    /// How many relations the charm can have at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whether the charm works without it; Juju does not act on it.
    #[serde(default)]
    pub optional: bool,
}

/// The endpoint that every charm provides without saying so: `juju-info`.
pub static JUJU_INFO: LazyLock<Endpoint> = LazyLock::new(|| Endpoint {
    role: EndpointRole::Provider,
    interface: "juju-info".to_owned(),
    scope: Scope::Global,
    limit: None,
    optional: false,
});

/// Reads `provides`, `requires` and `peers`.
pub(super) fn read(
    document: &Document<'_>,
    charm: &str,
    subordinate: bool,
) -> Result<BTreeMap<EndpointName, Endpoint>, CharmError> {
    let mut endpoints = BTreeMap::new();
    for (section, role) in [
        ("provides", EndpointRole::Provider),
        ("requires", EndpointRole::Requirer),
        ("peers", EndpointRole::Peer),
    ] {
        for (key, value) in document.section(section)? {
            let name: EndpointName = document.name(key)?;
            let endpoint = endpoint(document, value, role, &format!("{section}.{name}"))?;
            let private =
                subordinate && role == EndpointRole::Requirer && endpoint.scope == Scope::Container;
            if !private && reserved(charm, name.as_str()) {
                let reason = format!(
                    "charm {charm:?} using a reserved relation name: {:?}",
                    name.as_str()
                );
                return Err(document.fault(key, reason));
            }
            if role != EndpointRole::Requirer && reserved(charm, &endpoint.interface) {
                let (name, interface) = (name.as_str(), &endpoint.interface);
                let reason = format!(
                    "charm {charm:?} relation {name:?} using a reserved interface: {interface:?}"
                );
                return Err(document.fault(value, reason));
            }
            if endpoints.insert(name.clone(), endpoint).is_some() {
                let reason = format!(
                    "charm {charm:?} using a duplicated relation name: {:?}",
                    name.as_str()
                );
                return Err(document.fault(key, reason));
            }
        }
    }
    let joins = |endpoint: &Endpoint| {
        endpoint.role == EndpointRole::Requirer && endpoint.scope == Scope::Container
    };
    if subordinate && !endpoints.values().any(joins) {
        let reason =
            format!("subordinate charm {charm:?} lacks \"requires\" relation with container scope");
        let place = document
            .get("requires")
            .or_else(|| document.get("subordinate"))
            .unwrap_or(document.root);
        return Err(document.fault(place, reason));
    }
    Ok(endpoints)
}

fn endpoint(
    document: &Document<'_>,
    node: &Node,
    role: EndpointRole,
    path: &str,
) -> Result<Endpoint, CharmError> {
    if let Some(interface) = node.as_str() {
        return Ok(Endpoint {
            role,
            interface: interface.to_owned(),
            scope: Scope::Global,
            limit: None,
            optional: false,
        });
    }
    document.map(node, path)?;
    let interface = match present(node, "interface") {
        Some(interface) => document.string(interface, &format!("{path}.interface"))?,
        None => {
            return Err(document.fault(
                node,
                format!("{path}.interface: expected string, got nothing"),
            ));
        }
    };
    let scope = match document.optional(node, "scope", &format!("{path}."))? {
        None | Some("global") => Scope::Global,
        Some("container") => Scope::Container,
        Some(other) => {
            let reason =
                format!("{path}.scope: unexpected value {other:?}, expected global or container");
            return Err(document.fault(node, reason));
        }
    };
    let limit = present(node, "limit")
        .map(|limit| document.count(limit, &format!("{path}.limit")))
        .transpose()?;
    let optional = document.flag(node, "optional", &format!("{path}."))?;
    // Juju reads a limit of 0 as none.
    Ok(Endpoint {
        role,
        interface: interface.to_owned(),
        scope,
        limit: limit.filter(|limit| *limit > 0),
        optional,
    })
}

/// Whether a name is Juju's own; charms called juju-* may use them.
fn reserved(charm: &str, name: &str) -> bool {
    !charm.starts_with("juju-") && (name == "juju" || name.starts_with("juju-"))
}

//! `metadata.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::assumes::{self, Assumes};
use super::document::Document;
use super::endpoints::{self, Endpoint, JUJU_INFO, Scope};
use super::error::CharmError;
use super::resources::{self, Device, ResourceSpec};
use super::storage::{self, StorageSpec};
use crate::names::{CharmName, EndpointName, StorageName};
use crate::state::EndpointRole;
use crate::text::excerpt;
use crate::yaml::Node;

/// What a charm says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The charm's name.
    pub name: CharmName,
    /// One line about it.
    pub summary: String,
    /// More about it.
    pub description: String,
    /// The name for people, if it has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Who looks after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<String>,
    /// Its tags and categories.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Whether its units live beside those of another application.
    #[serde(default)]
    pub subordinate: bool,
    /// Endpoints by name, without the implicit `juju-info`.
    #[serde(default)]
    pub endpoints: BTreeMap<EndpointName, Endpoint>,
    /// Names that can be bound to spaces beside the endpoints.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub extra_bindings: BTreeSet<EndpointName>,
    /// Stores by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<StorageName, StorageSpec>,
    /// Devices by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, Device>,
    /// Resources by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<String, ResourceSpec>,
    /// Names of containers; charms that have any are for Kubernetes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub containers: BTreeSet<String>,
    /// What it assumes of the controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumes: Option<Assumes>,
    /// Series by name, the preferred one first (metadata v1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<String>,
    /// The least version of Juju (metadata v1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_juju_version: Option<String>,
    /// Terms that its user agrees to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<String>,
}

impl Metadata {
    /// An endpoint of this name; `juju-info` is there though nobody declares it.
    pub fn endpoint(&self, name: &EndpointName) -> Option<&Endpoint> {
        self.endpoints
            .get(name)
            .or_else(|| (*name == "juju-info").then(|| &*JUJU_INFO))
    }

    /// Peer endpoints with their names: their relations exist from the first unit.
    pub fn peers(&self) -> impl Iterator<Item = (&EndpointName, &Endpoint)> {
        self.endpoints
            .iter()
            .filter(|(_, endpoint)| endpoint.role == EndpointRole::Peer)
    }

    /// All names that `network-get` knows: endpoints, extra bindings, and `juju-info`.
    pub fn binding_names(&self) -> impl Iterator<Item = String> {
        let names: BTreeSet<String> = self
            .endpoints
            .keys()
            .chain(&self.extra_bindings)
            .map(ToString::to_string)
            .chain(["juju-info".to_owned()])
            .collect();
        names.into_iter()
    }

    /// Whether this endpoint joins a subordinate to its principal.
    pub fn is_container_scoped(&self, name: &EndpointName) -> bool {
        self.endpoint(name)
            .is_some_and(|endpoint| endpoint.scope == Scope::Container)
    }
}

/// Reads the metadata in the root of a document (`metadata.yaml`, or `charmcraft.yaml` where that is all there is).
pub(super) fn read(document: &Document<'_>) -> Result<Metadata, CharmError> {
    document.map(document.root, "metadata")?;
    let place = document.get("name").unwrap_or(document.root);
    let name = document.required("name")?;
    let charm: CharmName = name
        .parse()
        .map_err(|error| document.fault(place, format!("{error}")))?;
    check_unambiguous(document)?;
    let subordinate = document
        .get("subordinate")
        .map_or(Ok(false), |node| document.boolean(node, "subordinate"))?;
    let endpoints = endpoints::read(document, name, subordinate)?;
    let mut tags: BTreeSet<String> = document.strings("tags")?.into_iter().collect();
    tags.extend(document.strings("categories")?);
    let containers = document
        .section("containers")?
        .iter()
        .map(|(key, _)| key.key().to_owned())
        .collect();
    Ok(Metadata {
        summary: document.required("summary")?.to_owned(),
        description: document.required("description")?.to_owned(),
        display_name: first_text(document, &["display-name", "title"]),
        maintainers: maintainers(document),
        tags,
        subordinate,
        extra_bindings: extra_bindings(document, name, &endpoints)?,
        endpoints,
        storage: storage::read(document, name)?,
        devices: resources::read_devices(document, name)?,
        resources: resources::read(document)?,
        containers,
        assumes: assumes::read(document)?,
        series: series(document, name)?,
        min_juju_version: document
            .optional(document.root, "min-juju-version", "")?
            .map(str::to_owned),
        terms: terms(document)?,
        name: charm,
    })
}

/// Refuses keys of metadata v1 beside keys of v2.
fn check_unambiguous(document: &Document<'_>) -> Result<(), CharmError> {
    let v2 = |key: &str| ["assumes", "charm-user", "containers"].contains(&key);
    let v1 = |key: &str| ["deployment", "min-juju-version", "series"].contains(&key);
    let mut versioned: Vec<&Node> = document
        .map(document.root, "metadata")?
        .iter()
        .map(|(key, _)| key)
        .collect();
    versioned.retain(|key| v1(key.key()) || v2(key.key()));
    versioned.sort_by_key(|key| key.key());
    let Some(first) = versioned.first() else {
        return Ok(());
    };
    let of_first = |key: &&&Node| v2(key.key()) == v2(first.key());
    let (matched, mismatched): (Vec<&Node>, Vec<&Node>) =
        versioned.iter().partition(|key| of_first(key));
    let list = |keys: &[&Node]| {
        keys.iter()
            .map(|key| format!("{:?}", key.key()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match mismatched.first() {
        None => Ok(()),
        Some(other) => {
            let (other_keys, keys) = (list(&mismatched), list(&matched));
            Err(document.fault(
                other,
                format!("ambiguous metadata: keys {other_keys} cannot be used with {keys}"),
            ))
        }
    }
}

fn extra_bindings(
    document: &Document<'_>,
    charm: &str,
    endpoints: &BTreeMap<EndpointName, Endpoint>,
) -> Result<BTreeSet<EndpointName>, CharmError> {
    let mut bindings = BTreeSet::new();
    for (key, value) in document.section("extra-bindings")? {
        let invalid = |place: &Node, reason: &str| {
            document.fault(
                place,
                format!("charm {charm:?} has invalid extra bindings: {reason}"),
            )
        };
        let name: EndpointName = document.name(key)?;
        if !value.is_null() {
            return Err(invalid(
                value,
                &format!("{:?} must have no value", name.as_str()),
            ));
        }
        if endpoints.contains_key(&name) {
            return Err(invalid(
                key,
                &format!("relation names ({name}) cannot be used in extra bindings"),
            ));
        }
        bindings.insert(name);
    }
    Ok(bindings)
}

fn series(document: &Document<'_>, charm: &str) -> Result<Vec<String>, CharmError> {
    let series = document.strings("series")?;
    let plain = |name: &&String| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    match series.iter().find(|name| !plain(name)) {
        None => Ok(series),
        Some(bad) => {
            let place = document.get("series").unwrap_or(document.root);
            Err(document.fault(
                place,
                format!(
                    "charm {charm:?} declares invalid series: {:?}",
                    excerpt(bad)
                ),
            ))
        }
    }
}

/// Terms look like `name/3` or `owner/name/3`.
fn terms(document: &Document<'_>) -> Result<Vec<String>, CharmError> {
    let terms = document.strings("terms")?;
    let plain = |term: &&String| {
        let part = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        term.split('/').count() <= 3 && term.split('/').all(part)
    };
    match terms.iter().find(|term| !plain(term)) {
        None => Ok(terms),
        Some(bad) => {
            let place = document.get("terms").unwrap_or(document.root);
            Err(document.fault(place, format!("wrong term format {:?}", excerpt(bad))))
        }
    }
}

/// Juju ignores these keys, so neither may break a charm.
fn first_text(document: &Document<'_>, keys: &[&str]) -> String {
    let text = |key: &&str| document.get(key).and_then(Node::text);
    keys.iter().find_map(text).unwrap_or_default().to_owned()
}

fn maintainers(document: &Document<'_>) -> Vec<String> {
    let contact = document.get("links").and_then(|links| links.get("contact"));
    let nodes = [
        document.get("maintainer"),
        document.get("maintainers"),
        contact,
    ];
    let texts = |node: &Node| match node.items() {
        Some(items) => items
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect(),
        None => node
            .text()
            .map(str::to_owned)
            .into_iter()
            .collect::<Vec<_>>(),
    };
    nodes.into_iter().flatten().flat_map(texts).collect()
}

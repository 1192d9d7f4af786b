//! The bases that a charm runs on: `manifest.yaml`, and the part of `charmcraft.yaml` that becomes one.

use serde::{Deserialize, Serialize};

use super::document::{Document, present};
use super::error::CharmError;
use crate::base::Base;
use crate::yaml::Node;

/// What `manifest.yaml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Bases in the order of the file.
    pub bases: Vec<ManifestBase>,
}

/// A base of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestBase {
    /// The base.
    pub base: Base,
    /// Architectures; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub architectures: Vec<String>,
}

impl Manifest {
    fn add(&mut self, base: Base, architectures: Vec<String>) {
        match self.bases.iter_mut().find(|known| known.base == base) {
            None => self.bases.push(ManifestBase {
                base,
                architectures,
            }),
            Some(known) => {
                let fresh = architectures
                    .into_iter()
                    .filter(|arch| !known.architectures.contains(arch));
                let fresh: Vec<String> = fresh.collect();
                known.architectures.extend(fresh);
            }
        }
    }
}

/// Reads `manifest.yaml`.
pub(super) fn read(document: &Document<'_>) -> Result<Manifest, CharmError> {
    let mut manifest = Manifest::default();
    if document.root.is_null() {
        return Ok(manifest);
    }
    document.map(document.root, "manifest")?;
    if let Some(bases) = document.get("bases") {
        for node in document.list(bases, "bases")? {
            let (base, architectures) = base(document, node)?;
            manifest.add(base, architectures);
        }
    }
    Ok(manifest)
}

/// Reads what `charmcraft.yaml` says about bases, in any of its three forms: `bases` with `run-on` (or the short form),
/// `base` with `platforms`, or `platforms` named after bases (`ubuntu@24.04:amd64`).
pub(super) fn from_charmcraft(document: &Document<'_>) -> Result<Manifest, CharmError> {
    let mut manifest = Manifest::default();
    if let Some(bases) = document.get("bases") {
        for node in document.list(bases, "bases")? {
            let run_on = match present(node, "run-on") {
                Some(run_on) => document.list(run_on, "run-on")?,
                None => std::slice::from_ref(node),
            };
            for node in run_on {
                let (base, architectures) = base(document, node)?;
                manifest.add(base, architectures);
            }
        }
        return Ok(manifest);
    }
    let common = match document.get("base") {
        None => None,
        Some(node) => Some(
            document
                .string(node, "base")?
                .parse::<Base>()
                .map_err(|error| document.fault(node, error.to_string()))?,
        ),
    };
    for (key, value) in document.section("platforms")? {
        let (named, arch) = match key.key().rsplit_once(':') {
            Some((base, arch)) => (base.parse::<Base>().ok(), arch),
            None => (None, key.key()),
        };
        let Some(base) = named.or_else(|| common.clone()) else {
            continue;
        };
        let built_for = present(value, "build-for").map(|node| {
            node.items()
                .map_or_else(|| vec![node], |items| items.iter().collect())
        });
        let architectures = match built_for {
            None => vec![arch.to_owned()],
            Some(nodes) => {
                let arch = |node: &Node| {
                    node.text().map(|text| {
                        text.rsplit_once(':')
                            .map_or(text, |(_, arch)| arch)
                            .to_owned()
                    })
                };
                nodes.into_iter().filter_map(arch).collect()
            }
        };
        manifest.add(
            base,
            architectures
                .into_iter()
                .filter(|arch| arch != "all")
                .collect(),
        );
    }
    if let (true, Some(base)) = (manifest.bases.is_empty(), common) {
        manifest.add(base, Vec::new());
    }
    Ok(manifest)
}

fn base(document: &Document<'_>, node: &Node) -> Result<(Base, Vec<String>), CharmError> {
    document.map(node, "base")?;
    let text = |key: &str| {
        let value = present(node, key).and_then(Node::text);
        value.ok_or_else(|| {
            document.fault(node, format!("bases: {key}: expected string, got nothing"))
        })
    };
    // The channel may be unquoted, when it reads as a float; its text counts.
    let base = Base::from_parts(text("name")?, text("channel")?)
        .map_err(|error| document.fault(node, error.to_string()))?;
    let architectures = match present(node, "architectures") {
        None => Vec::new(),
        Some(list) => document
            .list(list, "architectures")?
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect(),
    };
    Ok((base, architectures))
}

//! What `charmcraft pack` would make of a `charmcraft.yaml`.
//!
//! Juju deploys packed charms only; here a project directory does, for charms that need no build step.

use serde_json::{Map, Value, json};

use super::bases::Manifest;
use crate::yaml::{Node, YamlError, write};

/// Keys of `charmcraft.yaml` that `metadata.yaml` has under the same name.
const METADATA_KEYS: [&str; 17] = [
    "assumes",
    "charm-user",
    "containers",
    "description",
    "devices",
    "extra-bindings",
    "name",
    "peers",
    "provides",
    "requires",
    "resources",
    "storage",
    "subordinate",
    "summary",
    "tags",
    "terms",
    "maintainers",
];

/// The files that a packed charm has in the place of `charmcraft.yaml`: their names and texts.
pub(super) fn split(
    root: &Node,
    manifest: &Manifest,
) -> Result<Vec<(&'static str, String)>, YamlError> {
    let mut metadata: Vec<(&str, &Node)> = Vec::new();
    for key in METADATA_KEYS {
        metadata.extend(root.get(key).map(|node| (key, node)));
    }
    metadata.extend(root.get("title").map(|node| ("display-name", node)));
    if let Some(links) = root.get("links") {
        for (link, key) in [
            ("contact", "maintainers"),
            ("documentation", "docs"),
            ("issues", "issues"),
            ("source", "source"),
            ("website", "website"),
        ] {
            metadata.extend(
                links
                    .get(link)
                    .filter(|_| !metadata.iter().any(|(known, _)| *known == key))
                    .map(|node| (key, node)),
            );
        }
    }
    let mut files = vec![("metadata.yaml", write(&Ordered(&metadata))?)];
    if let Some(options) = root.get("config").and_then(|config| config.get("options")) {
        files.push(("config.yaml", write(&Ordered(&[("options", options)]))?));
    }
    if let Some(actions) = root.get("actions").filter(|actions| !actions.is_null()) {
        files.push(("actions.yaml", write(actions)?));
    }
    if !manifest.bases.is_empty() {
        files.push(("manifest.yaml", write(&manifest_document(manifest))?));
    }
    Ok(files)
}

fn manifest_document(manifest: &Manifest) -> Value {
    let base = |base: &super::bases::ManifestBase| {
        let mut entry = Map::new();
        entry.insert("name".to_owned(), json!(base.base.os()));
        entry.insert("channel".to_owned(), json!(base.base.channel()));
        if !base.architectures.is_empty() {
            entry.insert("architectures".to_owned(), json!(base.architectures));
        }
        Value::Object(entry)
    };
    json!({ "bases": manifest.bases.iter().map(base).collect::<Vec<_>>() })
}

/// A mapping in the order given.
struct Ordered<'a>(&'a [(&'a str, &'a Node)]);

impl serde::Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

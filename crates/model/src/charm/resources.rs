//! The resources that a charm brings or is given, and the devices of charms for Kubernetes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::{Document, present};
use super::error::CharmError;
use crate::text::excerpt;

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// A file that lands on the machine.
    #[serde(rename = "file")]
    File,
    /// A container image; of no use to machine charms.
    #[serde(rename = "oci-image")]
    OciImage,
}

/// A resource of a charm's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSpec {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// The name of the file as the charm finds it; empty for images.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A device of a charm's metadata; kept for show, since machines offer none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// What it is: `gpu`, `nvidia.com/gpu`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How many at least.
    pub count_min: u32,
    /// How many at most.
    pub count_max: u32,
}

/// Reads `resources`.
pub(super) fn read(document: &Document<'_>) -> Result<BTreeMap<String, ResourceSpec>, CharmError> {
    let mut resources = BTreeMap::new();
    for (key, value) in document.section("resources")? {
        let name = key.key();
        if name.is_empty() || name.len() > 255 || name.contains(['/', '\n']) {
            return Err(document.fault(key, format!("invalid resource name {:?}", excerpt(name))));
        }
        let path = format!("resources.{name}.");
        document.map(value, path.trim_end_matches('.'))?;
        let kind = match document.optional(value, "type", &path)? {
            None | Some("file") => ResourceKind::File,
            Some("oci-image") => ResourceKind::OciImage,
            Some(other) => {
                let reason = format!(
                    "resource {name:?}: unsupported resource type {:?}",
                    excerpt(other)
                );
                return Err(document.fault(value, reason));
            }
        };
        let filename = document
            .optional(value, "filename", &path)?
            .unwrap_or_default();
        if kind == ResourceKind::File {
            let reason = match filename {
                "" => Some("resource missing filename".to_owned()),
                "." | ".." => Some(format!("filename cannot be {filename:?}")),
                name if name.contains('/') => Some(format!(
                    "filename cannot contain \"/\" (got {:?})",
                    excerpt(name)
                )),
                _ => None,
            };
            if let Some(reason) = reason {
                let place = present(value, "filename").unwrap_or(value);
                return Err(document.fault(place, format!("resource {name:?}: {reason}")));
            }
        }
        let description = document
            .optional(value, "description", &path)?
            .unwrap_or_default()
            .to_owned();
        resources.insert(
            name.to_owned(),
            ResourceSpec {
                kind,
                filename: filename.to_owned(),
                description,
            },
        );
    }
    Ok(resources)
}

/// Reads `devices`.
pub(super) fn read_devices(
    document: &Document<'_>,
    charm: &str,
) -> Result<BTreeMap<String, Device>, CharmError> {
    let mut devices = BTreeMap::new();
    for (key, value) in document.section("devices")? {
        let name = key.key();
        let path = format!("devices.{name}.");
        document.map(value, path.trim_end_matches('.'))?;
        let Some(kind) = document.optional(value, "type", &path)? else {
            return Err(document.fault(
                value,
                format!("charm {charm:?} device {name:?}: type must be specified"),
            ));
        };
        let count = |key: &str| -> Result<u32, CharmError> {
            present(value, key).map_or(Ok(1), |node| document.count(node, &format!("{path}{key}")))
        };
        let (count_min, count_max) = (count("countmin")?, count("countmax")?);
        if count_min > count_max {
            let reason = format!(
                "charm {charm:?} device {name:?}: maximum count {count_max} can not be smaller than minimum count {count_min}"
            );
            return Err(document.fault(value, reason));
        }
        let description = document
            .optional(value, "description", &path)?
            .unwrap_or_default()
            .to_owned();
        devices.insert(
            name.to_owned(),
            Device {
                kind: kind.to_owned(),
                description,
                count_min,
                count_max,
            },
        );
    }
    Ok(devices)
}

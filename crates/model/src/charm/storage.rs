//! The stores that a charm asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::{Document, present};
use super::error::CharmError;
use crate::names::{StorageId, StorageName};
use crate::text::excerpt;
use crate::yaml::{Node, Scalar};

/// Below this directory stores are mounted that name no location of their own.
pub const STORAGE_DIRECTORY: &str = "/var/lib/juju/storage";

/// What a store is to the charm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// A block device.
    Block,
    /// A directory.
    Filesystem,
}

/// A store of a charm's metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageSpec {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: StorageKind,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether all units share it.
    #[serde(default)]
    pub shared: bool,
    /// Whether it is mounted read-only.
    #[serde(default)]
    pub read_only: bool,
    /// How many instances each unit has at least; 0 makes the store optional.
    pub count_min: u32,
    /// How many instances a unit has at most; `None` is any number.
    pub count_max: Option<u32>,
    /// The least size of an instance, MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_size: Option<u64>,
    /// Where it is mounted, or for several instances below what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether what is in it may be lost with the machine.
    #[serde(default)]
    pub transient: bool,
}

impl StorageSpec {
    /// Where an instance of a filesystem store is mounted.
    pub fn mount_point(&self, id: &StorageId) -> String {
        match &self.location {
            None => format!("{STORAGE_DIRECTORY}/{id}"),
            Some(location) if self.count_max == Some(1) => location.clone(),
            Some(location) => format!("{location}/{id}"),
        }
    }
}

/// Reads `storage`.
pub(super) fn read(
    document: &Document<'_>,
    charm: &str,
) -> Result<BTreeMap<StorageName, StorageSpec>, CharmError> {
    let mut stores = BTreeMap::new();
    for (key, value) in document.section("storage")? {
        let name: StorageName = document.name(key)?;
        let store = store(document, value, charm, name.as_str())?;
        stores.insert(name, store);
    }
    Ok(stores)
}

fn store(
    document: &Document<'_>,
    node: &Node,
    charm: &str,
    name: &str,
) -> Result<StorageSpec, CharmError> {
    let path = format!("storage.{name}.");
    document.map(node, path.trim_end_matches('.'))?;
    let kind = match document.optional(node, "type", &path)? {
        Some("block") => StorageKind::Block,
        Some("filesystem") => StorageKind::Filesystem,
        Some(other) => {
            let reason = format!(
                "{path}type: unexpected value {:?}, expected block or filesystem",
                excerpt(other)
            );
            return Err(document.fault(node, reason));
        }
        None => {
            return Err(document.fault(
                node,
                format!("charm {charm:?} storage {name:?}: type must be specified"),
            ));
        }
    };
    let range = present(node, "multiple").and_then(|multiple| present(multiple, "range"));
    let (count_min, count_max) = match range {
        Some(range) => count_range(document, range, &format!("{path}multiple.range"))?,
        None => (1, Some(1)),
    };
    if count_max == Some(0) {
        let reason = format!("charm {charm:?} storage {name:?}: invalid maximum count 0");
        return Err(document.fault(range.unwrap_or(node), reason));
    }
    let location = document.optional(node, "location", &path)?;
    if let Some(location) = location {
        check_location(kind, location).map_err(|reason| {
            document.fault(node, format!("charm {charm:?} storage {name:?}: {reason}"))
        })?;
    }
    let minimum_size = present(node, "minimum-size")
        .map(|size| mebibytes(document, size, &format!("{path}minimum-size")))
        .transpose()?;
    Ok(StorageSpec {
        kind,
        description: document
            .optional(node, "description", &path)?
            .unwrap_or_default()
            .to_owned(),
        shared: document.flag(node, "shared", &path)?,
        read_only: document.flag(node, "read-only", &path)?,
        count_min,
        count_max,
        minimum_size,
        location: location.map(str::to_owned),
        transient: transient(document, node, &path)?,
    })
}

fn transient(document: &Document<'_>, node: &Node, path: &str) -> Result<bool, CharmError> {
    let Some(properties) = present(node, "properties") else {
        return Ok(false);
    };
    let properties = document.list(properties, &format!("{path}properties"))?;
    match properties
        .iter()
        .find(|property| property.as_str() != Some("transient"))
    {
        Some(other) => {
            let reason = format!(
                "{path}properties: expected \"transient\", got {}",
                other.describe()
            );
            Err(document.fault(other, reason))
        }
        None => Ok(!properties.is_empty()),
    }
}

fn check_location(kind: StorageKind, location: &str) -> Result<(), String> {
    if kind != StorageKind::Filesystem {
        return Err("location may not be specified for \"type: block\"".to_owned());
    }
    if !location.starts_with('/') || location.split('/').any(|part| part == "..") {
        return Err(format!(
            "invalid location {:?}: must be an absolute path",
            excerpt(location)
        ));
    }
    let inside = location
        .strip_prefix(STORAGE_DIRECTORY)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if inside {
        return Err(format!(
            "invalid location {:?}: must not fall within {STORAGE_DIRECTORY:?}",
            excerpt(location)
        ));
    }
    Ok(())
}

/// Reads `m`, `m-n`, `m-` or `m+`.
fn count_range(
    document: &Document<'_>,
    node: &Node,
    path: &str,
) -> Result<(u32, Option<u32>), CharmError> {
    if let Some(Scalar::Int(_)) = node.scalar() {
        let count = document.count(node, path)?;
        if count == 0 {
            return Err(document.fault(node, format!("{path}: invalid count 0")));
        }
        return Ok((count, Some(count)));
    }
    let text = document.string(node, path)?;
    let malformed = || {
        document.fault(
            node,
            format!(
                "{path}: value {:?} does not match 'm', 'm-n', or 'm+'",
                excerpt(text)
            ),
        )
    };
    let number = |digits: &str| -> Result<u32, CharmError> {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| digits.parse().ok())
            .flatten()
            .ok_or_else(malformed)
    };
    if let Some(least) = text.strip_suffix('+').or_else(|| text.strip_suffix('-')) {
        return Ok((number(least)?, None));
    }
    match text.split_once('-') {
        None => number(text).and_then(|count| {
            if count == 0 {
                Err(malformed())
            } else {
                Ok((count, Some(count)))
            }
        }),
        Some((least, most)) => {
            let (least, most) = (number(least)?, number(most)?);
            if most < least && most != 0 {
                return Err(malformed());
            }
            Ok((least, Some(most)))
        }
    }
}

/// Reads a size such as `10M`, `1.5G` or `2TiB` as MiB; without a unit it is MiB.
fn mebibytes(document: &Document<'_>, node: &Node, path: &str) -> Result<u64, CharmError> {
    const LARGEST: f64 = (1_u64 << 53) as f64;
    let text = node
        .text()
        .ok_or_else(|| document.fault(node, format!("{path}: expected a size such as 10G")))?;
    let number = text.trim_end_matches('B').trim_end_matches('i');
    let (number, power) = match number.chars().last().and_then(|unit| "MGTPEZY".find(unit)) {
        Some(power) => (&number[..number.len() - 1], power),
        None => (number, 0),
    };
    let plain = !number.is_empty()
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let size = number
        .parse::<f64>()
        .ok()
        .map(|number| (number * 1024_f64.powi(power as i32)).ceil());
    match size {
        Some(size) if plain && size <= LARGEST => Ok(size as u64),
        _ => {
            let reason = format!(
                "{path}: expected a size with one of the units MGTPEZY, got {:?}",
                excerpt(text)
            );
            Err(document.fault(node, reason))
        }
    }
}

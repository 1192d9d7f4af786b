//! Constraints on machines, in Juju's language: `cores=2 mem=4G zones=1,2`.
//!
//! Each is a minimum or a choice; a key without a value (`cores=`) clears what a lower layer says. Parsing, printing
//! and the JSON form are Juju's; memory and disks are MiB.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::names::SpaceName;
use crate::text::excerpt;

/// Architectures by Juju's names.
const ARCHITECTURES: [&str; 6] = ["amd64", "arm64", "armhf", "ppc64el", "riscv64", "s390x"];

/// A text that is not a set of constraints. The texts are Juju's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// Not `key=value`.
    #[error("malformed constraint {0:?}")]
    Malformed(String),
    /// No such key.
    #[error("unknown constraint {0:?}")]
    Unknown(String),
    /// A value that its key does not take, or a key given twice.
    #[error("bad {key:?} constraint: {reason}")]
    Bad {
        /// The key.
        key: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// Two keys of one layer that cannot hold together.
    #[error("ambiguous constraints: {0:?} overlaps with {1:?}")]
    Ambiguous(&'static str, &'static str),
}

/// Constraints on a machine. `None` says nothing; a zero, an empty text or list clears what a lower layer says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Constraints {
    /// The architecture, such as `arm64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The type of container, which machines of Azure never are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Least number of cores.
    #[serde(skip_serializing_if = "Option::is_none", alias = "cpu-cores")]
    pub cores: Option<u64>,
    /// Least power of CPU, where 100 is one 2007 Xeon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_power: Option<u64>,
    /// The cloud's role or profile for the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_role: Option<String>,
    /// The cloud's name of a size, such as `Standard_D2s_v5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Least memory, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mem: Option<u64>,
    /// Least size of the root disk, MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_disk: Option<u64>,
    /// Where the root disk comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_disk_source: Option<String>,
    /// Tags that the machine must have, or with `^` must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Spaces that the machine must reach, or with `^` must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spaces: Option<Vec<String>>,
    /// The type of virtualisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virt_type: Option<String>,
    /// Availability zones to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Vec<String>>,
    /// Whether the machine gets a public address.
    #[serde(skip_serializing_if = "Option::is_none", rename = "allocate-public-ip")]
    pub allocate_public_ip: Option<bool>,
    /// The image to start from.
    #[serde(skip_serializing_if = "Option::is_none", rename = "image-id")]
    pub image_id: Option<String>,
}

/// Applies a macro to each field with its key, in the order in which Juju prints them.
macro_rules! each_field {
    ($each:ident) => {
        $each!("arch", arch, Text);
        $each!("container", container, Text);
        $each!("cores", cores, Count);
        $each!("cpu-power", cpu_power, Count);
        $each!("instance-role", instance_role, Text);
        $each!("instance-type", instance_type, Text);
        $each!("mem", mem, Size);
        $each!("root-disk", root_disk, Size);
        $each!("root-disk-source", root_disk_source, Text);
        $each!("tags", tags, List);
        $each!("spaces", spaces, List);
        $each!("virt-type", virt_type, Text);
        $each!("zones", zones, List);
        $each!("allocate-public-ip", allocate_public_ip, Flag);
        $each!("image-id", image_id, Text);
    };
}

impl Constraints {
    /// Whether nothing is said at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Lays `self` (an application's or a machine's constraints) over `fallback` (a model's), key by key.
    ///
    /// What cannot hold together with a value of the upper layer is dropped from the lower one: an `instance-type`
    /// drops sizes, and sizes drop an `instance-type`.
    pub fn over(&self, fallback: &Self) -> Self {
        let mut merged = fallback.clone();
        if self.names_type() {
            (merged.arch, merged.cores, merged.cpu_power, merged.mem) = (None, None, None, None);
        }
        if self.first_sizing().is_some() {
            merged.instance_type = None;
        }
        macro_rules! lay {
            ($key:literal, $field:ident, $kind:ident) => {
                if self.$field.is_some() {
                    merged.$field.clone_from(&self.$field);
                }
            };
        }
        each_field!(lay);
        merged
    }

    /// What holds after merging: cleared keys say nothing.
    pub fn without_cleared(mut self) -> Self {
        macro_rules! clear {
            ($key:literal, $field:ident, Count) => {
                self.$field = self.$field.filter(|value| *value != 0);
            };
            ($key:literal, $field:ident, Size) => {
                self.$field = self.$field.filter(|value| *value != 0);
            };
            ($key:literal, $field:ident, Flag) => {};
            ($key:literal, $field:ident, $kind:ident) => {
                self.$field = self.$field.take().filter(|value| !value.is_empty());
            };
        }
        each_field!(clear);
        self
    }

    /// The keys that are set and mean nothing on Azure (Juju,
    /// `provider/azure`: the constraints that it does not support).
    #[must_use]
    pub fn unsupported(&self) -> Vec<&'static str> {
        let text = |value: &Option<String>| value.as_ref().is_some_and(|text| !text.is_empty());
        [
            ("container", text(&self.container)),
            ("cpu-power", self.cpu_power.is_some_and(|power| power > 0)),
            ("instance-role", text(&self.instance_role)),
            (
                "tags",
                self.tags.as_ref().is_some_and(|tags| !tags.is_empty()),
            ),
            ("virt-type", text(&self.virt_type)),
        ]
        .into_iter()
        .filter_map(|(key, is_set)| is_set.then_some(key))
        .collect()
    }

    /// Refuses keys of this one layer that cannot hold together: `instance-type` says what `arch`, `cores`,
    /// `cpu-power` and `mem` would choose.
    pub fn check_conflicts(&self) -> Result<(), ConstraintError> {
        match (self.names_type(), self.first_sizing()) {
            (true, Some(key)) => Err(ConstraintError::Ambiguous("instance-type", key)),
            _ => Ok(()),
        }
    }

    /// Lays several texts (`--constraints` may be repeated) into one set; a key may appear once.
    pub fn parse_all<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ConstraintError> {
        let mut parsed = Self::default();
        for text in texts {
            for word in words(text) {
                match word.split_once('=') {
                    Some((key, value)) if !key.is_empty() => parsed.set(key, value)?,
                    _ => return Err(ConstraintError::Malformed(excerpt(&word))),
                }
            }
        }
        Ok(parsed)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ConstraintError> {
        let key = if key == "cpu-cores" { "cores" } else { key };
        macro_rules! set {
            ($key:literal, $field:ident, $kind:ident) => {
                if key == $key {
                    let bad = |reason| ConstraintError::Bad { key: $key, reason };
                    if self.$field.is_some() {
                        return Err(bad("already set".to_owned()));
                    }
                    self.$field = parse_value!($kind, $key, value).map_err(bad)?;
                    return Ok(());
                }
            };
        }
        macro_rules! parse_value {
            (Text, $key:literal, $value:ident) => {
                text($key, $value).map(Some)
            };
            (Count, $key:literal, $value:ident) => {
                count($value).map(Some)
            };
            (Size, $key:literal, $value:ident) => {
                size($value).map(Some)
            };
            (List, $key:literal, $value:ident) => {
                list($key, $value).map(Some)
            };
            (Flag, $key:literal, $value:ident) => {
                flag($value)
            };
        }
        each_field!(set);
        Err(ConstraintError::Unknown(excerpt(key)))
    }

    fn names_type(&self) -> bool {
        self.instance_type
            .as_ref()
            .is_some_and(|name| !name.is_empty())
    }

    fn first_sizing(&self) -> Option<&'static str> {
        let counted = |value: Option<u64>| value.is_some_and(|value| value > 0);
        [
            (
                "arch",
                self.arch.as_ref().is_some_and(|arch| !arch.is_empty()),
            ),
            ("cores", counted(self.cores)),
            ("cpu-power", counted(self.cpu_power)),
            ("mem", counted(self.mem)),
        ]
        .into_iter()
        .find_map(|(key, present)| present.then_some(key))
    }
}

impl FromStr for Constraints {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        Self::parse_all([text])
    }
}

impl fmt::Display for Constraints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written: Vec<String> = Vec::new();
        macro_rules! print_value {
            (Text, $value:ident) => {
                $value.clone()
            };
            (Count, $value:ident) => {
                Some(*$value)
                    .filter(|count| *count > 0)
                    .map_or_else(String::new, |count| count.to_string())
            };
            (Size, $value:ident) => {
                Some(*$value)
                    .filter(|size| *size > 0)
                    .map_or_else(String::new, |size| format!("{size}M"))
            };
            (List, $value:ident) => {
                $value.join(",")
            };
            (Flag, $value:ident) => {
                $value.to_string()
            };
        }
        macro_rules! print {
            ($key:literal, $field:ident, $kind:ident) => {
                if let Some(value) = &self.$field {
                    let text: String = print_value!($kind, value);
                    written.push(format!("{}={}", $key, text.replace(' ', "\\ ")));
                }
            };
        }
        each_field!(print);
        f.write_str(&written.join(" "))
    }
}

/// Splits at spaces, where `\ ` is a space within a value.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match (char, words.last_mut()) {
            ('\\', Some(word)) if rest.peek() == Some(&' ') => {
                rest.next();
                word.push(' ');
            }
            (char, _) if char.is_whitespace() => words.push(String::new()),
            (char, Some(word)) => word.push(char),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn text(key: &str, value: &str) -> Result<String, String> {
    match key {
        "arch" if !value.is_empty() && !ARCHITECTURES.contains(&value) => {
            Err(format!("{:?} not recognized", excerpt(value)))
        }
        "container" if !["", "none", "lxd"].contains(&value) => {
            Err(format!("invalid container type {:?}", excerpt(value)))
        }
        _ => Ok(value.to_owned()),
    }
}

fn count(value: &str) -> Result<u64, String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    match value {
        "" => Ok(0),
        _ => digits
            .then(|| value.parse().ok())
            .flatten()
            .ok_or_else(|| "must be a non-negative integer".to_owned()),
    }
}

fn size(value: &str) -> Result<u64, String> {
    /// Far above any machine, far below where a float stops counting in ones.
    const LARGEST: f64 = (1_u64 << 50) as f64;
    if value.is_empty() {
        return Ok(0);
    }
    let (number, factor) = match value.as_bytes().last() {
        Some(b'M') => (&value[..value.len() - 1], 1.0),
        Some(b'G') => (&value[..value.len() - 1], 1024.0),
        Some(b'T') => (&value[..value.len() - 1], 1024.0 * 1024.0),
        Some(b'P') => (&value[..value.len() - 1], 1024.0 * 1024.0 * 1024.0),
        _ => (value, 1.0),
    };
    let mebibytes = number
        .parse::<f64>()
        .ok()
        .map(|number| (number * factor).ceil());
    match mebibytes {
        Some(size) if (0.0..=LARGEST).contains(&size) => Ok(size as u64),
        _ => Err("must be a non-negative float with optional M/G/T/P suffix".to_owned()),
    }
}

fn flag(value: &str) -> Result<Option<bool>, String> {
    match (value, crate::config::parse_bool(value)) {
        ("", _) => Ok(None),
        (_, Some(flag)) => Ok(Some(flag)),
        (_, None) => Err("must be 'true' or 'false'".to_owned()),
    }
}

fn list(key: &str, value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let items: Vec<String> = value.split(',').map(str::to_owned).collect();
    if key == "spaces" {
        for item in &items {
            let space = item.strip_prefix('^').unwrap_or(item);
            if space.parse::<SpaceName>().is_err() {
                return Err(format!("{:?} is not a valid space name", excerpt(space)));
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
#[path = "constraints_tests.rs"]
mod tests;

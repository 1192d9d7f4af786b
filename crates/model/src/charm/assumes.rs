//! What a charm assumes of the controller: `assumes: [juju >= 3.1, {any-of: [...]}]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::document::Document;
use super::error::CharmError;
use crate::text::{excerpt, serde_as_text};
use crate::yaml::Node;

/// A version of Juju, as far as `assumes` compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JujuVersion {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl FromStr for JujuVersion {
    type Err = String;

    /// Reads `3`, `3.1`, `3.1.4`, and of `3.6-beta1` or `3.6.28-genericlinux-amd64` what stands before the hyphen.
    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("invalid version {:?}", excerpt(text));
        let numbers = text.split_once('-').map_or(text, |(numbers, _)| numbers);
        let mut parts = numbers.split('.').map(|part| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            plain
                .then(|| part.parse::<u32>().ok())
                .flatten()
                .ok_or_else(invalid)
        });
        let major = parts.next().unwrap_or_else(|| Err(invalid()))?;
        let minor = parts.next().unwrap_or(Ok(0))?;
        let patch = parts.next().unwrap_or(Ok(0))?;
        // A fourth number is a build, which nothing compares.
        parts.next().unwrap_or(Ok(0))?;
        parts.next().map_or(
            Ok(Self {
                major,
                minor,
                patch,
            }),
            |_| Err(invalid()),
        )
    }
}

impl fmt::Display for JujuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

serde_as_text!(JujuVersion);

/// How a feature's version is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// Below.
    #[serde(rename = "<")]
    Below,
}

impl Comparison {
    fn as_str(self) -> &'static str {
        match self {
            Self::AtLeast => ">=",
            Self::Below => "<",
        }
    }
}

/// An expression over features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assumes {
    /// All of these.
    AllOf(Vec<Self>),
    /// At least one of these.
    AnyOf(Vec<Self>),
    /// A feature, with a bound on its version or without.
    Feature {
        /// The feature: `juju`, `k8s-api`.
        name: String,
        /// The bound.
        bound: Option<(Comparison, JujuVersion)>,
    },
}

impl Assumes {
    /// Why a controller that behaves as this version of Juju, and has machines only, does not do; empty if it does.
    pub fn unmet(&self, juju: JujuVersion) -> Vec<String> {
        match self {
            Self::AllOf(parts) => parts.iter().flat_map(|part| part.unmet(juju)).collect(),
            Self::AnyOf(parts) => {
                let reasons: Vec<Vec<String>> = parts.iter().map(|part| part.unmet(juju)).collect();
                if reasons.is_empty() || reasons.iter().any(Vec::is_empty) {
                    return Vec::new();
                }
                vec![format!(
                    "charm requires at least one of: {}",
                    reasons.concat().join("; ")
                )]
            }
            Self::Feature { name, bound } if name == "juju" => match bound {
                Some((Comparison::AtLeast, least)) if juju < *least => {
                    vec![wrong_version(Comparison::AtLeast, *least, juju)]
                }
                Some((Comparison::Below, bound)) if juju >= *bound => {
                    vec![wrong_version(Comparison::Below, *bound, juju)]
                }
                _ => Vec::new(),
            },
            Self::Feature { name, .. } => vec![format!(
                "charm requires feature {name:?} but model does not support it"
            )],
        }
    }
}

fn wrong_version(comparison: Comparison, bound: JujuVersion, juju: JujuVersion) -> String {
    let comparison = comparison.as_str();
    format!(
        "charm requires feature \"juju\" (version {comparison} {bound}) but model currently supports version {juju}"
    )
}

/// Reads `assumes`.
pub(super) fn read(document: &Document<'_>) -> Result<Option<Assumes>, CharmError> {
    let Some(node) = document.get("assumes") else {
        return Ok(None);
    };
    let Some(items) = node.items() else {
        return Err(document.fault(
            node,
            "malformed \"assumes\" block; expected an expression list",
        ));
    };
    let parts = items
        .iter()
        .map(|item| expression(document, item))
        .collect::<Result<_, _>>()?;
    Ok(Some(Assumes::AllOf(parts)))
}

fn expression(document: &Document<'_>, node: &Node) -> Result<Assumes, CharmError> {
    if let Some(text) = node.as_str() {
        return feature(text).map_err(|reason| document.fault(node, reason));
    }
    let Some(entries) = node.entries() else {
        return Err(document.fault(
            node,
            "expected a feature, \"any-of\" or \"all-of\" expression",
        ));
    };
    let malformed = "malformed composite expression; expected an \"any-of\" or \"all-of\" block";
    let [(key, value)] = entries else {
        return Err(document.fault(node, malformed));
    };
    let parts = || {
        let reason = format!(
            "malformed {:?} expression; expected a list of sub-expressions",
            key.key()
        );
        let items = value.items().ok_or_else(|| document.fault(value, reason))?;
        items
            .iter()
            .map(|item| expression(document, item))
            .collect::<Result<Vec<_>, _>>()
    };
    match key.key() {
        "any-of" => parts().map(Assumes::AnyOf),
        "all-of" => parts().map(Assumes::AllOf),
        _ => Err(document.fault(key, malformed)),
    }
}

fn feature(text: &str) -> Result<Assumes, String> {
    let malformed = || format!("malformed feature expression {:?}", excerpt(text));
    let text = text.trim();
    let end = text
        .find(|char: char| !(char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    let letters = name.len() > 1
        && name.starts_with(|char: char| char.is_ascii_lowercase())
        && !name.ends_with('-');
    if !letters {
        return Err(malformed());
    }
    let rest = rest.trim_start();
    let bound = match (rest, rest.strip_prefix(">="), rest.strip_prefix('<')) {
        ("", _, _) => None,
        (_, Some(version), _) => Some((Comparison::AtLeast, version)),
        (_, _, Some(version)) => Some((Comparison::Below, version)),
        _ => return Err(malformed()),
    };
    let parse = |(comparison, version): (Comparison, &str)| {
        let version = version.trim().parse().map_err(|_: String| malformed())?;
        Ok::<_, String>((comparison, version))
    };
    Ok(Assumes::Feature {
        name: name.to_owned(),
        bound: bound.map(parse).transpose()?,
    })
}

//! A charm's configuration: the options it declares, typed values, and how texts and documents become values.
//!
//! The rules are Juju's, which are Go's: a text on the command line is parsed as Go's `strconv` does, a value of a
//! document must have the option's type (a text that Go can parse will do). Error texts are Juju's.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::excerpt;

/// The type of an option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptionType {
    /// `true` or `false`.
    Boolean,
    /// A finite 64-bit float.
    Float,
    /// A 64-bit integer.
    Int,
    /// The URI of a secret that is granted to the application.
    Secret,
    /// Text; also what an option without a type has.
    #[default]
    String,
}

impl OptionType {
    /// The type of this name in `config.yaml`, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Boolean,
            Self::Float,
            Self::Int,
            Self::Secret,
            Self::String,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }

    /// The name of the type in `config.yaml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Float => "float",
            Self::Int => "int",
            Self::Secret => "secret",
            Self::String => "string",
        }
    }
}

/// A value of an option. Stored with its type (`{"int": 5}`), since a number alone does not tell ints from floats;
/// floats are stored as text, since JSON readers may change their last digit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A finite 64-bit float.
    Float(#[serde(with = "exact_float")] f64),
    /// A 64-bit integer.
    Int(i64),
    /// The URI of a secret.
    Secret(String),
    /// Text.
    String(String),
}

impl ConfigValue {
    /// The type of the value.
    pub fn kind(&self) -> OptionType {
        match self {
            Self::Boolean(_) => OptionType::Boolean,
            Self::Float(_) => OptionType::Float,
            Self::Int(_) => OptionType::Int,
            Self::Secret(_) => OptionType::Secret,
            Self::String(_) => OptionType::String,
        }
    }

    /// The value as charms and scripts see it in JSON: a plain number, boolean or text.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Boolean(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Secret(value) | Self::String(value) => value.as_str().into(),
        }
    }
}

mod exact_float {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Values by option. As *user* settings: what was set; as *effective* settings: those over the defaults.
pub type Settings = BTreeMap<String, ConfigValue>;

/// A change of settings: a value, or `None` to go back to the default.
pub type SettingsChange = BTreeMap<String, Option<ConfigValue>>;

/// A name or a value that the charm's options do not allow. The texts are Juju's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The charm declares no such option.
    #[error("unknown option {0:?}")]
    UnknownOption(String),
    /// The value is not of the option's type.
    #[error("option {option:?} expected {expected}, got {given}")]
    WrongType {
        /// The option.
        option: String,
        /// The type that it has.
        expected: &'static str,
        /// What was given, as Juju quotes it.
        given: String,
    },
}

/// One option of a charm.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigOption {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: OptionType,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The value when nothing is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ConfigValue>,
}

impl ConfigOption {
    /// Parses a text of the command line as Go would: `8080`, `t`, `1e3`.
    pub fn parse(&self, name: &str, text: &str) -> Result<ConfigValue, ConfigError> {
        let value = match self.kind {
            OptionType::Boolean => parse_bool(text).map(ConfigValue::Boolean),
            OptionType::Float => text
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .map(ConfigValue::Float),
            OptionType::Int => text.parse().ok().map(ConfigValue::Int),
            OptionType::Secret => is_secret_uri(text).then(|| ConfigValue::Secret(text.to_owned())),
            OptionType::String => Some(ConfigValue::String(text.to_owned())),
        };
        value.ok_or_else(|| self.wrong(name, &text.into()))
    }

    /// Takes a value of a document that has the type already, or is a text that reads as it (for ints in any base
    /// that Go knows: `0x10`, `010`). An integer does for a float. `null` is `None`.
    pub fn coerce(
        &self,
        name: &str,
        given: &serde_json::Value,
    ) -> Result<Option<ConfigValue>, ConfigError> {
        use serde_json::Value;
        let value = match (self.kind, given) {
            (_, Value::Null) => return Ok(None),
            (OptionType::Boolean, Value::Bool(value)) => Some(ConfigValue::Boolean(*value)),
            (OptionType::Boolean, Value::String(text)) => {
                parse_bool(text).map(ConfigValue::Boolean)
            }
            (OptionType::Float, Value::Number(number)) => number.as_f64().map(ConfigValue::Float),
            (OptionType::Int, Value::Number(number)) => number.as_i64().map(ConfigValue::Int),
            (OptionType::Int, Value::String(text)) => {
                parse_int_any_base(text).map(ConfigValue::Int)
            }
            (OptionType::Secret, Value::String(text)) => {
                is_secret_uri(text).then(|| ConfigValue::Secret(text.clone()))
            }
            (OptionType::String, Value::String(text)) => Some(ConfigValue::String(text.clone())),
            _ => None,
        };
        value.map(Some).ok_or_else(|| self.wrong(name, given))
    }

    fn wrong(&self, name: &str, given: &serde_json::Value) -> ConfigError {
        let given = match given {
            serde_json::Value::String(text) => format!("{:?}", excerpt(text)),
            other => excerpt(&other.to_string()),
        };
        ConfigError::WrongType {
            option: name.to_owned(),
            expected: self.kind.as_str(),
            given,
        }
    }
}

/// The options that a charm declares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConfigSchema {
    /// Options by name. Names may hold dots.
    pub options: BTreeMap<String, ConfigOption>,
}

impl ConfigSchema {
    /// The option of this name.
    pub fn option(&self, name: &str) -> Result<&ConfigOption, ConfigError> {
        self.options
            .get(name)
            .ok_or_else(|| ConfigError::UnknownOption(excerpt(name)))
    }

    /// Reads `key=value` pairs of a command line.
    pub fn parse_texts<'a>(
        &self,
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Settings, ConfigError> {
        texts
            .into_iter()
            .map(|(name, text)| Ok((name.to_owned(), self.option(name)?.parse(name, text)?)))
            .collect()
    }

    /// Reads the values of a document (a bundle's `options`, a `--config` file, a request): texts are parsed as on the
    /// command line, other values must have the option's type, `null` resets.
    pub fn parse_document<'a>(
        &self,
        values: impl IntoIterator<Item = (&'a str, &'a serde_json::Value)>,
    ) -> Result<SettingsChange, ConfigError> {
        let one = |(name, value): (&str, &serde_json::Value)| {
            let option = self.option(name)?;
            let value = match value {
                serde_json::Value::String(text) => Some(option.parse(name, text)?),
                other => option.coerce(name, other)?,
            };
            Ok((name.to_owned(), value))
        };
        values.into_iter().map(one).collect()
    }

    /// What the charm sees: user settings over defaults; options that have neither are absent.
    ///
    /// Settings of options that this charm does not have, or has with another type, do not count (they stay as they
    /// are while a charm is upgraded to and fro). An empty text for an option without a default is no value.
    pub fn effective(&self, user: &Settings) -> Settings {
        let value = |(name, option): (&String, &ConfigOption)| {
            let set = user.get(name).filter(|value| value.kind() == option.kind);
            let empty = ConfigValue::String(String::new());
            let set = set.filter(|value| option.default.is_some() || **value != empty);
            Some((name.clone(), set.or(option.default.as_ref())?.clone()))
        };
        self.options.iter().filter_map(value).collect()
    }
}

/// A digest of effective settings, by which a unit knows that `config-changed` is due: SHA-256 in hex of their
/// canonical JSON (one object, keys sorted, no spaces).
pub fn settings_hash(effective: &Settings) -> String {
    let plain: BTreeMap<&str, serde_json::Value> = effective
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_json()))
        .collect();
    let mut digest = Sha256::new();
    digest.update(Canonical(&plain).to_string());
    hex::encode(digest.finalize())
}

/// Writes scalars by name as canonical JSON.
struct Canonical<'a>(&'a BTreeMap<&'a str, serde_json::Value>);

impl fmt::Display for Canonical<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}:{value}", serde_json::Value::from(*name))?;
        }
        f.write_str("}")
    }
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Parses an integer as Go's `strconv.ParseInt` does with base 0: `12`, `0x1f`, `0b1`, `0o17`, `017`, `1_000`.
pub fn parse_int_any_base(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match (lower.get(..2), lower.as_str()) {
        (Some("0x"), _) => (16, &lower[2..]),
        (Some("0b"), _) => (2, &lower[2..]),
        (Some("0o"), _) => (8, &lower[2..]),
        (Some(_), octal) if octal.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let underscored = digits.contains('_');
    if digits.is_empty()
        || digits.ends_with('_')
        || digits.contains("__")
        || (radix == 10 && digits.starts_with('_'))
    {
        return None;
    }
    let plain = if underscored {
        digits.replace('_', "")
    } else {
        digits.to_owned()
    };
    if !plain.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let signed = if negative { format!("-{plain}") } else { plain };
    i64::from_str_radix(&signed, radix).ok()
}

/// Whether a text has the form of a secret's URI: `secret:ID` or `secret://model/ID`. Empty means none.
fn is_secret_uri(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("secret:") else {
        return text.is_empty();
    };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    path.len() <= 128
        && path
            .split('/')
            .all(|part| !part.is_empty() && part.bytes().all(plain))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

//! The settings that a model has: Juju's that matter for machines, and ours.

use std::collections::BTreeMap;

use lazuli_api::{ModelConfigDocument, ModelConfigValue};
use lazuli_model::base::Base;
use lazuli_model::config::parse_bool;
use lazuli_model::document::JUJU_VERSION;
use lazuli_model::id::GenericUuid as _;
use lazuli_model::state::Model;
use serde_json::Value;

use super::Refusal;

/// What values a setting takes.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Flag,
    Number,
    /// `30s`, `5m`, `1h30m`.
    Duration,
    Base,
    OneOf(&'static [&'static str]),
}

/// Settings with their defaults (Juju 3.6, `environs/config`), and ours.
const KEYS: &[(&str, Kind, &str)] = &[
    ("apt-http-proxy", Kind::Text, ""),
    ("apt-https-proxy", Kind::Text, ""),
    ("apt-mirror", Kind::Text, ""),
    ("automatically-retry-hooks", Kind::Flag, "true"),
    ("charmhub-url", Kind::Text, ""),
    ("cloudinit-userdata", Kind::Text, ""),
    ("default-base", Kind::Base, ""),
    ("default-space", Kind::Text, ""),
    ("development", Kind::Flag, "false"),
    ("disable-network-management", Kind::Flag, "false"),
    ("disable-telemetry", Kind::Flag, "false"),
    ("egress", Kind::OneOf(&["nat", "public", "none"]), "nat"),
    ("egress-subnets", Kind::Text, ""),
    ("enable-os-refresh-update", Kind::Flag, "true"),
    ("enable-os-upgrade", Kind::Flag, "true"),
    (
        "firewall-mode",
        Kind::OneOf(&["instance", "global", "none"]),
        "instance",
    ),
    ("ftp-proxy", Kind::Text, ""),
    ("hook-timeout", Kind::Duration, ""),
    ("http-proxy", Kind::Text, ""),
    ("https-proxy", Kind::Text, ""),
    ("ignore-machine-addresses", Kind::Flag, "false"),
    ("image-stream", Kind::Text, "released"),
    ("juju-http-proxy", Kind::Text, ""),
    ("juju-https-proxy", Kind::Text, ""),
    ("juju-no-proxy", Kind::Text, "127.0.0.1,localhost,::1"),
    ("logging-config", Kind::Text, "<root>=INFO"),
    ("max-action-results-age", Kind::Duration, "336h"),
    ("max-action-results-size", Kind::Text, "5G"),
    ("max-status-history-age", Kind::Duration, "336h"),
    ("max-status-history-size", Kind::Text, "5G"),
    ("mode", Kind::Text, "requires-prompts"),
    ("no-proxy", Kind::Text, "127.0.0.1,localhost,::1"),
    ("num-container-provision-workers", Kind::Number, "4"),
    ("num-provision-workers", Kind::Number, "16"),
    (
        "provisioner-harvest-mode",
        Kind::OneOf(&["all", "none", "unknown", "destroyed"]),
        "destroyed",
    ),
    ("proxy-ssh", Kind::Flag, "false"),
    ("removal-timeout", Kind::Duration, "1h"),
    ("resource-tags", Kind::Text, ""),
    ("saas-ingress-allow", Kind::Text, "0.0.0.0/0,::/0"),
    ("secret-backend", Kind::Text, "auto"),
    ("snap-http-proxy", Kind::Text, ""),
    ("snap-https-proxy", Kind::Text, ""),
    ("ssh-allow", Kind::Text, "0.0.0.0/0,::/0"),
    ("ssl-hostname-verification", Kind::Flag, "true"),
    ("test-mode", Kind::Flag, "false"),
    ("transmit-vendor-metrics", Kind::Flag, "true"),
    ("update-status-hook-interval", Kind::Duration, "5m"),
];

/// Settings of Juju's that are kept for its tools and change nothing here.
const WITHOUT_EFFECT: [&str; 30] = [
    "apt-http-proxy",
    "apt-https-proxy",
    "apt-mirror",
    "cloudinit-userdata",
    "development",
    "disable-network-management",
    "disable-telemetry",
    "egress-subnets",
    "enable-os-refresh-update",
    "enable-os-upgrade",
    "firewall-mode",
    "ignore-machine-addresses",
    "image-stream",
    "logging-config",
    "max-status-history-age",
    "max-status-history-size",
    "mode",
    "num-container-provision-workers",
    "num-provision-workers",
    "provisioner-harvest-mode",
    "proxy-ssh",
    "resource-tags",
    "saas-ingress-allow",
    "secret-backend",
    "snap-http-proxy",
    "snap-https-proxy",
    "ssh-allow",
    "ssl-hostname-verification",
    "test-mode",
    "transmit-vendor-metrics",
];

/// What is set when a model is made, or elsewhere.
const FIXED: [&str; 6] = [
    "agent-version",
    "authorized-keys",
    "controller-uuid",
    "name",
    "type",
    "uuid",
];

/// Bytes of a value.
const LONGEST: usize = 64 << 10;

/// A value as it is stored.
pub(crate) struct Read {
    pub(crate) text: String,
    /// What to tell about it.
    pub(crate) notice: Option<String>,
}

/// Reads a value of a setting. One that is not known is taken with a notice,
/// as Juju does.
pub(crate) fn read(key: &str, value: &Value) -> Result<Read, Refusal> {
    check_mutable(key)?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => {
            return Err(Refusal::invalid(format!("{key:?} takes a single value")));
        }
    };
    if text.len() > LONGEST {
        return Err(Refusal::invalid(format!(
            "{key:?} takes {LONGEST} bytes at most"
        )));
    }
    let known = KEYS.iter().find(|(name, ..)| *name == key);
    let Some((_, kind, default)) = known else {
        check_name(key)?;
        return Ok(Read {
            text,
            notice: Some(format!(
                "key {key:?} is not defined in the current model configuration: possible misspelling"
            )),
        });
    };
    let text = checked(key, *kind, text)?;
    let is_idle = text != *default && WITHOUT_EFFECT.contains(&key);
    let notice = is_idle.then(|| format!("{key:?} is kept, but changes nothing in this version"));
    Ok(Read { text, notice })
}

/// Refuses keys that are not for users to set.
pub(crate) fn check_mutable(key: &str) -> Result<(), Refusal> {
    match key {
        "agent-version" => Err(Refusal::invalid(
            "\"agent-version\" must be set via \"upgrade-model\"",
        )),
        "authorized-keys" => Err(Refusal::invalid(
            "\"authorized-keys\" must be set via \"add-ssh-key\"",
        )),
        fixed if FIXED.contains(&fixed) => Err(Refusal::invalid(format!(
            "cannot change {fixed:?}: it is set when the model is made"
        ))),
        _ => Ok(()),
    }
}

fn check_name(key: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !key.is_empty() && key.len() <= 64 && key.bytes().all(plain) {
        return Ok(());
    }
    let shown: String = key.chars().take(64).collect();
    Err(Refusal::invalid(format!("{shown:?} cannot be a key")))
}

fn checked(key: &str, kind: Kind, text: String) -> Result<String, Refusal> {
    let expected = |what: &str| {
        let shown: String = text.chars().take(64).collect();
        Refusal::invalid(format!("{key}: expected {what}, got {shown:?}")).at(format!("/set/{key}"))
    };
    match kind {
        Kind::Text => Ok(text),
        Kind::Flag => match parse_bool(&text) {
            Some(flag) => Ok(flag.to_string()),
            None => Err(expected("bool")),
        },
        Kind::Number => match text.parse::<u32>() {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(expected("number")),
        },
        Kind::Duration if text.is_empty() || is_duration(&text) => Ok(text),
        Kind::Duration => Err(expected("a duration such as 90s, 5m or 1h30m")),
        Kind::Base if text.is_empty() => Ok(text),
        Kind::Base => Ok(text.parse::<Base>()?.to_string()),
        Kind::OneOf(words) if words.contains(&text.as_str()) => Ok(text),
        Kind::OneOf(words) => Err(expected(&format!("one of {}", words.join(", ")))),
    }
}

/// Hours, minutes and seconds, each a whole number with its letter.
fn is_duration(text: &str) -> bool {
    let mut digits = 0;
    let mut parts = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < 9 => digits += 1,
            b'h' | b'm' | b's' if digits > 0 => {
                digits = 0;
                parts += 1;
            }
            _ => return false,
        }
    }
    digits == 0 && parts > 0
}

/// All settings with their values and where these come from.
pub(crate) fn document(model: &Model) -> ModelConfigDocument {
    let mut config: BTreeMap<String, ModelConfigValue> = BTreeMap::new();
    let mut add = |key: &str, value: Value, source: &str| {
        let source = source.to_owned();
        config.insert(key.to_owned(), ModelConfigValue { value, source });
    };
    for (key, kind, default) in KEYS {
        add(key, typed(*kind, default), "default");
    }
    for (key, text) in &model.config {
        let kind = KEYS.iter().find(|(name, ..)| name == key);
        let kind = kind.map_or(Kind::Text, |(_, kind, _)| *kind);
        add(key, typed(kind, text), "model");
    }
    add("agent-version", JUJU_VERSION.into(), "model");
    add(
        "authorized-keys",
        model.authorized_keys.join("\n").into(),
        "model",
    );
    add("name", model.name.as_str().into(), "model");
    add("type", model.cloud.as_str().into(), "model");
    add(
        "uuid",
        model.id.into_untyped_uuid().to_string().into(),
        "model",
    );
    ModelConfigDocument { config }
}

fn typed(kind: Kind, text: &str) -> Value {
    let typed = match kind {
        Kind::Flag => parse_bool(text).map(Value::from),
        Kind::Number => text.parse::<u32>().ok().map(Value::from),
        Kind::Text | Kind::Duration | Kind::Base | Kind::OneOf(_) => None,
    };
    typed.unwrap_or_else(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_effect_say_so() {
        let notice = |key: &str, value: &str| read(key, &Value::from(value)).unwrap().notice;
        assert_eq!(
            notice("logging-config", "<root>=TRACE").as_deref(),
            Some("\"logging-config\" is kept, but changes nothing in this version")
        );
        // What it is anyway.
        assert_eq!(notice("firewall-mode", "instance"), None);
        assert_eq!(notice("http-proxy", "http://p:3128"), None);
        for key in WITHOUT_EFFECT {
            assert!(KEYS.iter().any(|(known, ..)| *known == key), "{key}");
        }
    }
}

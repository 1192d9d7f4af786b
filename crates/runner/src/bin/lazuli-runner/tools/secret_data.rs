//! The contents of secrets as tools are given them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_runner::frames::SecretContent;

use super::{Call, Stop, ToolContext};

/// The most of a value and of a whole secret, in bytes of base64 (Juju,
/// `core/secrets/createsecret.go`).
const MAX: usize = 1_000_000;

/// The content in positionals from an index on and in `--file`; arguments win.
pub(super) fn content(
    ctx: &ToolContext<'_>,
    call: &Call,
    from: usize,
) -> Result<SecretContent, Stop> {
    let mut data = BTreeMap::new();
    if let Some(file) = call.parsed.value("file").filter(|file| !file.is_empty()) {
        let text = if file == "-" {
            ctx.input(file)?
        } else {
            ctx.file(file)?
        };
        let read: BTreeMap<String, String> = serde_yaml::from_str(text).map_err(|_| {
            // What the file says is never repeated.
            Stop::Failed(format!(
                "cannot read secrets from {file:?}: expected a YAML map of strings"
            ))
        })?;
        for (key, value) in read {
            insert(&mut data, &key, Value::Plain(&value))?;
        }
    }
    let pairs = call.parsed.positionals.get(from..).unwrap_or_default();
    for pair in pairs {
        let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Stop::Usage(format!("key value {pair:?} not valid")));
        };
        if let Some(key) = key.strip_suffix("#file") {
            insert(&mut data, key, Value::Plain(ctx.file(value)?))?;
        } else if key.ends_with("#base64") {
            insert(&mut data, key, Value::Encoded(value))?;
        } else {
            insert(&mut data, key, Value::Plain(value))?;
        }
    }
    let total: usize = data.values().map(String::len).sum();
    if total > MAX {
        return Err(Stop::Failed(format!(
            "secret content too large: {total} bytes"
        )));
    }
    Ok(SecretContent(data))
}

enum Value<'a> {
    Plain(&'a str),
    Encoded(&'a str),
}

fn insert(data: &mut BTreeMap<String, String>, key: &str, value: Value<'_>) -> Result<(), Stop> {
    let (key, value) = match (key.strip_suffix("#base64"), value) {
        (Some(key), Value::Plain(value) | Value::Encoded(value)) => (key, value.to_owned()),
        (None, Value::Plain(value) | Value::Encoded(value)) => (key, STANDARD.encode(value)),
    };
    if !is_key(key) {
        return Err(Stop::Usage(format!("key {key:?} not valid")));
    }
    if STANDARD.decode(&value).is_err() {
        return Err(Stop::Usage(format!(
            "secret value for key {key:?} not valid: it is not base64"
        )));
    }
    if value.len() > MAX {
        return Err(Stop::Failed(format!(
            "secret content for key {key:?} too large: {} bytes",
            value.len()
        )));
    }
    data.insert(key.to_owned(), value);
    Ok(())
}

/// A value as text; what is not is shown with replacements.
pub(super) fn decoded(value: &str) -> String {
    let bytes = STANDARD.decode(value).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Letters, digits and single dashes, three at least, a letter first.
fn is_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.len() >= 3
        && bytes[0].is_ascii_lowercase()
        && !key.ends_with('-')
        && !key.contains("--")
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

/// The id in `secret:ID`, `secret://MODEL/ID` or a bare id.
pub(super) fn id(text: &str) -> Result<String, Stop> {
    let id = match text.strip_prefix("secret:") {
        Some(rest) => rest.rsplit('/').next().unwrap_or(rest),
        None => text,
    };
    let valid = id.len() == 20
        && id
            .bytes()
            .all(|letter| letter.is_ascii_digit() || (b'a'..=b'v').contains(&letter));
    if valid {
        Ok(id.to_owned())
    } else {
        Err(Stop::Usage(format!("secret URI {text:?} not valid")))
    }
}

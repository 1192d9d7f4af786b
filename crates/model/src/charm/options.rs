//! `config.yaml`.

use super::document::{Document, present};
use super::error::CharmError;
use crate::config::{ConfigOption, ConfigSchema, OptionType};
use crate::text::excerpt;
use crate::yaml::Node;

/// Reads the options of a document whose root has the key `options`.
pub(super) fn read(document: &Document<'_>) -> Result<ConfigSchema, CharmError> {
    let empty = || document.fault(document.root, "invalid config: empty configuration");
    if document.root.is_null() {
        return Err(empty());
    }
    document.map(document.root, "config")?;
    if document.root.get("options").is_none() {
        return Err(empty());
    }
    let mut schema = ConfigSchema::default();
    for (key, value) in document.section("options")? {
        let name = key.key();
        if name.is_empty() || name.len() > 255 {
            return Err(document.fault(
                key,
                format!("invalid config: invalid option name {:?}", excerpt(name)),
            ));
        }
        schema
            .options
            .insert(name.to_owned(), option(document, value, name)?);
    }
    Ok(schema)
}

fn option(document: &Document<'_>, node: &Node, name: &str) -> Result<ConfigOption, CharmError> {
    if node.is_null() {
        return Ok(ConfigOption::default());
    }
    document.map(node, &format!("options.{name}"))?;
    let kind = match present(node, "type") {
        None => OptionType::String,
        Some(kind) => {
            let text = kind.text().unwrap_or_default();
            let known = if text.is_empty() {
                Some(OptionType::String)
            } else {
                OptionType::from_name(text)
            };
            let reason = || {
                format!(
                    "invalid config: option {name:?} has unknown type {:?}",
                    excerpt(text)
                )
            };
            known.ok_or_else(|| document.fault(kind, reason()))?
        }
    };
    let description = present(node, "description")
        .and_then(Node::text)
        .unwrap_or_default()
        .to_owned();
    let mut option = ConfigOption {
        kind,
        description,
        default: None,
    };
    if let Some(default) = present(node, "default") {
        let not_finite = |place: &Node| {
            document.fault(
                place,
                format!("invalid config default: option {name:?} must be finite"),
            )
        };
        let value = default.to_json().map_err(not_finite)?;
        let coerced = option.coerce(name, &value);
        option.default = coerced
            .map_err(|error| document.fault(default, format!("invalid config default: {error}")))?;
    }
    Ok(option)
}

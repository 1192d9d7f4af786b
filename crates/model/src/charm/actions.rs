//! `actions.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::document::Document;
use super::error::CharmError;
use crate::names::ActionName;
use crate::text::excerpt;
use crate::yaml::{Node, Scalar};

/// The types that a JSON schema (draft 4) knows.
const TYPES: [&str; 7] = [
    "array", "boolean", "integer", "null", "number", "object", "string",
];

/// Actions by name.
pub type Actions = BTreeMap<ActionName, Action>;

/// An action of a charm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// What it does.
    pub description: String,
    /// Whether it may run beside other actions of the unit.
    #[serde(default)]
    pub parallel: bool,
    /// Actions of one group run one after another, even if parallel; empty is the common group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub execution_group: String,
    /// The JSON schema (draft 4) of its parameters: an object with `properties`.
    pub schema: Value,
}

impl Action {
    /// Adds the defaults that the schema declares for parameters that were not given.
    pub fn with_defaults(&self, mut given: Map<String, Value>) -> Map<String, Value> {
        insert_defaults(&self.schema, &mut given);
        given
    }
}

fn insert_defaults(schema: &Value, given: &mut Map<String, Value>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return;
    };
    for (name, property) in properties {
        if let (None, Some(default)) = (given.get(name), property.get("default")) {
            given.insert(name.clone(), default.clone());
            continue;
        }
        match given.get_mut(name) {
            Some(Value::Object(inner)) => insert_defaults(property, inner),
            Some(_) => {}
            // An object with defaults inside comes into being with them.
            None => {
                let mut inner = Map::new();
                insert_defaults(property, &mut inner);
                if !inner.is_empty() {
                    given.insert(name.clone(), Value::Object(inner));
                }
            }
        }
    }
}

/// Reads the actions in a map of them: the root of `actions.yaml`, or `actions` of `charmcraft.yaml`.
pub(super) fn read(document: &Document<'_>) -> Result<Actions, CharmError> {
    let mut actions = Actions::new();
    if document.root.is_null() {
        return Ok(actions);
    }
    for (key, value) in document.map(document.root, "actions")? {
        let name: ActionName = key.key().parse().map_err(|_| {
            let name = excerpt(key.key());
            let reserved = name == "juju" || name.starts_with("juju-");
            let reason = if reserved {
                format!("cannot use action name {name}: it is reserved")
            } else {
                format!("bad action name {name}")
            };
            document.fault(key, reason)
        })?;
        let action = action(document, value, &name)?;
        actions.insert(name, action);
    }
    Ok(actions)
}

fn action(document: &Document<'_>, node: &Node, name: &ActionName) -> Result<Action, CharmError> {
    let mut schema = Map::new();
    schema.insert("description".to_owned(), json!("No description"));
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("title".to_owned(), json!(name.as_str()));
    schema.insert("properties".to_owned(), json!({}));
    let mut action = Action {
        description: "No description".to_owned(),
        parallel: false,
        execution_group: String::new(),
        schema: Value::Null,
    };
    let entries = if node.is_null() {
        &[]
    } else {
        document.map(node, &format!("action {name}"))?
    };
    for (key, value) in entries {
        let text = || {
            let reason = format!("value for schema key {:?} must be a string", key.key());
            value
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| document.fault(value, reason))
        };
        match key.key() {
            "description" => {
                action.description = text()?;
                schema.insert("description".to_owned(), json!(action.description));
            }
            "title" => {
                schema.insert("title".to_owned(), json!(text()?));
            }
            "execution-group" => action.execution_group = text()?,
            "parallel" => match value.scalar() {
                Some(Scalar::Bool(parallel)) => action.parallel = parallel,
                _ => {
                    return Err(
                        document.fault(value, "value for schema key \"parallel\" must be a bool")
                    );
                }
            },
            "required" if value.items().is_none() => {
                return Err(document.fault(
                    value,
                    "value for schema key \"required\" must be a YAML list",
                ));
            }
            "params" => {
                if value.entries().is_none() {
                    return Err(document.fault(value, "params failed to parse as a map"));
                }
                check_properties(document, value, name)?;
                schema.insert("properties".to_owned(), cleansed(document, value)?);
            }
            other => {
                check_key(document, key)?;
                schema.insert(other.to_owned(), cleansed(document, value)?);
            }
        }
    }
    action.schema = Value::Object(schema);
    Ok(action)
}

/// Checks that each property is a schema: a map whose `type`, if any, exists, and so for its own properties.
fn check_properties(
    document: &Document<'_>,
    properties: &Node,
    action: &ActionName,
) -> Result<(), CharmError> {
    let invalid = |place: &Node, reason: String| {
        document.fault(
            place,
            format!("invalid params schema for action schema {action}: {reason}"),
        )
    };
    for (name, property) in properties.entries().unwrap_or_default() {
        if property.entries().is_none() {
            let reason = format!(
                "{}: expected a schema, got {}",
                excerpt(name.key()),
                property.describe()
            );
            return Err(invalid(property, reason));
        }
        if let Some(kind) = property.get("type") {
            let names: Vec<&Node> = kind
                .items()
                .map_or_else(|| vec![kind], |items| items.iter().collect());
            let unknown = names
                .iter()
                .find(|kind| !kind.as_str().is_some_and(|kind| TYPES.contains(&kind)));
            if let Some(unknown) = unknown {
                let reason = format!(
                    "{}: {} is no type; use one of {}",
                    excerpt(name.key()),
                    unknown.describe(),
                    TYPES.join(", ")
                );
                return Err(invalid(unknown, reason));
            }
        }
        if let Some(inner) = property.get("properties") {
            check_properties(document, inner, action)?;
        }
    }
    Ok(())
}

/// The JSON of a part of a schema, without what could reach outside of it.
fn cleansed(document: &Document<'_>, node: &Node) -> Result<Value, CharmError> {
    check_keys(document, node)?;
    node.to_json()
        .map_err(|place| document.fault(place, "a number in a schema must be finite"))
}

fn check_keys(document: &Document<'_>, node: &Node) -> Result<(), CharmError> {
    for (key, value) in node.entries().unwrap_or_default() {
        check_key(document, key)?;
        check_keys(document, value)?;
    }
    node.items()
        .unwrap_or_default()
        .iter()
        .try_for_each(|item| check_keys(document, item))
}

fn check_key(document: &Document<'_>, key: &Node) -> Result<(), CharmError> {
    match key.key() {
        name @ ("$ref" | "$schema") => Err(document.fault(
            key,
            format!("schema key {name:?} not compatible with this version of juju"),
        )),
        _ => Ok(()),
    }
}

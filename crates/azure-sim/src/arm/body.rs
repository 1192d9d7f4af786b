//! Bodies of requests and answers: reading, tags, references, envelopes.

use serde_json::{Map, Value, json};

use super::common::{existing, writable_group};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::resource::Resource;
use crate::state::Tx;

/// The request's body as an object, without what the provider owns.
pub(crate) fn object(body: &[u8]) -> Result<Value, ArmError> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| {
        ArmError::content(format!(
            "The request content was invalid and could not be deserialized: '{error}'."
        ))
    })?;
    let Some(map) = value.as_object_mut() else {
        return Err(ArmError::content(
            "The request content was invalid and could not be deserialized: it is not an object.",
        ));
    };
    for name in ["id", "name", "type", "etag", "systemData"] {
        map.remove(name);
    }
    map.retain(|_, value| !value.is_null());
    let properties = map.entry("properties").or_insert_with(|| json!({}));
    match properties.as_object_mut() {
        Some(properties) => {
            properties.retain(|_, value| !value.is_null());
            for name in ["provisioningState", "resourceGuid"] {
                properties.remove(name);
            }
        }
        None => *properties = json!({}),
    }
    check_tags(map)?;
    Ok(value)
}

fn check_tags(map: &Map<String, Value>) -> Result<(), ArmError> {
    let Some(tags) = map.get("tags") else {
        return Ok(());
    };
    let Some(tags) = tags.as_object() else {
        return Err(ArmError::content("The tags must be an object of strings."));
    };
    if tags.len() > 50 {
        return Err(ArmError::new(
            400,
            "TooManyTags",
            format!(
                "The number of tags '{}' exceeds the maximum number of tags '50' that can be set on a resource.",
                tags.len()
            ),
        ));
    }
    for (name, value) in tags {
        let Some(value) = value.as_str() else {
            return Err(ArmError::content(format!(
                "The value of tag '{name}' is not a string."
            )));
        };
        if name.is_empty()
            || name.len() > 512
            || name.contains(['<', '>', '%', '&', '\\', '?', '/'])
        {
            return Err(ArmError::new(
                400,
                "InvalidTagNameCharacters",
                format!("The tag name '{name}' is invalid: 1 to 512 characters, none of <>%&\\?/."),
            ));
        }
        if value.chars().count() > 256 {
            return Err(ArmError::new(
                400,
                "InvalidTagValueLength",
                format!("The value of tag '{name}' exceeds the maximum length of 256 characters."),
            ));
        }
    }
    Ok(())
}

/// Merges a PATCH of tags into a resource.
pub(crate) fn patch_tags(
    tx: &mut Tx<'_>,
    id: &ResourceId,
    body: &Value,
) -> Result<Resource, ArmError> {
    let id = existing(tx, id)?.id.clone();
    writable_group(tx, &id)?;
    if let Some(tags) = body.get("tags") {
        let tags = tags.clone();
        tx.update(&id, |resource| resource.body["tags"] = tags);
    }
    Ok(existing(tx, &id)?.clone())
}

/// The resource that `{"id": ...}` at `value` names; it must exist.
pub(crate) fn linked(
    tx: &Tx<'_>,
    value: &Value,
    kind: Kind,
    from: &ResourceId,
) -> Result<Option<ResourceId>, ArmError> {
    if value.is_null() {
        return Ok(None);
    }
    let text = value["id"].as_str().ok_or_else(|| {
        ArmError::new(
            400,
            "InvalidRequestFormat",
            format!("Cannot parse the request: a reference of {from} has no id."),
        )
    })?;
    let id: ResourceId = text.parse().map_err(|_| {
        ArmError::new(
            400,
            "LinkedInvalidPropertyId",
            format!(
                "Property id '{text}' at path 'properties' is invalid. Expect fully qualified resource Id that start with '/subscriptions/{{subscriptionId}}' or '/providers/{{resourceProviderNamespace}}/'."
            ),
        )
    })?;
    match tx.get(&id) {
        Some(resource) if resource.id.kind == kind => Ok(Some(resource.id.clone())),
        _ => Err(ArmError::reference(text, from)),
    }
}

/// The envelope of every resource: id, name, type, then the body with its
/// provisioning state.
pub(crate) fn envelope(resource: &Resource) -> Value {
    let mut body = resource.body.clone();
    body["id"] = json!(resource.id.to_string());
    body["name"] = json!(resource.id.leaf());
    body["type"] = json!(resource.id.kind.type_name());
    body["properties"]["provisioningState"] = json!(resource.provisioning.text());
    body
}

/// The envelope of a network resource, which also has an ETag and a GUID.
pub(crate) fn network_envelope(resource: &Resource) -> Value {
    let mut body = envelope(resource);
    body["etag"] = json!(format!("W/{}", resource.etag()));
    if resource.id.child.is_none() {
        body["properties"]["resourceGuid"] = json!(resource.guid.to_string());
    }
    body
}

/// `{"id": ...}` of a reference.
pub(crate) fn reference(id: &ResourceId) -> Value {
    json!({"id": id.to_string()})
}

//! Resource groups.

use serde_json::Value;
use uuid::Uuid;

use super::body::{envelope, object};
use super::common::{Answer, World, begin, group_of, location_of, running};
use super::vms::preempt;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::{Provider, Work};
use crate::resource::{Data, Provisioning, Resource};
use crate::state::Tx;

pub(crate) fn render(resource: &Resource) -> Value {
    envelope(resource)
}

pub(crate) fn put(tx: &mut Tx<'_>, id: &ResourceId, body: &[u8]) -> Result<Answer, ArmError> {
    if let Some(group) = tx.get(id)
        && group.provisioning == Provisioning::Deleting
    {
        return Err(ArmError::group_being_deleted(&group.id.name));
    }
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Group)?;
    body["location"] = region.name.into();
    if let Some(group) = tx.get(id) {
        if group.location() != region.name {
            return Err(ArmError::new(
                409,
                "InvalidResourceGroupLocation",
                format!(
                    "Invalid resource group location '{}'. The Resource group already exists in location '{}'.",
                    region.name,
                    group.location()
                ),
            ));
        }
        let mut group = group.clone();
        group.body = body;
        let answer = Answer::ok(render(&group));
        tx.put(group);
        return Ok(answer);
    }
    let (serial, guid) = tx.next();
    let group = Resource {
        id: ResourceId::group(&id.subscription, &id.name),
        body,
        provisioning: Provisioning::Succeeded,
        serial,
        version: 0,
        guid,
        created_ms: tx.now_ms,
        data: Data::Plain,
    };
    check_group_name(&id.name)?;
    let body = render(&group);
    tx.put(group);
    Ok(Answer {
        status: 201,
        body: Some(body),
        ..Answer::default()
    })
}

fn check_group_name(name: &str) -> Result<(), ArmError> {
    let good = name.chars().count() <= 90
        && !name.ends_with('.')
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '(' | ')'));
    if good {
        return Ok(());
    }
    Err(ArmError::new(
        400,
        "InvalidResourceGroup",
        format!(
            "The provided resource group name '{name}' has these invalid characters or a length above 90 characters. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
        ),
    ))
}

/// Begins the deletion of a group with all that is in it.
pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let group = group_of(tx, id)?.clone();
    if group.provisioning == Provisioning::Deleting
        && let Some(running) = running(tx, &group.id, Work::DeleteGroup)
    {
        return Ok(Answer::accepted(running));
    }
    tx.update(&group.id, |group| {
        group.provisioning = Provisioning::Deleting;
    });
    let prefix = format!("{}/", group.id.key().1);
    let vms: Vec<(ResourceId, Option<Uuid>)> = tx
        .cloud()
        .of_kind(Kind::Vm, &prefix)
        .map(|vm| (vm.id.clone(), vm.vm().and_then(|vm| vm.operation)))
        .collect();
    for (vm, under_way) in vms {
        preempt(tx, under_way);
        tx.update(&vm, |vm| vm.provisioning = Provisioning::Deleting);
    }
    let operation = begin(
        tx,
        world,
        Provider::Resources,
        group.location(),
        &group.id,
        Work::DeleteGroup,
    );
    Ok(Answer::accepted(operation))
}

/// HEAD: 204 if the group exists.
pub(crate) fn exists(tx: &Tx<'_>, id: &ResourceId) -> Answer {
    Answer::empty(if tx.get(id).is_some() { 204 } else { 404 })
}

//! Managed disks.

use serde_json::{Value, json};

use super::body::{envelope, object};
use super::common::{Answer, Slot, World, begin, begin_delete, existing, location_of};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::{Provider, Work};
use crate::resource::{Data, Disk, Provisioning, Resource};
use crate::state::Tx;

pub(crate) fn render(resource: &Resource) -> Value {
    let mut body = envelope(resource);
    let vm = resource.disk().and_then(|disk| disk.vm.as_ref());
    if let Some(vm) = vm {
        body["managedBy"] = json!(vm.to_string());
    }
    body["properties"]["diskState"] = json!(if vm.is_some() {
        "Attached"
    } else {
        "Unattached"
    });
    body["properties"]["uniqueId"] = json!(resource.guid.to_string());
    body
}

/// The OS disk of a new VM.
pub(crate) fn os_disk(
    slot: &Slot,
    location: &str,
    zones: &Value,
    os_disk: &Value,
    vm: &ResourceId,
) -> Resource {
    let sku = os_disk["managedDisk"]["storageAccountType"]
        .as_str()
        .unwrap_or("Standard_LRS");
    let mut body = json!({
        "location": location,
        "sku": {"name": sku, "tier": sku.split('_').next()},
        "properties": {
            "osType": "Linux",
            "hyperVGeneration": "V2",
            "creationData": {"createOption": "FromImage"},
            "diskSizeGB": os_disk["diskSizeGB"].as_u64().unwrap_or(30),
        },
    });
    if zones.is_array() {
        body["zones"] = zones.clone();
    }
    slot.resource(
        body,
        Provisioning::Succeeded,
        Data::Disk(Disk {
            vm: Some(vm.clone()),
        }),
    )
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Disk)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    if body["properties"]["creationData"]["createOption"]
        .as_str()
        .is_none()
        && slot.is_new()
    {
        return Err(ArmError::invalid(
            "creationData",
            "Required parameter 'creationData' is missing (null).",
        ));
    }
    if body["sku"]["name"].as_str().is_none() {
        body["sku"] = json!({"name": "Standard_LRS", "tier": "Standard"});
    }
    let disk = slot
        .before
        .as_ref()
        .and_then(Resource::disk)
        .cloned()
        .unwrap_or(Disk { vm: None });
    let id = slot.id.clone();
    tx.put(slot.resource(body, Provisioning::Updating, Data::Disk(disk)));
    let operation = begin(tx, world, Provider::Compute, region.name, &id, Work::Settle);
    Ok(Answer {
        status: 202,
        body: Some(render(existing(tx, &id)?)),
        operation: Some(operation),
        location: true,
        ..Answer::default()
    })
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let disk = existing(tx, id)?.disk();
    if let Some(Disk { vm: Some(vm) }) = disk {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!("Disk {} is attached to VM {vm}.", id.name),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Compute, id))
}

//! Managed disks.

use serde_json::{Value, json};

use super::body::{envelope, linked, object};
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
            source: None,
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
    let before = slot.before.as_ref().and_then(Resource::disk).cloned();
    let source = match before {
        Some(_) => None,
        None => copied(tx, &slot, &mut body)?,
    };
    let work = match source {
        Some(_) => Work::CopyDisk,
        None => Work::Settle,
    };
    let disk = before.unwrap_or(Disk { vm: None, source });
    let id = slot.id.clone();
    tx.put(slot.resource(body, Provisioning::Updating, Data::Disk(disk)));
    let operation = begin(tx, world, Provider::Compute, region.name, &id, work);
    Ok(Answer {
        status: 202,
        body: Some(render(existing(tx, &id)?)),
        operation: Some(operation),
        location: true,
        ..Answer::default()
    })
}

/// The disk that a new one is to be a copy of, whose size it has unless it is
/// to be larger.
fn copied(tx: &Tx<'_>, slot: &Slot, body: &mut Value) -> Result<Option<ResourceId>, ArmError> {
    let data = &body["properties"]["creationData"];
    let copies = data["createOption"]
        .as_str()
        .is_some_and(|option| option.eq_ignore_ascii_case("Copy"));
    if !copies {
        return Ok(None);
    }
    let missing = || {
        ArmError::invalid(
            "disk.properties.creationData.sourceResourceId",
            "Required parameter 'disk.properties.creationData.sourceResourceId' is missing (null).",
        )
    };
    // Microsoft's own examples leave the first slash out.
    let source = data["sourceResourceId"].as_str().ok_or_else(missing)?;
    let entry = json!({ "id": format!("/{}", source.trim_start_matches('/')) });
    let source = linked(tx, &entry, Kind::Disk, &slot.id)?.ok_or_else(missing)?;
    let size = existing(tx, &source)?.body["properties"]["diskSizeGB"].as_u64();
    let size = size.unwrap_or(30);
    match body["properties"]["diskSizeGB"].as_u64() {
        Some(wanted) if wanted < size => {
            return Err(ArmError::new(
                400,
                "InvalidParameter",
                format!(
                    "The specified disk size {wanted} GB is smaller than the size of the source, {size} GB."
                ),
            )
            .target("diskSizeGB"));
        }
        Some(_) => {}
        None => body["properties"]["diskSizeGB"] = json!(size),
    }
    Ok(Some(source))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let disk = existing(tx, id)?.disk();
    if let Some(Disk { vm: Some(vm), .. }) = disk {
        return Err(ArmError::new(
            409,
            "OperationNotAllowed",
            format!("Disk {} is attached to VM {vm}.", id.name),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Compute, id))
}

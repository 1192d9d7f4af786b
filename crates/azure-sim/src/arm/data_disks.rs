//! The data disks of a virtual machine: the list in its storage profile.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::common::{World, existing};
use crate::catalog::region;
use crate::error::ArmError;
use crate::hosts::HostDisk;
use crate::ids::{Kind, ResourceId};
use crate::resource::{Disk, Provisioning, Resource, Vm};
use crate::state::{Cloud, Tx};

/// Takes a new list: what is new on it is attached at once, what is gone from
/// it is let go when the operation succeeds ([`release`]).
pub(super) fn replace(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    vm: &Resource,
    list: &Value,
) -> Result<(), ArmError> {
    let Some(items) = list.as_array() else {
        return Err(ArmError::invalid("dataDisks", "dataDisks must be a list."));
    };
    check_count(world, vm, items.len())?;
    let mut luns = BTreeSet::new();
    let mut shown = Vec::new();
    let mut attached = Vec::new();
    for item in items {
        let lun = item["lun"]
            .as_u64()
            .filter(|lun| *lun < 64)
            .ok_or_else(|| {
                ArmError::invalid("dataDisk.lun", "A data disk needs a lun from 0 to 63.")
            })?;
        if !luns.insert(lun) {
            return Err(ArmError::new(
                409,
                "InvalidParameter",
                format!("A disk at LUN {lun} already exists."),
            )
            .target("dataDisks.lun"));
        }
        if !item["createOption"]
            .as_str()
            .is_some_and(|option| option.eq_ignore_ascii_case("Attach"))
        {
            return Err(ArmError::invalid(
                "dataDisk.createOption",
                "The simulator attaches managed disks only: createOption must be 'Attach'.",
            ));
        }
        let disk = super::body::linked(tx, &item["managedDisk"], Kind::Disk, &vm.id)?.ok_or_else(
            || ArmError::invalid("dataDisk.managedDisk", "A data disk needs a managed disk."),
        )?;
        shown.push(view(tx, vm, item, lun, &disk)?);
        attached.push(disk);
    }
    for disk in attached {
        tx.update(&disk, |resource| {
            if let Some(data) = resource.disk_mut() {
                data.vm = Some(vm.id.clone());
            }
        });
    }
    tx.update(&vm.id, |resource| {
        resource.body["properties"]["storageProfile"]["dataDisks"] = json!(shown);
    });
    Ok(())
}

fn check_count(world: &World<'_>, vm: &Resource, count: usize) -> Result<(), ArmError> {
    let (Some(region), Some(typed)) = (region(vm.location()), vm.vm()) else {
        return Ok(());
    };
    let body = json!({"properties": {"hardwareProfile": {"vmSize": typed.size}}});
    let most = super::vm_create::wanted_size(world, region, &body)?.data_disks;
    if count <= usize::try_from(most).unwrap_or(usize::MAX) {
        return Ok(());
    }
    Err(ArmError::new(
        409,
        "OperationNotAllowed",
        format!(
            "The maximum number of data disks allowed to be attached to a VM of this size is {most}."
        ),
    )
    .target("dataDisks"))
}

fn view(
    tx: &Tx<'_>,
    vm: &Resource,
    item: &Value,
    lun: u64,
    id: &ResourceId,
) -> Result<Value, ArmError> {
    let disk = existing(tx, id)?;
    if let Some(Disk {
        vm: Some(other), ..
    }) = disk.disk()
        && !other.same(&vm.id)
    {
        return Err(ArmError::new(
            409,
            "ConflictingUserInput",
            format!(
                "Cannot attach data disk '{}' to VM '{}' because the disk is currently being used by VM '{}'.",
                id.name, vm.id.name, other.name
            ),
        ));
    }
    let (own, disks) = (&vm.body["zones"][0], &disk.body["zones"][0]);
    if !disks.is_null() && own != disks {
        return Err(ArmError::new(
            400,
            "BadRequest",
            format!(
                "Disk {} cannot be attached to the VM because it is not in zone {own}.",
                id.name
            ),
        ));
    }
    if disk.provisioning == Provisioning::Deleting {
        return Err(ArmError::not_found(id));
    }
    let mut shown = item.clone();
    shown["lun"] = json!(lun);
    shown["name"] = json!(id.name);
    shown["diskSizeGB"] = disk.body["properties"]["diskSizeGB"].clone();
    shown["managedDisk"] = json!({
        "id": id.to_string(),
        "storageAccountType": disk.body["sku"]["name"],
    });
    for (name, value) in [("caching", "None"), ("deleteOption", "Detach")] {
        if shown[name].is_null() {
            shown[name] = json!(value);
        }
    }
    Ok(shown)
}

fn listed(vm: &Resource) -> Vec<(u64, ResourceId)> {
    vm.body["properties"]["storageProfile"]["dataDisks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let id = item["managedDisk"]["id"].as_str()?;
            Some((
                item["lun"].as_u64()?,
                ResourceId::try_from(id.to_owned()).ok()?,
            ))
        })
        .collect()
}

/// Lets go of the disks that a machine does not list any more; of all of them
/// when it is gone.
pub(crate) fn release(tx: &mut Tx<'_>, vm: &ResourceId) {
    let resource = tx.get(vm);
    let mut kept: Vec<ResourceId> = resource
        .map(|vm| listed(vm).into_iter().map(|(_, id)| id).collect())
        .unwrap_or_default();
    kept.extend(
        resource
            .and_then(Resource::vm)
            .and_then(|vm: &Vm| vm.os_disk.clone()),
    );
    let held: Vec<ResourceId> = tx
        .cloud()
        .of_kind(Kind::Disk, "")
        .filter(|disk| {
            let holder = disk.disk().and_then(|disk| disk.vm.as_ref());
            holder.is_some_and(|holder| holder.same(vm))
                && !kept.iter().any(|kept| kept.same(&disk.id))
        })
        .map(|disk| disk.id.clone())
        .collect();
    for disk in held {
        tx.update(&disk, |resource| {
            if let Some(data) = resource.disk_mut() {
                data.vm = None;
            }
        });
    }
}

/// The name of a disk among the hosts.
pub(crate) fn host_name(disk: &Resource) -> String {
    format!("disk-{}", disk.guid)
}

/// What a machine's guest should have.
pub(crate) fn host_disks(cloud: &Cloud, vm: &Resource) -> Vec<HostDisk> {
    listed(vm)
        .into_iter()
        .filter_map(|(lun, id)| {
            let disk = cloud.get(&id)?;
            let gib = disk.body["properties"]["diskSizeGB"].as_u64().unwrap_or(30);
            Some(HostDisk {
                lun: u8::try_from(lun).ok()?,
                name: host_name(disk),
                gib: u32::try_from(gib).ok()?,
            })
        })
        .collect()
}

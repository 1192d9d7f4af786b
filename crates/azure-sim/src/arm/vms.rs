//! Virtual machines: PUT, PATCH, DELETE.

use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{object, patch_tags};
use super::common::{Answer, Slot, World, begin, existing, location_of, writable_group};
use super::data_disks;
use super::usages::check_cores;
use super::vm_create::{create, wanted_size};
use super::vm_network::check_count;
use super::vm_view::{WRITE_ONLY, render};
use crate::catalog::region;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::{Outcome, Provider, Work};
use crate::resource::{Power, Provisioning, Resource};
use crate::state::Tx;

/// The conditions of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

impl Conditions {
    fn check(&self, id: &ResourceId, before: Option<&Resource>) -> Result<(), ArmError> {
        match (&self.if_none_match, before) {
            (Some(value), Some(_)) if value == "*" => {
                return Err(ArmError::precondition(format!(
                    "The operation cannot be performed because the virtual machine '{}' already exists and the request has the header 'If-None-Match: *'.",
                    id.name
                )));
            }
            (Some(value), _) if value != "*" => {
                return Err(ArmError::new(
                    400,
                    "InvalidRequestHeader",
                    "The header 'If-None-Match' takes the value '*' only.",
                ));
            }
            _ => {}
        }
        match (&self.if_match, before) {
            (Some(value), before)
                if !(value == "*" && before.is_some()
                    || before.is_some_and(|before| before.etag() == *value)) =>
            {
                Err(ArmError::precondition(format!(
                    "The ETag of the virtual machine '{}' is not the one of the header 'If-Match'.",
                    id.name
                )))
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
    conditions: &Conditions,
) -> Result<Answer, ArmError> {
    writable_group(tx, id)?;
    conditions.check(id, tx.get(id))?;
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Vm)?;
    body["location"] = region.name.into();
    if let Some(vm) = tx.get(id).cloned() {
        return update(tx, world, &vm, body);
    }
    let slot = Slot::of(tx, id)?;
    // Secrets of the body are typed first, then dropped from what is shown.
    create(tx, world, &slot, region, body)?;
    let operation = begin(
        tx,
        world,
        Provider::Compute,
        region.name,
        &slot.id,
        Work::CreateVm,
    );
    tx.update(&slot.id, |resource| {
        hide_secrets(&mut resource.body);
        if let Some(vm) = resource.vm_mut() {
            vm.operation = Some(operation);
        }
    });
    respond(tx, &slot.id, 201, operation)
}

fn respond(tx: &Tx<'_>, id: &ResourceId, status: u16, operation: Uuid) -> Result<Answer, ArmError> {
    let resource = existing(tx, id)?;
    Ok(Answer {
        status,
        body: Some(render(resource, false)),
        operation: Some(operation),
        etag: Some(resource.etag()),
        ..Answer::default()
    })
}

fn hide_secrets(body: &mut Value) {
    if let Some(profile) = body["properties"]["osProfile"].as_object_mut() {
        for name in WRITE_ONLY {
            profile.remove(name);
        }
    }
}

/// Refuses while another operation on the VM is under way.
pub(crate) fn check_idle(tx: &Tx<'_>, resource: &Resource) -> Result<(), ArmError> {
    let busy = resource
        .vm()
        .and_then(|vm| vm.operation)
        .and_then(|id| tx.cloud().operation(id))
        .is_some_and(|operation| operation.outcome == Outcome::InProgress);
    if !busy && resource.provisioning != Provisioning::Deleting {
        return Ok(());
    }
    Err(ArmError::new(
        409,
        "Conflict",
        format!(
            "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests. The virtual machine '{}' has an operation in progress.",
            resource.id.name
        ),
    ))
}

/// A PUT to a VM that exists: what may change changes, the rest must be equal.
fn update(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    before: &Resource,
    mut body: Value,
) -> Result<Answer, ArmError> {
    let Some(vm) = before.vm() else {
        return Err(ArmError::not_found(&before.id));
    };
    if before.location() != body["location"] {
        return Err(ArmError::new(
            409,
            "InvalidResourceLocation",
            format!(
                "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot be created in location '{}'. Please select a new resource name.",
                before.id.name,
                before.location(),
                before.id.group,
                body["location"].as_str().unwrap_or_default()
            ),
        ));
    }
    check_idle(tx, before)?;
    check_unchanged(before, &body, &vm.custom_data)?;
    let mut size = vm.size.clone();
    if let Some(region) = region(before.location())
        && body["properties"]["hardwareProfile"]["vmSize"].is_string()
    {
        let wanted = wanted_size(world, region, &body)?;
        if wanted.name != size {
            check_cores(tx, world, &before.id.subscription, region.name, wanted)?;
            check_count(&before.id, vm.nics.len(), wanted)?;
            wanted.name.clone_into(&mut size);
        }
    }
    hide_secrets(&mut body);
    let failed = before.provisioning == Provisioning::Failed;
    let work = if failed {
        Work::CreateVm
    } else {
        Work::UpdateVm
    };
    let operation = begin(
        tx,
        world,
        Provider::Compute,
        before.location(),
        &before.id,
        work,
    );
    tx.update(&before.id, |resource| {
        // Profiles that the body leaves out stay as they are.
        for (name, value) in body["properties"].as_object().into_iter().flatten() {
            if name != "networkProfile" && name != "storageProfile" {
                resource.body["properties"][name] = value.clone();
            }
        }
        for name in ["tags", "identity", "plan"] {
            match body.get(name) {
                Some(value) => resource.body[name] = value.clone(),
                None => {
                    if let Some(map) = resource.body.as_object_mut() {
                        map.remove(name);
                    }
                }
            }
        }
        resource.provisioning = Provisioning::Updating;
        if let Some(vm) = resource.vm_mut() {
            vm.operation = Some(operation);
            vm.size = size;
            if failed {
                vm.power = Power::Starting;
            }
        }
    });
    respond(tx, &before.id, 200, operation)
}

fn check_unchanged(before: &Resource, body: &Value, custom_data: &str) -> Result<(), ArmError> {
    let old = &before.body["properties"];
    let new = &body["properties"];
    let changed = |old: &Value, new: &Value| !new.is_null() && !same(old, new);
    let refuse = |name: &str| {
        Err(ArmError::new(
            409,
            "PropertyChangeNotAllowed",
            format!("Changing property '{name}' is not allowed."),
        )
        .target(name))
    };
    for name in ["adminUsername", "computerName"] {
        if changed(&old["osProfile"][name], &new["osProfile"][name]) {
            return refuse(&format!("osProfile.{name}"));
        }
    }
    if let Some(text) = new["osProfile"]["customData"].as_str()
        && text != custom_data
    {
        return refuse("osProfile.customData");
    }
    for name in ["publisher", "offer", "sku"] {
        let path = |value: &Value| value["storageProfile"]["imageReference"][name].clone();
        if changed(&path(old), &path(new)) {
            return refuse("imageReference");
        }
    }
    if changed(&before.body["zones"], &body["zones"]) {
        return refuse("zones");
    }
    Ok(())
}

/// Equality without the case of texts; a text that was never given is equal
/// to whatever the default made of it.
fn same(old: &Value, new: &Value) -> bool {
    match (old.as_str(), new.as_str()) {
        (Some(old), Some(new)) => old.eq_ignore_ascii_case(new),
        _ => old.is_null() || old == new,
    }
}

pub(crate) fn patch(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
    conditions: &Conditions,
) -> Result<Answer, ArmError> {
    let body = object(body)?;
    let before = existing(tx, id)?.clone();
    conditions.check(id, Some(&before))?;
    check_idle(tx, &before)?;
    let resource = patch_tags(tx, id, &body)?;
    let list = &body["properties"]["storageProfile"]["dataDisks"];
    if !list.is_null() {
        data_disks::replace(tx, world, &resource, list)?;
    }
    let operation = begin(
        tx,
        world,
        Provider::Compute,
        before.location(),
        &resource.id,
        Work::UpdateVm,
    );
    tx.update(&resource.id, |resource| {
        resource.provisioning = Provisioning::Updating;
        if let Some(vm) = resource.vm_mut() {
            vm.operation = Some(operation);
        }
    });
    respond(tx, &resource.id, 200, operation)
}

/// Begins the deletion. It goes before whatever is under way: that operation
/// ends as preempted.
pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    forced: bool,
) -> Result<Answer, ArmError> {
    let resource = existing(tx, id)?.clone();
    let under_way = resource.vm().and_then(|vm| vm.operation);
    let hangs = |operation| {
        let operation = tx.cloud().operation(operation);
        operation.is_some_and(|operation| operation.bend.hang)
    };
    // Force goes before a deletion that does not come to its end.
    if resource.provisioning == Provisioning::Deleting
        && let Some(operation) = under_way
        && !(forced && hangs(operation))
    {
        return Ok(Answer::accepted(operation));
    }
    preempt(tx, under_way);
    let operation = begin(
        tx,
        world,
        Provider::Compute,
        resource.location(),
        &resource.id,
        Work::DeleteVm,
    );
    tx.update(&resource.id, |resource| {
        resource.provisioning = Provisioning::Deleting;
        if let Some(vm) = resource.vm_mut() {
            vm.operation = Some(operation);
        }
    });
    Ok(Answer::accepted(operation))
}

/// Ends what is under way on a VM, for something that goes before it.
pub(crate) fn preempt(tx: &mut Tx<'_>, operation: Option<Uuid>) {
    let preempted = ArmError::new(
        409,
        "OperationPreempted",
        "Operation execution has been preempted by a more recent operation.",
    );
    if let Some(operation) = operation {
        tx.end(operation, Outcome::Canceled, Some(preempted));
    }
}

/// Removes a VM whose guest has gone, with what goes with it.
pub(crate) fn remove(tx: &mut Tx<'_>, id: &ResourceId) {
    let Some(vm) = tx.get(id).and_then(Resource::vm).cloned() else {
        return;
    };
    tx.remove(id);
    data_disks::release(tx, id);
    for nic in &vm.nics {
        if nic.delete {
            super::nics::remove(tx, &nic.id);
        } else {
            tx.update(&nic.id, |nic| {
                if let Some(nic) = nic.nic_mut() {
                    nic.vm = None;
                }
            });
        }
    }
    if let Some(disk) = &vm.os_disk {
        if vm.delete_os_disk {
            tx.remove(disk);
        } else {
            tx.update(disk, |disk| {
                if let Some(disk) = disk.disk_mut() {
                    disk.vm = None;
                }
            });
        }
    }
}

/// GET of `.../instanceView`.
pub(crate) fn instance_view(tx: &Tx<'_>, id: &ResourceId) -> Result<Answer, ArmError> {
    let resource = existing(tx, id)?;
    let view = resource.vm().map_or_else(
        || json!({}),
        |vm| super::vm_view::instance_view(resource, vm),
    );
    Ok(Answer::ok(view))
}

//! The NICs of a new VM: named ones, and inline ones, which are made here.

use serde_json::{Value, json};

use super::body::linked;
use super::common::{Slot, World, existing};
use super::usages::check_network_quota;
use super::{nics, public_ips};
use crate::catalog::{Region, Size};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::resource::{Data, Provisioning, VmNic};
use crate::state::Tx;

pub(crate) fn deletes(value: &Value) -> bool {
    value["deleteOption"]
        .as_str()
        .is_some_and(|option| option.eq_ignore_ascii_case("Delete"))
}

/// The VM's NICs: those that it names, or those that it describes, which are
/// made here.
pub(crate) fn interfaces(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    (region, size): (&Region, &Size),
    body: &mut Value,
) -> Result<Vec<VmNic>, ArmError> {
    let profile = body["properties"]["networkProfile"].take();
    let mut nics: Vec<VmNic> = Vec::new();
    for entry in profile["networkInterfaces"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let id = linked(tx, entry, Kind::Nic, &slot.id)?.ok_or_else(|| {
            ArmError::invalid("networkInterfaces", "A network interface is null.")
        })?;
        let resource = existing(tx, &id)?;
        if resource.location() != region.name {
            return Err(ArmError::reference(&id.to_string(), &slot.id));
        }
        if let Some(other) = resource.nic().and_then(|nic| nic.vm.as_ref()) {
            return Err(ArmError::new(
                400,
                "NicInUse",
                format!(
                    "Network Interface {id} is used by existing resource {other}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic."
                ),
            ));
        }
        let vm = slot.id.clone();
        let primary = entry["properties"]["primary"].as_bool().unwrap_or(false);
        let alone = profile["networkInterfaces"]
            .as_array()
            .is_some_and(|all| all.len() == 1);
        tx.update(&id, |nic| {
            nic.body["properties"]["primary"] = json!(primary || alone);
            if let Some(nic) = nic.nic_mut() {
                nic.vm = Some(vm);
            }
        });
        nics.push(VmNic {
            id,
            delete: deletes(&entry["properties"]),
            primary,
        });
    }
    for entry in profile["networkInterfaceConfigurations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if !profile["networkApiVersion"].is_string() {
            return Err(ArmError::invalid(
                "networkApiVersion",
                "Parameter 'networkApiVersion' is required with 'networkInterfaceConfigurations'.",
            ));
        }
        nics.push(inline(tx, world, slot, region, entry)?);
    }
    if nics.is_empty() {
        return Err(ArmError::new(
            400,
            "InvalidParameter",
            format!(
                "Virtual machine {} must have at least one network interface.",
                slot.id
            ),
        )
        .target("networkProfile"));
    }
    if nics.len() > 1 && nics.iter().filter(|nic| nic.primary).count() != 1 {
        return Err(ArmError::new(
            400,
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
            format!(
                "Virtual machine {} must have one network interface set as the primary.",
                slot.id.name
            ),
        ));
    }
    check_count(&slot.id, nics.len(), size)?;
    nics[0].primary |= nics.len() == 1;
    body["properties"]["networkProfile"] = json!({});
    Ok(nics)
}

/// Whether a size has room for so many NICs.
pub(crate) fn check_count(vm: &ResourceId, count: usize, size: &Size) -> Result<(), ArmError> {
    if count <= size.nics as usize {
        return Ok(());
    }
    Err(ArmError::new(
        409,
        "NetworkInterfaceCountExceeded",
        format!(
            "The number of network interfaces for virtual machine {} exceeds the maximum allowed for the virtual machine size {}. The number of network interfaces is {count} and the maximum allowed is {}.",
            vm.name, size.name, size.nics
        ),
    ))
}

/// Makes the NIC of an inline configuration, with its public addresses. Azure
/// chooses the names and passes no tags on.
fn inline(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    region: &Region,
    entry: &Value,
) -> Result<VmNic, ArmError> {
    let name = entry["name"].as_str().ok_or_else(|| {
        ArmError::invalid(
            "networkInterfaceConfigurations.name",
            "A network interface configuration has no name.",
        )
    })?;
    let properties = &entry["properties"];
    let id = slot.id.sibling(Kind::Nic, &suffixed(tx, name));
    check_network_quota(tx, world, &id, region.name)?;
    let nic_slot = Slot::of(tx, &id)?;
    let mut configurations = Vec::new();
    let mut addresses = Vec::new();
    for entry in properties["ipConfigurations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let mut inner = entry["properties"].clone();
        if let Some(map) = inner.as_object_mut()
            && let Some(public) = map.remove("publicIPAddressConfiguration")
            && public.is_object()
        {
            let public_id = inline_address(tx, world, slot, region, &public)?;
            inner["publicIPAddress"] = json!({"id": public_id.to_string()});
            addresses.push(public_id);
        }
        configurations.push(json!({"name": entry["name"], "properties": inner}));
    }
    let mut nic = properties.clone();
    if let Some(map) = nic.as_object_mut() {
        map.remove("deleteOption");
        map.remove("dnsSettings");
    }
    nic["ipConfigurations"] = json!(configurations);
    let body = json!({"location": region.name, "properties": nic});
    nics::write(
        tx,
        world,
        &nic_slot,
        body,
        Provisioning::Succeeded,
        Some(&slot.id),
    )?;
    Ok(VmNic {
        id: nic_slot.id,
        delete: deletes(properties),
        primary: properties["primary"].as_bool().unwrap_or(false),
    })
}

fn inline_address(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    region: &Region,
    entry: &Value,
) -> Result<ResourceId, ArmError> {
    let name = entry["name"].as_str().ok_or_else(|| {
        ArmError::invalid(
            "publicIPAddressConfiguration.name",
            "A public IP address configuration has no name.",
        )
    })?;
    let id = slot.id.sibling(Kind::PublicIp, &suffixed(tx, name));
    check_network_quota(tx, world, &id, region.name)?;
    let public_slot = Slot::of(tx, &id)?;
    let mut body = json!({"location": region.name, "properties": entry["properties"]});
    if entry["sku"].is_object() {
        body["sku"] = entry["sku"].clone();
    }
    if !body["properties"].is_object() {
        body["properties"] = json!({});
    }
    let mut public = public_ips::build(tx, world, None, &mut body)?;
    if let Some(map) = body["properties"].as_object_mut() {
        map.remove("deleteOption");
    }
    public.delete = deletes(&entry["properties"]);
    tx.put(public_slot.resource(body, Provisioning::Succeeded, Data::PublicIp(public)));
    Ok(public_slot.id)
}

/// A name as Azure makes them for inline resources: the configuration's, then
/// eight hexadecimal digits.
fn suffixed(tx: &mut Tx<'_>, name: &str) -> String {
    let (_, id) = tx.next();
    let hex = id.simple().to_string();
    format!("{name}-{}", &hex[..8])
}

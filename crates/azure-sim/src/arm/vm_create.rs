//! What a VM's PUT asks for: validated, typed, its NICs and disk made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_guests::Flavour;
use serde_json::{Value, json};

use super::common::{Slot, World, existing, linked};
use super::usages::check_cores;
use super::{disks, nics, public_ips};
use crate::catalog::{Arch, Image, Region, SIZES, Size, image, size};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::resource::{Data, Power, Provisioning, Resource, Vm, VmNic};
use crate::state::Tx;

/// Custom data after decoding, as on Azure.
const MAX_CUSTOM_DATA: usize = 65_535;

/// Makes the VM of a PUT to a name that was free, with what belongs to it.
pub(crate) fn create(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    region: &Region,
    mut body: Value,
) -> Result<(), ArmError> {
    let size = wanted_size(world, region, &body)?;
    let image = wanted_image(&body, size)?;
    check_cores(tx, world, &slot.id.subscription, region.name, size)?;
    let login = login(&slot.id, &body)?;
    let nics = interfaces(tx, world, slot, region, &mut body)?;
    let (os_disk, delete_os_disk) = os_disk(tx, slot, region, image, &mut body)?;
    let flavour: Flavour = image.flavour.unwrap_or(world.settings.default_flavour);
    body["properties"]["vmId"] = json!(slot.guid.to_string());
    let vm = Vm {
        power: Power::Starting,
        guest: format!("vm-{}", slot.guid.simple()),
        built: false,
        size: size.name.to_owned(),
        flavour,
        admin: login.admin,
        ssh_keys: login.ssh_keys,
        hostname: login.hostname,
        custom_data: login.custom_data,
        nics,
        os_disk: Some(os_disk),
        delete_os_disk,
        operation: None,
        failure: None,
    };
    tx.put(slot.resource(body, Provisioning::Creating, Data::Vm(Box::new(vm))));
    Ok(())
}

/// The size of a body, which must be on sale.
pub(crate) fn wanted_size(
    world: &World<'_>,
    region: &Region,
    body: &Value,
) -> Result<&'static Size, ArmError> {
    let name = body["properties"]["hardwareProfile"]["vmSize"]
        .as_str()
        .unwrap_or("Standard_D1_v2");
    let Some(size) = size(name) else {
        let names: Vec<_> = SIZES.iter().map(|size| size.name).collect();
        return Err(ArmError::invalid(
            "vmSize",
            format!(
                "The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {}. Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
                names.join(",")
            ),
        ));
    };
    let zones = body["zones"].as_array();
    let zone = zones
        .and_then(|zones| zones.first())
        .and_then(Value::as_str);
    if let Some(zone) = zone
        && !(region.zones && ["1", "2", "3"].contains(&zone))
    {
        return Err(ArmError::new(
            400,
            "InvalidAvailabilityZone",
            format!(
                "The zone(s) '{zone}' for resource is not supported in location '{}'.",
                region.name
            ),
        ));
    }
    let restricted = world.tuning.restrictions.iter().any(|restriction| {
        restriction.name.eq_ignore_ascii_case(size.name)
            && restriction
                .location
                .as_ref()
                .is_none_or(|location| location.eq_ignore_ascii_case(region.name))
            && (restriction.zones.is_empty()
                || zone.is_some_and(|zone| restriction.zones.iter().any(|other| other == zone)))
    });
    if restricted || (size.arch == Arch::Arm64 && !world.arm64) {
        return Err(ArmError::new(
            409,
            "SkuNotAvailable",
            format!(
                "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {}' is currently not available in location '{}'. Please try another size or deploy to a different location or different zone. See https://aka.ms/azureskunotavailable for details.",
                size.name, region.name
            ),
        ));
    }
    Ok(size)
}

fn wanted_image(body: &Value, size: &Size) -> Result<&'static Image, ArmError> {
    let reference = &body["properties"]["storageProfile"]["imageReference"];
    let part = |name: &str| reference[name].as_str().unwrap_or_default();
    if let Some(id) = reference["id"].as_str() {
        return Err(ArmError::new(
            404,
            "ImageNotFound",
            format!("The image '{id}' cannot be found; the simulator has marketplace images only."),
        ));
    }
    if part("publisher").is_empty() {
        return Err(ArmError::invalid(
            "imageReference",
            "Required parameter 'imageReference' is missing (null).",
        ));
    }
    let version = if part("version").is_empty() {
        "latest"
    } else {
        part("version")
    };
    let image = image(part("publisher"), part("offer"), part("sku"), version).ok_or_else(|| {
        ArmError::new(
            404,
            "PlatformImageNotFound",
            format!(
                "The platform image '{}:{}:{}:{version}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile",
                part("publisher"), part("offer"), part("sku")
            ),
        )
        .target("imageReference")
    })?;
    if image.arch != size.arch {
        return Err(ArmError::new(
            400,
            "BadRequest",
            format!(
                "Cannot create a VM of size '{}' because this VM size only supports a CPU Architecture of '{}', but an image or disk with CPU Architecture '{}' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.",
                size.name,
                size.arch.text(),
                image.arch.text()
            ),
        ));
    }
    Ok(image)
}

struct Login {
    admin: String,
    hostname: String,
    ssh_keys: Vec<String>,
    custom_data: String,
}

fn login(id: &ResourceId, body: &Value) -> Result<Login, ArmError> {
    let profile = &body["properties"]["osProfile"];
    let admin = profile["adminUsername"].as_str().unwrap_or_default();
    if admin.is_empty() {
        return Err(ArmError::invalid(
            "adminUsername",
            "Required parameter 'adminUsername' is missing (null).",
        ));
    }
    if [
        "root",
        "admin",
        "administrator",
        "guest",
        "test",
        "user",
        "sys",
        "backup",
        "console",
    ]
    .contains(&admin)
        || admin.len() > 64
    {
        return Err(ArmError::invalid(
            "adminUsername",
            "The Admin Username specified is not allowed.",
        ));
    }
    let hostname = profile["computerName"]
        .as_str()
        .unwrap_or(&id.name)
        .to_owned();
    let good = (1..=64).contains(&hostname.len())
        && hostname
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    if !good {
        return Err(ArmError::invalid(
            "computerName",
            "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.",
        ));
    }
    let ssh_keys: Vec<String> = profile["linuxConfiguration"]["ssh"]["publicKeys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|key| key["keyData"].as_str())
        .map(|key| key.trim().to_owned())
        .collect();
    for key in &ssh_keys {
        // A line break would smuggle further lines into authorized_keys.
        let good = !key.contains(['\n', '\r'])
            && (key.starts_with("ssh-")
                || key.starts_with("ecdsa-")
                || key.starts_with("sk-")
                || key.starts_with('{'));
        if !good {
            return Err(ArmError::invalid(
                "linuxConfiguration.ssh.publicKeys.keyData",
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
            ));
        }
    }
    if ssh_keys.is_empty() && profile["adminPassword"].as_str().is_none() {
        return Err(ArmError::invalid(
            "linuxConfiguration",
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
        ));
    }
    let custom_data = profile["customData"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let decoded = STANDARD.decode(&custom_data).ok();
    if !decoded.is_some_and(|bytes| bytes.len() <= MAX_CUSTOM_DATA) {
        return Err(ArmError::invalid(
            "customData",
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.",
        ));
    }
    Ok(Login {
        admin: admin.to_owned(),
        hostname,
        ssh_keys,
        custom_data,
    })
}

fn deletes(value: &Value) -> bool {
    value["deleteOption"]
        .as_str()
        .is_some_and(|option| option.eq_ignore_ascii_case("Delete"))
}

/// The VM's NICs: those that it names, or those that it describes, which are
/// made here.
fn interfaces(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    region: &Region,
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
        tx.update(&id, |nic| {
            if let Some(nic) = nic.nic_mut() {
                nic.vm = Some(vm);
            }
        });
        nics.push(VmNic {
            id,
            delete: deletes(&entry["properties"]),
            primary: entry["properties"]["primary"].as_bool().unwrap_or(false),
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
    nics[0].primary |= nics.len() == 1;
    body["properties"]["networkProfile"] = json!({});
    Ok(nics)
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
    super::usages::check_network_quota(tx, world, &id, region.name)?;
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
    super::usages::check_network_quota(tx, world, &id, region.name)?;
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

fn os_disk(
    tx: &mut Tx<'_>,
    slot: &Slot,
    region: &Region,
    image: &Image,
    body: &mut Value,
) -> Result<(ResourceId, bool), ArmError> {
    let zones = body["zones"].clone();
    let profile = &mut body["properties"]["storageProfile"];
    profile["imageReference"]["exactVersion"] = json!(image.version);
    if profile["imageReference"]["version"].is_null() {
        profile["imageReference"]["version"] = json!("latest");
    }
    if !profile["osDisk"].is_object() {
        profile["osDisk"] = json!({"createOption": "FromImage"});
    }
    let disk = &mut profile["osDisk"];
    let name = match disk["name"].as_str() {
        Some(name) => name.to_owned(),
        None => {
            let (_, id) = tx.next();
            format!("{}_OsDisk_1_{}", slot.id.name, id.simple())
        }
    };
    let id = slot.id.sibling(Kind::Disk, &name);
    if tx.get(&id).is_some() {
        return Err(ArmError::new(
            409,
            "ConflictingUserInput",
            format!(
                "Disk {name} already exists in resource group {}. Only CreateOption.Attach is supported.",
                slot.id.group.to_uppercase()
            ),
        ));
    }
    let disk_slot = Slot::of(tx, &id)?;
    let resource: Resource = disks::os_disk(&disk_slot, region.name, &zones, disk, &slot.id);
    disk["name"] = json!(name);
    disk["osType"] = json!("Linux");
    disk["diskSizeGB"] = resource.body["properties"]["diskSizeGB"].clone();
    for (field, default) in [("caching", "ReadWrite"), ("deleteOption", "Detach")] {
        if disk[field].is_null() {
            disk[field] = json!(default);
        }
    }
    disk["managedDisk"] = json!({
        "id": disk_slot.id.to_string(),
        "storageAccountType": resource.body["sku"]["name"],
    });
    let delete = deletes(disk);
    if profile["dataDisks"].is_null() {
        profile["dataDisks"] = json!([]);
    }
    tx.put(resource);
    Ok((disk_slot.id, delete))
}

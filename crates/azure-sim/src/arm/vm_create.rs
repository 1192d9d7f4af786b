//! What a VM's PUT asks for: validated, typed, its NICs and disk made.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_guests::Flavour;
use serde_json::{Value, json};

use super::common::{Slot, World};
use super::disks;
use super::usages::check_cores;
use super::vm_network::{deletes, interfaces};
use crate::catalog::{Arch, Image, Region, SIZES, Size, image, size};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::resource::{Data, Power, Provisioning, Resource, Vm};
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
    let nics = interfaces(tx, world, slot, (region, size), &mut body)?;
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
    if decoded.is_none_or(|bytes| bytes.len() > MAX_CUSTOM_DATA) {
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

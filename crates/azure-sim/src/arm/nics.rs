//! Network interfaces and private addresses.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::body::{linked, network_envelope, object, reference};
use super::common::{
    Answer, Slot, World, begin_delete, existing, location_of, network_put, settling,
};
use super::public_ips;
use super::usages::check_network_quota;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::network::mac;
use crate::operation::Provider;
use crate::resource::{Data, Nic, NicIp, Provisioning, Resource};
use crate::state::{Cloud, Tx};

pub(crate) fn render(resource: &Resource) -> Value {
    let mut body = network_envelope(resource);
    let Some(nic) = resource.nic() else {
        return body;
    };
    let bytes = mac(resource).map(|byte| format!("{byte:02X}"));
    let properties = &mut body["properties"];
    if let Some(vm) = &nic.vm {
        properties["virtualMachine"] = reference(vm);
        properties["macAddress"] = json!(bytes.join("-"));
        if properties["primary"].is_null() {
            properties["primary"] = json!(true);
        }
    }
    if let Some(nsg) = &nic.nsg {
        properties["networkSecurityGroup"] = reference(nsg);
    }
    for (name, value) in [
        ("enableAcceleratedNetworking", json!(false)),
        ("enableIPForwarding", json!(false)),
        ("disableTcpStateTracking", json!(false)),
        ("vnetEncryptionSupported", json!(false)),
        ("hostedWorkloads", json!([])),
        ("tapConfigurations", json!([])),
        ("nicType", json!("Standard")),
        ("auxiliaryMode", json!("None")),
        ("auxiliarySku", json!("None")),
        (
            "dnsSettings",
            json!({"dnsServers": [], "appliedDnsServers": []}),
        ),
    ] {
        if properties[name].is_null() {
            properties[name] = value;
        }
    }
    let configurations: Vec<Value> = nic
        .ips
        .iter()
        .enumerate()
        .map(|(index, ip)| {
            let given = properties["ipConfigurations"][index]["properties"].clone();
            let mut inner = if given.is_object() { given } else { json!({}) };
            inner["provisioningState"] = json!("Succeeded");
            inner["privateIPAddress"] = json!(ip.address);
            if inner["privateIPAllocationMethod"].is_null() {
                inner["privateIPAllocationMethod"] = json!("Dynamic");
            }
            if inner["privateIPAddressVersion"].is_null() {
                inner["privateIPAddressVersion"] = json!("IPv4");
            }
            if inner["primary"].is_null() {
                inner["primary"] = json!(index == 0);
            }
            inner["subnet"] = reference(&ip.subnet);
            if let Some(map) = inner.as_object_mut() {
                map.remove("publicIPAddress");
            }
            if let Some(public) = &ip.public_ip {
                inner["publicIPAddress"] = reference(public);
            }
            json!({
                "name": ip.name,
                "id": format!("{}/ipConfigurations/{}", resource.id, ip.name),
                "etag": format!("W/{}", resource.etag()),
                "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
                "properties": inner,
            })
        })
        .collect();
    properties["ipConfigurations"] = json!(configurations);
    body
}

/// The first free address of a subnet. Azure keeps five: the network, the
/// gateway, two for DNS, and the broadcast address.
fn free_address(cloud: &Cloud, subnet: &Resource, taken: &[NicIp]) -> Result<Ipv4Addr, ArmError> {
    let used = cloud.addresses(&subnet.id);
    let prefixes = subnet
        .subnet()
        .map_or(&[][..], |subnet| subnet.prefixes.as_slice());
    for prefix in prefixes {
        let base = u64::from(prefix.network().address.to_bits());
        let size = 1_u64 << (32 - u32::from(prefix.prefix));
        let free = (base + 4..(base + size).saturating_sub(1))
            .filter_map(|bits| u32::try_from(bits).ok().map(Ipv4Addr::from_bits))
            .find(|address| {
                !used.is_some_and(|used| used.contains_key(address))
                    && !taken.iter().any(|ip| ip.address == *address)
            });
        if let Some(free) = free {
            return Ok(free);
        }
    }
    let prefix = prefixes
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    Err(ArmError::new(
        400,
        "SubnetIsFull",
        format!(
            "Subnet {} with address prefix {prefix} does not have enough capacity for 1 IP addresses.",
            subnet.id.leaf()
        ),
    ))
}

fn check_static(
    cloud: &Cloud,
    subnet: &Resource,
    nic: &ResourceId,
    address: Ipv4Addr,
) -> Result<(), ArmError> {
    let prefix = subnet.subnet().and_then(|subnet| {
        subnet
            .prefixes
            .iter()
            .find(|prefix| prefix.contains(address))
    });
    let Some(prefix) = prefix else {
        return Err(ArmError::new(
            400,
            "PrivateIPAddressNotInSubnet",
            format!(
                "Private static IP address {address} does not belong to the range of subnet prefix of subnet {}.",
                subnet.id
            ),
        ));
    };
    let offset = address.to_bits() - prefix.network().address.to_bits();
    let last = (1_u64 << (32 - u32::from(prefix.prefix))) - 1;
    if offset < 4 || u64::from(offset) == last {
        return Err(ArmError::new(
            400,
            "PrivateIPAddressInReservedRange",
            format!(
                "Private static IP address {address} falls within reserved IP range of subnet prefix {prefix}."
            ),
        ));
    }
    match cloud
        .addresses(&subnet.id)
        .and_then(|used| used.get(&address))
    {
        Some(other) if !other.same(nic) => Err(ArmError::new(
            400,
            "PrivateIPAddressInUse",
            format!(
                "IP configuration of {nic} is using the private IP address {address} which is already allocated to resource {other}."
            ),
        )),
        _ => Ok(()),
    }
}

/// What a NIC refers to is in its own region.
fn check_region(
    tx: &Tx<'_>,
    linked: &ResourceId,
    body: &Value,
    from: &ResourceId,
) -> Result<(), ArmError> {
    if body["location"] == existing(tx, linked)?.location() {
        return Ok(());
    }
    Err(ArmError::reference(&linked.to_string(), from))
}

/// Types the IP configurations of a NIC's body and gives them addresses; those
/// that it had, it keeps.
fn configurations(
    tx: &Tx<'_>,
    id: &ResourceId,
    before: Option<&Nic>,
    body: &Value,
) -> Result<Vec<NicIp>, ArmError> {
    let list = body["properties"]["ipConfigurations"].as_array();
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return Err(ArmError::new(
            400,
            "NetworkInterfaceMustHaveOnePrimaryIpConfiguration",
            format!("Network interface {id} must have one IP configuration set as primary."),
        ));
    };
    let mut ips: Vec<NicIp> = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        let name = entry["name"]
            .as_str()
            .map_or_else(|| format!("ipconfig{}", index + 1), ToOwned::to_owned);
        let properties = &entry["properties"];
        let subnet = linked(tx, &properties["subnet"], Kind::Subnet, id)?.ok_or_else(|| {
            ArmError::new(
                400,
                "SubnetIdRequired",
                format!("IP configuration {name} of {id} has no subnet."),
            )
        })?;
        let resource = existing(tx, &subnet)?;
        check_region(tx, &subnet.parent(), body, id)?;
        let method = properties["privateIPAllocationMethod"]
            .as_str()
            .unwrap_or("Dynamic");
        let wanted = properties["privateIPAddress"]
            .as_str()
            .filter(|_| method.eq_ignore_ascii_case("Static"));
        let had = before
            .into_iter()
            .flat_map(|nic| &nic.ips)
            .find(|ip| ip.name.eq_ignore_ascii_case(&name) && ip.subnet.same(&subnet))
            .map(|ip| ip.address);
        let address = match (wanted, had) {
            (Some(text), _) => {
                let address: Ipv4Addr = text.parse().map_err(|_| {
                    ArmError::new(
                        400,
                        "InvalidIPAddress",
                        format!("{text} is not an IPv4 address."),
                    )
                })?;
                check_static(tx.cloud(), resource, id, address)?;
                address
            }
            (None, Some(address)) => address,
            (None, None) => free_address(tx.cloud(), resource, &ips)?,
        };
        let public_ip = linked(tx, &properties["publicIPAddress"], Kind::PublicIp, id)?;
        if let Some(public_ip) = &public_ip {
            check_region(tx, public_ip, body, id)?;
        }
        ips.push(NicIp {
            name,
            subnet,
            address,
            public_ip,
        });
    }
    // The primary configuration comes first.
    let primary = list
        .iter()
        .position(|entry| entry["properties"]["primary"].as_bool() == Some(true));
    if primary.is_some_and(|index| index > 0) {
        return Err(ArmError::new(
            400,
            "PrimaryIpConfigurationMustBeFirst",
            format!("The simulator takes the first IP configuration of {id} as the primary one."),
        ));
    }
    Ok(ips)
}

/// Writes a NIC: allocates, attaches and detaches addresses.
pub(crate) fn write(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    slot: &Slot,
    body: Value,
    provisioning: Provisioning,
    vm: Option<&ResourceId>,
) -> Result<(), ArmError> {
    let before = slot.before.as_ref().and_then(Resource::nic);
    let ips = configurations(tx, &slot.id, before, &body)?;
    let nsg = linked(
        tx,
        &body["properties"]["networkSecurityGroup"],
        Kind::Nsg,
        &slot.id,
    )?;
    if let Some(nsg) = &nsg {
        check_region(tx, nsg, &body, &slot.id)?;
    }
    for gone in before
        .into_iter()
        .flat_map(|nic| &nic.ips)
        .filter_map(|ip| ip.public_ip.as_ref())
    {
        if !ips
            .iter()
            .any(|ip| ip.public_ip.as_ref().is_some_and(|kept| kept.same(gone)))
        {
            public_ips::detach(tx, gone);
        }
    }
    for ip in &ips {
        if let Some(public) = &ip.public_ip {
            public_ips::attach(tx, world, public, &slot.id, Some(&ip.name))?;
        }
    }
    let data = Data::Nic(Nic {
        vm: vm.or(before.and_then(|nic| nic.vm.as_ref())).cloned(),
        nsg,
        ips,
    });
    tx.put(slot.resource(body, provisioning, data));
    Ok(())
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Nic)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    if slot.is_new() {
        check_network_quota(tx, world, id, region.name)?;
    }
    if let Some(properties) = body["properties"].as_object_mut() {
        for name in ["virtualMachine", "macAddress"] {
            properties.remove(name);
        }
    }
    write(tx, world, &slot, body, settling(world), None)?;
    let (id, new) = (slot.id.clone(), slot.is_new());
    let body = render(existing(tx, &id)?);
    Ok(network_put(tx, world, &id, region.name, new, body))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let nic = existing(tx, id)?.nic();
    if let Some(Nic { vm: Some(vm), .. }) = nic {
        return Err(ArmError::new(
            400,
            "NicInUse",
            format!(
                "Network Interface {id} is used by existing resource {vm}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic."
            ),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Network, id))
}

/// Removes a NIC that nothing uses any more, with the addresses that go with it.
pub(crate) fn remove(tx: &mut Tx<'_>, id: &ResourceId) {
    let public: Vec<ResourceId> = tx
        .get(id)
        .and_then(Resource::nic)
        .into_iter()
        .flat_map(|nic| &nic.ips)
        .filter_map(|ip| ip.public_ip.clone())
        .collect();
    tx.remove(id);
    for public in public {
        let delete = tx
            .get(&public)
            .and_then(Resource::public_ip)
            .is_some_and(|public| public.delete);
        if delete {
            tx.remove(&public);
        } else {
            public_ips::detach(tx, &public);
        }
    }
}

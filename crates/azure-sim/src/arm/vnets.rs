//! Virtual networks and their subnets.

use lazuli_guests::Net;
use serde_json::{Value, json};

use super::body::{linked, network_envelope, object, reference};
use super::common::{
    Answer, Slot, World, begin_delete, existing, location_of, network_put, settling, writable_group,
};
use super::usages::check_network_quota;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::Provider;
use crate::resource::{Data, Resource, Subnet};
use crate::state::{Cloud, Tx};

pub(crate) fn render(cloud: &Cloud, vnet: &Resource) -> Value {
    let mut body = network_envelope(vnet);
    body["properties"]["subnets"] = cloud
        .children(&vnet.id)
        .into_iter()
        .map(|subnet| render_subnet(cloud, subnet))
        .collect();
    if body["properties"]["virtualNetworkPeerings"].is_null() {
        body["properties"]["virtualNetworkPeerings"] = json!([]);
    }
    body
}

pub(crate) fn render_subnet(cloud: &Cloud, subnet: &Resource) -> Value {
    let mut body = network_envelope(subnet);
    if let Some(map) = body.as_object_mut() {
        map.remove("location");
    }
    let configurations: Vec<Value> = cloud
        .addresses(&subnet.id)
        .into_iter()
        .flatten()
        .filter_map(|(address, nic)| {
            let ips = &cloud.get(nic)?.nic()?.ips;
            let ip = ips.iter().find(|ip| ip.address == *address)?;
            Some(json!({"id": format!("{nic}/ipConfigurations/{}", ip.name)}))
        })
        .collect();
    let properties = &mut body["properties"];
    if !configurations.is_empty() {
        properties["ipConfigurations"] = json!(configurations);
    }
    for name in [
        "privateEndpointNetworkPolicies",
        "privateLinkServiceNetworkPolicies",
    ] {
        if properties[name].is_null() {
            properties[name] = json!(if name.starts_with("privateE") {
                "Disabled"
            } else {
                "Enabled"
            });
        }
    }
    if properties["delegations"].is_null() {
        properties["delegations"] = json!([]);
    }
    body
}

fn ranges(body: &Value) -> Vec<&str> {
    body["properties"]["addressSpace"]["addressPrefixes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn check_ranges(id: &ResourceId, body: &Value) -> Result<(), ArmError> {
    let ranges = ranges(body);
    if ranges.is_empty() {
        return Err(ArmError::new(
            400,
            "InvalidRequestFormat",
            format!("Cannot parse the request: the address space of {id} is missing."),
        ));
    }
    for range in ranges {
        // IPv6 ranges are kept but have no meaning here.
        let network = range.parse::<Net>().ok();
        let good = range.contains(':') || network.is_some_and(|net| net.network() == net);
        if !good {
            return Err(ArmError::new(
                400,
                "InvalidAddressPrefixFormat",
                format!(
                    "Address prefix {range} of resource {id} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24."
                ),
            ));
        }
    }
    Ok(())
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Vnet)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    check_ranges(&slot.id, &body)?;
    if slot.is_new() {
        check_network_quota(tx, world, id, region.name)?;
    }
    let subnets = body["properties"]
        .as_object_mut()
        .and_then(|properties| properties.remove("subnets"));
    let id = slot.id.clone();
    let new = slot.is_new();
    tx.put(slot.resource(body, settling(world), Data::Plain));
    if let Some(subnets) = subnets {
        replace_subnets(tx, &id, &subnets)?;
    }
    check_subnets(tx, &id)?;
    let body = render(tx.cloud(), existing(tx, &id)?);
    Ok(network_put(tx, world, &id, region.name, new, body))
}

fn replace_subnets(tx: &mut Tx<'_>, vnet: &ResourceId, subnets: &Value) -> Result<(), ArmError> {
    let mut wanted = Vec::new();
    for subnet in subnets.as_array().into_iter().flatten() {
        let name = subnet["name"].as_str().ok_or_else(|| {
            ArmError::new(
                400,
                "InvalidRequestFormat",
                format!("Cannot parse the request: a subnet of {vnet} has no name."),
            )
        })?;
        let id = vnet.with_child(Kind::Subnet, name);
        let body = object(subnet.to_string().as_bytes())?;
        write_subnet(tx, &id, body)?;
        wanted.push(id);
    }
    let surplus: Vec<ResourceId> = tx
        .cloud()
        .children(vnet)
        .into_iter()
        .map(|subnet| subnet.id.clone())
        .filter(|id| !wanted.iter().any(|wanted| wanted.same(id)))
        .collect();
    for id in surplus {
        check_unused(tx, &id)?;
        tx.remove(&id);
    }
    Ok(())
}

fn write_subnet(tx: &mut Tx<'_>, id: &ResourceId, body: Value) -> Result<(), ArmError> {
    let slot = Slot::of(tx, id)?;
    let properties = &body["properties"];
    let texts: Vec<&str> = properties["addressPrefix"]
        .as_str()
        .into_iter()
        .chain(
            properties["addressPrefixes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        )
        .collect();
    if texts.is_empty() {
        return Err(ArmError::new(
            400,
            "InvalidRequestFormat",
            format!("Cannot parse the request: subnet {id} has no address prefix."),
        ));
    }
    let mut prefixes: Vec<Net> = Vec::new();
    for text in texts {
        match text.parse::<Net>() {
            Ok(net) if net.network() == net => {
                if !prefixes.contains(&net) {
                    prefixes.push(net);
                }
            }
            _ if text.contains(':') => {}
            _ => {
                return Err(ArmError::new(
                    400,
                    "InvalidCIDRNotation",
                    format!(
                        "The address prefix {text} in resource {id} has an invalid CIDR notation. For the given prefix length, the address prefix should be aligned to the start of the range."
                    ),
                ));
            }
        }
    }
    let data = Data::Subnet(Subnet {
        nsg: linked(tx, &properties["networkSecurityGroup"], Kind::Nsg, id)?,
        nat: linked(tx, &properties["natGateway"], Kind::NatGateway, id)?,
        default_outbound: properties["defaultOutboundAccess"].as_bool() == Some(true),
        prefixes,
    });
    if let Some(Resource {
        data: Data::Subnet(before),
        ..
    }) = &slot.before
        && let Data::Subnet(now) = &data
        && before.prefixes != now.prefixes
    {
        check_unused(tx, id).map_err(|_| {
            ArmError::new(
                400,
                "InUsePrefixCannotBeDeleted",
                format!(
                    "IpPrefix on Subnet {} has active allocations and cannot be changed.",
                    id.leaf()
                ),
            )
        })?;
    }
    tx.put(slot.resource(body, crate::resource::Provisioning::Succeeded, data));
    Ok(())
}

/// Every subnet lies in the network's ranges, and no two have an address in
/// common.
fn check_subnets(tx: &Tx<'_>, vnet: &ResourceId) -> Result<(), ArmError> {
    let body = &existing(tx, vnet)?.body;
    let ranges: Vec<Net> = ranges(body)
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    let subnets = tx.cloud().children(vnet);
    let mut seen: Vec<(Net, &str)> = Vec::new();
    for subnet in subnets {
        let name = subnet.id.leaf();
        for prefix in subnet
            .subnet()
            .into_iter()
            .flat_map(|subnet| &subnet.prefixes)
        {
            if !ranges
                .iter()
                .any(|range| range.contains(prefix.address) && range.prefix <= prefix.prefix)
            {
                return Err(ArmError::new(
                    400,
                    "NetcfgSubnetRangeOutsideVnet",
                    format!(
                        "Subnet '{name}' is not valid because its IP address range is outside the IP address range of virtual network '{}'.",
                        vnet.name
                    ),
                ));
            }
            if let Some((_, other)) = seen.iter().find(|(other, _)| other.overlaps(*prefix)) {
                return Err(ArmError::new(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    format!(
                        "Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet '{other}' in virtual network '{}'.",
                        vnet.name
                    ),
                ));
            }
            seen.push((*prefix, name));
        }
    }
    Ok(())
}

pub(crate) fn put_subnet(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    writable_group(tx, id)?;
    let vnet = existing(tx, &id.parent())?;
    let (vnet, location) = (vnet.id.clone(), vnet.location().to_owned());
    let id = vnet.with_child(Kind::Subnet, id.leaf());
    let new = tx.get(&id).is_none();
    write_subnet(tx, &id, object(body)?)?;
    check_subnets(tx, &vnet)?;
    // The parent's ETag moves with its children.
    tx.update(&vnet, |_| {});
    tx.update(&id, |subnet| subnet.provisioning = settling(world));
    let body = render_subnet(tx.cloud(), existing(tx, &id)?);
    Ok(network_put(tx, world, &id, &location, new, body))
}

fn check_unused(tx: &Tx<'_>, subnet: &ResourceId) -> Result<(), ArmError> {
    let Some((address, nic)) = tx
        .cloud()
        .addresses(subnet)
        .and_then(|addresses| addresses.first_key_value())
    else {
        return Ok(());
    };
    let configuration = tx
        .get(nic)
        .and_then(Resource::nic)
        .and_then(|nic| nic.ips.iter().find(|ip| ip.address == *address))
        .map_or("", |ip| ip.name.as_str());
    Err(ArmError::new(
        400,
        "InUseSubnetCannotBeDeleted",
        format!(
            "Subnet {} is in use by {nic}/ipConfigurations/{configuration} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            subnet.leaf()
        ),
    ))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let subnets: Vec<ResourceId> = match id.kind {
        Kind::Vnet => tx
            .cloud()
            .children(id)
            .into_iter()
            .map(|subnet| subnet.id.clone())
            .collect(),
        _ => vec![id.clone()],
    };
    for subnet in &subnets {
        check_unused(tx, subnet)?;
    }
    Ok(begin_delete(tx, world, Provider::Network, id))
}

/// The subnets that refer to a security group or a NAT gateway.
pub(crate) fn subnets_with<'a>(
    cloud: &'a Cloud,
    id: &'a ResourceId,
) -> impl Iterator<Item = &'a Resource> + 'a {
    cloud.of_kind(Kind::Subnet, "").filter(move |subnet| {
        subnet.subnet().is_some_and(|data| {
            [&data.nsg, &data.nat]
                .into_iter()
                .flatten()
                .any(|linked| linked.same(id))
        })
    })
}

/// References to subnets, as NAT gateways and security groups show them.
pub(crate) fn subnet_references(cloud: &Cloud, id: &ResourceId) -> Vec<Value> {
    subnets_with(cloud, id)
        .map(|subnet| reference(&subnet.id))
        .collect()
}

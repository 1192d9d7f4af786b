//! Public addresses.

use std::net::Ipv4Addr;

use lazuli_guests::Net;
use serde_json::{Value, json};

use super::body::{network_envelope, object, reference};
use super::common::{
    Answer, Slot, World, begin_delete, existing, location_of, network_put, settling,
};
use super::usages::check_network_quota;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::Provider;
use crate::resource::{Data, PublicIp, Resource};
use crate::state::{Cloud, Tx};

pub(crate) fn render(resource: &Resource) -> Value {
    let mut body = network_envelope(resource);
    let Some(public) = resource.public_ip() else {
        return body;
    };
    let properties = &mut body["properties"];
    if let Some(address) = public.address {
        properties["ipAddress"] = json!(address);
    }
    if let Some(user) = &public.user {
        match &public.ip_config {
            Some(name) => {
                properties["ipConfiguration"] =
                    json!({"id": format!("{user}/ipConfigurations/{name}")});
            }
            None => properties["natGateway"] = reference(user),
        }
    }
    body
}

/// The first free address of the range; its ends and the addresses that look
/// like networks or broadcasts are left out.
pub(crate) fn free_address(cloud: &Cloud, range: Net) -> Result<Ipv4Addr, ArmError> {
    let size = 1_u64 << (32 - u32::from(range.prefix));
    let base = u64::from(range.network().address.to_bits());
    (base + 4..base + size)
        .filter_map(|bits| u32::try_from(bits).ok().map(Ipv4Addr::from_bits))
        .find(|address| {
            !matches!(address.octets()[3], 0 | 255) && !cloud.public_in_use(*address)
        })
        .ok_or_else(|| {
            ArmError::new(
                429,
                "PublicIPAddressPoolExhausted",
                format!("The simulator's public range {range} has no free address; start it with a larger --public-range."),
            )
        })
}

/// Completes a public address's body with Azure's defaults, and types it.
pub(crate) fn build(
    tx: &Tx<'_>,
    world: &World<'_>,
    before: Option<&PublicIp>,
    body: &mut Value,
) -> Result<PublicIp, ArmError> {
    if body["sku"]["name"].as_str().is_none() {
        body["sku"]["name"] = json!("Basic");
    }
    if body["sku"]["tier"].as_str().is_none() {
        body["sku"]["tier"] = json!("Regional");
    }
    let standard = body["sku"]["name"]
        .as_str()
        .is_some_and(|name| name.eq_ignore_ascii_case("Standard"));
    let properties = &mut body["properties"];
    if let Some(map) = properties.as_object_mut() {
        for name in ["ipAddress", "ipConfiguration", "natGateway"] {
            map.remove(name);
        }
    }
    for (name, value) in [
        ("publicIPAddressVersion", json!("IPv4")),
        ("publicIPAllocationMethod", json!("Dynamic")),
        ("idleTimeoutInMinutes", json!(4)),
        ("ipTags", json!([])),
    ] {
        if properties[name].is_null() {
            properties[name] = value;
        }
    }
    let dynamic = properties["publicIPAllocationMethod"]
        .as_str()
        .is_some_and(|method| method.eq_ignore_ascii_case("Dynamic"));
    if standard && dynamic {
        return Err(ArmError::new(
            400,
            "StandardSkuPublicIPAddressesMustBeStatic",
            "Standard sku publicIp must have AllocationMethod set to Static.",
        ));
    }
    let mut public = before.cloned().unwrap_or(PublicIp {
        address: None,
        dynamic,
        user: None,
        ip_config: None,
        delete: false,
    });
    public.dynamic = dynamic;
    if public.address.is_none() && (!dynamic || public.user.is_some()) {
        public.address = Some(free_address(tx.cloud(), world.settings.public_range)?);
    }
    if let Some(option) = properties["deleteOption"].as_str() {
        public.delete = option.eq_ignore_ascii_case("Delete");
    }
    Ok(public)
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::PublicIp)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    if slot.is_new() {
        check_network_quota(tx, world, id, region.name)?;
    }
    let before = slot.before.as_ref().and_then(Resource::public_ip);
    let public = build(tx, world, before, &mut body)?;
    let (id, new) = (slot.id.clone(), slot.is_new());
    tx.put(slot.resource(body, settling(world), Data::PublicIp(public)));
    let body = render(existing(tx, &id)?);
    Ok(network_put(tx, world, &id, region.name, new, body))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let public = existing(tx, id)?.public_ip();
    if let Some(PublicIp {
        user: Some(user),
        ip_config,
        ..
    }) = public
    {
        let holder = ip_config.as_ref().map_or_else(
            || user.to_string(),
            |name| format!("{user}/ipConfigurations/{name}"),
        );
        return Err(ArmError::new(
            400,
            "PublicIPAddressCannotBeDeleted",
            format!(
                "Public IP address {id} can not be deleted since it is still allocated to resource {holder}. In order to delete the public IP, disassociate/detach the Public IP address from the resource. To learn how to do this, see aka.ms/deletepublicip."
            ),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Network, id))
}

/// Gives the address to a NIC's IP configuration or to a NAT gateway, or
/// refuses if another has it.
pub(crate) fn attach(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    user: &ResourceId,
    ip_config: Option<&str>,
) -> Result<(), ArmError> {
    let resource = existing(tx, id)?;
    let Some(public) = resource.public_ip() else {
        return Err(ArmError::reference(&id.to_string(), user));
    };
    if let Some(other) = &public.user
        && !(other.same(user) && public.ip_config.as_deref() == ip_config)
    {
        return Err(ArmError::new(
            400,
            "PublicIPAddressInUse",
            format!(
                "Resource {user} is referencing public IP address {id} that is already allocated to resource {other}."
            ),
        ));
    }
    let address = match public.address {
        Some(address) => address,
        None => free_address(tx.cloud(), world.settings.public_range)?,
    };
    let user = user.clone();
    let ip_config = ip_config.map(ToOwned::to_owned);
    tx.update(id, |resource| {
        if let Some(public) = resource.public_ip_mut() {
            public.user = Some(user);
            public.ip_config = ip_config;
            public.address = Some(address);
        }
    });
    Ok(())
}

/// Takes the address from its user; a dynamic one is given back.
pub(crate) fn detach(tx: &mut Tx<'_>, id: &ResourceId) {
    tx.update(id, |resource| {
        if let Some(public) = resource.public_ip_mut() {
            public.user = None;
            public.ip_config = None;
            if public.dynamic {
                public.address = None;
            }
        }
    });
}

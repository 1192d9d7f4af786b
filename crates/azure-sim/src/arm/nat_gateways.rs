//! NAT gateways.

use serde_json::{Value, json};

use super::body::{linked, network_envelope, object};
use super::common::{
    Answer, Slot, World, begin_delete, existing, location_of, network_put, settling,
};
use super::public_ips;
use super::usages::check_network_quota;
use super::vnets::subnet_references;
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::operation::Provider;
use crate::resource::{Data, NatGateway, Resource};
use crate::state::{Cloud, Tx};

pub(crate) fn render(cloud: &Cloud, resource: &Resource) -> Value {
    let mut body = network_envelope(resource);
    let subnets = subnet_references(cloud, &resource.id);
    if !subnets.is_empty() {
        body["properties"]["subnets"] = json!(subnets);
    }
    body
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::NatGateway)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    if slot.is_new() {
        check_network_quota(tx, world, id, region.name)?;
    }
    if body["sku"]["name"].as_str().is_none() {
        body["sku"] = json!({"name": "Standard"});
    }
    if body["properties"]["idleTimeoutInMinutes"].is_null() {
        body["properties"]["idleTimeoutInMinutes"] = json!(4);
    }
    let mut public_ips = Vec::new();
    for value in body["properties"]["publicIpAddresses"]
        .as_array()
        .into_iter()
        .flatten()
    {
        public_ips.extend(linked(tx, value, Kind::PublicIp, id)?);
    }
    let (id, new) = (slot.id.clone(), slot.is_new());
    let before = slot
        .before
        .as_ref()
        .and_then(Resource::nat_gateway)
        .map(|nat| nat.public_ips.clone())
        .unwrap_or_default();
    for gone in before
        .iter()
        .filter(|id| !public_ips.iter().any(|kept| kept.same(id)))
    {
        public_ips::detach(tx, gone);
    }
    for public in &public_ips {
        public_ips::attach(tx, world, public, &id, None)?;
    }
    tx.put(slot.resource(
        body,
        settling(world),
        Data::NatGateway(NatGateway { public_ips }),
    ));
    let body = render(tx.cloud(), existing(tx, &id)?);
    Ok(network_put(tx, world, &id, region.name, new, body))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let subnets: Vec<String> = subnet_references(tx.cloud(), id)
        .iter()
        .filter_map(|subnet| subnet["id"].as_str().map(ToOwned::to_owned))
        .collect();
    if !subnets.is_empty() {
        return Err(ArmError::new(
            400,
            "InUseNatGatewayCannotBeDeleted",
            format!(
                "NatGateway {id} cannot be deleted because it is in use by the following subnets: {}. In order to delete the NatGateway, remove the association with the subnet(s).",
                subnets.join(", ")
            ),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Network, id))
}

/// Lets go of the addresses of a gateway that is removed.
pub(crate) fn release(tx: &mut Tx<'_>, id: &ResourceId) {
    let public_ips = tx
        .get(id)
        .and_then(Resource::nat_gateway)
        .map(|nat| nat.public_ips.clone())
        .unwrap_or_default();
    for public in public_ips {
        public_ips::detach(tx, &public);
    }
}

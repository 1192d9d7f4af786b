//! Quotas: what is used, what is allowed, and the refusals.

use serde_json::{Value, json};

use super::common::World;
use crate::catalog::{SIZES, Size, size};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::settings::{DEFAULT_CORES, NETWORK_QUOTAS};
use crate::state::{Cloud, Tx};

fn limit(world: &World<'_>, name: &str, default: u64) -> u64 {
    world
        .tuning
        .quotas
        .iter()
        .find(|(quota, _)| quota.eq_ignore_ascii_case(name))
        .map_or(default, |(_, limit)| *limit)
}

fn prefix(subscription: &str) -> String {
    format!("/subscriptions/{}/", subscription.to_ascii_lowercase())
}

/// Cores in use in a region: of all sizes, or of one family.
fn cores(cloud: &Cloud, subscription: &str, location: &str, family: Option<&str>) -> u64 {
    cloud
        .of_kind(Kind::Vm, &prefix(subscription))
        .filter(|vm| vm.location() == location)
        .filter_map(|vm| size(&vm.vm()?.size))
        .filter(|size| family.is_none_or(|family| size.family == family))
        .map(|size| u64::from(size.cores))
        .sum()
}

fn machines(cloud: &Cloud, subscription: &str, location: &str) -> usize {
    cloud
        .of_kind(Kind::Vm, &prefix(subscription))
        .filter(|vm| vm.location() == location)
        .count()
}

/// Refuses a VM that would exceed the cores of its region or family.
pub(crate) fn check_cores(
    tx: &Tx<'_>,
    world: &World<'_>,
    subscription: &str,
    location: &str,
    size: &Size,
) -> Result<(), ArmError> {
    let need = u64::from(size.cores);
    let family = size.family_display.trim_end_matches(" vCPUs");
    for (what, name, within) in [
        ("Total Regional Cores".to_owned(), "cores", None),
        (format!("{family} Cores"), size.family, Some(size.family)),
    ] {
        let limit = limit(world, name, DEFAULT_CORES);
        let used = cores(tx.cloud(), subscription, location, within);
        if used + need > limit {
            return Err(ArmError::new(
                409,
                "OperationNotAllowed",
                format!(
                    "Operation could not be completed as it results in exceeding approved {what} quota. Additional details - Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, Additional Required: {need}, (Minimum) New Limit Required: {}. Setup Alerts when Quota reaches threshold. Learn more at https://aka.ms/quotamonitoringalerting . Submit a request for Quota increase at https://aka.ms/ProdportalCRP/#blade/Microsoft_Azure_Capacity/UsageAndQuota.ReactView by specifying parameters listed in the 'Details' section for deployment to succeed. Please read more about quota limits at https://docs.microsoft.com/en-us/azure/azure-supportability/regional-quota-requests",
                    used + need
                ),
            ));
        }
    }
    Ok(())
}

const fn quota_of(kind: Kind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        Kind::Vnet => ("VirtualNetworks", "VirtualNetworkCountLimitReached"),
        Kind::PublicIp => ("PublicIPAddresses", "PublicIPCountLimitReached"),
        Kind::Nic => ("NetworkInterfaces", "NetworkInterfaceCountLimitReached"),
        Kind::Nsg => (
            "NetworkSecurityGroups",
            "NetworkSecurityGroupCountLimitReached",
        ),
        Kind::NatGateway => ("NatGateways", "NatGatewayCountLimitReached"),
        _ => return None,
    })
}

fn network_count(cloud: &Cloud, subscription: &str, location: &str, kind: Kind) -> u64 {
    let count = cloud
        .of_kind(kind, &prefix(subscription))
        .filter(|resource| resource.location() == location)
        .count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn network_limit(world: &World<'_>, name: &str) -> u64 {
    let default = NETWORK_QUOTAS
        .iter()
        .find(|(quota, _, _)| *quota == name)
        .map_or(u64::MAX, |(_, _, limit)| *limit);
    limit(world, name, default)
}

/// Refuses one more network resource of a kind where its quota is used up.
pub(crate) fn check_network_quota(
    tx: &Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    location: &str,
) -> Result<(), ArmError> {
    let Some((name, code)) = quota_of(id.kind) else {
        return Ok(());
    };
    let limit = network_limit(world, name);
    if network_count(tx.cloud(), &id.subscription, location, id.kind) < limit {
        return Ok(());
    }
    let what = match id.kind {
        Kind::PublicIp => "public IP addresses",
        Kind::Nic => "network interfaces",
        Kind::Nsg => "network security groups",
        Kind::NatGateway => "NAT gateways",
        _ => "virtual networks",
    };
    Err(ArmError::new(
        400,
        code,
        format!("Cannot create more than {limit} {what} for this subscription in this region."),
    ))
}

fn usage(current: u64, limit: u64, name: &str, display: &str) -> Value {
    json!({
        "unit": "Count",
        "currentValue": current,
        "limit": limit,
        "name": {"value": name, "localizedValue": display},
    })
}

/// The usages of the compute provider.
pub(crate) fn compute(
    cloud: &Cloud,
    world: &World<'_>,
    subscription: &str,
    location: &str,
) -> Value {
    let total = cores(cloud, subscription, location, None);
    let machines = u64::try_from(machines(cloud, subscription, location)).unwrap_or(u64::MAX);
    let mut list = vec![
        usage(
            0,
            limit(world, "availabilitySets", 2_500),
            "availabilitySets",
            "Availability Sets",
        ),
        usage(
            total,
            limit(world, "cores", DEFAULT_CORES),
            "cores",
            "Total Regional vCPUs",
        ),
        usage(
            machines,
            limit(world, "virtualMachines", 25_000),
            "virtualMachines",
            "Virtual Machines",
        ),
        usage(
            0,
            limit(world, "lowPriorityCores", DEFAULT_CORES),
            "lowPriorityCores",
            "Total Regional Spot vCPUs",
        ),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for size in SIZES {
        if seen.contains(&size.family) {
            continue;
        }
        seen.push(size.family);
        list.push(usage(
            cores(cloud, subscription, location, Some(size.family)),
            limit(world, size.family, DEFAULT_CORES),
            size.family,
            size.family_display,
        ));
    }
    json!({"value": list})
}

/// The usages of the network provider.
pub(crate) fn network(
    cloud: &Cloud,
    world: &World<'_>,
    subscription: &str,
    location: &str,
) -> Value {
    let list: Vec<Value> = [Kind::Vnet, Kind::PublicIp, Kind::Nic, Kind::Nsg, Kind::NatGateway]
        .into_iter()
        .filter_map(|kind| {
            let (name, _) = quota_of(kind)?;
            let (_, display, _) = NETWORK_QUOTAS.iter().find(|(quota, _, _)| *quota == name)?;
            let mut usage = usage(
                network_count(cloud, subscription, location, kind),
                network_limit(world, name),
                name,
                display,
            );
            usage["id"] = json!(format!(
                "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/usages/{name}"
            ));
            Some(usage)
        })
        .collect();
    json!({"value": list})
}

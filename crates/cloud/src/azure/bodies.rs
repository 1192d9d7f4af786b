//! The bodies of what a model shares: our own small typed values, since the
//! crate that has them all costs minutes to build for five.

use lazuli_model::state::{EffectSpec, SecurityRule};
use serde_json::{Value, json};

use super::ids::{Ids, TAG_CONTROLLER, TAG_EFFECT, TAG_MODEL};
use crate::Call;

/// The tags of everything that is ours.
pub(super) fn tags(call: &Call<'_>) -> Value {
    json!({
        TAG_CONTROLLER: call.controller.to_string(),
        TAG_MODEL: call.model.to_string(),
        TAG_EFFECT: call.effect.id.to_string(),
    })
}

/// The body of a PUT; none for what is not made by one of its own.
pub(super) fn body(ids: &Ids, call: &Call<'_>) -> Option<Value> {
    let (region, properties) = match &call.effect.spec {
        EffectSpec::Group { region } => {
            return Some(json!({ "location": region, "tags": tags(call) }));
        }
        EffectSpec::Network {
            region,
            range,
            subnets,
            security_group,
            nat_gateway,
        } => {
            let nat = nat_gateway.as_deref();
            let subnet = |(name, range): (&String, &String)| {
                let properties = subnet(ids, call.group, range, security_group, nat);
                json!({ "name": name, "properties": properties })
            };
            let subnets: Vec<Value> = subnets.iter().map(subnet).collect();
            let properties = json!({
                "addressSpace": { "addressPrefixes": [range] },
                "subnets": subnets,
            });
            (region, properties)
        }
        EffectSpec::SecurityGroup { region, rules } => (
            region,
            json!({ "securityRules": rules.iter().map(rule).collect::<Vec<_>>() }),
        ),
        EffectSpec::NatGateway { region, address } => {
            let address = ids.network(call.group, "publicIPAddresses", address);
            let properties = json!({
                "idleTimeoutInMinutes": 4,
                "publicIpAddresses": [{ "id": address }],
            });
            return Some(standard(call, region, properties));
        }
        EffectSpec::PublicAddress { region } => {
            let properties = json!({
                "publicIPAddressVersion": "IPv4",
                "publicIPAllocationMethod": "Static",
            });
            return Some(standard(call, region, properties));
        }
        EffectSpec::Disk {
            region,
            zone,
            size,
            sku,
            source,
            ..
        } => {
            let properties = match source {
                Some(source) => json!({
                    "creationData": { "createOption": "Copy", "sourceResourceId": source },
                }),
                None => json!({
                    "creationData": { "createOption": "Empty" },
                    "diskSizeGB": size,
                }),
            };
            let mut body = json!({
                "location": region,
                "sku": { "name": sku },
                "tags": tags(call),
                "properties": properties,
            });
            if let Some(zone) = zone {
                body["zones"] = json!([zone]);
            }
            return Some(body);
        }
        EffectSpec::Association { .. }
        | EffectSpec::DataDisks { .. }
        | EffectSpec::VirtualMachine(_)
        | EffectSpec::Child { .. } => return None,
    };
    Some(json!({ "location": region, "tags": tags(call), "properties": properties }))
}

fn standard(call: &Call<'_>, region: &str, properties: Value) -> Value {
    json!({
        "location": region,
        "sku": { "name": "Standard" },
        "tags": tags(call),
        "properties": properties,
    })
}

fn subnet(ids: &Ids, group: &str, range: &str, nsg: &str, nat: Option<&str>) -> Value {
    let mut subnet = json!({
        "addressPrefix": range,
        "defaultOutboundAccess": false,
        "networkSecurityGroup": { "id": ids.network(group, "networkSecurityGroups", nsg) },
    });
    if let Some(nat) = nat {
        subnet["natGateway"] = json!({ "id": ids.network(group, "natGateways", nat) });
    }
    subnet
}

fn rule(rule: &SecurityRule) -> Value {
    let mut properties = json!({
        "priority": rule.priority,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": rule.protocol,
        "sourcePortRange": "*",
    });
    plural(
        &mut properties,
        "sourceAddressPrefix",
        "sourceAddressPrefixes",
        &rule.sources,
    );
    plural(
        &mut properties,
        "destinationAddressPrefix",
        "destinationAddressPrefixes",
        &rule.destinations,
    );
    plural(
        &mut properties,
        "destinationPortRange",
        "destinationPortRanges",
        &rule.ports,
    );
    json!({ "name": rule.name, "properties": properties })
}

/// ARM has one key for a single value (the only one that takes `*`) and
/// another for several.
fn plural(properties: &mut Value, one: &str, many: &str, values: &[String]) {
    match values {
        [value] => properties[one] = json!(value),
        values => properties[many] = json!(values),
    }
}

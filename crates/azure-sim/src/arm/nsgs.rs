//! Network security groups and their rules.

use serde_json::{Value, json};

use super::body::{network_envelope, object, reference};
use super::common::{
    Answer, Slot, World, begin_delete, existing, location_of, network_put, settling, writable_group,
};
use super::usages::check_network_quota;
use super::vnets::{subnet_references, subnets_with};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::network::typed_rule;
use crate::operation::Provider;
use crate::resource::{Data, Provisioning, Resource};
use crate::state::{Cloud, Tx};

/// Name, description, source, destination, access, priority, direction.
const DEFAULT_RULES: [(&str, &str, &str, &str, &str, u32, &str); 6] = [
    (
        "AllowVnetInBound",
        "Allow inbound traffic from all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Inbound",
    ),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer",
        "*",
        "Allow",
        65001,
        "Inbound",
    ),
    (
        "DenyAllInBound",
        "Deny all inbound traffic",
        "*",
        "*",
        "Deny",
        65500,
        "Inbound",
    ),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        "Allow",
        65000,
        "Outbound",
    ),
    (
        "AllowInternetOutBound",
        "Allow outbound traffic from all VMs to Internet",
        "*",
        "Internet",
        "Allow",
        65001,
        "Outbound",
    ),
    (
        "DenyAllOutBound",
        "Deny all outbound traffic",
        "*",
        "*",
        "Deny",
        65500,
        "Outbound",
    ),
];

/// Rules per group.
const MAX_RULES: usize = 1_000;

pub(crate) fn render(cloud: &Cloud, nsg: &Resource) -> Value {
    let mut body = network_envelope(nsg);
    let rules: Vec<Value> = cloud
        .children(&nsg.id)
        .into_iter()
        .map(render_rule)
        .collect();
    let defaults: Vec<Value> = DEFAULT_RULES
        .iter()
        .map(
            |(name, description, source, destination, access, priority, direction)| {
                json!({
                    "name": name,
                    "id": format!("{}/defaultSecurityRules/{name}", nsg.id),
                    "etag": body["etag"],
                    "type": "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
                    "properties": {
                        "provisioningState": "Succeeded",
                        "description": description,
                        "protocol": "*",
                        "sourcePortRange": "*",
                        "destinationPortRange": "*",
                        "sourceAddressPrefix": source,
                        "destinationAddressPrefix": destination,
                        "access": access,
                        "priority": priority,
                        "direction": direction,
                        "sourcePortRanges": [],
                        "destinationPortRanges": [],
                        "sourceAddressPrefixes": [],
                        "destinationAddressPrefixes": [],
                    }
                })
            },
        )
        .collect();
    body["properties"]["securityRules"] = json!(rules);
    body["properties"]["defaultSecurityRules"] = json!(defaults);
    let nics: Vec<Value> = nics_with(cloud, &nsg.id)
        .map(|nic| reference(&nic.id))
        .collect();
    if !nics.is_empty() {
        body["properties"]["networkInterfaces"] = json!(nics);
    }
    let subnets = subnet_references(cloud, &nsg.id);
    if !subnets.is_empty() {
        body["properties"]["subnets"] = json!(subnets);
    }
    body
}

pub(crate) fn render_rule(rule: &Resource) -> Value {
    let mut body = network_envelope(rule);
    let properties = &mut body["properties"];
    for name in [
        "sourcePortRanges",
        "destinationPortRanges",
        "sourceAddressPrefixes",
        "destinationAddressPrefixes",
    ] {
        if properties[name].is_null() {
            properties[name] = json!([]);
        }
    }
    body
}

fn nics_with<'a>(cloud: &'a Cloud, id: &'a ResourceId) -> impl Iterator<Item = &'a Resource> + 'a {
    cloud.of_kind(Kind::Nic, "").filter(move |nic| {
        nic.nic()
            .and_then(|nic| nic.nsg.as_ref())
            .is_some_and(|nsg| nsg.same(id))
    })
}

pub(crate) fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    let mut body = object(body)?;
    let region = location_of(&body, Kind::Nsg)?;
    body["location"] = region.name.into();
    let slot = Slot::of(tx, id)?;
    slot.check_location(region)?;
    if slot.is_new() {
        check_network_quota(tx, world, id, region.name)?;
    }
    let rules = body["properties"].as_object_mut().and_then(|properties| {
        properties.remove("defaultSecurityRules");
        properties.remove("securityRules")
    });
    let id = slot.id.clone();
    let new = slot.is_new();
    tx.put(slot.resource(body, settling(world), Data::Plain));
    replace_rules(tx, &id, rules.as_ref().unwrap_or(&Value::Null))?;
    check_priorities(tx, &id)?;
    let body = render(tx.cloud(), existing(tx, &id)?);
    Ok(network_put(tx, world, &id, region.name, new, body))
}

fn replace_rules(tx: &mut Tx<'_>, nsg: &ResourceId, rules: &Value) -> Result<(), ArmError> {
    let mut wanted = Vec::new();
    for rule in rules.as_array().into_iter().flatten() {
        let name = rule["name"].as_str().ok_or_else(|| {
            ArmError::new(
                400,
                "InvalidRequestFormat",
                format!("Cannot parse the request: a security rule of {nsg} has no name."),
            )
        })?;
        let id = nsg.with_child(Kind::SecurityRule, name);
        write_rule(
            tx,
            &id,
            object(rule.to_string().as_bytes())?,
            Provisioning::Succeeded,
        )?;
        wanted.push(id);
    }
    let surplus: Vec<ResourceId> = tx
        .cloud()
        .children(nsg)
        .into_iter()
        .map(|rule| rule.id.clone())
        .filter(|id| !wanted.iter().any(|wanted| wanted.same(id)))
        .collect();
    for id in surplus {
        tx.remove(&id);
    }
    Ok(())
}

fn write_rule(
    tx: &mut Tx<'_>,
    id: &ResourceId,
    body: Value,
    provisioning: Provisioning,
) -> Result<(), ArmError> {
    let slot = Slot::of(tx, id)?;
    check_rule(id, &body["properties"])?;
    tx.put(slot.resource(body, provisioning, Data::Plain));
    Ok(())
}

fn check_rule(id: &ResourceId, properties: &Value) -> Result<(), ArmError> {
    for name in ["protocol", "access", "direction"] {
        if !properties[name].is_string() {
            return Err(ArmError::new(
                400,
                "InvalidRequestFormat",
                format!("Cannot parse the request: security rule {id} has no {name}."),
            ));
        }
    }
    let priority = properties["priority"].as_u64();
    if !priority.is_some_and(|priority| (100..=4096).contains(&priority)) {
        return Err(ArmError::new(
            400,
            "SecurityRuleInvalidPriority",
            format!(
                "Security rule has invalid Priority. Value provided: {} Allowed range 100-4096.",
                properties["priority"]
            ),
        ));
    }
    for (one, many, code, what) in [
        (
            "sourceAddressPrefix",
            "sourceAddressPrefixes",
            "SecurityRuleInvalidAddressPrefix",
            "Address prefix",
        ),
        (
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
            "SecurityRuleInvalidAddressPrefix",
            "Address prefix",
        ),
        (
            "sourcePortRange",
            "sourcePortRanges",
            "SecurityRuleInvalidPortRange",
            "Port range",
        ),
        (
            "destinationPortRange",
            "destinationPortRanges",
            "SecurityRuleInvalidPortRange",
            "Port range",
        ),
    ] {
        let groups =
            properties[many.replace("AddressPrefixes", "ApplicationSecurityGroups")].is_array();
        let list = properties[many]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        if !properties[one].is_string() && !list && !groups {
            return Err(ArmError::new(
                400,
                "SecurityRuleParameterContainsUnsupportedValue",
                format!("Security rule {id} has no {one} and no {many}."),
            ));
        }
        let mut alone =
            json!({"protocol": "*", "access": "Allow", "direction": "Inbound", "priority": 100});
        alone[one] = properties[one].clone();
        alone[many] = properties[many].clone();
        if typed_rule(&alone).is_none() {
            return Err(ArmError::new(
                400,
                code,
                format!(
                    "Security rule has invalid {what}. Value provided: {} Rule: {}.",
                    [&properties[one], &properties[many]]
                        .iter()
                        .find(|value| !value.is_null())
                        .map(ToString::to_string)
                        .unwrap_or_default(),
                    id.leaf()
                ),
            ));
        }
    }
    if typed_rule(properties).is_none() {
        return Err(ArmError::new(
            400,
            "SecurityRuleParameterContainsUnsupportedValue",
            format!("Security rule parameter of {id} contains an unsupported value."),
        ));
    }
    Ok(())
}

/// No two rules of a direction have the same priority.
fn check_priorities(tx: &Tx<'_>, nsg: &ResourceId) -> Result<(), ArmError> {
    let rules = tx.cloud().children(nsg);
    if rules.len() > MAX_RULES {
        return Err(ArmError::new(
            400,
            "MaxSecurityRulesPerNetworkSecurityGroupLimitReached",
            format!(
                "Cannot create more than {MAX_RULES} security rules for network security group {nsg}."
            ),
        ));
    }
    let mut seen = std::collections::BTreeMap::new();
    for rule in rules {
        let properties = &rule.body["properties"];
        let direction = properties["direction"].as_str().unwrap_or_default();
        let slot = (
            direction.to_ascii_lowercase(),
            properties["priority"].as_u64(),
        );
        if let Some(other) = seen.insert(slot, rule.id.leaf()) {
            return Err(ArmError::new(
                400,
                "SecurityRuleConflict",
                format!(
                    "Security rule {} conflicts with rule {other}. Rules cannot have the same Priority and Direction. To learn more, see aka.ms/nsgrules.",
                    rule.id.leaf()
                ),
            ));
        }
    }
    Ok(())
}

pub(crate) fn put_rule(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    body: &[u8],
) -> Result<Answer, ArmError> {
    writable_group(tx, id)?;
    let nsg = existing(tx, &id.parent())?;
    let (nsg, location) = (nsg.id.clone(), nsg.location().to_owned());
    let id = nsg.with_child(Kind::SecurityRule, id.leaf());
    let new = tx.get(&id).is_none();
    write_rule(tx, &id, object(body)?, settling(world))?;
    check_priorities(tx, &nsg)?;
    // The parent's ETag moves with its children.
    tx.update(&nsg, |_| {});
    let body = render_rule(existing(tx, &id)?);
    Ok(network_put(tx, world, &id, &location, new, body))
}

pub(crate) fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    let users: Vec<String> = nics_with(tx.cloud(), id)
        .chain(subnets_with(tx.cloud(), id))
        .map(|user| user.id.to_string())
        .collect();
    if !users.is_empty() {
        return Err(ArmError::new(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            format!(
                "Network security group {id} cannot be deleted because it is in use by the following resources: {}. In order to delete the Network security group, remove the association with the resource(s). To learn how to do this, see aka.ms/deletensg.",
                users.join(", ")
            ),
        ));
    }
    Ok(begin_delete(tx, world, Provider::Network, id))
}

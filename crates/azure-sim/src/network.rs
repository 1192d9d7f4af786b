//! What the hosts have to be told: virtual networks, machines and their
//! network policies, derived from the cloud's state alone.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_guests::{
    Access, Admin, Direction, Egress, GuestSpec, Interface, InterfacePolicy, Net, NetworkPolicy,
    Ports, Prefix, Protocol, Rule, SecurityGroup, VnetSpec,
};
use serde_json::Value;

use crate::ids::{Kind, ResourceId};
use crate::resource::{Nic, NicIp, Provisioning, Resource, Vm};
use crate::state::Cloud;

/// The name of a virtual network among the hosts: no two incarnations share one.
pub(crate) fn vnet_name(vnet: &Resource) -> String {
    format!("n{}", &vnet.guid.simple().to_string()[..20])
}

/// The network as the hosts see it.
pub(crate) fn vnet_spec(cloud: &Cloud, vnet: &Resource, direct: bool) -> VnetSpec {
    let ranges = vnet.body["properties"]["addressSpace"]["addressPrefixes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|prefix| prefix.as_str()?.parse::<Net>().ok())
        .collect();
    let nat_address = cloud
        .children(&vnet.id)
        .into_iter()
        .filter_map(|subnet| subnet.subnet()?.nat.as_ref())
        .find_map(|nat| {
            cloud
                .get(nat)?
                .nat_gateway()?
                .public_ips
                .iter()
                .find_map(|id| cloud.get(id)?.public_ip()?.address)
        });
    VnetSpec {
        name: vnet_name(vnet),
        ranges,
        direct,
        nat_address,
    }
}

/// The interface and address that the guest has: the primary ones.
fn primary<'a>(cloud: &'a Cloud, vm: &Vm) -> Option<(&'a Resource, &'a Nic, &'a NicIp)> {
    let link = vm.nics.iter().find(|nic| nic.primary).or(vm.nics.first())?;
    let resource = cloud.get(&link.id)?;
    let nic = resource.nic()?;
    Some((resource, nic, nic.ips.first()?))
}

/// The primary private address of a VM and its public one.
pub(crate) fn addresses(cloud: &Cloud, vm: &Vm) -> Option<(Ipv4Addr, Option<Ipv4Addr>)> {
    let (_, _, ip) = primary(cloud, vm)?;
    Some((ip.address, public_address(cloud, ip)))
}

fn public_address(cloud: &Cloud, ip: &NicIp) -> Option<Ipv4Addr> {
    cloud.get(ip.public_ip.as_ref()?)?.public_ip()?.address
}

/// What the network lets a VM do.
pub(crate) fn policy(cloud: &Cloud, vm: &Vm) -> NetworkPolicy {
    let Some((_, nic, ip)) = primary(cloud, vm) else {
        return NetworkPolicy::default();
    };
    let public_address = public_address(cloud, ip);
    let own = of_interface(cloud, nic, ip);
    let egress = match (own.egress, public_address) {
        (Egress::None, Some(_)) => Egress::Public,
        (egress, _) => egress,
    };
    NetworkPolicy {
        public_address,
        egress,
        groups: own.groups,
        others: others(cloud, vm)
            .map(|(_, nic, ip)| of_interface(cloud, nic, ip))
            .collect(),
    }
}

/// What goes for an interface, whether it has a public address or not: a NAT
/// gateway goes before one.
fn of_interface(cloud: &Cloud, nic: &Nic, ip: &NicIp) -> InterfacePolicy {
    let subnet = cloud.get(&ip.subnet).and_then(Resource::subnet);
    let nat = subnet.is_some_and(|subnet| subnet.nat.is_some() || subnet.default_outbound);
    let groups = [
        subnet.and_then(|subnet| subnet.nsg.as_ref()),
        nic.nsg.as_ref(),
    ];
    InterfacePolicy {
        egress: if nat { Egress::Nat } else { Egress::None },
        groups: groups
            .into_iter()
            .flatten()
            .filter_map(|id| security_group(cloud, id))
            .collect(),
    }
}

/// The interfaces beside the primary one, with their first addresses.
fn others<'a>(
    cloud: &'a Cloud,
    vm: &'a Vm,
) -> impl Iterator<Item = (&'a Resource, &'a Nic, &'a NicIp)> {
    let primary = primary(cloud, vm).map(|(nic, _, _)| &nic.id);
    vm.nics
        .iter()
        .filter(move |link| Some(&link.id) != primary)
        .filter_map(|link| {
            let resource = cloud.get(&link.id)?;
            let nic = resource.nic()?;
            Some((resource, nic, nic.ips.first()?))
        })
}

fn security_group(cloud: &Cloud, id: &ResourceId) -> Option<SecurityGroup> {
    cloud.get(id)?;
    Some(SecurityGroup {
        rules: cloud
            .children(id)
            .into_iter()
            .filter_map(|rule| typed_rule(&rule.body["properties"]))
            .collect(),
    })
}

/// A rule's body, typed; `None` if a field has a value that no rule may have
/// (validation refuses those before they are stored).
pub(crate) fn typed_rule(properties: &Value) -> Option<Rule> {
    let is = |field: &str, word: &str| {
        properties[field]
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let one_of =
        |field: &str, first: &str, second: &str| match (is(field, first), is(field, second)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
    let protocol = match properties["protocol"]
        .as_str()?
        .to_ascii_lowercase()
        .as_str()
    {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        "*" | "esp" | "ah" => Protocol::Any,
        _ => return None,
    };
    Some(Rule {
        direction: if one_of("direction", "Inbound", "Outbound")? {
            Direction::Inbound
        } else {
            Direction::Outbound
        },
        priority: u16::try_from(properties["priority"].as_u64()?).ok()?,
        protocol,
        sources: prefixes(properties, "sourceAddressPrefix", "sourceAddressPrefixes")?,
        source_ports: ports(properties, "sourcePortRange", "sourcePortRanges")?,
        destinations: prefixes(
            properties,
            "destinationAddressPrefix",
            "destinationAddressPrefixes",
        )?,
        destination_ports: ports(properties, "destinationPortRange", "destinationPortRanges")?,
        access: if one_of("access", "Allow", "Deny")? {
            Access::Allow
        } else {
            Access::Deny
        },
    })
}

fn texts<'a>(properties: &'a Value, one: &str, many: &str) -> Vec<&'a str> {
    properties[one]
        .as_str()
        .into_iter()
        .chain(
            properties[many]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        )
        .filter(|text| !text.is_empty())
        .collect()
}

fn prefixes(properties: &Value, one: &str, many: &str) -> Option<Vec<Prefix>> {
    texts(properties, one, many)
        .into_iter()
        .map(|text| match text.to_ascii_lowercase().as_str() {
            "*" | "any" | "0.0.0.0/0" => Some(Prefix::Any),
            "internet" => Some(Prefix::Internet),
            "virtualnetwork" => Some(Prefix::VirtualNetwork),
            // Service tags stand for addresses that do not exist here; like
            // the load balancer's they match nothing.
            tag if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && !tag.contains(':') => {
                Some(Prefix::AzureLoadBalancer)
            }
            range => range.parse().ok().map(Prefix::Net),
        })
        .collect()
}

fn ports(properties: &Value, one: &str, many: &str) -> Option<Vec<Ports>> {
    let texts = texts(properties, one, many);
    if texts.contains(&"*") {
        return Some(Vec::new());
    }
    texts
        .into_iter()
        .map(|text| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (first <= last).then_some(Ports { first, last })
        })
        .collect()
}

/// The network that a VM is in.
pub(crate) fn vnet_of<'a>(cloud: &'a Cloud, vm: &Vm) -> Option<&'a Resource> {
    let (_, _, ip) = primary(cloud, vm)?;
    cloud.get(&ip.subnet.parent())
}

/// The guest of a VM; `None` if its interface or network has gone.
pub(crate) fn guest_spec(cloud: &Cloud, resource: &Resource) -> Option<GuestSpec> {
    let vm = resource.vm()?;
    let (nic, _, ip) = primary(cloud, vm)?;
    Some(GuestSpec {
        name: vm.guest.clone(),
        vnet: vnet_name(cloud.get(&ip.subnet.parent())?),
        address: in_subnet(cloud, ip)?,
        mac: Some(mac(nic)),
        interfaces: others(cloud, vm)
            .map(|(nic, _, ip)| {
                Some(Interface {
                    address: in_subnet(cloud, ip)?,
                    mac: Some(mac(nic)),
                })
            })
            .collect::<Option<_>>()?,
        flavour: vm.flavour,
        hostname: vm.hostname.clone(),
        instance_id: resource.guid.to_string(),
        admin: Some(Admin {
            name: vm.admin.clone(),
            ssh_keys: vm.ssh_keys.clone(),
        }),
        custom_data: STANDARD.decode(&vm.custom_data).unwrap_or_default(),
        policy: policy(cloud, vm),
    })
}

/// An address with the prefix length of its subnet.
fn in_subnet(cloud: &Cloud, ip: &NicIp) -> Option<Net> {
    let subnet = cloud.get(&ip.subnet)?.subnet()?;
    let net = subnet
        .prefixes
        .iter()
        .find(|net| net.contains(ip.address))?;
    Net::new(ip.address, net.prefix)
}

/// The hardware address of an interface: Azure's prefix, then three bytes of
/// its id.
pub(crate) fn mac(nic: &Resource) -> [u8; 6] {
    let bytes = nic.guid.as_bytes();
    [0x00, 0x0d, 0x3a, bytes[0], bytes[1], bytes[2]]
}

/// All networks as the hosts are to see them.
pub(crate) fn all_vnets(cloud: &Cloud, direct: bool) -> Vec<VnetSpec> {
    cloud
        .of_kind(Kind::Vnet, "")
        .map(|vnet| vnet_spec(cloud, vnet, direct))
        .collect()
}

/// The policies of all machines that were made and stay.
pub(crate) fn all_policies(cloud: &Cloud) -> Vec<(String, NetworkPolicy)> {
    cloud
        .of_kind(Kind::Vm, "")
        .filter(|vm| vm.provisioning != Provisioning::Deleting)
        .filter_map(Resource::vm)
        .filter(|vm| vm.built)
        .map(|vm| (vm.guest.clone(), policy(cloud, vm)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(extra: Value) -> Option<Rule> {
        let mut body = json!({
            "protocol": "Tcp", "direction": "Inbound", "access": "allow", "priority": 100,
            "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "22",
        });
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        typed_rule(&body)
    }

    #[test]
    fn reads_rules_as_arm_writes_them() {
        let plain = rule(json!({})).unwrap();
        assert_eq!(plain.destination_ports, [Ports::one(22)]);
        assert_eq!(plain.source_ports, []);
        assert_eq!(plain.sources, [Prefix::Any]);
        let lists = rule(json!({
            "sourceAddressPrefix": null,
            "sourceAddressPrefixes": ["10.0.0.0/8", "192.0.2.7"],
            "destinationPortRange": null,
            "destinationPortRanges": ["80", "8000-8080"],
        }))
        .unwrap();
        assert_eq!(lists.sources.len(), 2);
        assert_eq!(
            lists.destination_ports[1],
            Ports {
                first: 8000,
                last: 8080
            }
        );
        assert_eq!(
            rule(json!({"sourceAddressPrefix": "VirtualNetwork"}))
                .unwrap()
                .sources,
            [Prefix::VirtualNetwork]
        );
    }

    #[test]
    fn refuses_rules_that_mean_nothing() {
        for bad in [
            json!({"protocol": "Sctp"}),
            json!({"destinationPortRange": "90-80"}),
            json!({"destinationPortRange": "70000"}),
            json!({"sourceAddressPrefix": "10.0.0.0/40"}),
            json!({"access": "Maybe"}),
        ] {
            assert!(rule(bad.clone()).is_none(), "{bad}");
        }
    }
}

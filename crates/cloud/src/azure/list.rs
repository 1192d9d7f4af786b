//! A group's machines, from three lists: VM answers carry no addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::EffectId;
use lazuli_model::state::{ChildKind, MachineInterface};
use serde_json::Value;

use super::ids::{TAG_EFFECT, TAG_MODEL, name_of};
use crate::{Down, Health, SeenMachine};

/// Joins virtual machines, interfaces and public addresses. Interfaces made
/// inline carry no tags and have names of Azure's choosing: they are found by
/// the machine that they name.
pub(super) fn join(
    machines: &[Value],
    interfaces: &[Value],
    addresses: &[Value],
) -> Vec<SeenMachine> {
    let addresses: HashMap<String, &Value> = addresses
        .iter()
        .map(|address| (lower(&address["id"]), address))
        .collect();
    let mut by_machine: HashMap<String, Vec<&Value>> = HashMap::new();
    for interface in interfaces {
        let owner = lower(&interface["properties"]["virtualMachine"]["id"]);
        by_machine.entry(owner).or_default().push(interface);
    }
    machines
        .iter()
        .map(|machine| {
            let own = by_machine.remove(&lower(&machine["id"]));
            let own = in_order(machine, own.unwrap_or_default());
            seen(machine, &own, &addresses)
        })
        .collect()
}

/// A resource of a generic list, with the row that its tags name if they name
/// the model too.
pub(super) fn resource(item: &Value, model: &str) -> CloudResource {
    let tags = &item["tags"];
    let ours = tags[TAG_MODEL].as_str() == Some(model);
    let row = tags[TAG_EFFECT].as_str().filter(|_| ours);
    CloudResource {
        id: text(&item["id"]),
        kind: text(&item["type"]),
        tagged: row.map(str::to_owned),
    }
}

/// The primary interface first, the others as the machine names them.
fn in_order<'a>(machine: &Value, mut interfaces: Vec<&'a Value>) -> Vec<&'a Value> {
    let named = machine["properties"]["networkProfile"]["networkInterfaces"].as_array();
    let named: Vec<String> = named
        .into_iter()
        .flatten()
        .map(|one| lower(&one["id"]))
        .collect();
    interfaces.sort_by_cached_key(|one| {
        let id = lower(&one["id"]);
        let place = named.iter().position(|name| *name == id);
        let other = one["properties"]["primary"] != true;
        (other, place.unwrap_or(usize::MAX), id)
    });
    interfaces
}

fn seen(
    machine: &Value,
    interfaces: &[&Value],
    addresses: &HashMap<String, &Value>,
) -> SeenMachine {
    let id = text(&machine["id"]);
    let mut seen = SeenMachine {
        effect: tagged(machine),
        name: text(&machine["name"]),
        cloud_id: id,
        provisioning: text(&machine["properties"]["provisioningState"]),
        address: None,
        public_address: None,
        mac: None,
        interfaces: Vec::new(),
        children: Vec::new(),
    };
    let disk = &machine["properties"]["storageProfile"]["osDisk"];
    child(&mut seen, ChildKind::Disk, &disk["managedDisk"]["id"]);
    for interface in interfaces {
        child(&mut seen, ChildKind::Interface, &interface["id"]);
        let properties = &interface["properties"];
        let configurations = properties["ipConfigurations"].as_array();
        for configuration in configurations.into_iter().flatten() {
            let ip = &configuration["properties"];
            let mac = properties["macAddress"].as_str();
            let mac = mac.map(|mac| mac.replace('-', ":").to_lowercase());
            match (address(&ip["privateIPAddress"]), seen.address) {
                (None, _) => {}
                (Some(address), Some(_)) => {
                    seen.interfaces.push(MachineInterface { address, mac });
                }
                (address, None) => (seen.address, seen.mac) = (address, mac),
            }
            let public = lower(&ip["publicIPAddress"]["id"]);
            if let Some(public) = addresses.get(&public) {
                seen.public_address = address(&public["properties"]["ipAddress"]);
                // One with a tag has a row of its own.
                if tagged(public).is_none() {
                    child(&mut seen, ChildKind::PublicAddress, &public["id"]);
                }
            }
        }
    }
    seen
}

fn child(seen: &mut SeenMachine, kind: ChildKind, id: &Value) {
    if let Some(id) = id.as_str() {
        seen.children
            .push((kind, name_of(id).to_owned(), id.to_owned()));
    }
}

/// Whether a virtual machine runs, from its instance view. What is under way
/// is looked at again when it is over.
pub(super) fn health(machine: &Value) -> Health {
    let statuses = machine["properties"]["instanceView"]["statuses"].as_array();
    let codes = statuses
        .into_iter()
        .flatten()
        .filter_map(|status| status["code"].as_str());
    for code in codes {
        let how = match code {
            "PowerState/stopped" => "stopped (and still paid for)",
            "PowerState/deallocated" => "stopped (deallocated)",
            _ => continue,
        };
        return Health::Down(Down {
            code: code.to_owned(),
            reason: format!(
                "virtual machine {} is {how}; az vm start --ids {}",
                text(&machine["name"]),
                text(&machine["id"])
            ),
        });
    }
    Health::Up
}

/// The row that a resource's tag names.
pub(super) fn tagged(resource: &Value) -> Option<EffectId> {
    resource["tags"][TAG_EFFECT].as_str()?.parse().ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn lower(value: &Value) -> String {
    text(value).to_lowercase()
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

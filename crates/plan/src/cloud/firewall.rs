//! What `expose` opens, as rules of the model's security group.
//!
//! One rule per application, port range and set of sources, with the
//! addresses of all its machines as destinations: the number of rules does not
//! grow with the number of units.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::ports::PortRange;
use lazuli_model::state::{Application, ModelState, SecurityRule};

/// The priority of the first rule; lower ones are left to people.
const FIRST_PRIORITY: u16 = 200;

/// What one rule is about: application, protocol, ports, sources.
type Opening = (String, String, String, Vec<String>);

/// The rules for everything that is exposed, in a fixed order.
pub(super) fn rules(state: &ModelState) -> Vec<SecurityRule> {
    let mut open: BTreeMap<Opening, BTreeSet<String>> = BTreeMap::new();
    for application in state.applications() {
        for (opening, destination) in openings(state, application) {
            open.entry(opening).or_default().insert(destination);
        }
    }
    open.into_iter()
        .zip(FIRST_PRIORITY..)
        .map(|((opening, destinations), priority)| {
            let (application, protocol, ports, sources) = opening;
            let name = format!(
                "{application}-{}-{}-{priority}",
                protocol.to_lowercase(),
                ports.replace('*', "any")
            );
            SecurityRule {
                priority,
                name,
                protocol,
                sources,
                destinations: destinations.into_iter().collect(),
                ports: vec![ports],
            }
        })
        .collect()
}

/// What an exposed application opens, and on which address.
fn openings(state: &ModelState, application: &Application) -> Vec<(Opening, String)> {
    let mut openings = Vec::new();
    for (endpoint, rule) in application.exposed.iter().flatten() {
        let mut sources = rule.cidrs.clone();
        if !rule.spaces.is_empty() {
            let spaces = state.model().all_spaces();
            let named = rule.spaces.iter().filter_map(|name| spaces.get(name));
            sources.extend(named.flat_map(|space| space.subnets.keys().cloned()));
        }
        sources.sort();
        sources.dedup();
        if sources.is_empty() {
            sources.push("*".to_owned());
        }
        for unit in state.units_of(application.id) {
            let Some(machine) = state.machine_state(unit.machine) else {
                continue;
            };
            for port in state.ports_of(unit.id) {
                // A port that is open for all endpoints is open for each.
                let meant =
                    endpoint.is_empty() || port.endpoint.is_empty() || port.endpoint == *endpoint;
                if meant {
                    let (protocol, ports) = arm(port.range);
                    let name = application.name.to_string();
                    let opening = (name, protocol, ports, sources.clone());
                    let others = machine.interfaces.iter().map(|one| one.address);
                    for address in machine.address.into_iter().chain(others) {
                        openings.push((opening.clone(), address.to_string()));
                    }
                }
            }
        }
    }
    openings
}

/// Protocol and ports in Azure's notation.
fn arm(range: PortRange) -> (String, String) {
    let protocol = match range.protocol().as_str() {
        "tcp" => "Tcp",
        "udp" => "Udp",
        _ => "Icmp",
    };
    let ports = match range.ports() {
        None => "*".to_owned(),
        Some((from, to)) if from == to => from.to_string(),
        Some((from, to)) => format!("{from}-{to}"),
    };
    (protocol.to_owned(), ports)
}

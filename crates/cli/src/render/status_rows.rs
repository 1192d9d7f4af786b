//! The rows of a status: applications, units, machines.

use lazuli_model::document::status::{Application, Machine, Status, StatusInfo, Unit};
use lazuli_model::ports::{PortRange, compressed};

use super::order::sorted;
use super::table::cut;

/// Characters of a message at most.
const MESSAGE: usize = 120;
/// Characters of a workload's version at most.
const VERSION: usize = 15;

/// An application.
pub(crate) fn application_row(
    status: &Status,
    name: &str,
    application: &Application,
) -> [String; 9] {
    let version = application.version.lines().next().unwrap_or_default();
    [
        name.to_owned(),
        cut(version, VERSION),
        application.application_status.current.clone(),
        scale(&units_of(status, name, application)),
        application.charm_name.clone(),
        application.charm_channel.clone(),
        application.charm_rev.to_string(),
        if application.exposed { "yes" } else { "no" }.to_owned(),
        cut(&application.application_status.message, MESSAGE),
    ]
}

/// A unit, and its subordinates below it.
pub(crate) fn unit_rows(name: &str, unit: &Unit, depth: usize) -> Vec<[String; 7]> {
    let leader = if unit.leader { "*" } else { "" };
    let message = match doing(&unit.juju_status) {
        Some(hook) => format!("({hook}) {}", unit.workload_status.message),
        None => unit.workload_status.message.clone(),
    };
    let mut rows = vec![[
        format!("{}{name}{leader}", "  ".repeat(depth)),
        unit.workload_status.current.clone(),
        unit.juju_status.current.clone(),
        unit.machine.clone(),
        unit.public_address.clone(),
        ports(&unit.open_ports),
        cut(message.trim_end(), MESSAGE),
    ]];
    for (name, subordinate) in sorted(&unit.subordinates) {
        rows.extend(unit_rows(name, subordinate, depth + 1));
    }
    rows
}

/// What is to be known of a machine: why it is not used yet although it runs,
/// where Juju has the instance's message.
fn machine_message(machine: &Machine) -> &str {
    let instance = &machine.machine_status;
    let waits = machine.juju_status.current != "started"
        && !machine.juju_status.message.is_empty()
        && (instance.current == "running" || instance.message.is_empty());
    match machine.modification_status.current.as_str() {
        "error" => &machine.modification_status.message,
        _ if waits => &machine.juju_status.message,
        _ => &instance.message,
    }
}

/// A machine, and its containers after it.
pub(crate) fn machine_rows(name: &str, machine: &Machine) -> Vec<[String; 7]> {
    let instance = match machine.display_name.as_str() {
        "" => machine.instance_id.clone(),
        name => name.to_owned(),
    };
    let base = machine.base.as_ref();
    let mut rows = vec![[
        name.to_owned(),
        machine.juju_status.current.clone(),
        machine.dns_name.clone(),
        instance,
        base.map(|base| format!("{}@{}", base.name, base.channel))
            .unwrap_or_default(),
        zone(&machine.hardware).to_owned(),
        cut(machine_message(machine), MESSAGE),
    ]];
    for (name, container) in sorted(&machine.containers) {
        rows.extend(machine_rows(name, container));
    }
    rows
}

/// The units of an application, those of a subordinate one too.
pub(crate) fn units_of<'a>(
    status: &'a Status,
    name: &str,
    application: &'a Application,
) -> Vec<&'a Unit> {
    if application.subordinate_to.is_empty() {
        return application.units.values().collect();
    }
    let principals = status
        .applications
        .values()
        .flat_map(|one| one.units.values());
    let below = principals.flat_map(|unit| unit.subordinates.iter());
    below
        .filter(|(unit, _)| {
            unit.rsplit_once('/')
                .is_some_and(|(application, _)| application == name)
        })
        .map(|(_, unit)| unit)
        .collect()
}

/// Ports in Juju's short form: `80,443/tcp 53/udp`. What is no port is shown
/// as it is.
pub(crate) fn ports(open: &[String]) -> String {
    let parsed: Result<Vec<PortRange>, _> = open.iter().map(|port| port.parse()).collect();
    parsed.map_or_else(|_| open.join(" "), |ports| compressed(&ports))
}

/// How many units there are of those that should be.
fn scale(units: &[&Unit]) -> String {
    let up = |unit: &&&Unit| {
        matches!(
            unit.juju_status.current.as_str(),
            "idle" | "executing" | "running"
        ) && unit.workload_status.current != "terminated"
    };
    let current = units.iter().filter(up).count();
    match units.len() {
        all if all == current => all.to_string(),
        all => format!("{current}/{all}"),
    }
}

/// The hook or action that an agent runs.
fn doing(agent: &StatusInfo) -> Option<&str> {
    if agent.current != "executing" {
        return None;
    }
    let what = agent.message.strip_prefix("running ")?;
    let what = match what.strip_prefix("action ") {
        Some(action) => action,
        None => what.split_once(" hook").map(|(hook, _)| hook)?,
    };
    (!what.is_empty()).then_some(what)
}

fn zone(hardware: &str) -> &str {
    hardware
        .split(' ')
        .find_map(|item| item.strip_prefix("availability-zone="))
        .unwrap_or_default()
}

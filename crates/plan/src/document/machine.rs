//! Machines in status.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use lazuli_model::document::JUJU_VERSION;
use lazuli_model::document::status::{Machine, NetworkInterface, StatusInfo};
use lazuli_model::state::{
    self, ALPHA, EffectSpec, EffectState, MachineSource, MachineState, ModelState, Subnets,
    VirtualMachine,
};
use lazuli_model::status::StatusKey;

use super::status::{base, info, life};

/// A machine of a model.
#[must_use]
pub fn machine_document(state: &ModelState, row: &state::Machine) -> Machine {
    let known = state.machine_state(row.id);
    let address = known.and_then(|known| known.address);
    let public = known.and_then(|known| known.public_address);
    let others = known.into_iter().flat_map(|known| &known.interfaces);
    let others = others.map(|one| one.address);
    let (instance_id, display_name) = instance(state, row);
    Machine {
        juju_status: reach(state, row),
        hostname: known
            .and_then(|known| known.facts.as_ref())
            .map_or_else(String::new, |facts| facts.hostname.clone()),
        dns_name: text(public.or(address)),
        ip_addresses: [public, address]
            .into_iter()
            .flatten()
            .chain(others)
            .map(|address| address.to_string())
            .collect(),
        instance_id,
        display_name,
        machine_status: state.status(StatusKey::Instance(row.id)).map_or_else(
            || StatusInfo::new("pending", "", Some(row.created_at)),
            info,
        ),
        modification_status: StatusInfo::new("idle", "", Some(row.created_at)),
        base: Some(base(&row.base)),
        network_interfaces: known.map_or_else(BTreeMap::new, |known| interfaces(state, known)),
        constraints: row.constraints.to_string(),
        hardware: known.map_or_else(String::new, |known| hardware(state, row, known)),
        ..Machine::default()
    }
}

/// The reach to a machine, with the agent's version once there is one.
fn reach(state: &ModelState, row: &state::Machine) -> StatusInfo {
    let status = state.status(StatusKey::Machine(row.id));
    let mut reach = status.map_or_else(
        || StatusInfo::new("pending", "", Some(row.created_at)),
        info,
    );
    if reach.current != "pending" {
        JUJU_VERSION.clone_into(&mut reach.version);
    }
    reach.life = life(row.life);
    reach
}

/// The instance's id, `pending` until it is there, and its name for people.
fn instance(state: &ModelState, row: &state::Machine) -> (String, String) {
    match &row.source {
        MachineSource::Manual { host, .. } => (format!("manual:{host}"), String::new()),
        MachineSource::Cloud { .. } => {
            let instance = state.effects_of(row.id).find(|effect| {
                matches!(effect.spec, EffectSpec::VirtualMachine(_))
                    && matches!(
                        effect.state,
                        EffectState::Present | EffectState::Deleting { .. }
                    )
            });
            match instance {
                Some(effect) => (effect.name.clone(), effect.name.clone()),
                None => ("pending".to_owned(), String::new()),
            }
        }
    }
}

fn interfaces(state: &ModelState, known: &MachineState) -> BTreeMap<String, NetworkInterface> {
    let subnets = Subnets::of(state.model());
    let located = known.located(&subnets).into_iter();
    located
        .map(|one| {
            let interface = NetworkInterface {
                ip_addresses: vec![one.address.to_string()],
                mac_address: one.mac.to_owned(),
                space: one.subnet.map_or(ALPHA, |(_, space)| space).to_owned(),
                is_up: true,
                ..NetworkInterface::default()
            };
            (one.device, interface)
        })
        .collect()
}

/// `arch=amd64 cores=2 mem=8192M root-disk=30720M availability-zone=1`.
fn hardware(state: &ModelState, row: &state::Machine, known: &MachineState) -> String {
    let mut hardware = String::new();
    let Some(facts) = &known.facts else {
        return hardware;
    };
    let _ = write!(
        hardware,
        "arch={} cores={} mem={}M",
        facts.arch, facts.cores, facts.mem
    );
    let Some(made) = virtual_machine(state, row) else {
        return hardware;
    };
    if let Some(disk) = made.disk {
        let _ = write!(hardware, " root-disk={}M", u64::from(disk) * 1024);
    }
    if let Some(zone) = &made.zone {
        let _ = write!(hardware, " availability-zone={zone}");
    }
    hardware
}

fn virtual_machine<'a>(state: &'a ModelState, row: &state::Machine) -> Option<&'a VirtualMachine> {
    state
        .effects_of(row.id)
        .filter(|effect| effect.state != EffectState::Gone)
        .find_map(|effect| match &effect.spec {
            EffectSpec::VirtualMachine(made) => Some(&**made),
            _ => None,
        })
}

pub(super) fn text(address: Option<IpAddr>) -> String {
    address.map_or_else(String::new, |address| address.to_string())
}

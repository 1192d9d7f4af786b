//! Where a machine goes: which size, and in which zone of the region. The
//! cheapest size comes first; in the zones that are asked for, that in which
//! an application has the fewest machines. What the cloud had none of lately
//! is passed over while there is anything else.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::id::ApplicationId;
use lazuli_model::offer::Offer;
use lazuli_model::range::Range;
use lazuli_model::state::{Effect, EffectSpec, EffectState, Machine, MachineSource, ModelState};

use super::machine::instance;
use super::step::lacks_capacity;
use super::{disks, size};
use crate::types::Inputs;

/// What the cloud had none of for a machine is not tried for it again before.
const OWN_MEMORY: time::Duration = time::Duration::hours(1);
/// What it had none of for another machine is not tried before.
const MEMORY: time::Duration = time::Duration::minutes(10);

/// A size, and the zone that it is wanted in; none where zones do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) offer: &'a Offer,
    pub(super) zone: Option<&'a str>,
}

/// The zones that a machine may be in, the best one first; empty for a machine
/// that does not ask for any.
pub(super) fn zones(state: &ModelState, machine: &Machine) -> Vec<String> {
    if let MachineSource::Cloud { zone: Some(zone) } = &machine.source {
        return vec![zone.clone()];
    }
    let mut zones = machine.constraints.zones.clone().unwrap_or_default();
    if zones.is_empty() {
        return zones;
    }
    // A disk can only be attached in its own zone. One in a zone that is not
    // asked for waits, and says so.
    if let Some(zone) = zone_of_disks(state, machine)
        && zones.contains(&zone)
    {
        return vec![zone];
    }
    if zones.len() > 1 {
        let crowds = crowds(state, machine);
        let crowd = |zone: &String| crowds.get(zone.as_str()).copied().unwrap_or_default();
        zones.sort_by_key(crowd);
    }
    zones
}

fn zone_of_disks(state: &ModelState, machine: &Machine) -> Option<String> {
    let storages = state.storages();
    storages.on_machine(machine.id).find_map(|known| {
        let storage = storages.get(known.storage)?;
        match &disks::disk(state, storage)?.spec {
            EffectSpec::Disk { zone, .. } => zone.clone(),
            _ => None,
        }
    })
}

/// How many other machines with units of a machine's applications there are
/// in each zone.
fn crowds<'a>(state: &'a ModelState, machine: &Machine) -> BTreeMap<&'a str, usize> {
    let applications: BTreeSet<ApplicationId> = state
        .units_on(machine.id)
        .map(|unit| unit.application)
        .collect();
    let machines: BTreeSet<_> = applications
        .into_iter()
        .flat_map(|application| state.units_of(application))
        .map(|unit| unit.machine)
        .filter(|other| *other != machine.id)
        .collect();
    let mut crowds = BTreeMap::new();
    for other in machines {
        let instance = state
            .machine_state(other)
            .and_then(|known| instance(state, known));
        if let Some(EffectSpec::VirtualMachine(vm)) = instance.map(|effect| &effect.spec)
            && let Some(zone) = &vm.zone
        {
            *crowds.entry(zone.as_str()).or_default() += 1;
        }
    }
    crowds
}

/// Where a machine may go, the best place first; `zones` as [`zones`] says.
pub(super) fn places<'a>(
    inputs: Inputs<'a>,
    machine: &'a Machine,
    zones: &'a [String],
) -> impl Iterator<Item = Place<'a>> {
    let interfaces = machine.spaces.len().max(1);
    size::ranked(inputs.offers, &machine.constraints)
        .filter(move |offer| offer.interfaces as usize >= interfaces)
        .flat_map(move |offer| {
            let anywhere = zones.is_empty().then_some(None);
            let offered = zones.iter().filter(|zone| offer.zones.contains(zone));
            let zoned = offered.map(|zone| Some(zone.as_str()));
            anywhere
                .into_iter()
                .chain(zoned)
                .map(move |zone| Place { offer, zone })
        })
}

/// The places of which the cloud did not say lately that it has none.
pub(super) fn untried<'a>(
    inputs: Inputs<'a>,
    machine: &'a Machine,
    zones: &'a [String],
) -> impl Iterator<Item = Place<'a>> {
    let short: Vec<(&Effect, &str, Option<&str>)> = inputs
        .state
        .short_of_capacity()
        .filter(|effect| lacks_capacity(effect))
        .filter_map(|effect| match &effect.spec {
            EffectSpec::VirtualMachine(vm) => Some((effect, vm.size.as_str(), vm.zone.as_deref())),
            _ => None,
        })
        .filter(|(effect, ..)| {
            let memory = match effect.machine == Some(machine.id) {
                true => OWN_MEMORY,
                false => MEMORY,
            };
            inputs.now - effect.changed_at < memory
        })
        .collect();
    places(inputs, machine, zones).filter(move |place| {
        !short
            .iter()
            .any(|(_, size, zone)| *size == place.offer.size && *zone == place.zone)
    })
}

/// Addresses of each subnet that Azure keeps for itself.
const RESERVED: u64 = 5;

/// The subnets of a machine's interfaces: of each of its spaces the first one
/// that has an address left. (Of a space with one subnet the cloud tells.)
pub(super) fn subnets(state: &ModelState, machine: &Machine) -> Result<Vec<String>, String> {
    let spaces = state.model().all_spaces();
    let names = machine.spaces().unwrap_or_default();
    let subnet = |name: &str| {
        let subnets = spaces.get(name).map(|space| &space.subnets);
        let subnets = subnets
            .filter(|subnets| !subnets.is_empty())
            .ok_or_else(|| {
                format!(
                    "space {name:?} has no subnet to put machine {} in: lazuli add-space",
                    machine.name
                )
            })?;
        if subnets.len() == 1 {
            return Ok(subnets.values().next().cloned().unwrap_or_default());
        }
        let with_room = subnets.iter().find(|(range, subnet)| {
            let size = range.parse::<Range>().map_or(0, Range::size);
            interfaces_in(state, subnet) < size.saturating_sub(RESERVED)
        });
        let (_, subnet) = with_room.ok_or_else(|| {
            let ranges: Vec<&str> = subnets.keys().map(String::as_str).collect();
            format!(
                "space {name:?} is full: no address is left in {}; lazuli add-space makes more \
                 subnets, lazuli move-to-space brings them here",
                ranges.join(", ")
            )
        })?;
        Ok(subnet.clone())
    };
    names.into_iter().map(subnet).collect()
}

/// How many interfaces virtual machines have, or will have, in a subnet.
fn interfaces_in(state: &ModelState, subnet: &str) -> u64 {
    let machines = state
        .effects()
        .filter(|effect| effect.state != EffectState::Gone);
    let interfaces = machines.filter_map(|effect| match &effect.spec {
        EffectSpec::VirtualMachine(vm) => Some(&vm.subnets),
        _ => None,
    });
    let inside = interfaces.flatten().filter(|name| *name == subnet);
    inside.count() as u64
}

/// What a machine asked for in words, for the message that there is none.
pub(super) fn words(machine: &Machine, zones: &[String], interfaces: usize) -> String {
    let constraints = &machine.constraints;
    let zone = match zones {
        [zone] if constraints.zones.is_none() => format!(" in zone {zone}"),
        _ => String::new(),
    };
    let network = match interfaces {
        0 | 1 => String::new(),
        count => format!(" with {count} network interfaces"),
    };
    format!("\"{constraints}\"{zone}{network}")
}

//! `cloud ledger`: the rows of the ledger against the cloud's own list.

use std::collections::{HashMap, HashSet};

use lazuli_model::document::ledger::{CloudResource, Ledger, LedgerResource};
use lazuli_model::state::{ChildKind, Effect, EffectSpec, EffectState, ModelState};
use time::OffsetDateTime;

use crate::cloud::SharedNames;

/// Lists of the cloud lag: what changed since then is not out of balance yet.
const LAG: time::Duration = time::Duration::minutes(2);

/// The balance of a model; `found` is what its resource group holds, none when
/// there is no such group.
#[must_use]
pub fn ledger(state: &ModelState, found: Option<&[CloudResource]>, now: OffsetDateTime) -> Ledger {
    let listed = found.unwrap_or_default();
    let by_id: HashMap<String, &CloudResource> = listed
        .iter()
        .map(|resource| (resource.id.to_lowercase(), resource))
        .collect();
    let by_tag: HashMap<&str, &CloudResource> = listed
        .iter()
        .filter_map(|resource| Some((resource.tagged.as_deref()?, resource)))
        .collect();
    let mut accounted = HashSet::new();
    let mut resources = Vec::new();
    let mut hourly_micros = 0_u64;
    let mut effects: Vec<&Effect> = state.effects().collect();
    effects.sort_by_cached_key(|effect| place(state, effect));
    for effect in effects {
        let Some(kind) = kind(&effect.spec) else {
            continue;
        };
        let row = effect.id.to_string();
        let of_id = effect.cloud_id.as_ref().map(|id| id.to_lowercase());
        let there = of_id
            .and_then(|id| by_id.get(&id))
            .or_else(|| by_tag.get(row.as_str()));
        if let Some(there) = there {
            accounted.insert(there.id.as_str());
        }
        let at_cloud = match effect.spec {
            EffectSpec::Group { .. } => found.is_some(),
            _ => there.is_some(),
        };
        let is_over = matches!(effect.state, EffectState::Gone | EffectState::Foreign);
        if is_over && !at_cloud {
            continue;
        }
        let price = hourly_price(effect);
        hourly_micros = hourly_micros.saturating_add(price.unwrap_or_default());
        resources.push(LedgerResource {
            name: effect.name.clone(),
            kind: kind.to_owned(),
            owner: owner(state, effect),
            state: effect.state.as_str().to_owned(),
            at_cloud,
            trouble: trouble(effect, at_cloud, now).to_owned(),
            hourly_cost: price.map(dollars),
            created: effect.created_at,
            id: effect.cloud_id.clone(),
        });
    }
    let unaccounted: Vec<CloudResource> = listed
        .iter()
        .filter(|resource| !accounted.contains(resource.id.as_str()))
        .cloned()
        .collect();
    let settled = resources.iter().all(|row| row.trouble.is_empty());
    Ledger {
        group: SharedNames::of(state.model()).group,
        // What is not ours is shown, and none of our business.
        balanced: settled && unaccounted.iter().all(|other| other.tagged.is_none()),
        hourly_cost: dollars(hourly_micros),
        resources,
        unaccounted,
    }
}

/// Why a row is out of balance; empty when it is not.
fn trouble(effect: &Effect, at_cloud: bool, now: OffsetDateTime) -> &'static str {
    let fresh = now - effect.changed_at < LAG;
    match effect.state {
        EffectState::Present if !at_cloud && !fresh => "the cloud does not list it",
        EffectState::Gone if at_cloud && !fresh => "it was deleted, and the cloud lists it still",
        EffectState::Foreign if at_cloud => "the name is taken by something that is not ours",
        _ => "",
    }
}

/// What a row stands for; none where it is a property of something else.
fn kind(spec: &EffectSpec) -> Option<&'static str> {
    Some(match spec {
        EffectSpec::Group { .. } => "resource group",
        EffectSpec::Network { .. } => "virtual network",
        EffectSpec::SecurityGroup { .. } => "security group",
        EffectSpec::NatGateway { .. } => "NAT gateway",
        EffectSpec::VirtualMachine(_) => "virtual machine",
        EffectSpec::PublicAddress { .. }
        | EffectSpec::Child {
            kind: ChildKind::PublicAddress,
        } => "public address",
        EffectSpec::Child {
            kind: ChildKind::Interface,
        } => "network interface",
        EffectSpec::Disk { .. }
        | EffectSpec::Child {
            kind: ChildKind::Disk,
        } => "disk",
        EffectSpec::Association { .. } | EffectSpec::DataDisks { .. } => return None,
    })
}

/// A machine with its units, a storage instance, or the model.
fn owner(state: &ModelState, effect: &Effect) -> String {
    if let EffectSpec::Disk { storage, .. } = &effect.spec {
        return match state.storages().get(*storage) {
            Some(row) => format!("storage {}", row.name),
            None => "storage that was removed".to_owned(),
        };
    }
    let Some(id) = effect.machine else {
        return "the model".to_owned();
    };
    let Some(machine) = state.machine(id) else {
        return "a machine that was removed".to_owned();
    };
    let units: Vec<String> = state
        .units_on(id)
        .map(|unit| unit.name.to_string())
        .collect();
    if units.is_empty() {
        return format!("machine {}", machine.name);
    }
    format!("machine {}: {}", machine.name, units.join(", "))
}

/// What the model shares comes first, then machines by number with what they
/// have, then storage.
fn place(state: &ModelState, effect: &Effect) -> (bool, Option<u64>, String, String) {
    let machine = effect.machine.and_then(|id| state.machine(id));
    let name = machine.map(|machine| machine.name.to_string());
    let number = name.as_ref().and_then(|name| name.parse().ok());
    (
        matches!(effect.spec, EffectSpec::Disk { .. }),
        number,
        name.unwrap_or_default(),
        effect.name.clone(),
    )
}

/// In millionths of a dollar.
fn hourly_price(effect: &Effect) -> Option<u64> {
    match &effect.spec {
        EffectSpec::VirtualMachine(vm) if effect.state != EffectState::Gone => vm.price_micros,
        _ => None,
    }
}

fn dollars(micros: u64) -> f64 {
    micros as f64 / 1e6
}

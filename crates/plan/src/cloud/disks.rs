//! Managed disks of storage instances: made and deleted as rows of their own,
//! attached and detached by bringing a virtual machine to the whole list of
//! its data disks, in one row per virtual machine. So two attachments never
//! race, and a repeat asks for the same list.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_model::id::{self, EffectId, MachineId};
use lazuli_model::state::{
    ACCOUNT_TYPES, Change, Effect, EffectSpec, EffectState, Machine, MachineState, ModelState, Row,
    Storage, StoragePool, StorageState,
};

use super::shared::is_over;
use super::step::{Wish, is_it_there, respecified, step, wait};
use crate::types::{Inputs, Subject, SubjectPlan};

/// Azure's logical unit numbers end here for every size of machine.
const LUNS: u8 = 64;

/// The name of an instance's disk: never used again, since the end of the
/// instance's id is in it.
pub(crate) fn disk_name(storage: &Storage) -> String {
    let id = storage.id.to_string();
    let tail = id.rsplit('-').next().unwrap_or_default();
    format!("volume-{}-{tail}", storage.name.number())
}

/// The row of an instance's disk.
pub(crate) fn disk<'a>(state: &'a ModelState, storage: &Storage) -> Option<&'a Effect> {
    state.effect(id::derived(state.model().id, &disk_name(storage)))
}

/// Makes an instance's disk where a machine is; whether it is there.
pub(crate) fn make_disk(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    storage: &Storage,
    machine: &Machine,
) -> bool {
    let state = inputs.state;
    let instance = state
        .machine_state(machine.id)
        .and_then(|known| super::machine::instance(state, known));
    let Some(EffectSpec::VirtualMachine(instance)) = instance.map(|effect| &effect.spec) else {
        wait(plan, format!("waiting for machine {}", machine.name), None);
        if let Some(blocked) = &mut plan.blocked {
            blocked.on = Some(Subject::Machine(machine.id));
        }
        return false;
    };
    let Some(effect) = disk(state, storage) else {
        let name = disk_name(storage);
        // A pool that storage was made from cannot be removed.
        let pool = state.model().storage_pool(&storage.pool);
        let sku = pool
            .as_ref()
            .map_or(ACCOUNT_TYPES[0], StoragePool::account_type);
        plan.decisions.push(Change::Put(Row::Effect(Effect {
            id: id::derived(state.model().id, &name),
            machine: None,
            parent: None,
            name,
            spec: EffectSpec::Disk {
                region: instance.region.clone(),
                zone: instance.zone.clone(),
                size: match storage.source {
                    Some(_) => 0,
                    None => u32::try_from(storage.size.div_ceil(1024).max(1)).unwrap_or(u32::MAX),
                },
                source: storage.source.clone(),
                sku: sku.to_owned(),
                storage: storage.id,
                number: storage.name.number(),
            },
            state: EffectState::Planned,
            cloud_id: None,
            failure: None,
            created_at: inputs.now,
            changed_at: inputs.now,
        })));
        return false;
    };
    is_it_there(inputs, plan, effect);
    if !step(inputs, plan, effect, Wish::Present, "disk") {
        return false;
    }
    let zone = match &effect.spec {
        EffectSpec::Disk { zone, .. } => zone.as_deref(),
        _ => None,
    };
    if zone != instance.zone.as_deref() {
        let place =
            |zone: Option<&str>| zone.map_or("no zone".to_owned(), |zone| format!("zone {zone}"));
        wait(
            plan,
            format!(
                "disk {} is in {} and machine {} in {}: attach it to a unit on a machine there",
                effect.name,
                place(zone),
                machine.name,
                place(instance.zone.as_deref())
            ),
            None,
        );
        return false;
    }
    true
}

/// Deletes an instance's disk; whether it is gone.
pub(crate) fn delete_disk(inputs: Inputs<'_>, plan: &mut SubjectPlan, storage: &Storage) -> bool {
    disk(inputs.state, storage).is_none_or(|effect| step(inputs, plan, effect, Wish::Gone, "disk"))
}

/// The rows that say which disks a machine has.
fn lists(
    state: &ModelState,
    machine: MachineId,
) -> impl Iterator<Item = (&Effect, &BTreeMap<u8, String>)> {
    state
        .effects_of(machine)
        .filter(|effect| !is_over(&effect.state))
        .filter_map(|effect| match &effect.spec {
            EffectSpec::DataDisks { disks, .. } => Some((effect, disks)),
            _ => None,
        })
}

/// A number that no disk of the machine has.
pub(crate) fn free_lun(state: &ModelState, machine: MachineId) -> Option<u8> {
    let mut taken: BTreeSet<u8> = lists(state, machine)
        .flat_map(|(_, disks)| disks.keys().copied())
        .collect();
    taken.extend(
        state
            .storages()
            .on_machine(machine)
            .filter_map(|known| known.lun),
    );
    (0..LUNS).find(|lun| !taken.contains(lun))
}

/// Whether the machine has the disk of an instance.
pub(crate) fn is_attached(state: &ModelState, storage: &Storage, known: &StorageState) -> bool {
    let (Some(machine), Some(lun)) = (known.machine, known.lun) else {
        return false;
    };
    let name = disk_name(storage);
    lists(state, machine).any(|(effect, disks)| {
        effect.state == EffectState::Present && disks.get(&lun) == Some(&name)
    })
}

/// Whether a machine surely does not have the disk of an instance.
pub(crate) fn is_released(state: &ModelState, storage: &Storage, machine: MachineId) -> bool {
    let name = disk_name(storage);
    lists(state, machine).all(|(effect, disks)| {
        effect.state == EffectState::Present && disks.values().all(|disk| *disk != name)
    })
}

/// Brings a machine to the list of disks that it should have.
pub(super) fn plan(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    machine: &Machine,
    known: &MachineState,
) {
    let state = inputs.state;
    let Some(instance) = super::machine::instance(state, known) else {
        return;
    };
    if instance.state != EffectState::Present {
        return;
    }
    let disks: BTreeMap<u8, String> = state
        .storages()
        .on_machine(machine.id)
        .filter(|known| known.unit.is_some())
        .filter_map(|known| {
            let storage = state.storages().get(known.storage)?;
            Some((known.lun?, disk_name(storage)))
        })
        .collect();
    let name = format!("{}-disks", instance.name);
    let id: EffectId = id::derived(state.model().id, &name);
    let spec = EffectSpec::DataDisks {
        machine: instance.name.clone(),
        disks,
    };
    let Some(effect) = state.effect(id) else {
        if matches!(&spec, EffectSpec::DataDisks { disks, .. } if disks.is_empty()) {
            return;
        }
        plan.decisions.push(Change::Put(Row::Effect(Effect {
            id,
            machine: Some(machine.id),
            parent: Some(instance.id),
            name,
            spec,
            state: EffectState::Planned,
            cloud_id: None,
            failure: None,
            created_at: inputs.now,
            changed_at: inputs.now,
        })));
        return;
    };
    let idle = !inputs.flight.effects.contains(&id);
    let settled = matches!(
        effect.state,
        EffectState::Present | EffectState::Planned | EffectState::Sent { .. } | EffectState::Gone
    );
    if idle && settled && effect.spec != spec {
        plan.decisions.push(respecified(effect, spec, inputs.now));
        return;
    }
    step(inputs, plan, effect, Wish::Present, "the disks of");
}

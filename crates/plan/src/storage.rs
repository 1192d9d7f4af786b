//! A storage instance: brought to the unit that should have it, kept when its
//! unit goes if it is persistent, destroyed only when a user said so.

use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Machine, MachineSource, ModelState, Row, RowKey, Storage, StorageProvider,
    StorageState, Unit,
};

use crate::cloud;
use crate::types::{Blocked, Inputs, Subject, SubjectPlan};

/// Plans a storage instance.
pub(crate) fn plan(inputs: Inputs<'_>, storage: &Storage) -> SubjectPlan {
    let state = inputs.state;
    let mut plan = SubjectPlan::default();
    let Some(known) = state.storages().state(storage.id) else {
        let fresh = StorageState::detached(storage.id, inputs.now);
        plan.decisions.push(Change::Put(Row::StorageState(fresh)));
        return plan;
    };
    if known.unit.is_some_and(|unit| state.unit(unit).is_none()) {
        plan.decisions.push(let_go(inputs, known));
        return plan;
    }
    if storage.unit.is_some_and(|unit| state.unit(unit).is_none()) {
        // What cannot be anywhere else goes with its unit.
        let life = match storage.provider.is_persistent() {
            true => storage.life,
            false => Life::Dying,
        };
        plan.decisions.push(Change::Put(Row::Storage(Storage {
            unit: None,
            life,
            ..storage.clone()
        })));
        return plan;
    }
    if known.unit.is_some() {
        // The unit goes on from here.
        return plan;
    }
    if let Some(machine) = known.machine {
        released(inputs, &mut plan, storage, known, machine);
        return plan;
    }
    let wanted = storage.unit.and_then(|unit| state.unit(unit));
    match wanted.filter(|unit| storage.life == Life::Alive && unit.life == Life::Alive) {
        Some(unit) => bring(inputs, &mut plan, storage, known, unit),
        None if storage.life != Life::Alive => destroy(inputs, &mut plan, storage),
        None => {}
    }
    plan
}

/// The row once a unit does not have the instance any more; its machine may
/// still have the disk.
pub(crate) fn let_go(inputs: Inputs<'_>, known: &StorageState) -> Change {
    Change::Put(Row::StorageState(StorageState {
        unit: None,
        attached: false,
        since: inputs.now,
        ..known.clone()
    }))
}

fn released(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    storage: &Storage,
    known: &StorageState,
    machine: lazuli_model::id::MachineId,
) {
    let state = inputs.state;
    let free =
        storage.provider != StorageProvider::Azure || cloud::is_released(state, storage, machine);
    if free {
        plan.decisions
            .push(Change::Put(Row::StorageState(StorageState {
                machine: None,
                lun: None,
                since: inputs.now,
                ..known.clone()
            })));
        return;
    }
    let name = state
        .machine(machine)
        .map_or_else(String::new, |machine| machine.name.to_string());
    plan.blocked = Some(Blocked {
        reason: format!("detaching its disk from machine {name}"),
        on: Some(Subject::Machine(machine)),
        until: None,
    });
}

fn bring(
    inputs: Inputs<'_>,
    plan: &mut SubjectPlan,
    storage: &Storage,
    known: &StorageState,
    unit: &Unit,
) {
    let Some(machine) = inputs.state.machine(unit.machine) else {
        return;
    };
    let mut lun = None;
    if storage.provider == StorageProvider::Azure {
        if let Some(reason) = unfit(inputs.state, machine) {
            plan.blocked = Some(Blocked {
                reason,
                on: Some(Subject::Machine(machine.id)),
                until: None,
            });
            return;
        }
        if !cloud::make_disk(inputs, plan, storage, machine) {
            return;
        }
        lun = cloud::free_lun(inputs.state, machine.id);
    }
    plan.decisions
        .push(Change::Put(Row::StorageState(StorageState {
            unit: Some(unit.id),
            machine: Some(machine.id),
            lun,
            since: inputs.now,
            ..known.clone()
        })));
}

/// Why a machine can have no disk of the cloud (any more).
fn unfit(state: &ModelState, machine: &Machine) -> Option<String> {
    let name = &machine.name;
    if let MachineSource::Manual { .. } = machine.source {
        return Some(format!(
            "machine {name} is not one of the cloud and can have none of its disks"
        ));
    }
    cloud::free_lun(state, machine.id)
        .is_none()
        .then(|| format!("machine {name} can have no more disks"))
}

fn destroy(inputs: Inputs<'_>, plan: &mut SubjectPlan, storage: &Storage) {
    if !cloud::delete_disk(inputs, plan, storage) {
        return;
    }
    plan.decisions.extend([
        Change::Delete(RowKey::StorageState(storage.id)),
        Change::Delete(RowKey::Storage(storage.id)),
    ]);
}

/// Whether an instance can be used on the unit's machine, so that its
/// storage-attached hook may run.
pub(crate) fn is_in_place(state: &ModelState, storage: &Storage, unit: &Unit) -> bool {
    let Some(known) = state.storages().state(storage.id) else {
        return false;
    };
    known.unit == Some(unit.id)
        && (storage.provider != StorageProvider::Azure || cloud::is_attached(state, storage, known))
}

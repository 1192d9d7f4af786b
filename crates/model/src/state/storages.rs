//! A model's storage in memory, with indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Storage, StorageState};
use crate::id::{MachineId, StorageInstanceId, UnitId};

/// The storage instances of a model and where they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Storages {
    instances: BTreeMap<StorageInstanceId, Storage>,
    states: BTreeMap<StorageInstanceId, StorageState>,
    by_unit: BTreeSet<(UnitId, StorageInstanceId)>,
    by_machine: BTreeSet<(MachineId, StorageInstanceId)>,
}

impl Storages {
    /// An instance.
    #[must_use]
    pub fn get(&self, id: StorageInstanceId) -> Option<&Storage> {
        self.instances.get(&id)
    }

    /// Where an instance is; none before the planner saw it.
    #[must_use]
    pub fn state(&self, id: StorageInstanceId) -> Option<&StorageState> {
        self.states.get(&id)
    }

    /// All instances.
    pub fn all(&self) -> impl Iterator<Item = &Storage> {
        self.instances.values()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// The instances that a unit has or should have, by name.
    #[must_use]
    pub fn of_unit(&self, unit: UnitId) -> Vec<&Storage> {
        let mut found: Vec<_> = self
            .by_unit
            .range((unit, StorageInstanceId::nil())..)
            .take_while(|(of, _)| *of == unit)
            .filter_map(|(_, id)| self.instances.get(id))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The instances that are on a machine, or being brought to it.
    pub fn on_machine(&self, machine: MachineId) -> impl Iterator<Item = &StorageState> {
        self.by_machine
            .range((machine, StorageInstanceId::nil())..)
            .take_while(move |(of, _)| *of == machine)
            .filter_map(|(_, id)| self.states.get(id))
    }

    pub(super) fn put(&mut self, row: Storage) {
        let id = row.id;
        self.forget_units(id);
        self.instances.insert(id, row);
        self.index_units(id);
    }

    pub(super) fn put_state(&mut self, row: StorageState) {
        let id = row.storage;
        self.forget_units(id);
        if let Some(machine) = self.states.get(&id).and_then(|old| old.machine) {
            self.by_machine.remove(&(machine, id));
        }
        if let Some(machine) = row.machine {
            self.by_machine.insert((machine, id));
        }
        self.states.insert(id, row);
        self.index_units(id);
    }

    pub(super) fn delete(&mut self, id: StorageInstanceId) {
        self.forget_units(id);
        self.instances.remove(&id);
        self.index_units(id);
    }

    pub(super) fn delete_state(&mut self, id: StorageInstanceId) {
        self.forget_units(id);
        if let Some(machine) = self.states.remove(&id).and_then(|old| old.machine) {
            self.by_machine.remove(&(machine, id));
        }
        self.index_units(id);
    }

    fn units(&self, id: StorageInstanceId) -> [Option<UnitId>; 2] {
        [
            self.instances.get(&id).and_then(|row| row.unit),
            self.states.get(&id).and_then(|row| row.unit),
        ]
    }

    fn forget_units(&mut self, id: StorageInstanceId) {
        for unit in self.units(id).into_iter().flatten() {
            self.by_unit.remove(&(unit, id));
        }
    }

    fn index_units(&mut self, id: StorageInstanceId) {
        for unit in self.units(id).into_iter().flatten() {
            self.by_unit.insert((unit, id));
        }
    }
}

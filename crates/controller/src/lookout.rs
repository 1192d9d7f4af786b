//! Which of a model's machines the lists are about, kept as rows change, so
//! that nobody has to look through all of them.

use std::collections::BTreeSet;

use lazuli_model::id::{EffectId, MachineId};
use lazuli_model::state::{Change, Effect, EffectSpec, EffectState, ModelState, Row, RowKey};

use crate::sightings::{needs_list, present};

/// What there is to look out for.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// Machines about which the group's lists have something to tell.
    unlisted: BTreeSet<MachineId>,
    /// Machines whose instance is there as far as we know.
    instances: BTreeSet<MachineId>,
    /// Instances that were deleted lately.
    tombstones: BTreeSet<EffectId>,
    /// A machine fell silent: the cloud may know why.
    pub(crate) survey_wanted: bool,
    /// A machine may be elsewhere now.
    pub(crate) list_wanted: bool,
}

impl Lookout {
    /// What there is in a model that was just loaded.
    pub(crate) fn new(state: &ModelState) -> Self {
        let mut lookout = Self::default();
        for machine in state.machines() {
            lookout.look(state, machine.id);
        }
        for effect in state.effects() {
            lookout.bury(effect);
        }
        lookout
    }

    /// Follows a change that was applied; `before` is the row as it was.
    pub(crate) fn follow(&mut self, state: &ModelState, change: &Change, before: Option<&Row>) {
        let machine = match (change.key(), change, before) {
            (RowKey::Machine(id) | RowKey::MachineState(id), ..) => Some(id),
            (_, Change::Put(Row::Effect(row)), _) | (_, _, Some(Row::Effect(row))) => row.machine,
            _ => None,
        };
        if let Some(machine) = machine {
            self.look(state, machine);
        }
        if let Change::Put(Row::Effect(row)) = change {
            self.bury(row);
        }
    }

    fn bury(&mut self, effect: &Effect) {
        let is_machine = matches!(effect.spec, EffectSpec::VirtualMachine(_));
        if is_machine && effect.state == EffectState::Gone {
            self.tombstones.insert(effect.id);
        }
    }

    /// Instances that were deleted and may come back; those for which `over`
    /// holds are forgotten.
    pub(crate) fn tombstones(&mut self, over: impl Fn(EffectId) -> bool) -> Vec<EffectId> {
        self.tombstones.retain(|id| !over(*id));
        self.tombstones.iter().copied().collect()
    }

    /// Whether surveys have something to tell.
    pub(crate) fn needs_surveys(&self) -> bool {
        !self.instances.is_empty() || !self.tombstones.is_empty()
    }

    fn look(&mut self, state: &ModelState, machine: MachineId) {
        put(&mut self.unlisted, machine, needs_list(state, machine));
        let there = present(state, machine).is_some();
        put(&mut self.instances, machine, there);
    }

    /// Whether a list of the group's machines has something to tell.
    pub(crate) fn needs_list(&self) -> bool {
        self.list_wanted || !self.unlisted.is_empty()
    }

    /// Machines whose instance is there as far as we know.
    pub(crate) fn instances(&self) -> impl Iterator<Item = MachineId> {
        self.instances.iter().copied()
    }
}

fn put(set: &mut BTreeSet<MachineId>, machine: MachineId, is_in: bool) {
    if is_in {
        set.insert(machine);
    } else {
        set.remove(&machine);
    }
}

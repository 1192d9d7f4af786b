//! What sets what dying: pure functions from a model to changes.
//!
//! Removal is a state. These set it on all that a request reaches (the units
//! and relations of an application, and so on); the planner drives it to the
//! end. What is dying already stays so, but a force is added to it.

use std::collections::BTreeSet;

use lazuli_model::id::{ApplicationId, MachineId, RelationId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::state::{Change, ModelState, Row};

/// Sets a model dying, with all that is in it.
#[must_use]
pub fn destroy_model(state: &ModelState, force: bool) -> Vec<Change> {
    let mut dying = Dying::new(state, force);
    let mut model = state.model().clone();
    if set(&mut model.life, &mut model.force, force) {
        dying.changes.push(Change::Put(Row::Model(model)));
    }
    for application in state.applications() {
        dying.application(application.id);
    }
    for machine in state.machines() {
        dying.machine(machine.id);
    }
    dying.changes
}

/// Sets an application dying, with its units and relations.
#[must_use]
pub fn remove_application(state: &ModelState, id: ApplicationId, force: bool) -> Vec<Change> {
    let mut dying = Dying::new(state, force);
    dying.application(id);
    dying.changes
}

/// Sets a unit dying, with its subordinates. Its machine is the planner's.
#[must_use]
pub fn remove_unit(state: &ModelState, id: UnitId, force: bool) -> Vec<Change> {
    let mut dying = Dying::new(state, force);
    dying.unit(id);
    dying.changes
}

/// Sets a machine dying, with the units on it. Whether it may have any is the
/// caller's to check.
#[must_use]
pub fn remove_machine(state: &ModelState, id: MachineId, force: bool) -> Vec<Change> {
    let mut dying = Dying::new(state, force);
    dying.machine(id);
    dying.changes
}

/// Sets a relation dying.
#[must_use]
pub fn remove_relation(state: &ModelState, id: RelationId, force: bool) -> Vec<Change> {
    let mut dying = Dying::new(state, force);
    dying.relation(id);
    dying.changes
}

/// What is being set dying; each at most once, since subordinates are reached
/// by their principals as well as by their application.
struct Dying<'a> {
    state: &'a ModelState,
    force: bool,
    units: BTreeSet<UnitId>,
    relations: BTreeSet<RelationId>,
    changes: Vec<Change>,
}

impl<'a> Dying<'a> {
    fn new(state: &'a ModelState, force: bool) -> Self {
        Self {
            state,
            force,
            units: BTreeSet::new(),
            relations: BTreeSet::new(),
            changes: Vec::new(),
        }
    }

    fn application(&mut self, id: ApplicationId) {
        let Some(mut row) = self.state.application(id).cloned() else {
            return;
        };
        if set(&mut row.life, &mut row.force, self.force) {
            self.changes.push(Change::Put(Row::Application(row)));
        }
        for relation in self.state.relations_of(id) {
            self.relation(relation.id);
        }
        for unit in self.state.units_of(id) {
            self.unit(unit.id);
        }
    }

    fn unit(&mut self, id: UnitId) {
        let Some(mut row) = self.state.unit(id).cloned() else {
            return;
        };
        if !self.units.insert(id) {
            return;
        }
        let machine = row.machine;
        if set(&mut row.life, &mut row.force, self.force) {
            self.changes.push(Change::Put(Row::Unit(row)));
        }
        for other in self.state.units_on(machine) {
            if other.principal == Some(id) {
                self.unit(other.id);
            }
        }
    }

    fn machine(&mut self, id: MachineId) {
        let Some(mut row) = self.state.machine(id).cloned() else {
            return;
        };
        if set(&mut row.life, &mut row.force, self.force) {
            self.changes.push(Change::Put(Row::Machine(row)));
        }
        for unit in self.state.units_on(id) {
            self.unit(unit.id);
        }
    }

    fn relation(&mut self, id: RelationId) {
        let Some(mut row) = self.state.relation(id).cloned() else {
            return;
        };
        if self.relations.insert(id) && set(&mut row.life, &mut row.force, self.force) {
            self.changes.push(Change::Put(Row::Relation(row)));
        }
    }
}

/// Sets a life dying; says whether that changes anything.
fn set(life: &mut Life, forced: &mut bool, force: bool) -> bool {
    let before = (*life, *forced);
    if life.is_alive() {
        *life = Life::Dying;
    }
    *forced |= force;
    before != (*life, *forced)
}

//! Subordinates (reference: Juju 3.6, `state/relationunit.go` and
//! `uniter/relation/statetracker.go`).
//!
//! A principal that enters the scope of a container-scoped relation gets a
//! unit of the subordinate application beside it, on its machine. The
//! subordinate goes when no such relation with its principal's application is
//! left, and the principal goes only after its subordinates.

use lazuli_model::id::{ApplicationId, UnitId, derived};
use lazuli_model::life::Life;
use lazuli_model::names::UnitName;
use lazuli_model::state::{Application, Change, ModelState, Relation, Row, Unit};

use super::Rows;
use crate::types::{Blocked, Subject};

/// What entering the scope of a relation takes.
pub(super) enum Entry {
    /// These rows beside the membership.
    Open(Vec<Change>),
    /// The subordinate of before has to be gone first.
    After(UnitId),
}

impl<'a> Rows<'a> {
    /// What it takes to enter a relation's scope: a principal makes its
    /// subordinate there, once.
    pub(super) fn entry(self, relation: &Relation) -> Entry {
        let state = self.inputs.state;
        let remote = relation
            .remote(self.application.id)
            .and_then(|end| state.application(end.application))
            .filter(|row| is_subordinate(state, row.id));
        let Some(application) = remote
            .filter(|_| relation.is_container_scoped() && self.unit.principal.is_none())
            .filter(|row| row.life == Life::Alive)
        else {
            return Entry::Open(Vec::new());
        };
        let there = self
            .subordinates()
            .find(|unit| unit.application == application.id);
        match there {
            Some(unit) if unit.life == Life::Alive => Entry::Open(Vec::new()),
            Some(unit) => Entry::After(unit.id),
            None => Entry::Open(self.subordinate(application)),
        }
    }

    /// The unit of a subordinate application that stands beside this one.
    fn subordinate(self, application: &Application) -> Vec<Change> {
        let number = application.next_unit;
        let Ok(name) = format!("{}/{number}", application.name).parse::<UnitName>() else {
            return Vec::new();
        };
        let natural = format!("unit {} {number}", application.id);
        let unit = Unit {
            id: derived(self.inputs.state.model().id, &natural),
            name,
            application: application.id,
            machine: self.machine.id,
            principal: Some(self.unit.id),
            life: Life::Alive,
            force: false,
            resolve: None,
            created_at: self.inputs.now,
        };
        vec![
            Change::Put(Row::Application(Application {
                next_unit: number + 1,
                ..application.clone()
            })),
            Change::Put(Row::Unit(unit)),
        ]
    }

    /// The relation that the unit will enter once a subordinate is gone.
    pub(super) fn waits_to_enter(self) -> Option<Blocked> {
        let state = self.inputs.state;
        let mut new = state.relations_of(self.application.id).filter(|relation| {
            let member = state.relation_unit(relation.id, self.unit.id);
            relation.life == Life::Alive && !member.is_some_and(|member| member.in_scope)
        });
        new.find_map(|relation| match self.entry(relation) {
            Entry::After(unit) => Some(self.waiting_for(unit)),
            Entry::Open(_) => None,
        })
    }

    /// A subordinate of this unit that is still there.
    pub(super) fn waits_for_subordinate(self) -> Option<Blocked> {
        self.subordinates()
            .next()
            .map(|unit| self.waiting_for(unit.id))
    }

    fn waiting_for(self, id: UnitId) -> Blocked {
        let name = self.inputs.state.unit(id).map(|unit| unit.name.to_string());
        Blocked {
            reason: format!(
                "waiting for the subordinate unit {} to go",
                name.unwrap_or_default()
            ),
            on: Some(Subject::Unit(id)),
            until: None,
        }
    }

    /// The unit's subordinates, which are on its machine.
    fn subordinates(self) -> impl Iterator<Item = &'a Unit> {
        let id = self.unit.id;
        let beside = self.inputs.state.units_on(self.machine.id);
        beside.filter(move |unit| unit.principal == Some(id))
    }

    /// A subordinate that lives though nothing holds it any more: its
    /// principal goes, or the last relation that put it there.
    pub(super) fn orphaned(self) -> Option<Change> {
        let id = self
            .unit
            .principal
            .filter(|_| self.unit.life == Life::Alive)?;
        let state = self.inputs.state;
        let principal = state.unit(id);
        let held = principal
            .filter(|principal| principal.life == Life::Alive)
            .is_some_and(|principal| self.is_held_by(principal.application));
        let force = self.unit.force || principal.is_some_and(|principal| principal.force);
        (!held).then(|| {
            Change::Put(Row::Unit(Unit {
                life: Life::Dying,
                force,
                ..self.unit.clone()
            }))
        })
    }

    fn is_held_by(self, principal: ApplicationId) -> bool {
        let mut relations = self.inputs.state.relations_of(self.application.id);
        relations.any(|relation| {
            relation.life == Life::Alive
                && relation.is_container_scoped()
                && relation.local(principal).is_some()
        })
    }
}

/// Whether a unit has a part in a relation of its application: a subordinate
/// has none in the container-scoped relations of other principals than its
/// own.
#[must_use]
pub fn takes_part(state: &ModelState, unit: &Unit, relation: &Relation) -> bool {
    let Some(principal) = unit.principal else {
        return true;
    };
    let Some(remote) = relation.remote(unit.application) else {
        return false;
    };
    let own = |unit: &Unit| unit.application == remote.application;
    !relation.is_container_scoped()
        || state.unit(principal).is_some_and(own)
        || is_subordinate(state, remote.application)
}

/// Whether an application's charm is a subordinate.
fn is_subordinate(state: &ModelState, id: ApplicationId) -> bool {
    state
        .application(id)
        .and_then(|row| state.charm(row.charm))
        .is_some_and(|charm| charm.charm.meta.subordinate)
}

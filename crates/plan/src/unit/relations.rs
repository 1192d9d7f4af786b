//! The relations of a unit (reference: Juju 3.6, `relation/resolver.go`).
//!
//! Per relation: created, once; the changed that is owed after a joined;
//! departed for who left; broken, once and last; the remote application's
//! settings; joined for who came, in the order of names; changed for whose
//! settings are newer than what was shown. Peers come last, and are never
//! broken.

use std::sync::Arc;

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::id::UnitId;
use lazuli_model::life::Life;
use lazuli_model::state::{Change, ModelState, Relation, RelationSeen, RelationUnit, Row};

use super::subordinate::{Entry, takes_part};
use super::{Next, Rows};
use crate::network::address_settings;

impl<'a> Rows<'a> {
    /// Entering the scope of a relation that is new, and its created hook.
    pub(super) fn relation_created(self) -> Option<Next> {
        self.ordered().into_iter().find_map(|relation| {
            let state = self.inputs.state;
            let seen = state.relation_seen(self.unit.id, relation.id);
            if relation.life != Life::Alive || seen.is_some_and(|seen| seen.created) {
                return None;
            }
            let member = state.relation_unit(relation.id, self.unit.id);
            if member.is_some_and(|member| member.in_scope) {
                return Some(due(relation, RelationHookKind::Created, None, None));
            }
            let Entry::Open(mut changes) = self.entry(relation) else {
                return None;
            };
            changes.push(self.enter(relation));
            Some(Next::Decide(changes))
        })
    }

    /// The next hook of the relations whose created is past.
    pub(super) fn relation_due(self) -> Option<Next> {
        self.ordered()
            .into_iter()
            .find_map(|relation| self.due_in(relation))
    }

    /// The unit's relations: others before peers, by number.
    fn ordered(self) -> Vec<&'a Relation> {
        let mut relations: Vec<_> = self
            .inputs
            .state
            .relations_of(self.application.id)
            .filter(|relation| takes_part(self.inputs.state, self.unit, relation))
            .collect();
        relations.sort_by_key(|relation| (relation.is_peer(), relation.number));
        relations
    }

    /// The unit's settings in the relations that there are before install:
    /// they are born with its addresses before any hook (Juju,
    /// `apiserver/facades/agent/uniter`), though nobody sees it there yet.
    pub(super) fn bags_born(self) -> Option<Next> {
        let state = self.inputs.state;
        let born: Vec<Change> = self
            .ordered()
            .into_iter()
            .filter(|relation| relation.life == Life::Alive)
            .filter(|relation| state.relation_unit(relation.id, self.unit.id).is_none())
            .map(|relation| Change::Put(Row::RelationUnit(self.bag(relation))))
            .collect();
        (!born.is_empty()).then_some(Next::Decide(born))
    }

    /// Becoming a member, with what install wrote.
    fn enter(self, relation: &Relation) -> Change {
        let old = self.inputs.state.relation_unit(relation.id, self.unit.id);
        Change::Put(Row::RelationUnit(RelationUnit {
            in_scope: true,
            ..old.map_or_else(|| self.bag(relation), RelationUnit::clone)
        }))
    }

    /// The settings that a unit is born with in a relation.
    fn bag(self, relation: &Relation) -> RelationUnit {
        let endpoint = relation.local(self.application.id);
        let endpoint = endpoint.map_or("", |end| end.name.as_str());
        let state = self.inputs.state;
        RelationUnit {
            relation: relation.id,
            unit: self.unit.id,
            name: self.unit.name.clone(),
            in_scope: false,
            settings: Arc::new(address_settings(
                state,
                self.application,
                endpoint,
                self.known,
            )),
            version: 1,
        }
    }

    fn due_in(self, relation: &'a Relation) -> Option<Next> {
        let state = self.inputs.state;
        let seen = state
            .relation_seen(self.unit.id, relation.id)
            .filter(|seen| seen.created && !seen.broken)?;
        let leaving = self.unit.life != Life::Alive || relation.life != Life::Alive;
        let remotes = || state.remotes_seen(self.unit.id, relation.id);
        // The changed that follows joined comes before anything else.
        if let Some(owed) = remotes().find(|remote| remote.version == 0) {
            return Some(due(
                relation,
                RelationHookKind::Changed,
                Some(owed.remote),
                None,
            ));
        }
        let gone = remotes()
            .map(|remote| remote.remote)
            .filter(|id| leaving || !self.is_member(relation, *id));
        if let Some(remote) = self.first_by_name(relation, gone) {
            let own = self.unit.life != Life::Alive || self.application.life != Life::Alive;
            let departing = if own { self.unit.id } else { remote };
            return Some(due(
                relation,
                RelationHookKind::Departed,
                Some(remote),
                Some(departing),
            ));
        }
        if leaving {
            return Some(if relation.is_peer() {
                Next::Decide(crate::advance::leave_scope(
                    state,
                    self.unit.id,
                    relation.id,
                ))
            } else {
                due(relation, RelationHookKind::Broken, None, None)
            });
        }
        if self.application_is_due(relation, seen) {
            return Some(due(relation, RelationHookKind::Changed, None, None));
        }
        let new = self
            .members(relation)
            .filter(|id| state.remote_seen(self.unit.id, relation.id, *id).is_none());
        if let Some(remote) = self.first_by_name(relation, new) {
            return Some(due(relation, RelationHookKind::Joined, Some(remote), None));
        }
        let newer = remotes()
            .filter(|remote| {
                state
                    .relation_unit(relation.id, remote.remote)
                    .is_some_and(|member| member.version > remote.version)
            })
            .map(|remote| remote.remote);
        self.first_by_name(relation, newer)
            .map(|remote| due(relation, RelationHookKind::Changed, Some(remote), None))
    }

    /// Whether the remote application wrote settings that were not shown.
    fn application_is_due(self, relation: &Relation, seen: &RelationSeen) -> bool {
        relation
            .remote(self.application.id)
            .and_then(|end| {
                self.inputs
                    .state
                    .relation_application(relation.id, end.application)
            })
            .is_some_and(|bag| bag.version > seen.app_version)
    }

    /// The remote units that are in scope.
    fn members(self, relation: &'a Relation) -> impl Iterator<Item = UnitId> + 'a {
        let state = self.inputs.state;
        state
            .relation_units(relation.id)
            .filter(|member| member.in_scope)
            .map(|member| member.unit)
            .filter(move |id| self.is_remote(relation, *id))
    }

    fn is_member(self, relation: &Relation, id: UnitId) -> bool {
        self.inputs
            .state
            .relation_unit(relation.id, id)
            .is_some_and(|member| member.in_scope)
    }

    /// Whether a member is at the other end, as this unit sees it: in a
    /// container-scoped relation only who shares its principal.
    fn is_remote(self, relation: &Relation, id: UnitId) -> bool {
        let state = self.inputs.state;
        let Some(other) = state.unit(id) else {
            return false;
        };
        let across = relation
            .remote(self.application.id)
            .is_some_and(|end| end.application == other.application);
        across
            && id != self.unit.id
            && (!relation.is_container_scoped() || self.unit.is_beside(other))
    }

    fn first_by_name(
        self,
        relation: &Relation,
        ids: impl Iterator<Item = UnitId>,
    ) -> Option<UnitId> {
        first_by_name(self.inputs.state, relation, ids)
    }
}

fn first_by_name(
    state: &ModelState,
    relation: &Relation,
    ids: impl Iterator<Item = UnitId>,
) -> Option<UnitId> {
    ids.min_by_key(|id| {
        let member = state.relation_unit(relation.id, *id);
        (member.map(|member| member.name.clone()), *id)
    })
}

fn due(
    relation: &Relation,
    kind: RelationHookKind,
    remote: Option<UnitId>,
    departing: Option<UnitId>,
) -> Next {
    Next::Due(Hook::Relation(RelationHook {
        kind,
        relation: relation.id,
        remote,
        departing,
    }))
}

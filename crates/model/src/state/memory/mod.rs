//! A model in memory: its rows, with indexes.

mod reading;

use std::collections::{BTreeMap, BTreeSet};

use super::charm_users::CharmUsers;
use super::{
    Application, Change, CharmRevision, CharmSource, CharmState, Effect, EffectFailure,
    FailureClass, Leader, Machine, MachineState, Model, OpenedPort, Relation, RelationApplication,
    RelationSeen, RelationUnit, RemoteSeen, Resource, Row, RowKey, Secret, SecretConsumer,
    SecretOwner, SecretRevision, Storages, Task, Unit, UnitResources, UnitState,
};
use crate::id::{ApplicationId, CharmId, EffectId, MachineId, RelationId, UnitId};
use crate::secret::SecretId;
use crate::status::{Status, StatusKey};

/// The rows of one model and indexes over them. The only way to change it is
/// [`ModelState::apply`]; maps are ordered, so that whoever walks them does so
/// in the same order each time.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelState {
    model: Model,
    charms: BTreeMap<CharmId, CharmRevision>,
    applications: BTreeMap<ApplicationId, Application>,
    charm_sources: BTreeMap<ApplicationId, CharmSource>,
    resources: BTreeMap<(ApplicationId, String), Resource>,
    unit_resources: BTreeMap<UnitId, UnitResources>,
    leaders: BTreeMap<ApplicationId, Leader>,
    machines: BTreeMap<MachineId, Machine>,
    machine_states: BTreeMap<MachineId, MachineState>,
    units: BTreeMap<UnitId, Unit>,
    unit_states: BTreeMap<UnitId, UnitState>,
    charm_states: BTreeMap<UnitId, CharmState>,
    ports: BTreeMap<UnitId, BTreeSet<OpenedPort>>,
    relations: BTreeMap<RelationId, Relation>,
    relation_units: BTreeMap<(RelationId, UnitId), RelationUnit>,
    relation_applications: BTreeMap<(RelationId, ApplicationId), RelationApplication>,
    relation_seen: BTreeMap<(UnitId, RelationId), RelationSeen>,
    remote_seen: BTreeMap<(UnitId, RelationId, UnitId), RemoteSeen>,
    storages: Storages,
    effects: BTreeMap<EffectId, Effect>,
    pub(super) secrets: BTreeMap<SecretId, Secret>,
    pub(super) secret_revisions: BTreeMap<(SecretId, u32), SecretRevision>,
    pub(super) secret_consumers: BTreeMap<(UnitId, SecretId), SecretConsumer>,
    statuses: BTreeMap<StatusKey, Status>,
    tasks: BTreeMap<u64, Task>,
    units_by_application: BTreeSet<(ApplicationId, UnitId)>,
    units_by_machine: BTreeSet<(MachineId, UnitId)>,
    relations_by_application: BTreeSet<(ApplicationId, RelationId)>,
    effects_by_machine: BTreeSet<(MachineId, EffectId)>,
    /// Those that failed for want of capacity.
    effects_short: BTreeSet<EffectId>,
    pub(super) secrets_by_owner: BTreeSet<(SecretOwner, SecretId)>,
    pub(super) consumers_by_secret: BTreeSet<(SecretId, UnitId)>,
    charm_users: CharmUsers,
    tasks_by_unit: BTreeSet<(UnitId, u64)>,
    tasks_by_machine: BTreeSet<(MachineId, u64)>,
}

impl ModelState {
    /// A model without other rows.
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self {
            model,
            charms: BTreeMap::new(),
            applications: BTreeMap::new(),
            charm_sources: BTreeMap::new(),
            resources: BTreeMap::new(),
            unit_resources: BTreeMap::new(),
            leaders: BTreeMap::new(),
            machines: BTreeMap::new(),
            machine_states: BTreeMap::new(),
            units: BTreeMap::new(),
            unit_states: BTreeMap::new(),
            charm_states: BTreeMap::new(),
            ports: BTreeMap::new(),
            relations: BTreeMap::new(),
            relation_units: BTreeMap::new(),
            relation_applications: BTreeMap::new(),
            relation_seen: BTreeMap::new(),
            remote_seen: BTreeMap::new(),
            storages: Storages::default(),
            effects: BTreeMap::new(),
            secrets: BTreeMap::new(),
            secret_revisions: BTreeMap::new(),
            secret_consumers: BTreeMap::new(),
            statuses: BTreeMap::new(),
            tasks: BTreeMap::new(),
            units_by_application: BTreeSet::new(),
            units_by_machine: BTreeSet::new(),
            relations_by_application: BTreeSet::new(),
            effects_by_machine: BTreeSet::new(),
            effects_short: BTreeSet::new(),
            secrets_by_owner: BTreeSet::new(),
            consumers_by_secret: BTreeSet::new(),
            charm_users: CharmUsers::default(),
            tasks_by_unit: BTreeSet::new(),
            tasks_by_machine: BTreeSet::new(),
        }
    }

    /// Applies one change. Deleting a row that is not there changes nothing;
    /// the model's own row is never deleted here.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Put(row) => self.put(row),
            Change::Delete(key) => self.delete(&key),
        }
    }

    fn put(&mut self, row: Row) {
        match row {
            Row::Model(row) => self.model = row,
            Row::Charm(row) => drop(self.charms.insert(row.id, row)),
            Row::Application(row) => {
                self.charm_users.application(row.id, Some(row.charm));
                self.applications.insert(row.id, row);
            }
            Row::CharmSource(row) => drop(self.charm_sources.insert(row.application, row)),
            Row::Resource(row) => {
                let key = (row.application, row.name.clone());
                self.resources.insert(key, row);
            }
            Row::Leader(row) => drop(self.leaders.insert(row.application, row)),
            Row::Machine(row) => drop(self.machines.insert(row.id, row)),
            Row::MachineState(row) => drop(self.machine_states.insert(row.machine, row)),
            Row::Unit(row) => {
                self.delete(&RowKey::Unit(row.id));
                self.units_by_application.insert((row.application, row.id));
                self.units_by_machine.insert((row.machine, row.id));
                self.units.insert(row.id, row);
            }
            Row::CharmState(row) => drop(self.charm_states.insert(row.unit, row)),
            Row::UnitState(row) => {
                self.charm_users.unit(row.unit, row.charm);
                self.unit_states.insert(row.unit, row);
            }
            Row::UnitResources(row) => drop(self.unit_resources.insert(row.unit, row)),
            Row::OpenedPort(row) => {
                self.ports.entry(row.unit).or_default().insert(row);
            }
            Row::Relation(row) => {
                for end in &row.endpoints {
                    self.relations_by_application
                        .insert((end.application, row.id));
                }
                self.relations.insert(row.id, row);
            }
            Row::RelationUnit(row) => {
                drop(self.relation_units.insert((row.relation, row.unit), row));
            }
            Row::RelationApplication(row) => {
                let key = (row.relation, row.application);
                drop(self.relation_applications.insert(key, row));
            }
            Row::RelationSeen(row) => {
                self.relation_seen.insert((row.unit, row.relation), row);
            }
            Row::RemoteSeen(row) => {
                let key = (row.unit, row.relation, row.remote);
                self.remote_seen.insert(key, row);
            }
            Row::Storage(row) => self.storages.put(row),
            Row::StorageState(row) => self.storages.put_state(row),
            Row::Effect(row) => {
                if let Some(machine) = row.machine {
                    self.effects_by_machine.insert((machine, row.id));
                }
                let lacks = |failure: &EffectFailure| failure.class == FailureClass::Capacity;
                if row.failure.as_ref().is_some_and(lacks) {
                    self.effects_short.insert(row.id);
                } else {
                    self.effects_short.remove(&row.id);
                }
                self.effects.insert(row.id, row);
            }
            Row::Secret(row) => self.put_secret(row),
            Row::SecretRevision(row) => {
                self.secret_revisions
                    .insert((row.secret, row.revision), row);
            }
            Row::SecretConsumer(row) => self.put_secret_consumer(row),
            Row::Status(key, status) => drop(self.statuses.insert(key, status)),
            // What has ended is the database's alone.
            Row::Task(row) if row.status.is_final() => self.delete(&RowKey::Task(row.number)),
            Row::Task(row) => {
                if let Some(unit) = row.receiver.unit() {
                    self.tasks_by_unit.insert((unit, row.number));
                }
                if let Some(machine) = row.receiver.machine() {
                    self.tasks_by_machine.insert((machine, row.number));
                }
                self.tasks.insert(row.number, row);
            }
            Row::Operation(_) | Row::TaskLog(_) => {}
        }
    }

    fn delete(&mut self, key: &RowKey) {
        match key {
            RowKey::Model => {}
            RowKey::Charm(id) => drop(self.charms.remove(id)),
            RowKey::Application(id) => {
                self.charm_users.application(*id, None);
                self.applications.remove(id);
            }
            RowKey::CharmSource(id) => drop(self.charm_sources.remove(id)),
            RowKey::Resource(id, name) => drop(self.resources.remove(&(*id, name.clone()))),
            RowKey::Leader(id) => drop(self.leaders.remove(id)),
            RowKey::Machine(id) => drop(self.machines.remove(id)),
            RowKey::MachineState(id) => drop(self.machine_states.remove(id)),
            RowKey::Unit(id) => {
                if let Some(unit) = self.units.remove(id) {
                    self.units_by_application.remove(&(unit.application, *id));
                    self.units_by_machine.remove(&(unit.machine, *id));
                }
            }
            RowKey::CharmState(id) => drop(self.charm_states.remove(id)),
            RowKey::UnitState(id) => {
                self.charm_users.unit(*id, None);
                self.unit_states.remove(id);
            }
            RowKey::UnitResources(id) => drop(self.unit_resources.remove(id)),
            RowKey::OpenedPort(port) => {
                if let Some(ports) = self.ports.get_mut(&port.unit) {
                    ports.remove(port);
                    if ports.is_empty() {
                        self.ports.remove(&port.unit);
                    }
                }
            }
            RowKey::Relation(id) => {
                if let Some(relation) = self.relations.remove(id) {
                    for end in &relation.endpoints {
                        self.relations_by_application
                            .remove(&(end.application, *id));
                    }
                }
            }
            RowKey::RelationUnit(relation, unit) => {
                drop(self.relation_units.remove(&(*relation, *unit)));
            }
            RowKey::RelationApplication(relation, application) => {
                let key = (*relation, *application);
                drop(self.relation_applications.remove(&key));
            }
            RowKey::RelationSeen(unit, relation) => {
                self.relation_seen.remove(&(*unit, *relation));
            }
            RowKey::RemoteSeen(unit, relation, remote) => {
                self.remote_seen.remove(&(*unit, *relation, *remote));
            }
            RowKey::Storage(id) => self.storages.delete(*id),
            RowKey::StorageState(id) => self.storages.delete_state(*id),
            RowKey::Effect(id) => {
                self.effects_short.remove(id);
                if let Some(machine) = self.effects.remove(id).and_then(|row| row.machine) {
                    self.effects_by_machine.remove(&(machine, *id));
                }
            }
            RowKey::Secret(id) => self.delete_secret(*id),
            RowKey::SecretRevision(id, revision) => {
                self.secret_revisions.remove(&(*id, *revision));
            }
            RowKey::SecretConsumer(unit, id) => self.delete_secret_consumer(*unit, *id),
            RowKey::Status(key) => drop(self.statuses.remove(key)),
            RowKey::Task(number) => {
                if let Some(task) = self.tasks.remove(number) {
                    if let Some(unit) = task.receiver.unit() {
                        self.tasks_by_unit.remove(&(unit, *number));
                    }
                    if let Some(machine) = task.receiver.machine() {
                        self.tasks_by_machine.remove(&(machine, *number));
                    }
                }
            }
            RowKey::Operation(_) | RowKey::TaskLog(..) => {}
        }
    }
}

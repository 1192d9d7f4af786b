//! A model in memory: its rows, with indexes.

use std::collections::{BTreeMap, BTreeSet};

use super::charm_users::CharmUsers;
use super::{
    Application, Change, CharmRevision, CharmSource, CharmState, Effect, EffectSpec, Leader,
    Machine, MachineState, Model, OpenedPort, Relation, RelationApplication, RelationSeen,
    RelationUnit, RemoteSeen, Resource, Row, RowKey, Secret, SecretConsumer, SecretOwner,
    SecretRevision, Storages, Task, Unit, UnitResources, UnitState,
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

    /// The row behind a key.
    #[must_use]
    pub fn row(&self, key: &RowKey) -> Option<Row> {
        match key {
            RowKey::Model => Some(Row::Model(self.model.clone())),
            RowKey::Charm(id) => self.charms.get(id).cloned().map(Row::Charm),
            RowKey::Application(id) => self.applications.get(id).cloned().map(Row::Application),
            RowKey::CharmSource(id) => self.charm_sources.get(id).cloned().map(Row::CharmSource),
            RowKey::Resource(id, name) => self.resource(*id, name).cloned().map(Row::Resource),
            RowKey::Leader(id) => self.leaders.get(id).cloned().map(Row::Leader),
            RowKey::Machine(id) => self.machines.get(id).cloned().map(Row::Machine),
            RowKey::MachineState(id) => self.machine_states.get(id).cloned().map(Row::MachineState),
            RowKey::Unit(id) => self.units.get(id).cloned().map(Row::Unit),
            RowKey::UnitState(id) => self.unit_states.get(id).cloned().map(Row::UnitState),
            RowKey::CharmState(id) => self.charm_states.get(id).cloned().map(Row::CharmState),
            RowKey::UnitResources(id) => {
                self.unit_resources.get(id).cloned().map(Row::UnitResources)
            }
            RowKey::OpenedPort(port) => self
                .ports
                .get(&port.unit)
                .and_then(|ports| ports.get(port))
                .cloned()
                .map(Row::OpenedPort),
            RowKey::Relation(id) => self.relations.get(id).cloned().map(Row::Relation),
            RowKey::RelationUnit(relation, unit) => self
                .relation_unit(*relation, *unit)
                .cloned()
                .map(Row::RelationUnit),
            RowKey::RelationApplication(relation, application) => self
                .relation_application(*relation, *application)
                .cloned()
                .map(Row::RelationApplication),
            RowKey::RelationSeen(unit, relation) => self
                .relation_seen(*unit, *relation)
                .cloned()
                .map(Row::RelationSeen),
            RowKey::RemoteSeen(unit, relation, remote) => self
                .remote_seen
                .get(&(*unit, *relation, *remote))
                .copied()
                .map(Row::RemoteSeen),
            RowKey::Storage(id) => self.storages.get(*id).cloned().map(Row::Storage),
            RowKey::StorageState(id) => self.storages.state(*id).cloned().map(Row::StorageState),
            RowKey::Effect(id) => self.effects.get(id).cloned().map(Row::Effect),
            RowKey::Secret(id) => self.secrets.get(id).cloned().map(Row::Secret),
            RowKey::SecretRevision(id, revision) => self
                .secret_revision(*id, *revision)
                .cloned()
                .map(Row::SecretRevision),
            RowKey::SecretConsumer(unit, id) => self
                .secret_consumer(*unit, *id)
                .cloned()
                .map(Row::SecretConsumer),
            RowKey::Status(key) => self
                .statuses
                .get(key)
                .cloned()
                .map(|status| Row::Status(*key, status)),
            RowKey::Task(number) => self.tasks.get(number).cloned().map(Row::Task),
            RowKey::Operation(_) | RowKey::TaskLog(..) => None,
        }
    }

    /// The model's own row.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A charm.
    #[must_use]
    pub fn charm(&self, id: CharmId) -> Option<&CharmRevision> {
        self.charms.get(&id)
    }

    /// All charms.
    pub fn charms(&self) -> impl Iterator<Item = &CharmRevision> {
        self.charms.values()
    }

    /// How many applications and units have a charm, or are to have it.
    #[must_use]
    pub fn charm_users(&self, id: CharmId) -> usize {
        self.charm_users.of(id)
    }

    /// Where an application's charm comes from.
    #[must_use]
    pub fn charm_source(&self, id: ApplicationId) -> Option<&CharmSource> {
        self.charm_sources.get(&id)
    }

    /// A resource of an application.
    #[must_use]
    pub fn resource(&self, id: ApplicationId, name: &str) -> Option<&Resource> {
        self.resources_of(id).find(|row| row.name == name)
    }

    /// The resources of an application, by name.
    pub fn resources_of(&self, id: ApplicationId) -> impl Iterator<Item = &Resource> {
        self.resources
            .range((id, String::new())..)
            .take_while(move |((application, _), _)| *application == id)
            .map(|(_, row)| row)
    }

    /// What a unit has of its application's resources.
    #[must_use]
    pub fn unit_resources(&self, id: UnitId) -> Option<&UnitResources> {
        self.unit_resources.get(&id)
    }

    /// An application.
    #[must_use]
    pub fn application(&self, id: ApplicationId) -> Option<&Application> {
        self.applications.get(&id)
    }

    /// All applications.
    pub fn applications(&self) -> impl Iterator<Item = &Application> {
        self.applications.values()
    }

    /// An application's leadership.
    #[must_use]
    pub fn leader(&self, id: ApplicationId) -> Option<&Leader> {
        self.leaders.get(&id)
    }

    /// A machine.
    #[must_use]
    pub fn machine(&self, id: MachineId) -> Option<&Machine> {
        self.machines.get(&id)
    }

    /// All machines.
    pub fn machines(&self) -> impl Iterator<Item = &Machine> {
        self.machines.values()
    }

    /// What is known of a machine.
    #[must_use]
    pub fn machine_state(&self, id: MachineId) -> Option<&MachineState> {
        self.machine_states.get(&id)
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, id: UnitId) -> Option<&Unit> {
        self.units.get(&id)
    }

    /// All units.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        self.units.values()
    }

    /// What a unit has done.
    #[must_use]
    pub fn unit_state(&self, id: UnitId) -> Option<&UnitState> {
        self.unit_states.get(&id)
    }

    /// What a unit's charm keeps.
    #[must_use]
    pub fn charm_state(&self, id: UnitId) -> Option<&CharmState> {
        self.charm_states.get(&id)
    }

    /// The units of an application.
    pub fn units_of(&self, id: ApplicationId) -> impl Iterator<Item = &Unit> {
        let nil = UnitId::nil();
        self.units_by_application
            .range((id, nil)..)
            .take_while(move |(application, _)| *application == id)
            .filter_map(|(_, unit)| self.units.get(unit))
    }

    /// The units on a machine.
    pub fn units_on(&self, id: MachineId) -> impl Iterator<Item = &Unit> {
        let nil = UnitId::nil();
        self.units_by_machine
            .range((id, nil)..)
            .take_while(move |(machine, _)| *machine == id)
            .filter_map(|(_, unit)| self.units.get(unit))
    }

    /// The ports that a unit has opened.
    pub fn ports_of(&self, id: UnitId) -> impl Iterator<Item = &OpenedPort> {
        self.ports.get(&id).into_iter().flatten()
    }

    /// A relation.
    #[must_use]
    pub fn relation(&self, id: RelationId) -> Option<&Relation> {
        self.relations.get(&id)
    }

    /// All relations.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values()
    }

    /// The relations of an application, its peer relations among them.
    pub fn relations_of(&self, id: ApplicationId) -> impl Iterator<Item = &Relation> {
        let nil = RelationId::nil();
        self.relations_by_application
            .range((id, nil)..)
            .take_while(move |(application, _)| *application == id)
            .filter_map(|(_, relation)| self.relations.get(relation))
    }

    /// A unit's membership and settings in a relation.
    #[must_use]
    pub fn relation_unit(&self, relation: RelationId, unit: UnitId) -> Option<&RelationUnit> {
        self.relation_units.get(&(relation, unit))
    }

    /// All members of a relation, those that left among them.
    pub fn relation_units(&self, id: RelationId) -> impl Iterator<Item = &RelationUnit> {
        self.relation_units
            .range((id, UnitId::nil())..)
            .take_while(move |((relation, _), _)| *relation == id)
            .map(|(_, row)| row)
    }

    /// An application's settings in a relation.
    #[must_use]
    pub fn relation_application(
        &self,
        relation: RelationId,
        application: ApplicationId,
    ) -> Option<&RelationApplication> {
        self.relation_applications.get(&(relation, application))
    }

    /// All applications' settings in a relation.
    pub fn relation_applications(
        &self,
        id: RelationId,
    ) -> impl Iterator<Item = &RelationApplication> {
        self.relation_applications
            .range((id, ApplicationId::nil())..)
            .take_while(move |((relation, _), _)| *relation == id)
            .map(|(_, row)| row)
    }

    /// What a unit has done in a relation.
    #[must_use]
    pub fn relation_seen(&self, unit: UnitId, relation: RelationId) -> Option<&RelationSeen> {
        self.relation_seen.get(&(unit, relation))
    }

    /// What a unit has done about a remote unit.
    #[must_use]
    pub fn remote_seen(
        &self,
        unit: UnitId,
        relation: RelationId,
        remote: UnitId,
    ) -> Option<&RemoteSeen> {
        self.remote_seen.get(&(unit, relation, remote))
    }

    /// The remote units that a unit has joined in a relation.
    pub fn remotes_seen(
        &self,
        unit: UnitId,
        relation: RelationId,
    ) -> impl Iterator<Item = &RemoteSeen> {
        self.remote_seen
            .range((unit, relation, UnitId::nil())..)
            .take_while(move |((of, within, _), _)| *of == unit && *within == relation)
            .map(|(_, row)| row)
    }

    /// The storage.
    #[must_use]
    pub fn storages(&self) -> &Storages {
        &self.storages
    }

    /// The number of the next storage instance: higher than all that exist,
    /// and than those of disks that the ledger remembers.
    #[must_use]
    pub fn next_storage(&self) -> u32 {
        let disks = self
            .effects
            .values()
            .filter_map(|effect| match &effect.spec {
                EffectSpec::Disk { number, .. } => Some(*number),
                _ => None,
            });
        let instances = self.storages.all().map(|row| row.name.number());
        disks.chain(instances).max().map_or(0, |last| last + 1)
    }

    /// A row of the ledger.
    #[must_use]
    pub fn effect(&self, id: EffectId) -> Option<&Effect> {
        self.effects.get(&id)
    }

    /// The ledger.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.effects.values()
    }

    /// The rows of the ledger that belong to a machine.
    pub fn effects_of(&self, id: MachineId) -> impl Iterator<Item = &Effect> {
        self.effects_by_machine
            .range((id, EffectId::nil())..)
            .take_while(move |(machine, _)| *machine == id)
            .filter_map(|(_, effect)| self.effects.get(effect))
    }

    /// A status.
    #[must_use]
    pub fn status(&self, key: StatusKey) -> Option<&Status> {
        self.statuses.get(&key)
    }

    /// All statuses.
    pub fn statuses(&self) -> impl Iterator<Item = (&StatusKey, &Status)> {
        self.statuses.iter()
    }

    /// A task that has not ended.
    #[must_use]
    pub fn task(&self, number: u64) -> Option<&Task> {
        self.tasks.get(&number)
    }

    /// All tasks that have not ended, in the order in which they were asked
    /// for.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// The tasks of a unit that have not ended, in order.
    pub fn tasks_of(&self, id: UnitId) -> impl Iterator<Item = &Task> {
        self.tasks_by_unit
            .range((id, 0)..=(id, u64::MAX))
            .filter_map(|(_, number)| self.tasks.get(number))
    }

    /// The tasks of a machine itself that have not ended, in order; not those
    /// of its units.
    pub fn tasks_on(&self, id: MachineId) -> impl Iterator<Item = &Task> {
        self.tasks_by_machine
            .range((id, 0)..=(id, u64::MAX))
            .filter_map(|(_, number)| self.tasks.get(number))
    }
}

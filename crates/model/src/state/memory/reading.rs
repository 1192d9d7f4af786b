//! Reading a model in memory: rows by their keys, and by what they belong to.

use super::ModelState;
use crate::id::{ApplicationId, CharmId, EffectId, MachineId, RelationId, UnitId};
use crate::state::{
    Application, CharmRevision, CharmSource, CharmState, Effect, EffectSpec, Leader, Machine,
    MachineState, Model, OpenedPort, Relation, RelationApplication, RelationSeen, RelationUnit,
    RemoteSeen, Resource, Row, RowKey, Storages, Task, Unit, UnitResources, UnitState,
};
use crate::status::{Status, StatusKey};

impl ModelState {
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

    /// The rows of the ledger of which the cloud had none to give.
    pub fn short_of_capacity(&self) -> impl Iterator<Item = &Effect> {
        self.effects_short
            .iter()
            .filter_map(|effect| self.effects.get(effect))
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

//! Which subjects a change of a row can touch.

use std::collections::BTreeSet;

use lazuli_model::id::{ApplicationId, CharmId, MachineId, RelationId, StorageInstanceId, UnitId};
use lazuli_model::secret::SecretId;
use lazuli_model::state::{Change, EffectSpec, ModelState, Row, RowKey, SecretOwner};
use lazuli_model::status::StatusKey;

use crate::types::Subject;

/// All subjects of a model.
#[must_use]
pub fn subjects(state: &ModelState) -> BTreeSet<Subject> {
    let mut all = BTreeSet::from([Subject::Model]);
    all.extend(state.applications().map(|row| Subject::Application(row.id)));
    all.extend(state.relations().map(|row| Subject::Relation(row.id)));
    all.extend(state.machines().map(|row| Subject::Machine(row.id)));
    all.extend(state.storages().all().map(|row| Subject::Storage(row.id)));
    all.extend(state.units().map(|row| Subject::Unit(row.id)));
    all.extend(state.tasks().map(|row| Subject::Task(row.number)));
    all
}

/// The subjects whose plan a change can alter: `after` has it applied,
/// `before` is the row as it was. The cost follows the change: a unit's own
/// progress touches that unit, its settings those who read them.
#[must_use]
pub fn affected(after: &ModelState, change: &Change, before: Option<&Row>) -> BTreeSet<Subject> {
    let mut touched = Touched {
        state: after,
        subjects: BTreeSet::new(),
    };
    match change.key() {
        // The model is gone: nothing is left to plan.
        RowKey::Model if matches!(change, Change::Delete(_)) => {}
        RowKey::Model => touched.subjects = subjects(after),
        RowKey::Charm(id) => touched.charm(id),
        RowKey::Application(id) | RowKey::Leader(id) => touched.application(id),
        RowKey::Machine(id) | RowKey::MachineState(id) => touched.machine(id),
        RowKey::Unit(id) => touched.unit(id, before),
        RowKey::UnitState(id) => {
            touched.unit_alone(id);
            touched.left_charm(id, before);
        }
        RowKey::UnitResources(id) => touched.add(Subject::Unit(id)),
        RowKey::CharmSource(id) | RowKey::Resource(id, _) => {
            touched.add(Subject::Application(id));
            touched.units_of(id);
        }
        RowKey::Task(number) => touched.task(number, before),
        // No plan depends on what a charm keeps.
        RowKey::Operation(_) | RowKey::TaskLog(..) | RowKey::CharmState(_) => {}
        RowKey::OpenedPort(_) => touched.add(Subject::Model),
        RowKey::Relation(id) => touched.relation(id, before),
        RowKey::RelationUnit(id, _) | RowKey::RelationApplication(id, _) => {
            touched.relation(id, None);
        }
        RowKey::RelationSeen(unit, relation) | RowKey::RemoteSeen(unit, relation, _) => {
            touched.unit_alone(unit);
            touched.add(Subject::Relation(relation));
        }
        RowKey::Storage(id) | RowKey::StorageState(id) => touched.storage(id, before),
        RowKey::Effect(id) => {
            touched.add(Subject::Model);
            let row = after.effect(id).or(match before {
                Some(Row::Effect(row)) => Some(row),
                _ => None,
            });
            if let Some(EffectSpec::Disk { storage, .. }) = row.map(|row| &row.spec) {
                touched.add(Subject::Storage(*storage));
                return touched.subjects;
            }
            match row.and_then(|row| row.machine) {
                Some(machine) => touched.machine(machine),
                // What the model shares: its machines wait for it.
                None => touched.machines(),
            }
        }
        RowKey::Secret(id) | RowKey::SecretRevision(id, _) => touched.secret(id, before),
        RowKey::SecretConsumer(unit, id) => {
            touched.add(Subject::Unit(unit));
            touched.owner(id, None);
        }
        RowKey::Status(key) => touched.add(match key {
            StatusKey::Model => Subject::Model,
            StatusKey::Application(id) => Subject::Application(id),
            StatusKey::Workload(id) | StatusKey::Agent(id) => Subject::Unit(id),
            StatusKey::Machine(id) | StatusKey::Instance(id) => Subject::Machine(id),
        }),
    }
    touched.subjects
}

struct Touched<'a> {
    state: &'a ModelState,
    subjects: BTreeSet<Subject>,
}

impl Touched<'_> {
    fn add(&mut self, subject: Subject) {
        self.subjects.insert(subject);
    }

    fn units_of(&mut self, application: ApplicationId) {
        for unit in self.state.units_of(application) {
            self.unit_alone(unit.id);
        }
    }

    /// A unit, and its tasks, which wait for some of its hooks.
    fn unit_alone(&mut self, id: UnitId) {
        self.add(Subject::Unit(id));
        let tasks = self.state.tasks_of(id);
        self.subjects
            .extend(tasks.map(|task| Subject::Task(task.number)));
    }

    /// Whoever takes turns on a machine.
    fn turns(&mut self, id: MachineId) {
        for unit in self.state.units_on(id) {
            self.unit_alone(unit.id);
        }
        let tasks = self.state.tasks_on(id);
        self.subjects
            .extend(tasks.map(|task| Subject::Task(task.number)));
    }

    /// Its unit, which does one thing at a time, and whoever waits for the
    /// machine.
    fn task(&mut self, number: u64, before: Option<&Row>) {
        self.add(Subject::Task(number));
        let old = match before {
            Some(Row::Task(row)) => Some(row),
            _ => None,
        };
        for row in self.state.task(number).into_iter().chain(old) {
            let unit = row.receiver.unit().and_then(|id| self.state.unit(id));
            if let Some(unit) = unit {
                self.add(Subject::Application(unit.application));
            }
            if let Some(machine) = unit.map(|unit| unit.machine).or(row.receiver.machine()) {
                self.turns(machine);
            }
        }
    }

    /// Its units (leadership, config, charm), their machines (what is exposed
    /// has an address), its relations (which end with it), the firewall.
    fn application(&mut self, id: ApplicationId) {
        self.add(Subject::Model);
        self.add(Subject::Application(id));
        self.units_of(id);
        let machines = self.state.units_of(id).map(|unit| unit.machine);
        self.subjects.extend(machines.map(Subject::Machine));
        let relations = self.state.relations_of(id);
        self.subjects
            .extend(relations.map(|relation| Subject::Relation(relation.id)));
    }

    /// A charm that nobody has any more goes.
    fn left_charm(&mut self, id: UnitId, before: Option<&Row>) {
        let old = match before {
            Some(Row::UnitState(row)) => row.charm,
            _ => None,
        };
        if old.is_some() && old != self.state.unit_state(id).and_then(|row| row.charm) {
            self.add(Subject::Model);
        }
    }

    /// Whoever has it, or is to have it.
    fn charm(&mut self, id: CharmId) {
        self.add(Subject::Model);
        let applications = self.state.applications();
        let users: Vec<_> = applications.filter(|row| row.charm == id).collect();
        for row in users {
            self.units_of(row.id);
        }
    }

    fn machines(&mut self) {
        let machines = self.state.machines();
        self.subjects
            .extend(machines.map(|row| Subject::Machine(row.id)));
    }

    /// Its units wait for it and lead by it; the model's network and firewall
    /// depend on what machines there are.
    fn machine(&mut self, id: MachineId) {
        self.add(Subject::Model);
        self.add(Subject::Machine(id));
        self.turns(id);
        for unit in self.state.units_on(id) {
            self.subjects.insert(Subject::Application(unit.application));
            self.storages_of(unit.id);
        }
        let storages = self.state.storages().on_machine(id);
        self.subjects
            .extend(storages.map(|known| Subject::Storage(known.storage)));
    }

    fn unit(&mut self, id: UnitId, before: Option<&Row>) {
        let old = match before {
            Some(Row::Unit(row)) => Some(row),
            _ => None,
        };
        self.unit_alone(id);
        self.storages_of(id);
        for row in self.state.unit(id).into_iter().chain(old) {
            self.application(row.application);
            self.machine(row.machine);
        }
    }

    /// Who reads it hears of what is new, and its owner of what is not read.
    fn secret(&mut self, id: SecretId, before: Option<&Row>) {
        self.owner(id, before);
        let readers = self.state.readers_of(id);
        self.subjects
            .extend(readers.map(|row| Subject::Unit(row.unit)));
    }

    fn owner(&mut self, id: SecretId, before: Option<&Row>) {
        let old = match before {
            Some(Row::Secret(row)) => Some(row),
            _ => None,
        };
        for row in self.state.secret(id).into_iter().chain(old) {
            match row.owner {
                SecretOwner::Model => self.add(Subject::Model),
                SecretOwner::Unit(unit) => self.add(Subject::Unit(unit)),
                SecretOwner::Application(application) => {
                    self.add(Subject::Application(application));
                    // The hooks of its secrets are its leader's alone.
                    let leader = self.state.leader(application).and_then(|row| row.unit);
                    self.subjects.extend(leader.map(Subject::Unit));
                }
            }
        }
    }

    fn storages_of(&mut self, id: UnitId) {
        let storages = self.state.storages().of_unit(id);
        self.subjects
            .extend(storages.into_iter().map(|row| Subject::Storage(row.id)));
    }

    /// Its unit, and the machine that has its disk, as they are and were.
    fn storage(&mut self, id: StorageInstanceId, before: Option<&Row>) {
        self.add(Subject::Model);
        self.add(Subject::Storage(id));
        let storages = self.state.storages();
        let (old_unit, old) = match before {
            Some(Row::Storage(row)) => (row.unit, None),
            Some(Row::StorageState(row)) => (row.unit, Some(row)),
            _ => (None, None),
        };
        let units = storages.get(id).and_then(|row| row.unit).into_iter();
        self.subjects
            .extend(units.chain(old_unit).map(Subject::Unit));
        for known in storages.state(id).into_iter().chain(old) {
            self.subjects.extend(known.unit.map(Subject::Unit));
            self.subjects.extend(known.machine.map(Subject::Machine));
        }
    }

    /// Both ends hear of whatever happens in a relation.
    fn relation(&mut self, id: RelationId, before: Option<&Row>) {
        self.add(Subject::Relation(id));
        let old = match before {
            Some(Row::Relation(row)) => Some(row),
            _ => None,
        };
        for row in self.state.relation(id).into_iter().chain(old) {
            for end in &row.endpoints {
                self.subjects.insert(Subject::Application(end.application));
                self.units_of(end.application);
            }
        }
    }
}

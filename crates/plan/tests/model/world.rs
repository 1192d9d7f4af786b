//! A model that is played: decisions are applied, calls succeed at once, hooks
//! run as scripted. Only what a change touches is planned again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::constraints::Constraints;
use lazuli_model::hook::Hook;
use lazuli_model::id::{
    ApplicationId, CharmId, ControllerId, EffectId, GenericUuid, MachineId, ModelId, RelationId,
    UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Application, Change, CharmRevision, Effect, EffectSpec, EffectState, Endpoint, EndpointRole,
    Machine, MachineFacts, MachineSource, MachineState, Model, ModelState, Relation, Row, Task,
    Unit,
};
use lazuli_plan::{
    Action, Ended, Exit, HookWrite, InFlight, Inputs, Levels, Running, Subject, SubjectPlan,
    affected, commit_outcome, plan_subject, subjects,
};
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

pub(crate) fn charm() -> Charm {
    let mut files = MapFiles::new().file(
        "metadata.yaml",
        "name: all\nsummary: s\ndescription: d\nseries: [noble]\nprovides:\n  site: http\n\
         requires:\n  back: http\npeers:\n  ring: ring\n",
    );
    for hook in [
        "install",
        "config-changed",
        "start",
        "stop",
        "remove",
        "leader-elected",
        "secret-changed",
        "secret-rotate",
        "secret-expired",
        "secret-remove",
    ] {
        files = files.executable(&format!("hooks/{hook}"), "#!/bin/sh\n");
    }
    for end in ["site", "back", "ring"] {
        for kind in ["created", "joined", "changed", "departed", "broken"] {
            files = files.executable(&format!("hooks/{end}-relation-{kind}"), "#!/bin/sh\n");
        }
    }
    Charm::parse(&files, "all").expect("a charm")
}

/// A subordinate with hooks for what it is beside.
fn subordinate_charm() -> Charm {
    let mut files = MapFiles::new().file(
        "metadata.yaml",
        "name: side\nsummary: s\ndescription: d\nseries: [noble]\nsubordinate: true\n\
         requires:\n  host: {interface: juju-info, scope: container}\n\
         \x20 mate: {interface: side, scope: container}\n\
         provides:\n  mated: {interface: side, scope: container}\npeers:\n  ring: ring\n",
    );
    for hook in ["install", "config-changed", "start", "stop", "remove"] {
        files = files.executable(&format!("hooks/{hook}"), "#!/bin/sh\n");
    }
    for end in ["host", "mate", "mated"] {
        for kind in ["created", "joined", "changed", "departed", "broken"] {
            files = files.executable(&format!("hooks/{end}-relation-{kind}"), "#!/bin/sh\n");
        }
    }
    Charm::parse(&files, "side").expect("a charm")
}

/// A charm that is also told of time passing, and of its own revisions.
fn busy_charm() -> Charm {
    let mut files = MapFiles::new().file(
        "metadata.yaml",
        "name: busy\nsummary: s\ndescription: d\nseries: [noble]\n",
    );
    for hook in [
        "install",
        "config-changed",
        "start",
        "update-status",
        "upgrade-charm",
    ] {
        files = files.executable(&format!("hooks/{hook}"), "#!/bin/sh\n");
    }
    Charm::parse(&files, "busy").expect("a charm")
}

/// A model, and what is done about it.
pub(crate) struct World {
    pub(crate) state: ModelState,
    pub(crate) now: OffsetDateTime,
    pub(crate) dirty: BTreeSet<Subject>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) next: u128,
    /// Hooks that ran, by unit.
    pub(crate) ran: BTreeMap<String, Vec<String>>,
    /// All units that ever ran a hook.
    pub(crate) names_ever: BTreeSet<(UnitId, String)>,
    /// Who ran what, and whether it succeeded.
    pub(crate) history: BTreeMap<String, Vec<(Hook, bool)>>,
    /// Hooks that fail, so many times each.
    pub(crate) failing: BTreeMap<String, u32>,
    pub(crate) flight: InFlight,
    /// Hooks that do not end by themselves.
    pub(crate) endless: BTreeSet<String>,
    /// Nor when they are told to.
    pub(crate) deaf: bool,
    /// What hooks write, once each.
    pub(crate) writes: BTreeMap<String, Vec<HookWrite>>,
    /// Tasks that ended, as the database has them.
    pub(crate) ended: BTreeMap<u64, Task>,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        let state = ModelState::new(Model {
            spaces: BTreeMap::new(),
            id: id::<ModelId>(1),
            name: "m".parse().expect("a name"),
            owner: "admin".parse().expect("a name"),
            controller: id::<ControllerId>(2),
            cloud: "azure".to_owned(),
            region: "westeurope".to_owned(),
            address_range: "10.64.0.0/18".to_owned(),
            config: BTreeMap::new(),
            constraints: Constraints::default(),
            ssh_key: String::new(),
            authorized_keys: Vec::new(),
            storage_pools: BTreeMap::new(),
            life: Life::Alive,
            force: false,
            created_at: now,
        });
        let mut world = Self {
            dirty: subjects(&state),
            state,
            now,
            offers: vec![Offer {
                interfaces: 4,
                size: "Standard_B2s".to_owned(),
                arch: "amd64".to_owned(),
                cores: 2,
                mem: 4096,
                zones: Vec::new(),
                price_micros: None,
                family: String::new(),
                limits: Vec::new(),
            }],
            next: 100,
            ran: BTreeMap::new(),
            names_ever: BTreeSet::new(),
            history: BTreeMap::new(),
            failing: BTreeMap::new(),
            flight: InFlight::default(),
            endless: BTreeSet::new(),
            deaf: false,
            writes: BTreeMap::new(),
            ended: BTreeMap::new(),
        };
        world.put(Row::Charm(CharmRevision {
            id: id::<CharmId>(3),
            url: "local:all-0".to_owned(),
            name: "all".to_owned(),
            revision: 0,
            sha256: String::new(),
            charm: Arc::new(charm()),
        }));
        world.put(Row::Charm(CharmRevision {
            id: id::<CharmId>(4),
            url: "local:side-0".to_owned(),
            name: "side".to_owned(),
            revision: 0,
            sha256: String::new(),
            charm: Arc::new(subordinate_charm()),
        }));
        for revision in 0..2 {
            world.put(Row::Charm(CharmRevision {
                id: id::<CharmId>(5 + u128::from(revision)),
                url: format!("local:busy-{revision}"),
                name: "busy".to_owned(),
                revision,
                sha256: String::new(),
                charm: Arc::new(busy_charm()),
            }));
        }
        world
    }

    pub(crate) fn apply(&mut self, change: Change) {
        if let Change::Put(Row::Task(task)) = &change
            && task.status.is_final()
        {
            self.flight.tasks.remove(&task.number);
            let first = self.ended.insert(task.number, task.clone());
            assert_eq!(first, None, "a task ends once");
        }
        let before = self.state.row(&change.key());
        self.state.apply(change.clone());
        self.dirty
            .extend(affected(&self.state, &change, before.as_ref()));
    }

    pub(crate) fn put(&mut self, row: Row) {
        self.apply(Change::Put(row));
    }

    pub(crate) fn fresh<T: GenericUuid>(&mut self) -> T {
        self.next += 1;
        id(self.next)
    }

    pub(crate) fn plan(&self, subject: Subject) -> SubjectPlan {
        let inputs = Inputs {
            state: &self.state,
            flight: &self.flight,
            offers: &self.offers,
            now: self.now,
        };
        plan_subject(inputs, subject)
    }

    /// Plans what is dirty, and does what it says, until nothing is.
    pub(crate) fn settle(&mut self) {
        let mut rounds = 0;
        while let Some(subject) = self.dirty.pop_first() {
            rounds += 1;
            assert!(
                rounds < 20_000,
                "it does not settle: {:?}",
                self.plan(subject)
            );
            let plan = self.plan(subject);
            if plan.decisions.is_empty() {
                // One at a time: what it brings may change all the rest.
                if let Some(action) = plan.actions.first() {
                    self.act(action);
                    self.dirty.insert(subject);
                }
            } else {
                for change in plan.decisions {
                    self.apply(change);
                }
                self.dirty.insert(subject);
            }
        }
    }

    /// Planning everything anew finds nothing that planning the touched missed.
    pub(crate) fn assert_settled(&self) {
        for subject in subjects(&self.state) {
            let plan = self.plan(subject);
            assert_eq!(plan.decisions, [], "{subject:?}");
            assert_eq!(plan.actions, [], "{subject:?}");
        }
    }

    pub(crate) fn act(&mut self, action: &Action) {
        match action {
            Action::Ensure { effect } => self.finish(*effect, EffectState::Present),
            Action::Remove { effect } => self.finish(*effect, EffectState::Gone),
            Action::Boot { machine } => self.boot(*machine, "boot-1"),
            Action::RunHook { unit, seq, levels } => self.run(*unit, *seq, levels),
            Action::KillHook { unit, seq, .. } => self.kill(*unit, *seq),
            Action::RunTask { task } => self.run_task(*task),
            Action::KillTask { task, .. } => self.kill_task(*task),
            Action::Poll { effect } => {
                self.flight.doubted.remove(effect);
            }
        }
    }

    pub(crate) fn finish(&mut self, effect: EffectId, state: EffectState) {
        let row = self.state.effect(effect).expect("a row").clone();
        if let (EffectSpec::VirtualMachine(_), Some(machine)) = (&row.spec, row.machine)
            && state == EffectState::Present
            && let Some(known) = self.state.machine_state(machine).cloned()
        {
            self.put(Row::MachineState(MachineState {
                address: Some([10, 64, 0, 4].into()),
                ..known
            }));
        }
        self.put(Row::Effect(Effect {
            cloud_id: Some(row.name.clone()),
            state,
            ..row
        }));
    }

    pub(crate) fn boot(&mut self, machine: MachineId, boot_id: &str) {
        let known = self.state.machine_state(machine).expect("a row").clone();
        self.put(Row::MachineState(MachineState {
            facts: Some(MachineFacts {
                hostname: "h".to_owned(),
                arch: "amd64".to_owned(),
                cores: 2,
                mem: 4096,
                os: "ubuntu".to_owned(),
                os_version: "24.04".to_owned(),
                boot_id: boot_id.to_owned(),
                machine_id: "i".to_owned(),
            }),
            ..known
        }));
    }

    pub(crate) fn run(&mut self, unit: UnitId, seq: u64, levels: &Levels) {
        let name = self.state.unit(unit).expect("a unit").name.to_string();
        let hook = self.name_of(unit, levels);
        self.ran.entry(name.clone()).or_default().push(hook.clone());
        if self.endless.contains(&hook) {
            let running = Running {
                seq,
                hook: levels.hook.clone(),
                since: self.now,
                ending: None,
            };
            self.flight.hooks.insert(unit, running);
            return;
        }
        let left = self
            .failing
            .get_mut(hook.split(' ').next().expect("a word"));
        let fails = left.is_some_and(|left| {
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        });
        self.names_ever.insert((unit, name.clone()));
        let history = self.history.entry(name).or_default();
        history.push((levels.hook.clone(), !fails));
        let relation = self
            .state
            .relations_of(self.state.unit(unit).expect("a unit").application)
            .map(|relation| relation.number)
            .next();
        let writes = relation
            .filter(|_| hook.contains("-joined"))
            .map(|relation| HookWrite::RelationSet {
                relation,
                application: false,
                settings: BTreeMap::from([("k".to_owned(), Some(seq.to_string()))]),
            });
        let ended = Ended {
            unit,
            seq,
            levels: levels.clone(),
            exit: if fails {
                Exit::Failed {
                    reason: "exit status 1".to_owned(),
                }
            } else {
                Exit::Success
            },
            writes: writes
                .into_iter()
                .chain(self.writes.remove(&hook).unwrap_or_default())
                .collect(),
        };
        let changes = commit_outcome(&self.state, &ended, self.now);
        assert_ne!(changes, [], "an outcome changes something");
        for change in changes {
            self.apply(change);
        }
        let again = commit_outcome(&self.state, &ended, self.now);
        assert_eq!(again, [], "an outcome counts once");
    }

    /// A hook of a unit ends with these writes; what its outcome says.
    pub(crate) fn did(&mut self, name: &str, writes: Vec<HookWrite>) -> Option<String> {
        let unit = self.unit(name).id;
        let done = self.state.unit_state(unit).expect("a row").clone();
        let ended = Ended {
            unit,
            seq: done.hook_seq + 1,
            levels: Levels {
                hook: Hook::UpdateStatus,
                charm: id(3),
                config: None,
                leader_version: 0,
                remote_version: 0,
                app_version: 0,
                boot: None,
                resources: None,
            },
            exit: Exit::Success,
            writes,
        };
        for change in commit_outcome(&self.state, &ended, self.now) {
            self.apply(change);
        }
        let error = self.state.unit_state(unit).expect("a row").error.clone();
        error.map(|error| error.reason)
    }

    pub(crate) fn kill(&mut self, unit: UnitId, seq: u64) {
        if self.deaf {
            let running = self.flight.hooks.get_mut(&unit).expect("a hook");
            running.ending.get_or_insert(self.now);
            return;
        }
        let running = self.flight.hooks.remove(&unit).expect("a hook");
        // Whoever waits for its machine goes on.
        let machine = self.state.unit(unit).expect("a unit").machine;
        let beside = self.state.units_on(machine);
        self.dirty.extend(beside.map(|unit| Subject::Unit(unit.id)));
        let levels = Levels {
            hook: running.hook,
            charm: id(3),
            config: None,
            leader_version: 0,
            remote_version: 0,
            app_version: 0,
            boot: None,
            resources: None,
        };
        let ended = Ended {
            unit,
            seq,
            levels,
            exit: Exit::Failed {
                reason: "it was ended".to_owned(),
            },
            writes: Vec::new(),
        };
        for change in commit_outcome(&self.state, &ended, self.now) {
            self.apply(change);
        }
    }

    /// Lets time pass to when the first plans ask to be made again, and makes
    /// those alone.
    pub(crate) fn wait(&mut self) {
        let wakes: Vec<_> = subjects(&self.state)
            .into_iter()
            .filter_map(|subject| Some((self.plan(subject).wake_at?, subject)))
            .collect();
        let at = wakes.iter().map(|(at, _)| *at).min();
        let at = at.expect("something waits for a time");
        assert!(at > self.now, "a wake in the past: {wakes:?}");
        self.now = at;
        let due = wakes.into_iter().filter(|(wake, _)| *wake == at);
        self.dirty.extend(due.map(|(_, subject)| subject));
        self.settle();
    }

    pub(crate) fn name_of(&self, unit: UnitId, levels: &Levels) -> String {
        if let Hook::Secret(hook) = &levels.hook {
            return format!("{} {}", levels.hook.name(""), hook.revision);
        }
        if let Hook::Storage(hook) = &levels.hook {
            let storage = self.state.storages().get(hook.storage).expect("storage");
            return levels.hook.name(storage.name.storage().as_str());
        }
        let Hook::Relation(hook) = &levels.hook else {
            return levels.hook.name("");
        };
        let relation = self.state.relation(hook.relation).expect("a relation");
        let application = self.state.unit(unit).expect("a unit").application;
        let name = levels
            .hook
            .name(relation.local(application).expect("an end").name.as_str());
        match hook
            .remote
            .and_then(|id| self.state.relation_unit(hook.relation, id))
        {
            Some(remote) => format!("{name} {}", remote.name),
            None => name,
        }
    }

    pub(crate) fn deploy(&mut self, name: &str, units: u32) -> ApplicationId {
        let application = self.deploy_charm(name, id(3));
        for _ in 0..units {
            self.add_unit(application);
        }
        application
    }

    pub(crate) fn deploy_subordinate(&mut self, name: &str) -> ApplicationId {
        self.deploy_charm(name, id(4))
    }

    pub(crate) fn deploy_charm(&mut self, name: &str, charm: CharmId) -> ApplicationId {
        let application: ApplicationId = self.fresh();
        self.put(Row::Application(Application {
            bindings: BTreeMap::new(),
            id: application,
            name: name.parse().expect("a name"),
            charm,
            base: "ubuntu@24.04".parse().expect("a base"),
            constraints: Constraints::default(),
            config: BTreeMap::default(),
            exposed: None,
            trust: false,
            life: Life::Alive,
            force: false,
            storage: BTreeMap::new(),
            next_unit: 0,
            created_at: self.now,
        }));
        let number = self.fresh::<RelationId>();
        self.put(Row::Relation(Relation {
            id: number,
            number: u64::try_from(self.next).expect("a number"),
            endpoints: vec![end(application, "ring", EndpointRole::Peer)],
            life: Life::Alive,
            force: false,
            created_at: self.now,
        }));
        application
    }

    pub(crate) fn add_unit(&mut self, application: ApplicationId) {
        let mut row = self.state.application(application).expect("a row").clone();
        let number = row.next_unit;
        row.next_unit += 1;
        let machine = Machine {
            spaces: Vec::new(),
            id: self.fresh::<MachineId>(),
            name: self.next.to_string().parse().expect("a name"),
            base: row.base.clone(),
            constraints: Constraints::default(),
            source: MachineSource::Cloud { zone: None },
            life: Life::Alive,
            force: false,
            for_unit: true,
            created_at: self.now,
        };
        let unit = Unit {
            id: self.fresh(),
            name: format!("{}/{number}", row.name).parse().expect("a name"),
            application,
            machine: machine.id,
            principal: None,
            life: Life::Alive,
            force: false,
            resolve: None,
            created_at: self.now,
        };
        self.put(Row::Application(row));
        self.put(Row::Machine(machine));
        self.put(Row::Unit(unit));
    }

    pub(crate) fn relate(
        &mut self,
        provider: ApplicationId,
        requirer: ApplicationId,
    ) -> RelationId {
        let relation = self.fresh();
        self.put(Row::Relation(Relation {
            id: relation,
            number: 0,
            endpoints: vec![
                end(provider, "site", EndpointRole::Provider),
                end(requirer, "back", EndpointRole::Requirer),
            ],
            life: Life::Alive,
            force: false,
            created_at: self.now,
        }));
        relation
    }

    /// Relates two ends that hold within a machine.
    pub(crate) fn attach(
        &mut self,
        (provider, provides): (ApplicationId, &str),
        (requirer, requires): (ApplicationId, &str),
    ) -> RelationId {
        let relation = self.fresh();
        let mut endpoints = vec![
            end(provider, provides, EndpointRole::Provider),
            end(requirer, requires, EndpointRole::Requirer),
        ];
        for end in &mut endpoints {
            end.container_scoped = true;
        }
        self.put(Row::Relation(Relation {
            id: relation,
            number: u64::try_from(self.next).expect("a number"),
            endpoints,
            life: Life::Alive,
            force: false,
            created_at: self.now,
        }));
        relation
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.state.units().map(|unit| unit.name.clone()).collect();
        names.sort();
        names.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn unit(&self, name: &str) -> Unit {
        let found = self
            .state
            .units()
            .find(|unit| unit.name.to_string() == name);
        found.expect("a unit").clone()
    }

    pub(crate) fn kill_unit(&mut self, name: &str) {
        let unit = self.unit(name);
        self.put(Row::Unit(Unit {
            life: Life::Dying,
            ..unit
        }));
    }

    pub(crate) fn kill_relation(&mut self, relation: RelationId) {
        if let Some(row) = self.state.relation(relation).cloned() {
            self.put(Row::Relation(Relation {
                life: Life::Dying,
                ..row
            }));
        }
    }

    pub(crate) fn hooks(&mut self, unit: &str) -> Vec<String> {
        self.ran.remove(unit).unwrap_or_default()
    }
}

pub(crate) fn end(application: ApplicationId, name: &str, role: EndpointRole) -> Endpoint {
    Endpoint {
        application,
        name: name.parse().expect("a name"),
        interface: "http".to_owned(),
        role,
        container_scoped: false,
    }
}

//! Whole models, played: decisions are applied, calls succeed at once, hooks
//! run as scripted. Only what a change touches is planned again; every
//! scenario ends with a full plan that has nothing to do, so whatever
//! `affected` forgot shows.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{
    ApplicationId, CharmId, ControllerId, EffectId, GenericUuid, MachineId, ModelId, RelationId,
    UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Application, Change, CharmRevision, Effect, EffectSpec, EffectState, Endpoint, EndpointRole,
    Machine, MachineFacts, MachineSource, MachineState, Model, ModelState, Relation, Resolve, Row,
    RowKey, Unit,
};
use lazuli_plan::{
    Action, Ended, Exit, HookWrite, InFlight, Inputs, Levels, Subject, SubjectPlan, affected,
    commit_outcome, plan_subject, subjects,
};
use proptest::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

fn charm() -> Charm {
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

struct World {
    state: ModelState,
    now: OffsetDateTime,
    dirty: BTreeSet<Subject>,
    offers: Vec<Offer>,
    next: u128,
    /// Hooks that ran, by unit.
    ran: BTreeMap<String, Vec<String>>,
    /// Hooks that fail, so many times each.
    failing: BTreeMap<String, u32>,
}

impl World {
    fn new() -> Self {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        let state = ModelState::new(Model {
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
            life: Life::Alive,
            force: false,
            created_at: now,
        });
        let mut world = Self {
            dirty: subjects(&state),
            state,
            now,
            offers: vec![Offer {
                size: "Standard_B2s".to_owned(),
                arch: "amd64".to_owned(),
                cores: 2,
                mem: 4096,
                price_micros: None,
                family: String::new(),
            }],
            next: 100,
            ran: BTreeMap::new(),
            failing: BTreeMap::new(),
        };
        world.put(Row::Charm(CharmRevision {
            id: id::<CharmId>(3),
            url: "local:all-0".to_owned(),
            name: "all".to_owned(),
            revision: 0,
            sha256: String::new(),
            charm: Arc::new(charm()),
        }));
        world
    }

    fn apply(&mut self, change: Change) {
        let before = self.state.row(&change.key());
        self.state.apply(change.clone());
        self.dirty
            .extend(affected(&self.state, &change, before.as_ref()));
    }

    fn put(&mut self, row: Row) {
        self.apply(Change::Put(row));
    }

    fn fresh<T: GenericUuid>(&mut self) -> T {
        self.next += 1;
        id(self.next)
    }

    fn plan(&self, subject: Subject) -> SubjectPlan {
        let flight = InFlight::default();
        let inputs = Inputs {
            state: &self.state,
            flight: &flight,
            offers: &self.offers,
            now: self.now,
        };
        plan_subject(inputs, subject)
    }

    /// Plans what is dirty, and does what it says, until nothing is.
    fn settle(&mut self) {
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
    fn assert_settled(&self) {
        for subject in subjects(&self.state) {
            let plan = self.plan(subject);
            assert_eq!(plan.decisions, [], "{subject:?}");
            assert_eq!(plan.actions, [], "{subject:?}");
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Ensure { effect } => self.finish(*effect, EffectState::Present),
            Action::Remove { effect } => self.finish(*effect, EffectState::Gone),
            Action::Boot { machine } => self.boot(*machine, "boot-1"),
            Action::RunHook { unit, seq, levels } => self.run(*unit, *seq, levels),
            Action::Poll { .. } | Action::KillHook { .. } => panic!("{action:?} is not expected"),
        }
    }

    fn finish(&mut self, effect: EffectId, state: EffectState) {
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

    fn boot(&mut self, machine: MachineId, boot_id: &str) {
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

    fn run(&mut self, unit: UnitId, seq: u64, levels: &Levels) {
        let name = self.state.unit(unit).expect("a unit").name.to_string();
        let hook = self.name_of(unit, levels);
        self.ran.entry(name).or_default().push(hook.clone());
        let left = self
            .failing
            .get_mut(hook.split(' ').next().expect("a word"));
        let fails = left.is_some_and(|left| {
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        });
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
            writes: writes.into_iter().collect(),
        };
        let changes = commit_outcome(&self.state, &ended, self.now);
        assert_ne!(changes, [], "an outcome changes something");
        for change in changes {
            self.apply(change);
        }
        let again = commit_outcome(&self.state, &ended, self.now);
        assert_eq!(again, [], "an outcome counts once");
    }

    fn name_of(&self, unit: UnitId, levels: &Levels) -> String {
        use lazuli_model::hook::Hook;
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

    fn deploy(&mut self, name: &str, units: u32) -> ApplicationId {
        let application: ApplicationId = self.fresh();
        self.put(Row::Application(Application {
            id: application,
            name: name.parse().expect("a name"),
            charm: id(3),
            base: "ubuntu@24.04".parse().expect("a base"),
            constraints: Constraints::default(),
            config: BTreeMap::default(),
            exposed: None,
            trust: false,
            life: Life::Alive,
            force: false,
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
        for _ in 0..units {
            self.add_unit(application);
        }
        application
    }

    fn add_unit(&mut self, application: ApplicationId) {
        let mut row = self.state.application(application).expect("a row").clone();
        let number = row.next_unit;
        row.next_unit += 1;
        let machine = Machine {
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

    fn relate(&mut self, provider: ApplicationId, requirer: ApplicationId) -> RelationId {
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

    fn unit(&self, name: &str) -> Unit {
        let found = self
            .state
            .units()
            .find(|unit| unit.name.to_string() == name);
        found.expect("a unit").clone()
    }

    fn kill_unit(&mut self, name: &str) {
        let unit = self.unit(name);
        self.put(Row::Unit(Unit {
            life: Life::Dying,
            ..unit
        }));
    }

    fn kill_relation(&mut self, relation: RelationId) {
        if let Some(row) = self.state.relation(relation).cloned() {
            self.put(Row::Relation(Relation {
                life: Life::Dying,
                ..row
            }));
        }
    }

    fn hooks(&mut self, unit: &str) -> Vec<String> {
        self.ran.remove(unit).unwrap_or_default()
    }
}

fn end(application: ApplicationId, name: &str, role: EndpointRole) -> Endpoint {
    Endpoint {
        application,
        name: name.parse().expect("a name"),
        interface: "http".to_owned(),
        role,
        container_scoped: false,
    }
}

#[test]
fn a_unit_starts_in_jujus_order() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0"),
        [
            "install",
            "ring-relation-created",
            "leader-elected",
            "config-changed",
            "start"
        ]
    );
}

#[test]
fn related_units_join_change_and_depart() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    world.settle();
    world.ran.clear();
    let relation = world.relate(web, proxy);
    world.settle();
    world.assert_settled();
    let hooks = world.hooks("web/0");
    assert_eq!(
        hooks[..3],
        [
            "site-relation-created",
            "site-relation-joined proxy/0",
            "site-relation-changed proxy/0"
        ]
    );
    assert!(
        hooks[3..]
            .iter()
            .all(|hook| hook == "site-relation-changed proxy/0")
    );
    world.ran.clear();
    world.kill_relation(relation);
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("proxy/0"),
        ["back-relation-departed web/0", "back-relation-broken"]
    );
    assert!(world.state.relation(relation).is_none());
}

#[test]
fn a_removed_unit_leaves_its_relations_stops_and_takes_its_machine_along() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let proxy = world.deploy("proxy", 1);
    world.relate(web, proxy);
    world.settle();
    world.ran.clear();
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0"),
        [
            "site-relation-departed proxy/0",
            "site-relation-broken",
            "ring-relation-departed web/1",
            "stop",
            "remove",
        ]
    );
    assert!(
        world
            .hooks("proxy/0")
            .contains(&"back-relation-departed web/0".to_owned())
    );
    assert!(
        world
            .hooks("web/1")
            .contains(&"ring-relation-departed web/0".to_owned())
    );
    assert_eq!(world.state.machines().count(), 2);
    let leader = world.state.leader(web).and_then(|leader| leader.unit);
    assert_eq!(leader, Some(world.unit("web/1").id));
}

#[test]
fn a_failed_hook_holds_up_the_rest_until_it_is_retried_or_skipped() {
    let mut world = World::new();
    world.failing.insert("config-changed".to_owned(), 2);
    world.deploy("web", 1);
    world.settle();
    world.assert_settled();
    let unit = world.unit("web/0");
    let error = world
        .state
        .unit_state(unit.id)
        .and_then(|done| done.error.clone());
    let error = error.expect("an error");
    assert_eq!(
        (error.attempts, error.reason.as_str()),
        (1, "exit status 1")
    );
    // In time it is tried again, and fails again.
    world.now = error.next_try.expect("a next try");
    world.dirty.insert(Subject::Unit(unit.id));
    world.settle();
    let attempts = |world: &World| {
        let done = world.state.unit_state(unit.id).expect("a state");
        done.error.as_ref().map(|error| error.attempts)
    };
    assert_eq!(attempts(&world), Some(2));
    world.put(Row::Unit(Unit {
        resolve: Some(Resolve {
            seq: 1,
            retry: false,
        }),
        ..unit.clone()
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(attempts(&world), None);
    assert_eq!(
        world.hooks("web/0").last().map(String::as_str),
        Some("start")
    );
}

#[test]
fn a_reboot_runs_start_again() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    let machine = world.unit("web/0").machine;
    world.boot(machine, "boot-2");
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["start"]);
}

#[test]
fn a_model_that_is_destroyed_goes() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let proxy = world.deploy("proxy", 1);
    let relation = world.relate(web, proxy);
    world.settle();
    for name in ["web/0", "web/1", "proxy/0"] {
        world.kill_unit(name);
    }
    for application in [web, proxy] {
        let row = world.state.application(application).expect("a row").clone();
        world.put(Row::Application(Application {
            life: Life::Dying,
            ..row
        }));
    }
    world.kill_relation(relation);
    let model = world.state.model().clone();
    world.put(Row::Model(Model {
        life: Life::Dying,
        ..model
    }));
    world.dirty.remove(&Subject::Model);
    while let Some(subject) = world.dirty.pop_first() {
        let plan = world.plan(subject);
        if plan.decisions == [Change::Delete(RowKey::Model)] {
            assert_eq!(world.state.applications().count(), 0);
            assert_eq!(world.state.machines().count(), 0);
            return;
        }
        let again = !plan.decisions.is_empty() || !plan.actions.is_empty();
        for change in plan.decisions.clone() {
            world.apply(change);
        }
        if plan.decisions.is_empty()
            && let Some(action) = plan.actions.first()
        {
            world.act(action);
        }
        if again {
            world.dirty.insert(subject);
        }
    }
    panic!("the model does not go: {:?}", world.plan(Subject::Model));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever users do, planning what was touched leaves nothing that
    /// planning everything would still find.
    #[test]
    fn planning_the_touched_equals_planning_all(steps in prop::collection::vec((0_u8..7, 0_usize..4), 1..24)) {
        let mut world = World::new();
        let web = world.deploy("web", 1);
        let proxy = world.deploy("proxy", 1);
        let mut relation = None;
        for (step, pick) in steps {
            let application = if pick % 2 == 0 { web } else { proxy };
            let units: Vec<_> = world.state.units().map(|unit| unit.name.to_string()).collect();
            match step {
                0 => world.add_unit(application),
                1 if units.len() > 1 => world.kill_unit(&units[pick % units.len()]),
                2 if relation.is_none() => relation = Some(world.relate(web, proxy)),
                3 => {
                    if let Some(id) = relation.take() {
                        world.kill_relation(id);
                    }
                }
                4 => drop(world.failing.insert("start".to_owned(), 1)),
                5 => {
                    let mut row = world.state.application(application).expect("a row").clone();
                    row.exposed = row.exposed.is_none().then(BTreeMap::new);
                    row.trust = !row.trust;
                    world.put(Row::Application(row));
                }
                _ => {}
            }
            if pick != 3 {
                world.settle();
                world.assert_settled();
            }
        }
        world.settle();
        world.assert_settled();
    }
}

//! Scenarios: a cloud played by hand. Each ends settled.

use std::collections::BTreeMap;

use lazuli_model::constraints::Constraints;
use lazuli_model::id::{
    ApplicationId, CharmId, ControllerId, EffectId, GenericUuid, MachineId, ModelId, UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Application, Change, Effect, EffectFailure, EffectSpec, EffectState, ExposeRule, FailureClass,
    Machine, MachineFacts, MachineSource, MachineState, Model, ModelState, OpenedPort, Row, RowKey,
    Unit,
};
use time::OffsetDateTime;
use uuid::Uuid;

mod drift;
mod limits;
mod placement;

use super::{machine_is_over, model_is_over, plan_machine, plan_model};
use crate::types::{Action, InFlight, Inputs, Look, Subject, SubjectPlan};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// Between two looks at a first boot.
const LOOK: time::Duration = time::Duration::seconds(3);

fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

fn offers() -> Vec<Offer> {
    ["Standard_B2s", "Standard_D2s_v5"]
        .map(|size| Offer {
            interfaces: 4,
            size: size.to_owned(),
            arch: "amd64".to_owned(),
            cores: 2,
            mem: 4096,
            zones: vec!["1".to_owned(), "2".to_owned(), "3".to_owned()],
            price_micros: None,
            family: "f".to_owned(),
            limits: Vec::new(),
        })
        .to_vec()
}

fn state() -> ModelState {
    ModelState::new(Model {
        spaces: BTreeMap::new(),
        id: id::<ModelId>(0xabc),
        name: "m".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        controller: id::<ControllerId>(1),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: "10.64.0.0/18".to_owned(),
        config: BTreeMap::new(),
        constraints: Constraints::default(),
        ssh_key: "ssh-ed25519 AAAA".to_owned(),
        authorized_keys: Vec::new(),
        storage_pools: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: NOW,
    })
}

fn machine(life: Life) -> Machine {
    Machine {
        spaces: Vec::new(),
        id: id::<MachineId>(7),
        name: "0".parse().expect("a name"),
        base: "ubuntu@24.04".parse().expect("a base"),
        constraints: Constraints::default(),
        source: MachineSource::Cloud { zone: None },
        life,
        force: false,
        for_unit: true,
        created_at: NOW,
    }
}

/// A model with what the cloud did about it.
struct World {
    state: ModelState,
    calls: Vec<String>,
    /// Sizes that the cloud has none of, everywhere or as `SIZE@ZONE`.
    dry: Vec<&'static str>,
    flight: InFlight,
    /// First boots do not end.
    unreachable: bool,
    offers: Vec<Offer>,
}

impl World {
    fn new() -> Self {
        Self {
            state: state(),
            calls: Vec::new(),
            dry: Vec::new(),
            flight: InFlight::default(),
            unreachable: false,
            offers: offers(),
        }
    }

    fn put(&mut self, row: Row) {
        self.state.apply(Change::Put(row));
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            state: &self.state,
            flight: &self.flight,
            offers: &self.offers,
            now: NOW,
        }
    }

    /// The plan of the model or a machine: decided one after the other.
    fn plan(&self, subject: Subject) -> SubjectPlan {
        match subject {
            Subject::Machine(id) => {
                let machine = self.state.machine(id).expect("a row");
                plan_machine(self.inputs(), machine)
            }
            _ => plan_model(self.inputs()),
        }
    }

    fn plans(&self) -> Vec<SubjectPlan> {
        let inputs = self.inputs();
        let machines = self.state.machines().map(|row| plan_machine(inputs, row));
        std::iter::once(plan_model(inputs))
            .chain(machines)
            .collect()
    }

    /// Decides and acts until nothing is left to do; every call succeeds at
    /// once unless the size is dry.
    fn settle(&mut self) {
        for _ in 0..100 {
            let mut quiet = true;
            let mut subjects = vec![Subject::Model];
            subjects.extend(self.state.machines().map(|row| Subject::Machine(row.id)));
            for subject in subjects {
                let plan = self.plan(subject);
                for change in plan.decisions {
                    quiet = false;
                    self.state.apply(change);
                }
                for action in plan.actions {
                    quiet &= !self.act(&action);
                }
            }
            if quiet {
                return;
            }
        }
        panic!("it does not settle: {:?}", self.plans());
    }

    /// Whether the action changed something.
    fn act(&mut self, action: &Action) -> bool {
        match action {
            Action::Ensure { effect } => self.ensure(*effect),
            Action::Remove { effect } => {
                self.finish(*effect, "-", EffectState::Gone);
            }
            Action::Boot { machine } if self.unreachable => {
                let next = NOW + LOOK;
                self.flight.looks.insert(*machine, Look::Failed { next });
            }
            Action::Boot { machine } => {
                let mut known = self.state.machine_state(*machine).expect("a row").clone();
                known.facts = Some(MachineFacts {
                    hostname: "m-0".to_owned(),
                    arch: "amd64".to_owned(),
                    cores: 2,
                    mem: 4096,
                    os: "ubuntu".to_owned(),
                    os_version: "24.04".to_owned(),
                    boot_id: "b".to_owned(),
                    machine_id: "i".to_owned(),
                });
                self.put(Row::MachineState(known));
            }
            other => panic!("{other:?} is not the cloud's"),
        }
        true
    }

    fn ensure(&mut self, effect: EffectId) {
        let row = self.state.effect(effect).expect("a row").clone();
        let EffectSpec::VirtualMachine(vm) = &row.spec else {
            self.finish(effect, "+", EffectState::Present);
            return;
        };
        let place = match &vm.zone {
            Some(zone) => format!("{}@{zone}", vm.size),
            None => vm.size.clone(),
        };
        if self.dry.contains(&place.as_str()) || self.dry.contains(&vm.size.as_str()) {
            self.calls.push(format!("! {} {place}", row.name));
            self.put(Row::Effect(Effect {
                failure: Some(EffectFailure {
                    class: FailureClass::Capacity,
                    code: "AllocationFailed".to_owned(),
                    message: "no capacity".to_owned(),
                    attempts: 1,
                    next_try: Some(NOW + time::Duration::minutes(1)),
                }),
                ..row
            }));
            return;
        }
        self.finish(effect, "+", EffectState::Present);
        if let Some(machine) = row.machine {
            let known = self.state.machine_state(machine).expect("a row").clone();
            self.put(Row::MachineState(MachineState {
                address: Some([10, 64, 0, 4].into()),
                ..known
            }));
        }
    }

    fn finish(&mut self, effect: EffectId, sign: &str, state: EffectState) {
        let row = self.state.effect(effect).expect("a row").clone();
        self.calls.push(format!("{sign} {}", row.name));
        self.put(Row::Effect(Effect {
            cloud_id: Some(format!("/{}", row.name)),
            // As the ledger does: that there was none of it is remembered.
            failure: row.failure.clone().filter(|failure| {
                state == EffectState::Gone && failure.class == FailureClass::Capacity
            }),
            state,
            ..row
        }));
    }

    fn expose(&mut self, exposed: bool) {
        self.put(Row::Application(Application {
            bindings: BTreeMap::new(),
            id: id::<ApplicationId>(20),
            name: "web".parse().expect("a name"),
            charm: id::<CharmId>(21),
            base: "ubuntu@24.04".parse().expect("a base"),
            constraints: Constraints::default(),
            config: BTreeMap::new(),
            exposed: exposed.then(|| BTreeMap::from([(String::new(), Default::default())])),
            trust: false,
            life: Life::Alive,
            force: false,
            storage: BTreeMap::new(),
            next_unit: 1,
            created_at: NOW,
        }));
    }

    fn open_port(&mut self) {
        self.put(Row::OpenedPort(OpenedPort {
            unit: id(22),
            endpoint: String::new(),
            range: "80/tcp".parse().expect("a port"),
        }));
    }

    fn unit(&mut self) {
        self.put(Row::Unit(Unit {
            id: id::<UnitId>(22),
            name: "web/0".parse().expect("a name"),
            application: id(20),
            machine: id(7),
            principal: None,
            life: Life::Alive,
            force: false,
            resolve: None,
            created_at: NOW,
        }));
    }
}

#[test]
fn nothing_is_made_before_a_machine_wants_it() {
    let mut world = World::new();
    world.settle();
    assert_eq!(world.calls, Vec::<String>::new());
}

#[test]
fn a_machine_comes_after_what_it_needs_and_all_goes_in_reverse() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    assert_eq!(
        world.calls,
        [
            "+ lazuli-m-000000000abc",
            "+ lazuli-nsg-000000000abc",
            "+ lazuli-nat-address-000000000abc",
            "+ lazuli-nat-000000000abc",
            "+ lazuli-network-000000000abc",
            "+ m-0-g1",
        ]
    );
    assert!(world.plans().iter().all(SubjectPlan::is_settled));

    world.calls.clear();
    world.put(Row::Machine(machine(Life::Dying)));
    let mut model = world.state.model().clone();
    model.life = Life::Dying;
    world.put(Row::Model(model));
    world.settle();
    assert!(machine_is_over(&world.state, &machine(Life::Dying)));
    world.state.apply(Change::Delete(RowKey::Machine(id(7))));
    world.settle();
    assert_eq!(
        world.calls,
        [
            "- m-0-g1",
            "- lazuli-network-000000000abc",
            "- lazuli-nsg-000000000abc",
            "- lazuli-nat-000000000abc",
            "- lazuli-nat-address-000000000abc",
            "- lazuli-m-000000000abc",
        ]
    );
    assert!(model_is_over(&world.state));
}

#[test]
fn what_the_cloud_has_none_of_is_replaced_by_the_next_size() {
    let mut world = World::new();
    world.dry = vec!["Standard_B2s"];
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let last: Vec<_> = world.calls.iter().skip(5).collect();
    assert_eq!(last, ["! m-0-g1 Standard_B2s", "+ m-0-g2", "- m-0-g1"]);
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn expose_gives_an_address_and_a_rule_and_takes_them_away() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.expose(false);
    world.unit();
    world.open_port();
    world.settle();
    world.calls.clear();

    world.expose(true);
    world.settle();
    assert_eq!(
        world.calls,
        [
            "+ lazuli-nsg-000000000abc",
            "+ m-0-g1-address",
            "+ m-0-g1-address-link",
        ]
    );
    let rules = super::firewall::rules(&world.state);
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0].destinations, ["10.64.0.4"]);
    assert_eq!(
        (rules[0].protocol.as_str(), rules[0].ports[0].as_str()),
        ("Tcp", "80")
    );

    world.calls.clear();
    world.expose(false);
    world.settle();
    assert_eq!(
        world.calls,
        [
            "+ lazuli-nsg-000000000abc",
            "- m-0-g1-address-link",
            "- m-0-g1-address",
        ]
    );
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn what_is_exposed_to_spaces_is_open_to_their_subnets_alone() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.expose(true);
    world.unit();
    world.open_port();
    world.settle();
    let sources = |world: &World| super::firewall::rules(&world.state)[0].sources.clone();
    assert_eq!(sources(&world), ["*"]);
    let mut row = world.state.application(id(20)).expect("a row").clone();
    let rule = ExposeRule {
        cidrs: Vec::new(),
        spaces: vec!["alpha".to_owned()],
    };
    row.exposed = Some(BTreeMap::from([(String::new(), rule)]));
    world.put(Row::Application(row));
    assert_eq!(sources(&world), ["10.64.0.0/19"]);
    world.calls.clear();
    world.settle();
    // It needs no public address any more.
    assert_eq!(
        world.calls,
        [
            "+ lazuli-nsg-000000000abc",
            "- m-0-g1-address-link",
            "- m-0-g1-address",
        ]
    );
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn what_no_size_satisfies_is_said_and_not_tried() {
    let mut world = World::new();
    let mut greedy = machine(Life::Alive);
    greedy.constraints = "cores=64".parse().expect("constraints");
    world.put(Row::Machine(greedy));
    world.settle();
    let failure = world
        .state
        .machine_state(id(7))
        .and_then(|known| known.failure.clone())
        .expect("a failure");
    assert_eq!(failure.class, FailureClass::Invalid);
    assert_eq!(
        failure.message,
        "no size in westeurope satisfies \"cores=64\": set other constraints, remove this machine \
         and add another"
    );
}

#[test]
fn a_machine_says_what_holds_up_the_network() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let shared = |row: &&Effect| matches!(row.spec, EffectSpec::Group { .. });
    let group = world.state.effects().find(shared).expect("a group").clone();
    let made: Vec<_> = world.state.effects().cloned().collect();
    for row in made {
        world.state.apply(Change::Delete(RowKey::Effect(row.id)));
    }
    let next_try = Some(NOW + time::Duration::minutes(1));
    world.put(Row::Effect(Effect {
        state: EffectState::Planned,
        failure: Some(EffectFailure {
            class: FailureClass::Auth,
            code: "AuthorizationFailed".to_owned(),
            message: "not allowed".to_owned(),
            attempts: 1,
            next_try,
        }),
        ..group
    }));
    let plan = world.plans().remove(1);
    let blocked = plan.blocked.expect("it waits");
    assert_eq!(
        blocked.reason,
        "waiting for the model's network: not allowed"
    );
    assert_eq!(
        (blocked.on, blocked.until),
        (Some(Subject::Model), next_try)
    );
}

#[test]
fn a_machine_that_is_never_reached_waits_with_a_next_try_and_can_be_removed() {
    let mut world = World::new();
    world.unreachable = true;
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let waits: Vec<_> = world
        .plans()
        .into_iter()
        .filter_map(|plan| plan.blocked)
        .collect();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].until, Some(NOW + LOOK));

    world.calls.clear();
    world.flight.looks.insert(id(7), Look::UnderWay);
    world.put(Row::Machine(machine(Life::Dying)));
    world.settle();
    assert_eq!(world.calls, ["- m-0-g1"]);
    assert!(machine_is_over(&world.state, &machine(Life::Dying)));
}

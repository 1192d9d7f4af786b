//! Spaces: subnets of the network, interfaces of machines, addresses of
//! endpoints.

use std::collections::BTreeMap;

use lazuli_model::id::ApplicationId;
use lazuli_model::state::{
    Application, EffectSpec, EffectState, MachineInterface, MachineState, Model, Row, Space,
};

use crate::world::World;

fn space(number: u32, range: &str, name: &str) -> Space {
    Space {
        number,
        subnets: BTreeMap::from([(range.to_owned(), name.to_owned())]),
    }
}

impl World {
    fn add_spaces(&mut self) {
        let model = self.state.model().clone();
        let spaces = [
            ("alpha", space(0, "10.64.0.0/19", "default")),
            ("db", space(1, "10.64.32.0/24", "subnet-db")),
        ];
        self.put(Row::Model(Model {
            spaces: spaces.map(|(name, one)| (name.to_owned(), one)).into(),
            ..model
        }));
    }

    fn bind(&mut self, id: ApplicationId, bindings: &[(&str, &str)]) {
        let row = self.state.application(id).expect("a row").clone();
        let own = |(name, space): &(&str, &str)| ((*name).to_owned(), (*space).to_owned());
        self.put(Row::Application(Application {
            bindings: bindings.iter().map(own).collect(),
            ..row
        }));
    }

    /// Puts a unit's machine, not made yet, into spaces.
    fn put_into(&mut self, unit: &str, spaces: &[&str]) {
        let machine = self.unit(unit).machine;
        let mut row = self.state.machine(machine).expect("a row").clone();
        row.spaces = spaces.iter().map(|one| (*one).to_owned()).collect();
        self.put(Row::Machine(row));
    }

    /// The interface that a list of the cloud shows beside the primary one.
    fn second_interface(&mut self, unit: &str, address: &str) {
        let machine = self.unit(unit).machine;
        let known = self.state.machine_state(machine).expect("a row").clone();
        let other = MachineInterface {
            address: address.parse().expect("an address"),
            mac: None,
        };
        self.put(Row::MachineState(MachineState {
            interfaces: vec![other],
            ..known
        }));
    }

    fn subnets_of_network(&self) -> Vec<String> {
        let network = self.state.effects().find_map(|effect| match &effect.spec {
            EffectSpec::Network { subnets, .. } => Some((subnets, &effect.state)),
            _ => None,
        });
        let (subnets, state) = network.expect("a network");
        assert_eq!(*state, EffectState::Present);
        let one = |(name, range): (&String, &String)| format!("{name} {range}");
        subnets.iter().map(one).collect()
    }

    fn bag_address(&self, unit: &str, relation: lazuli_model::id::RelationId) -> (String, u64) {
        let id = self.unit(unit).id;
        let row = self.state.relation_unit(relation, id).expect("a bag");
        for key in ["private-address", "egress-subnets"] {
            let value = &row.settings[key];
            assert!(value.starts_with(&row.settings["ingress-address"]));
        }
        (row.settings["ingress-address"].clone(), row.version)
    }
}

#[test]
fn a_machine_has_an_interface_in_each_of_its_spaces() {
    let mut world = World::new();
    world.deploy("a", 1);
    world.settle();
    assert_eq!(world.subnets_of_network(), ["default 10.64.0.0/19"]);
    // The network is there already: it gets another subnet, then the machine
    // is made.
    world.add_spaces();
    world.deploy("b", 1);
    world.put_into("b/0", &["alpha", "db"]);
    world.settle();
    assert_eq!(
        world.subnets_of_network(),
        ["default 10.64.0.0/19", "subnet-db 10.64.32.0/24"]
    );
    let machine = world.unit("b/0").machine;
    let subnets = world
        .state
        .effects_of(machine)
        .find_map(|effect| match &effect.spec {
            EffectSpec::VirtualMachine(vm) => Some(vm.subnets.clone()),
            _ => None,
        });
    assert_eq!(subnets.expect("a machine"), ["default", "subnet-db"]);
    world.assert_settled();
}

#[test]
fn a_machine_of_a_space_that_is_no_more_says_so() {
    let mut world = World::new();
    world.deploy("a", 1);
    world.put_into("a/0", &["gone"]);
    world.settle();
    let machine = world.unit("a/0").machine;
    let known = world.state.machine_state(machine).expect("a row");
    let failure = known.failure.as_ref().expect("a failure");
    assert!(
        failure
            .message
            .starts_with("space \"gone\" has no subnet to put machine"),
        "{}",
        failure.message
    );
}

#[test]
fn relations_say_the_address_of_the_endpoints_space_and_follow_it() {
    let mut world = World::new();
    world.add_spaces();
    let (one, other) = (world.deploy("a", 1), world.deploy("b", 1));
    world.put_into("b/0", &["alpha", "db"]);
    world.bind(other, &[("back", "db")]);
    let relation = world.relate(one, other);
    world.settle();
    // The cloud's list came later than the first hooks: it moved.
    world.second_interface("b/0", "10.64.32.4");
    world.hooks("a/0");
    world.hooks("b/0");
    world.settle();
    assert_eq!(
        world.bag_address("b/0", relation),
        ("10.64.32.4".to_owned(), 2)
    );
    assert_eq!(world.hooks("b/0"), ["config-changed"]);
    assert_eq!(world.hooks("a/0"), ["site-relation-changed b/0"]);

    world.bind(other, &[]);
    world.settle();
    assert_eq!(
        world.bag_address("b/0", relation),
        ("10.64.0.4".to_owned(), 3)
    );
    assert_eq!(world.hooks("b/0"), ["config-changed"]);
    world.assert_settled();
}

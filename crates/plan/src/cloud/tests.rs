//! Scenarios: a cloud played by hand. Each ends settled.

use std::collections::BTreeMap;

use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, Effect, EffectFailure, EffectSpec, EffectState, ExposeRule, FailureClass, Row, RowKey,
};

mod drift;
mod limits;
mod placement;
mod world;

use self::world::{LOOK, NOW, World, id, machine};
use super::{machine_is_over, model_is_over};
use crate::types::{Look, Subject, SubjectPlan};

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

//! What vanishes behind our back.

use lazuli_model::id::EffectId;
use lazuli_model::life::Life;
use lazuli_model::state::{
    ChildKind, Effect, EffectFailure, EffectSpec, EffectState, FailureClass, Row,
};

use super::super::{instance_status, machine_is_over};
use super::{LOOK, NOW, World, id, machine};
use crate::types::{Action, InFlight, Inputs, SubjectPlan};

/// Has what the rows name vanish at the cloud.
fn vanish(world: &mut World, named: impl Fn(&Effect) -> bool) {
    let rows: Vec<_> = world
        .state
        .effects()
        .filter(|row| named(row))
        .cloned()
        .collect();
    for row in rows {
        world.put(Row::Effect(Effect {
            state: EffectState::Gone,
            ..row
        }));
    }
}

/// An interface that came with an instance.
fn interface(parent: Option<EffectId>) -> Row {
    Row::Effect(Effect {
        id: id::<EffectId>(30),
        machine: Some(id(7)),
        parent,
        name: "m-0-g1-nic-1".to_owned(),
        spec: EffectSpec::Child {
            kind: ChildKind::Interface,
        },
        state: EffectState::Present,
        cloud_id: Some("/nic".to_owned()),
        failure: None,
        created_at: NOW,
        changed_at: NOW,
    })
}

#[test]
fn what_machines_share_is_made_again_in_order_when_it_is_gone() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let before = world.calls.clone();
    world.calls.clear();
    vanish(&mut world, |row| row.machine.is_none());
    world.settle();
    assert_eq!(world.calls, before[..before.len() - 1]);
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

#[test]
fn a_machine_that_is_gone_takes_along_what_came_with_it() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    world.put(interface(None));
    vanish(&mut world, |row| row.name == "m-0-g1");
    world.calls.clear();
    world.settle();
    assert_eq!(world.calls, Vec::<String>::new());
    let instance = |world: &World| {
        let inputs = Inputs {
            state: &world.state,
            flight: &world.flight,
            offers: &world.offers,
            now: NOW,
        };
        instance_status(inputs, world.state.machine(id(7)).expect("a machine"))
    };
    let shown = instance(&world);
    assert_eq!(shown.status, "down");
    assert!(shown.message.contains("deleted outside Lazuli"));

    world.put(Row::Machine(machine(Life::Dying)));
    world.settle();
    assert_eq!(world.calls, ["- m-0-g1-nic-1"]);
    assert!(machine_is_over(&world.state, &machine(Life::Dying)));
}

#[test]
fn a_machine_that_is_doubted_is_asked_about_until_that_is_settled() {
    let mut world = World::new();
    world.put(Row::Machine(machine(Life::Alive)));
    world.settle();
    let vm = world
        .state
        .effects()
        .find(|row| row.name == "m-0-g1")
        .expect("a row")
        .clone();
    let asks = |world: &World| -> Vec<Action> {
        let plans = world.plans();
        plans.into_iter().flat_map(|plan| plan.actions).collect()
    };
    let ask = [Action::Poll { effect: vm.id }];
    world.flight.doubted.insert(vm.id);
    assert_eq!(asks(&world), ask);
    world.flight.effects.insert(vm.id);
    assert_eq!(asks(&world), []);

    // One answer that it is unknown is followed by another question.
    world.flight = InFlight::default();
    let unknown = |next_try| EffectFailure {
        class: FailureClass::Gone,
        code: "ResourceNotFound".to_owned(),
        message: "the cloud does not know it".to_owned(),
        attempts: 1,
        next_try: Some(next_try),
    };
    let mut row = vm;
    row.failure = Some(unknown(NOW + LOOK));
    world.put(Row::Effect(row.clone()));
    assert_eq!(asks(&world), []);
    let wakes = world.plans().into_iter().filter_map(|plan| plan.wake_at);
    assert_eq!(wakes.min(), Some(NOW + LOOK));
    row.failure = Some(unknown(NOW));
    world.put(Row::Effect(row));
    assert_eq!(asks(&world), ask);
}

#[test]
fn what_came_with_an_instance_that_was_replaced_goes_after_it() {
    let mut world = World::new();
    world.dry = vec!["Standard_B2s"];
    world.put(Row::Machine(machine(Life::Alive)));
    let first = lazuli_model::id::derived(world.state.model().id, "m-0-g1");
    world.put(interface(Some(first)));
    world.settle();
    let last: Vec<_> = world.calls.iter().rev().take(3).rev().collect();
    assert_eq!(last, ["+ m-0-g2", "- m-0-g1", "- m-0-g1-nic-1"]);
    assert!(world.plans().iter().all(SubjectPlan::is_settled));
}

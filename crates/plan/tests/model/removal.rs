//! Removal never hangs: whatever a hook or a machine does, there is a time
//! after which a unit goes.

use lazuli_model::life::Life;
use lazuli_model::state::{Effect, EffectSpec, EffectState, MachineState, Row, Unit, Unreachable};
use time::Duration;

use crate::world::World;

/// The default of `removal-timeout`.
const TIMEOUT: Duration = Duration::hours(1);

/// A settled model with one unit of `web`, in whose way a hook may stand.
fn one_unit(endless: &str) -> World {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    world.endless.insert(endless.to_owned());
    world
}

fn remove(world: &mut World, force: bool) {
    let unit = world.unit("web/0");
    world.put(Row::Unit(Unit {
        life: Life::Dying,
        force,
        ..unit
    }));
    world.settle();
}

fn is_over(world: &World) -> bool {
    world.state.units().next().is_none() && world.state.machines().next().is_none()
}

fn cut_off(world: &mut World) {
    let machine = world.unit("web/0").machine;
    let known = world.state.machine_state(machine).expect("a row").clone();
    world.put(Row::MachineState(MachineState {
        unreachable: Some(Unreachable {
            reason: "no answer".to_owned(),
            since: world.now,
        }),
        ..known
    }));
    world.settle();
}

#[test]
fn an_endless_hook_is_ended_when_removal_is_forced() {
    let mut world = one_unit("stop");
    remove(&mut world, true);
    assert!(is_over(&world));
    world.assert_settled();
}

#[test]
fn an_endless_hook_is_ended_after_removal_timeout() {
    let mut world = one_unit("stop");
    remove(&mut world, false);
    assert!(!is_over(&world));
    let begun = world.now;
    world.wait();
    assert_eq!(world.now - begun, TIMEOUT);
    // It counts as failed, and a failed hook is tried again until then.
    world.endless.clear();
    while !is_over(&world) {
        world.wait();
    }
    world.assert_settled();
}

#[test]
fn a_hook_that_cannot_be_ended_is_not_waited_for() {
    let mut world = one_unit("stop");
    world.deaf = true;
    remove(&mut world, true);
    let begun = world.now;
    world.wait();
    assert!(is_over(&world));
    assert_eq!(world.now - begun, Duration::minutes(1));
    world.assert_settled();
}

#[test]
fn a_machine_out_of_reach_is_waited_for_as_long_as_removal_timeout_says() {
    let mut world = one_unit("stop");
    cut_off(&mut world);
    remove(&mut world, false);
    let begun = world.now;
    while !is_over(&world) {
        world.wait();
    }
    assert_eq!(world.now - begun, TIMEOUT);
    world.assert_settled();
}

#[test]
fn a_machine_out_of_reach_does_not_stop_a_forced_removal() {
    let mut world = one_unit("stop");
    cut_off(&mut world);
    remove(&mut world, true);
    assert!(is_over(&world));
    world.assert_settled();
}

#[test]
fn a_unit_whose_machine_is_gone_goes_at_once() {
    let mut world = one_unit("stop");
    cut_off(&mut world);
    let instance = world
        .state
        .effects()
        .find(|effect| matches!(effect.spec, EffectSpec::VirtualMachine(_)));
    let gone = Effect {
        state: EffectState::Gone,
        ..instance.expect("an instance").clone()
    };
    world.put(Row::Effect(gone));
    world.settle();
    let machine = world.unit("web/0").machine;
    let key = lazuli_model::status::StatusKey::Instance(machine);
    let shown = world.state.status(key).expect("a status");
    assert!(
        shown.message.contains("was deleted outside Lazuli"),
        "{shown:?}"
    );
    remove(&mut world, false);
    assert!(is_over(&world));
    world.assert_settled();
}

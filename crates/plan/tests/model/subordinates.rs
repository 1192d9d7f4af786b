//! Subordinates: made by their principals, seen by them alone, gone before
//! them.

use lazuli_model::id::{ApplicationId, RelationId};
use lazuli_model::life::Life;
use lazuli_model::state::{Application, MachineState, Row, Unit, Unreachable};

use crate::world::World;

/// A settled model: `web` with two units, and `side` beside each.
fn beside_two() -> (World, ApplicationId, ApplicationId, RelationId) {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let side = world.deploy_subordinate("side");
    let relation = world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    world.assert_settled();
    (world, web, side, relation)
}

fn principal_of(world: &World, name: &str) -> String {
    let unit = world.unit(name);
    let principal = unit.principal.expect("a principal");
    let principal = world.state.unit(principal).expect("a unit");
    assert_eq!(unit.machine, principal.machine);
    principal.name.to_string()
}

fn set_dying(world: &mut World, application: ApplicationId) {
    let row = world.state.application(application).expect("a row").clone();
    world.put(Row::Application(Application {
        life: Life::Dying,
        ..row
    }));
}

#[test]
fn each_principal_gets_a_subordinate_on_its_machine() {
    let (mut world, _, side, _) = beside_two();
    assert_eq!(world.names(), ["side/0", "side/1", "web/0", "web/1"]);
    let mut principals = [
        principal_of(&world, "side/0"),
        principal_of(&world, "side/1"),
    ];
    principals.sort();
    assert_eq!(principals, ["web/0", "web/1"]);
    assert_eq!(world.state.machines().count(), 2);
    let application = world.state.application(side).expect("a row");
    assert_eq!(application.next_unit, 2);
    // It sees its own principal and nobody else, and leads or follows.
    let own = principal_of(&world, "side/0");
    assert_eq!(
        world.hooks("side/0"),
        [
            "install".to_owned(),
            "host-relation-created".to_owned(),
            "config-changed".to_owned(),
            "start".to_owned(),
            format!("host-relation-joined {own}"),
            format!("host-relation-changed {own}"),
        ]
    );
    let leader = world.state.leader(side).and_then(|leader| leader.unit);
    assert!(
        [world.unit("side/0").id, world.unit("side/1").id]
            .map(Some)
            .contains(&leader)
    );
}

#[test]
fn no_principal_no_subordinate() {
    let mut world = World::new();
    let web = world.deploy("web", 0);
    let side = world.deploy_subordinate("side");
    world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    world.assert_settled();
    assert_eq!(world.names(), [""; 0]);
    // Whoever comes later gets one, too.
    world.add_unit(web);
    world.settle();
    world.assert_settled();
    assert_eq!(world.names(), ["side/0", "web/0"]);
}

#[test]
fn a_second_relation_to_the_same_application_makes_no_second_unit() {
    let (mut world, web, side, first) = beside_two();
    world.attach((web, "site"), (side, "host"));
    world.settle();
    world.assert_settled();
    assert_eq!(world.names().len(), 4);
    // And holds the units when the first one goes.
    world.kill_relation(first);
    world.settle();
    world.assert_settled();
    assert_eq!(world.names().len(), 4);
    assert!(world.state.relation(first).is_none());
}

#[test]
fn subordinates_of_one_application_keep_to_their_own_principals() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    let side = world.deploy_subordinate("side");
    world.attach((web, "juju-info"), (side, "host"));
    world.attach((proxy, "juju-info"), (side, "host"));
    world.settle();
    world.assert_settled();
    for name in ["side/0", "side/1"] {
        let own = principal_of(&world, name);
        let hooks = world.hooks(name);
        let created = hooks.iter().filter(|hook| hook.ends_with("-created"));
        assert_eq!(created.count(), 1, "{name}: {hooks:?}");
        let joined: Vec<_> = hooks
            .iter()
            .filter(|hook| hook.contains("-joined "))
            .collect();
        assert_eq!(joined, [&format!("host-relation-joined {own}")]);
    }
}

#[test]
fn subordinates_beside_the_same_principal_see_each_other() {
    let (mut world, web, side, _) = beside_two();
    let other = world.deploy_subordinate("other");
    world.attach((side, "mated"), (other, "mate"));
    world.settle();
    world.assert_settled();
    // Subordinates make no subordinates.
    assert_eq!(world.names().len(), 4);
    world.attach((web, "juju-info"), (other, "host"));
    world.settle();
    world.assert_settled();
    for name in ["other/0", "other/1"] {
        let own = principal_of(&world, name);
        let mate = ["side/0", "side/1"]
            .into_iter()
            .find(|side| principal_of(&world, side) == own)
            .expect("a mate");
        let hooks = world.hooks(name);
        let joined: Vec<_> = hooks
            .iter()
            .filter(|hook| hook.starts_with("mate-relation-joined "))
            .collect();
        assert_eq!(joined, [&format!("mate-relation-joined {mate}")], "{name}");
    }
}

#[test]
fn a_principal_goes_after_its_subordinates() {
    let (mut world, ..) = beside_two();
    let of_first = ["side/0", "side/1"]
        .into_iter()
        .find(|name| principal_of(&world, name) == "web/0")
        .expect("a subordinate");
    world.ran.clear();
    world.endless.insert("stop".to_owned());
    world.kill_unit("web/0");
    world.settle();
    // The principal's own stop never ends; its subordinate's neither.
    assert_eq!(world.names().len(), 4);
    assert_eq!(world.unit(of_first).life, Life::Dying);
    world.endless.clear();
    while world.names().len() > 2 {
        world.wait();
    }
    world.assert_settled();
    let hooks = world.hooks(of_first);
    let shown: Vec<&str> = hooks.iter().map(String::as_str).collect();
    assert_eq!(shown[0], "host-relation-departed web/0");
    assert_eq!(shown[1], "host-relation-broken");
    assert_eq!(shown.last(), Some(&"remove"));
    assert_eq!(world.state.machines().count(), 1);
}

#[test]
fn removing_the_relation_removes_the_subordinates_alone() {
    let (mut world, web, side, relation) = beside_two();
    world.ran.clear();
    world.kill_relation(relation);
    world.settle();
    world.assert_settled();
    assert_eq!(world.names(), ["web/0", "web/1"]);
    assert!(world.state.relation(relation).is_none());
    assert!(world.state.application(side).is_some());
    assert_eq!(
        world.hooks("side/0")[1..],
        ["host-relation-broken", "stop", "remove"]
    );
    // Related again, the numbers go on.
    world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    world.assert_settled();
    assert_eq!(world.names(), ["side/2", "side/3", "web/0", "web/1"]);
}

#[test]
fn a_relation_that_comes_back_waits_for_the_subordinate_of_before() {
    let (mut world, web, side, relation) = beside_two();
    world.endless.insert("stop".to_owned());
    world.kill_relation(relation);
    world.settle();
    world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    assert_eq!(world.names(), ["side/0", "side/1", "web/0", "web/1"]);
    let web_0 = world.unit("web/0");
    let blocked = world.plan(lazuli_plan::Subject::Unit(web_0.id)).blocked;
    let blocked = blocked.expect("a reason");
    assert!(
        blocked
            .reason
            .starts_with("waiting for the subordinate unit side/"),
        "{blocked:?}"
    );
    world.endless.clear();
    while world.names() != ["side/2", "side/3", "web/0", "web/1"] {
        world.wait();
    }
    world.assert_settled();
}

#[test]
fn a_subordinate_application_goes_with_its_units() {
    let (mut world, _, side, relation) = beside_two();
    set_dying(&mut world, side);
    world.kill_relation(relation);
    for name in ["side/0", "side/1"] {
        world.kill_unit(name);
    }
    world.settle();
    world.assert_settled();
    assert!(world.state.application(side).is_none());
    assert_eq!(world.names(), ["web/0", "web/1"]);
}

#[test]
fn a_subordinate_that_was_removed_by_force_is_not_made_again() {
    let (mut world, ..) = beside_two();
    let unit = world.unit("side/0");
    world.put(Row::Unit(Unit {
        life: Life::Dying,
        force: true,
        ..unit
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.names(), ["side/1", "web/0", "web/1"]);
}

#[test]
fn one_machine_out_of_reach_holds_up_a_forced_removal_of_neither() {
    let (mut world, ..) = beside_two();
    let unit = world.unit("web/0");
    let known = world
        .state
        .machine_state(unit.machine)
        .expect("a row")
        .clone();
    world.put(Row::MachineState(MachineState {
        unreachable: Some(Unreachable {
            reason: "no answer".to_owned(),
            since: world.now,
        }),
        ..known
    }));
    world.put(Row::Unit(Unit {
        life: Life::Dying,
        force: true,
        ..unit
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.names().len(), 2);
    assert_eq!(world.state.machines().count(), 1);
}

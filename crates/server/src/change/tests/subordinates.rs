use lazuli_model::id::UnitId;
use lazuli_model::state::Unit;

use super::*;

/// `nrpe` beside `web/0`, as the planner makes it.
fn beside() -> World {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("nrpe");
    world.integrate("nrpe", "web").unwrap();
    let principal = unit(&world.state, "web/0").unwrap().clone();
    world.state.apply(Change::Put(Row::Unit(Unit {
        id: UnitId::from_untyped_uuid(Uuid::from_u128(77)),
        name: "nrpe/0".parse().unwrap(),
        application: application(&world.state, "nrpe").unwrap().id,
        principal: Some(principal.id),
        ..principal
    })));
    world
}

#[test]
fn subordinates_are_not_placed_scaled_or_constrained_by_hand() {
    let mut world = beside();
    let more = AddUnits {
        count: 1,
        placement: Vec::new(),
        attach_storage: Vec::new(),
    };
    let there = AddUnits {
        placement: vec!["0".to_owned()],
        count: 1,
        attach_storage: Vec::new(),
    };
    for request in [more, there] {
        assert_eq!(
            world.refused(|draft| add_units(draft, "nrpe", &request)),
            "cannot add unit to application \"nrpe\": application is a subordinate"
        );
    }
    assert_eq!(
        world.refused(|draft| set_constraints(draft, "nrpe", "mem=4G")),
        "constraints do not apply to subordinate applications"
    );
    assert_eq!(
        world.refused(|draft| remove_unit(draft, "nrpe/0", &Removal::default())),
        "unit \"nrpe/0\" is a subordinate, to remove use remove-relation. Note: this will remove \
         all units of \"nrpe\""
    );
    let force = Removal {
        force: true,
        ..Removal::default()
    };
    let lines = world.ask(|draft| remove_unit(draft, "nrpe/0", &force));
    assert_eq!(lines.unwrap(), ["removed unit nrpe/0 on machine 0"]);
}

#[test]
fn subordinates_go_with_their_principals() {
    let mut world = beside();
    let how = Removal::default();
    // Only principals are in a machine's way: the others go with them.
    assert_eq!(
        world.refused(|draft| remove_machine(draft, "0", &how)),
        "machine 0 has unit \"web/0\" assigned; --force removes it as well"
    );
    let lines = world.ask(|draft| remove_unit(draft, "web/0", &how));
    assert_eq!(
        lines.unwrap(),
        [
            "removed unit nrpe/0 on machine 0",
            "removed unit web/0 on machine 0"
        ]
    );
}

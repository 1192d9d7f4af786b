//! Whole models, played: decisions are applied, calls succeed at once, hooks
//! run as scripted. Only what a change touches is planned again; every
//! scenario ends with a full plan that has nothing to do, so whatever
//! `affected` forgot shows.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

mod documents;
mod events;
mod foreign;
mod law;
mod own_writes;
mod put_off;
mod refresh;
mod removal;
mod secrets;
mod spaces;
mod storage;
mod subordinates;
mod tasks;
mod world;

use std::collections::BTreeMap;

use lazuli_model::life::Life;
use lazuli_model::state::{Application, Change, Model, Resolve, Row, RowKey, Unit};
use lazuli_plan::Subject;
use proptest::prelude::*;

use crate::world::World;

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
    fn planning_the_touched_equals_planning_all(steps in prop::collection::vec((0_u8..12, 0_usize..4), 1..24)) {
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
                6 if !units.is_empty() => {
                    let number = u64::try_from(world.ended.len() + 1000).expect("a number")
                        + u64::try_from(world.state.tasks().count()).expect("a number");
                    world.ask(number, &units[pick % units.len()], "act", |task| {
                        task.parallel = pick == 1;
                    });
                }
                8.. => secrets::step(&mut world, step - 1, pick),
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

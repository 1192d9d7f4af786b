//! The law of hooks, one case per guarantee (reference: Juju 3.6,
//! `uniter/resolver.go` and `uniter/relation/resolver.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::id::{ApplicationId, RelationId};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Application, Leader, MachineState, Relation, RelationApplication, RelationUnit, Row, Settings,
};
use lazuli_plan::{Ended, Exit, HookWrite, ImmediateWrite, Levels, commit_outcome, immediate};

use crate::world::{World, id};

/// A settled model of two related applications.
fn related(web_units: u32, proxy_units: u32) -> (World, [ApplicationId; 2], RelationId) {
    let mut world = World::new();
    let web = world.deploy("web", web_units);
    let proxy = world.deploy("proxy", proxy_units);
    let relation = world.relate(web, proxy);
    world.settle();
    world.assert_settled();
    world.ran.clear();
    world.history.clear();
    (world, [web, proxy], relation)
}

/// Sets a key in an application's bag.
fn write_bag(world: &mut World, relation: RelationId, application: ApplicationId, value: &str) {
    let old = world.state.relation_application(relation, application);
    let version = old.map_or(0, |bag| bag.version) + 1;
    world.put(Row::RelationApplication(RelationApplication {
        relation,
        application,
        settings: Arc::new(Settings::from([("k".to_owned(), value.to_owned())])),
        version,
    }));
}

/// Sets a key in a unit's bag.
fn write_unit(world: &mut World, relation: RelationId, unit: &str, value: &str) {
    let unit = world.unit(unit).id;
    let old = world.state.relation_unit(relation, unit).expect("a member");
    let bag = RelationUnit {
        settings: Arc::new(Settings::from([("k".to_owned(), value.to_owned())])),
        version: old.version + 1,
        ..old.clone()
    };
    world.put(Row::RelationUnit(bag));
}

fn departings(world: &World, unit: &str) -> Vec<String> {
    let history = world.history.get(unit).map_or(&[][..], Vec::as_slice);
    let departing = history.iter().filter_map(|(hook, _)| match hook {
        Hook::Relation(RelationHook {
            kind: RelationHookKind::Departed,
            departing,
            ..
        }) => *departing,
        _ => None,
    });
    let names: BTreeMap<_, _> = world.names_ever.iter().cloned().collect();
    departing.map(|id| names[&id].clone()).collect()
}

#[test]
fn relation_created_comes_before_leadership_and_others_come_before_peers() {
    let mut world = World::new();
    let web = world.deploy("web", 0);
    let proxy = world.deploy("proxy", 1);
    world.relate(web, proxy);
    world.settle();
    world.ran.clear();
    world.add_unit(web);
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0")[..6],
        [
            "install",
            "site-relation-created",
            "ring-relation-created",
            "leader-elected",
            "config-changed",
            "start",
        ]
    );
}

#[test]
fn bags_are_born_with_the_address_before_any_hook_and_keep_what_install_wrote() {
    let mut world = World::new();
    world.endless.insert("install".to_owned());
    world.deploy("web", 1);
    world.settle();
    let unit = world.unit("web/0");
    let ring = world.state.relations().next().expect("a relation").clone();
    let bag = world.state.relation_unit(ring.id, unit.id).expect("a bag");
    assert!(!bag.in_scope);
    for key in ["private-address", "ingress-address"] {
        assert_eq!(bag.settings.get(key).map(String::as_str), Some("10.64.0.4"));
    }
    assert_eq!(bag.settings["egress-subnets"], "10.64.0.4/32");
    let running = world.flight.hooks.remove(&unit.id).expect("a hook");
    let ended = Ended {
        unit: unit.id,
        seq: running.seq,
        levels: Levels {
            hook: running.hook,
            charm: id(3),
            config: None,
            leader_version: 1,
            remote_version: 0,
            app_version: 0,
            boot: None,
            resources: None,
        },
        exit: Exit::Success,
        writes: vec![HookWrite::RelationSet {
            relation: ring.number,
            application: false,
            settings: BTreeMap::from([("k".to_owned(), Some("v".to_owned()))]),
        }],
    };
    for change in commit_outcome(&world.state, &ended, world.now) {
        world.apply(change);
    }
    world.settle();
    world.assert_settled();
    let bag = world.state.relation_unit(ring.id, unit.id).expect("a bag");
    assert!(bag.in_scope);
    assert_eq!(bag.settings["k"], "v");
    assert_eq!(bag.settings["private-address"], "10.64.0.4");
}

#[test]
fn units_join_in_the_order_of_their_names_each_followed_by_its_changed() {
    let mut world = World::new();
    let web = world.deploy("web", 12);
    let proxy = world.deploy("proxy", 1);
    world.settle();
    world.ran.clear();
    world.relate(web, proxy);
    world.settle();
    let joined: Vec<String> = world
        .hooks("proxy/0")
        .into_iter()
        .filter(|hook| hook.contains("-joined"))
        .collect();
    let expected: Vec<String> = (0..12)
        .map(|n| format!("back-relation-joined web/{n}"))
        .collect();
    assert_eq!(joined, expected);
}

#[test]
fn the_applications_bag_comes_before_joined_and_only_when_it_was_written() {
    let (mut world, [web, proxy], relation) = related(1, 1);
    write_bag(&mut world, relation, web, "1");
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("proxy/0"), ["back-relation-changed"]);
    assert_eq!(world.hooks("web/0"), [""; 0]);
    // Who comes later hears of it first.
    world.add_unit(proxy);
    world.settle();
    let hooks = world.hooks("proxy/1");
    let back: Vec<_> = hooks
        .iter()
        .filter(|hook| hook.starts_with("back-"))
        .collect();
    assert_eq!(
        back[..3],
        [
            "back-relation-created",
            "back-relation-changed",
            "back-relation-joined web/0",
        ]
    );
}

#[test]
fn changes_are_coalesced_and_a_units_own_writes_change_nothing_for_it() {
    let (mut world, _, relation) = related(1, 2);
    for value in ["1", "2", "3"] {
        write_unit(&mut world, relation, "web/0", value);
    }
    world.settle();
    world.assert_settled();
    for unit in ["proxy/0", "proxy/1"] {
        assert_eq!(world.hooks(unit), ["back-relation-changed web/0"]);
    }
    assert_eq!(world.hooks("web/0"), [""; 0]);
}

#[test]
fn departed_names_the_remote_unless_the_local_unit_goes() {
    let (mut world, _, _) = related(2, 1);
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    assert_eq!(departings(&world, "proxy/0"), ["web/0"]);
    assert_eq!(departings(&world, "web/1"), ["web/0"]);
    assert_eq!(departings(&world, "web/0"), ["web/0", "web/0"]);
}

#[test]
fn departed_names_the_remote_when_only_the_relation_goes() {
    let (mut world, _, relation) = related(1, 1);
    world.kill_relation(relation);
    world.settle();
    world.assert_settled();
    assert_eq!(departings(&world, "proxy/0"), ["web/0"]);
    assert_eq!(departings(&world, "web/0"), ["proxy/0"]);
}

#[test]
fn departed_names_the_own_unit_when_its_application_goes() {
    let (mut world, [web, _], relation) = related(1, 1);
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application {
        life: Life::Dying,
        ..row
    }));
    world.kill_relation(relation);
    world.settle();
    assert_eq!(departings(&world, "web/0"), ["web/0"]);
    assert_eq!(departings(&world, "proxy/0"), ["web/0"]);
}

#[test]
fn a_relation_nobody_joined_is_created_and_broken() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 0);
    world.settle();
    world.ran.clear();
    let relation = world.relate(web, proxy);
    world.settle();
    world.kill_relation(relation);
    world.settle();
    world.assert_settled();
    assert_eq!(
        world.hooks("web/0"),
        ["site-relation-created", "site-relation-broken"]
    );
    assert!(world.state.relation(relation).is_none());
}

#[test]
fn a_relation_that_went_before_it_was_created_says_nothing() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    let relation = world.relate(web, proxy);
    let row = world.state.relation(relation).expect("a row").clone();
    world.put(Row::Relation(Relation {
        life: Life::Dying,
        ..row
    }));
    world.settle();
    world.assert_settled();
    assert!(
        world
            .hooks("web/0")
            .iter()
            .all(|hook| !hook.starts_with("site-"))
    );
    assert!(world.state.relation(relation).is_none());
}

#[test]
fn only_what_started_is_stopped() {
    let mut world = World::new();
    world.failing.insert("config-changed".to_owned(), 99);
    world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    world.kill_unit("web/0");
    world.settle();
    while world.state.units().next().is_some() {
        world.wait();
    }
    world.assert_settled();
    let hooks = world.hooks("web/0");
    assert!(!hooks.contains(&"stop".to_owned()), "{hooks:?}");
    assert_eq!(hooks.last().map(String::as_str), Some("remove"));
}

#[test]
fn trust_and_addresses_are_part_of_what_config_changed_tells() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application { trust: true, ..row }));
    world.settle();
    assert_eq!(world.hooks("web/0"), ["config-changed"]);
    let machine = world.unit("web/0").machine;
    let known = world.state.machine_state(machine).expect("a row").clone();
    world.put(Row::MachineState(MachineState {
        address: Some([10, 64, 0, 9].into()),
        ..known
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["config-changed"]);
}

/// The units that are due to hear of leadership after a change of it.
fn leader_hooks(world: &World) -> Vec<String> {
    let mut told = Vec::new();
    for unit in world.state.units() {
        let done = world.state.unit_state(unit.id).expect("a state");
        told.push(format!("{} {:?}", unit.name, done.leadership_seen));
    }
    told.sort();
    told
}

#[test]
fn followers_hear_of_what_the_leader_writes_and_not_of_a_new_leader() {
    let mut world = World::new();
    let web = world.deploy("web", 3);
    world.settle();
    let version = world.state.leader(web).expect("a leader").version;
    let before = leader_hooks(&world);
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    let leader = world.state.leader(web).expect("a leader").clone();
    assert_eq!(leader.unit, Some(world.unit("web/1").id));
    assert_eq!(leader.version, version);
    assert!(
        leader_hooks(&world).contains(&before[2]),
        "web/2 heard nothing"
    );
    let write = ImmediateWrite::LeaderSet {
        settings: BTreeMap::from([("k".to_owned(), Some("v".to_owned()))]),
    };
    let follower = world.unit("web/2").id;
    assert_eq!(immediate(&world.state, follower, &write, world.now), []);
    let changes = immediate(&world.state, world.unit("web/1").id, &write, world.now);
    for change in changes {
        world.apply(change);
    }
    world.settle();
    world.assert_settled();
    let told = format!("web/2 Follower {{ version: {} }}", version + 1);
    assert!(
        leader_hooks(&world).contains(&told),
        "{:?}",
        leader_hooks(&world)
    );
}

#[test]
fn a_leader_that_is_one_no_more_is_told_as_a_follower() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    world.settle();
    let leader = world.state.leader(web).expect("a leader").clone();
    world.put(Row::Leader(Leader {
        unit: Some(world.unit("web/1").id),
        ..leader
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(
        leader_hooks(&world),
        ["web/0 Follower { version: 1 }", "web/1 Elected"]
    );
}

/// A settled application of a charm that also has update-status and
/// upgrade-charm.
fn busy() -> (World, ApplicationId) {
    let mut world = World::new();
    let web = world.deploy_charm("busy", id(5));
    world.add_unit(web);
    world.settle();
    world.assert_settled();
    world.ran.clear();
    (world, web)
}

#[test]
fn update_status_runs_every_five_minutes_more_or_less_when_nothing_else_is_due() {
    let (mut world, web) = busy();
    let mut gaps = Vec::new();
    for _ in 0..20 {
        let before = world.now;
        world.wait();
        gaps.push((world.now - before).as_seconds_f64() / 300.0);
        assert_eq!(world.hooks("busy/0"), ["update-status"]);
    }
    assert!(gaps.iter().all(|gap| (0.8..=1.2).contains(gap)), "{gaps:?}");
    let differing = gaps.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(differing > 10, "{gaps:?}");
    // Not while a hook is in error.
    world.failing.insert("config-changed".to_owned(), 1);
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application { trust: true, ..row }));
    world.settle();
    world.wait();
    assert_eq!(world.hooks("busy/0"), ["config-changed", "config-changed"]);
    // Nor when the interval is longer.
    let mut model = world.state.model().clone();
    model
        .config
        .insert("update-status-hook-interval".to_owned(), "60m".to_owned());
    world.put(Row::Model(model));
    world.settle();
    let before = world.now;
    world.wait();
    let gap = (world.now - before).whole_minutes();
    assert!((40..=72).contains(&gap), "{gap}");
}

#[test]
fn a_new_charm_is_told_by_upgrade_charm_and_config_changed() {
    let (mut world, web) = busy();
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application {
        charm: id(6),
        trust: true,
        ..row
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("busy/0"), ["upgrade-charm", "config-changed"]);
}

#[test]
fn a_hook_that_failed_comes_before_the_start_after_a_reboot() {
    let (mut world, web) = busy();
    world.failing.insert("config-changed".to_owned(), 1);
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application { trust: true, ..row }));
    world.settle();
    let machine = world.unit("busy/0").machine;
    world.boot(machine, "boot-2");
    world.settle();
    world.wait();
    assert_eq!(
        world.hooks("busy/0"),
        ["config-changed", "config-changed", "start"]
    );
    world.assert_settled();
}

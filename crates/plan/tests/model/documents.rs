//! What hooks are shown of the model, and what they leave in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::hook::Hook;
use lazuli_model::state::{CHARM_STATE_MAX, CharmState, Row, Settings};
use lazuli_model::status::StatusKey;
use lazuli_plan::document::goal_state;
use lazuli_plan::{Ended, Exit, HookWrite, Levels, commit_outcome, takes_part};
use serde_json::json;

use crate::world::{World, id};

#[test]
fn goal_state_has_the_own_unit_those_that_go_and_both_ends_of_relations() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let proxy = world.deploy("proxy", 1);
    let relation = world.relate(web, proxy);
    world.settle();
    world.endless.insert("stop".to_owned());
    world.kill_unit("web/1");
    world.settle();
    let since = "1970-01-02 00:00:00Z";
    let unknown = json!({ "status": "unknown", "since": since });
    assert_eq!(
        goal_state(&world.state, &world.unit("web/0")),
        json!({
            "units": {
                "web/0": unknown,
                "web/1": { "status": "dying", "since": since },
            },
            // Peers are no relation here.
            "relations": { "site": {
                "proxy": { "status": "joined", "since": since },
                "proxy/0": unknown,
            } },
        })
    );
    assert_eq!(
        goal_state(&world.state, &world.unit("proxy/0"))["relations"]["back"]["web/1"]["status"],
        "dying"
    );
    world.endless.insert("site-relation-broken".to_owned());
    world.kill_relation(relation);
    world.settle();
    assert_eq!(
        goal_state(&world.state, &world.unit("web/0"))["relations"]["site"]["proxy"]["status"],
        "broken"
    );
}

#[test]
fn goal_state_of_a_subordinate_has_its_principal_and_who_is_beside_it() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let side = world.deploy_subordinate("side");
    world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    let unit = world.unit("side/0");
    let goal = goal_state(&world.state, &unit);
    let names = |value: &serde_json::Value| -> Vec<String> {
        let map = value.as_object().expect("a map");
        map.keys().cloned().collect()
    };
    assert_eq!(names(&goal["units"]), ["side/0"]);
    // Principals are everybody's to see, as in Juju.
    assert_eq!(names(&goal["relations"]["host"]), ["web", "web/0", "web/1"]);
}

#[test]
fn a_subordinate_has_no_part_in_another_principals_relation() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    let side = world.deploy_subordinate("side");
    let own = world.attach((web, "juju-info"), (side, "host"));
    world.settle();
    let other = world.attach((proxy, "juju-info"), (side, "host"));
    let unit = world.unit("side/0");
    for (relation, part) in [(own, true), (other, false)] {
        let relation = world.state.relation(relation).expect("a relation");
        assert_eq!(takes_part(&world.state, &unit, relation), part);
    }
}

/// A run of config-changed that ended so, with what it wants to keep.
fn keeping(world: &World, exit: Exit, pairs: &[(&str, Option<&str>)]) -> Ended {
    let unit = world.unit("web/0");
    let done = world.state.unit_state(unit.id).expect("a state");
    let pairs = pairs.iter();
    Ended {
        unit: unit.id,
        seq: done.hook_seq + 1,
        levels: Levels {
            hook: Hook::ConfigChanged,
            charm: id(3),
            config: done.config_seen.clone(),
            leader_version: 1,
            remote_version: 0,
            app_version: 0,
            boot: None,
            resources: None,
        },
        exit,
        writes: vec![HookWrite::State {
            state: pairs
                .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
                .collect(),
        }],
    }
}

fn kept(world: &World) -> Option<Settings> {
    let unit = world.unit("web/0");
    let row = world.state.charm_state(unit.id)?;
    Some(row.state.as_ref().clone())
}

#[test]
fn what_a_charm_keeps_is_kept_by_hooks_that_succeed_within_a_bound() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    let settings = |pairs: &[(&str, &str)]| -> Settings {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let failed = Exit::Failed {
        reason: "exit status 1".to_owned(),
    };
    type Case<'a> = (Exit, &'a [(&'a str, Option<&'a str>)], Option<Settings>);
    let cases: [Case<'_>; 4] = [
        (
            Exit::Success,
            &[("a", Some("1")), ("empty", Some(""))],
            Some(settings(&[("a", "1"), ("empty", "")])),
        ),
        (
            failed,
            &[("a", None)],
            Some(settings(&[("a", "1"), ("empty", "")])),
        ),
        (
            Exit::Success,
            &[("a", None), ("none", None)],
            Some(settings(&[("empty", "")])),
        ),
        (Exit::Success, &[("empty", None)], None),
    ];
    for (exit, pairs, expected) in cases {
        let ended = keeping(&world, exit, pairs);
        for change in commit_outcome(&world.state, &ended, world.now) {
            world.apply(change);
        }
        assert_eq!(kept(&world), expected);
    }
    // The whole is bounded: what is too much fails its hook.
    let unit = world.unit("web/0").id;
    let almost = "x".repeat(CHARM_STATE_MAX - 10);
    world.put(Row::CharmState(CharmState {
        unit,
        state: Arc::new(settings(&[("a", &almost)])),
    }));
    let ended = keeping(&world, Exit::Success, &[("b", Some("0123456789"))]);
    for change in commit_outcome(&world.state, &ended, world.now) {
        world.apply(change);
    }
    assert_eq!(kept(&world).map(|kept| kept.len()), Some(1));
    let done = world.state.unit_state(unit).expect("a state");
    let error = done.error.as_ref().expect("an error");
    assert_eq!(
        error.reason,
        "cannot keep the charm's state: max allowed size (2097152) exceeded"
    );
}

#[test]
fn what_a_charm_keeps_goes_with_its_unit() {
    let mut world = World::new();
    world.deploy("web", 1);
    world.settle();
    let unit = world.unit("web/0").id;
    world.put(Row::CharmState(CharmState {
        unit,
        state: Arc::new(Settings::from([("a".to_owned(), "1".to_owned())])),
    }));
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    assert!(world.state.charm_state(unit).is_none());
}

/// What a unit shows: workload, agent, and the agent's message.
fn shown(world: &World, unit: &str) -> [String; 4] {
    let unit = world.unit(unit).id;
    let status = |key| {
        let status = world.state.status(key);
        status.map_or_else(Default::default, |status| {
            (status.status.clone(), status.message.clone())
        })
    };
    let (workload, message) = status(StatusKey::Workload(unit));
    let (agent, doing) = status(StatusKey::Agent(unit));
    [workload, message, agent, doing]
}

#[test]
fn a_unit_climbs_jujus_ladder_of_statuses() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let proxy = world.deploy("proxy", 1);
    // Before there is a machine.
    let unit = lazuli_plan::Subject::Unit(world.unit("web/0").id);
    for _ in 0..2 {
        for change in world.plan(unit).decisions {
            world.apply(change);
        }
    }
    assert_eq!(
        shown(&world, "web/0"),
        ["waiting", "waiting for machine", "allocating", ""]
    );
    world.endless.insert("install".to_owned());
    world.settle();
    assert_eq!(
        shown(&world, "web/0")[..2],
        ["maintenance", "installing charm software"]
    );
    world.endless.clear();
    for name in ["web/0", "proxy/0"] {
        let unit = world.unit(name).id;
        let seq = world.flight.hooks[&unit].seq;
        world.kill(unit, seq);
    }
    while shown(&world, "web/0")[0] != "unknown" {
        world.wait();
    }
    assert_eq!(shown(&world, "web/0"), ["unknown", "", "idle", ""]);
    // What takes a while is shown, with the remote unit it is about.
    world
        .endless
        .insert("site-relation-joined proxy/0".to_owned());
    world.relate(web, proxy);
    world.settle();
    world.now += time::Duration::seconds(1);
    world.dirty.insert(unit);
    world.settle();
    assert_eq!(
        shown(&world, "web/0")[2..],
        ["executing", "running site-relation-joined hook for proxy/0"]
    );
}

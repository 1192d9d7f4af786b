//! A leader is not told of what it wrote itself.

use std::collections::BTreeMap;

use lazuli_plan::HookWrite;

use crate::world::World;

fn says(relation: u64, value: &str) -> Vec<HookWrite> {
    vec![HookWrite::RelationSet {
        relation,
        application: true,
        settings: BTreeMap::from([("k".to_owned(), Some(value.to_owned()))]),
    }]
}

/// Writes in these hooks, on one unit; the hooks that it ran.
fn hooks_after(wrote_in: &[&str]) -> Vec<String> {
    let mut world = World::new();
    world.deploy("web", 1);
    let ring = world.state.relations().next().expect("a relation").clone();
    for hook in wrote_in {
        let writes = says(ring.number, hook);
        world.writes.insert((*hook).to_owned(), writes);
    }
    world.settle();
    world.assert_settled();
    let web = ring.endpoints[0].application;
    let bag = world.state.relation_application(ring.id, web);
    let version = u64::try_from(wrote_in.len()).expect("a number");
    assert_eq!(bag.map(|bag| bag.version), Some(version));
    world.hooks("web/0")
}

#[test]
fn what_a_leader_says_to_its_peers_is_not_told_to_itself() {
    let told = "ring-relation-changed".to_owned();
    for hooks in [
        &["ring-relation-created"][..],
        &["install"],
        &["install", "ring-relation-created", "start"],
    ] {
        let ran = hooks_after(hooks);
        assert!(!ran.contains(&told), "{hooks:?}: {ran:?}");
    }
}

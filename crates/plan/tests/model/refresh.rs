//! Other charms and other resources for units that run.

use std::sync::Arc;

use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::id::{ApplicationId, CharmId, GenericUuid};
use lazuli_model::state::{
    Application, Change, CharmRevision, CharmSource, Resource, ResourceOrigin, Row, RowKey,
    UnitState,
};

use crate::world::World;

/// A charm with these hooks, added now.
fn add_charm(world: &mut World, revision: u32, hooks: &[&str]) -> CharmId {
    let mut files = MapFiles::new().file(
        "metadata.yaml",
        "name: all\nsummary: s\ndescription: d\nseries: [noble]\nprovides:\n  site: http\n\
         requires:\n  back: http\npeers:\n  ring: ring\n",
    );
    for hook in hooks {
        files = files.executable(&format!("hooks/{hook}"), "#!/bin/sh\n");
    }
    let millis = u64::try_from(world.now.unix_timestamp()).expect("a time") * 1000;
    let random = u128::from(revision).to_be_bytes();
    let random = random[6..].try_into().expect("ten bytes");
    let id = uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid();
    let id = CharmId::from_untyped_uuid(id);
    world.put(Row::Charm(CharmRevision {
        id,
        url: format!("local:all-{revision}"),
        name: "all".to_owned(),
        revision,
        sha256: String::new(),
        charm: Arc::new(Charm::parse(&files, "all").expect("a charm")),
    }));
    id
}

fn switch(world: &mut World, application: ApplicationId, charm: CharmId) {
    let row = world.state.application(application).expect("a row").clone();
    world.put(Row::Application(Application { charm, ..row }));
}

fn attach(world: &mut World, application: ApplicationId, name: &str, content: &str) {
    world.put(Row::Resource(Resource {
        application,
        name: name.to_owned(),
        origin: ResourceOrigin::Upload {
            user: "admin".to_owned(),
        },
        sha256: content.to_owned(),
        fingerprint: content.to_owned(),
        size: 1,
        at: world.now,
    }));
}

fn state(world: &World, unit: &str) -> UnitState {
    let unit = world.unit(unit).id;
    world.state.unit_state(unit).expect("a state").clone()
}

const HOOKS: &[&str] = &[
    "install",
    "config-changed",
    "start",
    "upgrade-charm",
    "stop",
];

#[test]
fn a_refresh_runs_upgrade_charm_then_config_changed_on_each_unit() {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    world.settle();
    world.ran.clear();
    let next = add_charm(&mut world, 1, HOOKS);
    switch(&mut world, web, next);
    world.settle();
    world.assert_settled();
    for unit in ["web/0", "web/1"] {
        assert_eq!(world.hooks(unit), ["upgrade-charm", "config-changed"]);
        assert_eq!(state(&world, unit).charm, Some(next));
    }
}

#[test]
fn a_charm_without_upgrade_charm_hook_is_changed_all_the_same() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    world.settle();
    world.ran.clear();
    let next = add_charm(&mut world, 1, &["config-changed"]);
    switch(&mut world, web, next);
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["config-changed"]);
    assert_eq!(state(&world, "web/0").charm, Some(next));
}

#[test]
fn charms_that_nobody_has_any_more_go_and_fresh_ones_stay() {
    let mut world = World::new();
    let first = add_charm(&mut world, 1, HOOKS);
    let web = world.deploy("web", 1);
    switch(&mut world, web, first);
    world.settle();
    let second = add_charm(&mut world, 2, HOOKS);
    let unused = add_charm(&mut world, 3, HOOKS);
    switch(&mut world, web, second);
    world.settle();
    world.assert_settled();
    // They are as young as the clock of the world stands still.
    assert!(world.state.charm(first).is_some());
    for charm in [first, unused] {
        while world.state.charm(charm).is_some() {
            world.wait();
        }
    }
    world.assert_settled();
    assert!(world.state.charm(second).is_some());
}

#[test]
fn a_changed_resource_runs_upgrade_charm_once() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    let charm = add_charm(&mut world, 1, HOOKS);
    switch(&mut world, web, charm);
    attach(&mut world, web, "site", "a");
    world.settle();
    // What is there at the install is no change.
    assert!(!world.hooks("web/0").contains(&"upgrade-charm".to_owned()));
    attach(&mut world, web, "site", "b");
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["upgrade-charm", "config-changed"]);
    // The same content again is no change.
    attach(&mut world, web, "site", "b");
    world.settle();
    assert_eq!(world.hooks("web/0"), [""; 0]);
    world.apply(Change::Delete(RowKey::Resource(web, "site".to_owned())));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["upgrade-charm", "config-changed"]);
}

#[test]
fn a_unit_in_error_keeps_its_charm_unless_that_is_forced() {
    let mut world = World::new();
    world.failing.insert("config-changed".to_owned(), 1);
    let web = world.deploy("web", 1);
    let first = add_charm(&mut world, 1, HOOKS);
    switch(&mut world, web, first);
    world.settle();
    assert!(state(&world, "web/0").error.is_some());
    world.ran.clear();
    let second = add_charm(&mut world, 2, HOOKS);
    switch(&mut world, web, second);
    world.settle();
    world.assert_settled();
    assert_eq!(state(&world, "web/0").charm, Some(first));
    world.put(Row::CharmSource(CharmSource {
        application: web,
        channel: None,
        forced: Some(second),
    }));
    world.settle();
    world.assert_settled();
    assert_eq!(state(&world, "web/0").charm, Some(second));
    assert!(state(&world, "web/0").error.is_some());
    // The failed hook is tried with the new charm; upgrade-charm is not run.
    while state(&world, "web/0").error.is_some() {
        world.wait();
    }
    world.assert_settled();
    let ran = world.hooks("web/0");
    assert!(!ran.contains(&"upgrade-charm".to_owned()), "{ran:?}");
}

#[test]
fn an_application_takes_its_resources_along() {
    let mut world = World::new();
    let web = world.deploy("web", 1);
    attach(&mut world, web, "site", "a");
    world.put(Row::CharmSource(CharmSource {
        application: web,
        channel: Some("latest/stable".to_owned()),
        forced: None,
    }));
    world.settle();
    world.kill_unit("web/0");
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application {
        life: lazuli_model::life::Life::Dying,
        ..row
    }));
    world.settle();
    world.assert_settled();
    assert!(world.state.application(web).is_none());
    assert_eq!(world.state.resources_of(web).count(), 0);
    assert!(world.state.charm_source(web).is_none());
}

use super::*;

#[test]
fn endpoints_are_inferred_as_juju_does() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    world.deploy("nrpe");
    let text = |refused: Result<Vec<String>, Refusal>| refused.unwrap_err().detail;
    assert_eq!(
        text(world.integrate("web", "pg")),
        "ambiguous relation: \"web pg\" could refer to \"web:db pg:replica\"; \"web:db pg:server\""
    );
    assert_eq!(
        text(world.integrate("web:ring", "pg")),
        "no relations found"
    );
    assert_eq!(
        text(world.integrate("web:cache", "pg")),
        "application \"web\" has no \"cache\" relation"
    );
    assert_eq!(
        text(world.integrate("web", "none")),
        "application \"none\" not found"
    );
    assert_eq!(
        world.integrate("pg:server", "web").unwrap(),
        ["added relation 1 web:db pg:server"]
    );
    assert_eq!(
        text(world.integrate("web:db", "pg:server")),
        "cannot add relation \"web:db pg:server\": relation web:db pg:server already exists"
    );
    assert_eq!(
        text(world.integrate("web:db", "pg:replica")),
        "cannot add relation \"web:db pg:replica\": establishing a new relation for web:db would \
         exceed its maximum relation limit of 1"
    );
    assert_eq!(
        world.integrate("nrpe", "web").unwrap(),
        ["added relation 2 nrpe:info web:juju-info"]
    );
    let relation = relation(&world.state, "2").unwrap();
    assert!(relation.is_container_scoped());
}

#[test]
fn relations_are_removed_by_their_ends() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    world.integrate("web", "pg:server").unwrap();
    let remove = |draft: &mut Draft<'_>, one: &str, other: &str| {
        let relation = find_relation(draft.state, one, other)?;
        remove_relation(draft, relation, false)
    };
    assert_eq!(
        world.refused(|draft| remove(draft, "web", "pg:replica")),
        "relation \"web pg:replica\" not found"
    );
    let lines = world.ask(|draft| remove(draft, "pg", "web:db")).unwrap();
    assert_eq!(lines, ["removed relation 1 web:db pg:server"]);
    let peers = world.refused(|draft| {
        let relation = relation(draft.state, "0")?;
        remove_relation(draft, relation, false)
    });
    assert_eq!(
        peers,
        "relation \"web:ring\" is a peer relation: it goes with its application"
    );
}

#[test]
fn a_charm_that_would_break_a_relation_is_refused() {
    let mut world = World::new();
    world.deploy("web");
    world.deploy("pg");
    world.integrate("web", "pg:server").unwrap();
    world.charm("web", "provides: {site: {interface: http}}");
    world.charm(
        "web",
        "requires: {db: {interface: pg}}\npeers: {ring: {interface: ring}, more: {interface: m}}",
    );
    let to = |charm: &str| Refresh {
        charm: charm.to_owned(),
        ..Refresh::default()
    };
    assert_eq!(
        world.refused(|draft| refresh(draft, "web", &to("local:web-1"))),
        "cannot upgrade application \"web\" to charm \"local:web-1\": would break relation \
         \"web:db pg:server\""
    );
    assert_eq!(
        world.refused(|draft| refresh(draft, "web", &to("local:nrpe-0"))),
        "cannot upgrade application \"web\" to charm \"local:nrpe-0\": cannot change an \
         application's subordinacy"
    );
    let lines = world
        .ask(|draft| refresh(draft, "web", &to("local:web-2")))
        .unwrap();
    assert_eq!(
        lines,
        ["changed application web", "added relation 2 web:more"]
    );
}

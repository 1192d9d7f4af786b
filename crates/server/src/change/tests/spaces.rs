//! Spaces, and what is bound to them.

use lazuli_api::Bind;

use super::*;

impl World {
    fn space(&mut self, name: &str, ranges: &[&str]) -> Result<(), String> {
        let ranges: Vec<String> = ranges.iter().map(|one| (*one).to_owned()).collect();
        let done = self.ask(|draft| add_space(draft, name, &ranges));
        done.map(drop).map_err(|refusal| refusal.detail)
    }

    /// The spaces with their ranges.
    fn spaces(&self) -> String {
        let one = |(name, space): (String, lazuli_model::state::Space)| {
            let ranges: Vec<String> = space.subnets.into_keys().collect();
            format!("{name} {}: {}", space.number, ranges.join(" "))
        };
        let all = self.state.model().all_spaces().into_iter();
        all.map(one).collect::<Vec<_>>().join("; ")
    }

    fn bind(&mut self, bindings: &[(&str, &str)], force: bool) -> Result<Vec<String>, String> {
        let bind_to = Bind {
            bindings: pairs(bindings),
            force,
        };
        let mut draft = Draft::new(&self.state, NOW, &mut self.numbers);
        bind(&mut draft, "web", &bind_to).map_err(|refusal| refusal.detail)?;
        let outcome = draft.outcome();
        for change in outcome.changes {
            self.state.apply(change);
        }
        Ok(outcome.notices)
    }

    fn machine_spaces(&self, name: &str) -> String {
        let mut machines = self.state.machines();
        let machine = machines.find(|row| row.name.as_str() == name).unwrap();
        machine.spaces().unwrap().join(" ")
    }

    fn bound(&self, endpoint: &str) -> &str {
        let mut all = self.state.applications();
        let web = all.find(|row| row.name.as_str() == "web").unwrap();
        web.space_of(endpoint)
    }
}

fn pairs(items: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    items.iter().map(owned).collect()
}

#[test]
fn spaces_are_made_of_what_is_free_renamed_and_removed() {
    let mut world = World::new();
    assert_eq!(world.spaces(), "alpha 0: 10.64.0.0/19");
    world.space("db", &[]).unwrap();
    world
        .space("dmz", &["10.64.40.0/24", "10.64.48.0/22"])
        .unwrap();
    world.space("late", &[]).unwrap();
    assert_eq!(
        world.spaces(),
        "alpha 0: 10.64.0.0/19; db 1: 10.64.32.0/24; dmz 2: 10.64.40.0/24 10.64.48.0/22; \
         late 3: 10.64.33.0/24"
    );
    for (name, ranges, expected) in [
        ("db", &[][..], "space \"db\" already exists"),
        ("No", &[], "invalid space name \"No\""),
        (
            "x",
            &["10.9.0.0/24"],
            "subnet 10.9.0.0/24 is not in the model's network, 10.64.0.0/18",
        ),
        (
            "x",
            &["10.64.49.0/24"],
            "subnet 10.64.49.0/24 overlaps with subnet 10.64.48.0/22",
        ),
        (
            "x",
            &["10.64.60.0/30"],
            "subnet 10.64.60.0/30 is too small: Azure takes /29 and larger",
        ),
    ] {
        let refused = world.space(name, ranges).unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
    let to = ["10.64.40.0/24".to_owned()];
    world
        .ask(|draft| move_to_space(draft, "db", &to, false))
        .unwrap();
    world
        .ask(|draft| rename_space(draft, "db", "data"))
        .unwrap();
    world
        .ask(|draft| remove_space(draft, "late", false))
        .unwrap();
    assert_eq!(
        world.spaces(),
        "alpha 0: 10.64.0.0/19 10.64.33.0/24; data 1: 10.64.32.0/24 10.64.40.0/24; \
         dmz 2: 10.64.48.0/22"
    );
    assert_eq!(
        world.refused(|draft| remove_space(draft, "alpha", true)),
        "the \"alpha\" space cannot be removed"
    );
    assert_eq!(
        world.refused(|draft| rename_space(draft, "alpha", "x")),
        "the \"alpha\" space cannot be renamed"
    );
}

#[test]
fn machines_are_made_in_the_spaces_that_endpoints_are_bound_to() {
    let mut world = World::new();
    world.space("db", &[]).unwrap();
    world.space("dmz", &[]).unwrap();
    let deploy = Deploy {
        endpoint_bindings: pairs(&[("db", "db")]),
        ..some("local:web-0")
    };
    world.ask(|draft| super::deploy(draft, &deploy)).unwrap();
    assert_eq!(world.machine_spaces("0"), "alpha db");
    assert_eq!((world.bound("db"), world.bound("ring")), ("db", "alpha"));
    let added = AddMachines {
        count: 1,
        base: Some("ubuntu@22.04".to_owned()),
        constraints: Some("spaces=dmz".to_owned()),
        ..AddMachines::default()
    };
    world.ask(|draft| add_machines(draft, &added)).unwrap();
    assert_eq!(world.machine_spaces("1"), "dmz");

    let there = AddUnits {
        count: 1,
        placement: vec!["1".to_owned()],
        attach_storage: Vec::new(),
    };
    assert_eq!(
        world.refused(|draft| add_units(draft, "web", &there)),
        "cannot add unit \"web/1\": machine 1 has no address in space \"alpha\": a machine is \
         put into spaces when it is made, with its constraint spaces=alpha,db"
    );
    let unknown = Deploy {
        endpoint_bindings: pairs(&[("", "dbb")]),
        name: Some("other".to_owned()),
        ..some("local:web-0")
    };
    let refused = world.refused(|draft| super::deploy(draft, &unknown));
    assert!(refused.starts_with("space \"dbb\" not found"), "{refused}");
    let contrary = Deploy {
        endpoint_bindings: pairs(&[("", "db")]),
        constraints: Some("spaces=^db".to_owned()),
        name: Some("other".to_owned()),
        ..some("local:web-0")
    };
    let refused = world.refused(|draft| super::deploy(draft, &contrary));
    assert!(refused.contains("spaces=^db excludes"), "{refused}");
}

#[test]
fn bindings_follow_the_default_and_need_machines_that_are_there() {
    let mut world = World::new();
    world.space("db", &[]).unwrap();
    world.space("dmz", &[]).unwrap();
    let deploy = Deploy {
        endpoint_bindings: pairs(&[("db", "db")]),
        ..some("local:web-0")
    };
    world.ask(|draft| super::deploy(draft, &deploy)).unwrap();
    assert_eq!(
        world.bind(&[("ring", "dmz")], false).unwrap_err(),
        "changing binding of endpoint \"ring\" to space \"dmz\" is not feasible: one or more \
         deployed machines lack an address in this space"
    );
    assert_eq!(
        world.bind(&[("", "db")], false).unwrap(),
        [
            "moving endpoint \"juju-info\" from \"alpha\" to \"db\"",
            "moving endpoint \"ring\" from \"alpha\" to \"db\"",
            "no change to endpoints in space \"db\": db",
        ]
    );
    world.bind(&[("ring", "dmz")], true).unwrap();
    assert_eq!((world.bound("db"), world.bound("ring")), ("db", "dmz"));
    assert_eq!(
        world.refused(|draft| remove_space(draft, "db", false)),
        "cannot remove space \"db\": it is used by the bindings of web, machine 0; --force binds \
         these to \"alpha\""
    );
    world.ask(|draft| remove_space(draft, "db", true)).unwrap();
    assert_eq!((world.bound("db"), world.bound("ring")), ("alpha", "dmz"));
    assert_eq!(world.machine_spaces("0"), "alpha");
    world
        .ask(|draft| rename_space(draft, "dmz", "edge"))
        .unwrap();
    assert_eq!(world.bound("ring"), "edge");
}

#[test]
fn the_models_default_space_is_for_what_comes() {
    let mut world = World::new();
    world.deploy("pg");
    let change = |space: &str| ModelConfigChange {
        set: [("default-space".to_owned(), json!(space))].into(),
        ..ModelConfigChange::default()
    };
    let refused = world.refused(|draft| change_model_config(draft, &change("db")));
    assert!(refused.starts_with("space \"db\" not found"), "{refused}");
    world.space("db", &[]).unwrap();
    world
        .ask(|draft| change_model_config(draft, &change("db")))
        .unwrap();
    world.deploy("web");
    assert_eq!(world.bound("ring"), "db");
    assert_eq!(world.machine_spaces("0"), "alpha");
    assert_eq!(world.machine_spaces("1"), "db");
}

use super::*;

#[test]
fn settings_are_set_and_reset() {
    let mut world = World::new();
    world.deploy("web");
    let set = ConfigChange {
        set: [
            ("port".to_owned(), json!(8080)),
            ("trust".to_owned(), json!("true")),
        ]
        .into(),
        reset: Vec::new(),
    };
    world
        .ask(|draft| change_config(draft, "web", &set))
        .unwrap();
    let row = application(&world.state, "web").unwrap();
    assert_eq!((row.config.len(), row.trust), (1, true));
    assert_eq!(
        world
            .ask(|draft| change_config(draft, "web", &set))
            .unwrap(),
        [""; 0]
    );
    let reset = ConfigChange {
        set: Default::default(),
        reset: vec!["port".to_owned(), "trust".to_owned()],
    };
    world
        .ask(|draft| change_config(draft, "web", &reset))
        .unwrap();
    let row = application(&world.state, "web").unwrap();
    assert_eq!((row.config.len(), row.trust), (0, false));
    let unknown = ConfigChange {
        set: Default::default(),
        reset: vec!["colour".to_owned()],
    };
    assert_eq!(
        world.refused(|draft| change_config(draft, "web", &unknown)),
        "unknown option \"colour\""
    );
}

#[test]
fn exposure_is_per_endpoint() {
    let mut world = World::new();
    world.deploy("web");
    let rule = |cidr: &str| ExposeTo {
        cidrs: vec![cidr.to_owned()],
        spaces: Vec::new(),
    };
    let one = |endpoint: &str, to: ExposeTo| Expose {
        endpoints: [(endpoint.to_owned(), to)].into(),
    };
    let bad = one("db", rule("10.0.0.0"));
    assert_eq!(
        world.refused(|draft| expose(draft, "web", &bad)),
        "invalid CIDR address: 10.0.0.0"
    );
    let bad = one("x", ExposeTo::default());
    assert_eq!(
        world.refused(|draft| expose(draft, "web", &bad)),
        "endpoint \"x\" not found"
    );
    let good = one("db", rule("10.0.0.0/8"));
    world.ask(|draft| expose(draft, "web", &good)).unwrap();
    world
        .ask(|draft| expose(draft, "web", &Expose::default()))
        .unwrap();
    let row = application(&world.state, "web").unwrap();
    let rules = row.exposed.clone().unwrap();
    assert_eq!(rules.keys().collect::<Vec<_>>(), ["", "db"]);
    world.ask(|draft| unexpose(draft, "web", &["db"])).unwrap();
    assert_eq!(
        world.refused(|draft| unexpose(draft, "web", &["db"])),
        "endpoint \"db\" is not exposed"
    );
    world.ask(|draft| unexpose(draft, "web", &[])).unwrap();
    assert_eq!(application(&world.state, "web").unwrap().exposed, None);
}

#[test]
fn model_settings_are_typed() {
    let mut world = World::new();
    let mut set = |key: &str, value: serde_json::Value| {
        let change = ModelConfigChange {
            set: [(key.to_owned(), value)].into(),
            reset: Vec::new(),
        };
        world.ask(|draft| change_model_config(draft, &change))
    };
    set("update-status-hook-interval", json!("10m")).unwrap();
    set("automatically-retry-hooks", json!(false)).unwrap();
    set("my-own-key", json!("x")).unwrap();
    for (key, value) in [
        ("update-status-hook-interval", json!("often")),
        ("automatically-retry-hooks", json!("maybe")),
        ("egress", json!("magic")),
        ("default-base", json!("warty")),
        ("name", json!("other")),
        ("agent-version", json!("4.0.0")),
        ("Bad Key", json!("x")),
        ("http-proxy", json!(["x"])),
    ] {
        assert!(set(key, value).is_err(), "{key}");
    }
    let document = model_config_document(world.state.model());
    assert_eq!(
        document.config["automatically-retry-hooks"].value,
        json!(false)
    );
    assert_eq!(document.config["automatically-retry-hooks"].source, "model");
    assert_eq!(document.config["egress"].source, "default");
    assert_eq!(document.config["name"].value, json!("dev"));
}

#[test]
fn a_misspelt_name_is_answered_with_the_right_one() {
    let mut world = World::new();
    world.deploy("web");
    for (name, expected) in [
        (
            "wbe",
            "application \"wbe\" not found; did you mean \"web\"?",
        ),
        ("other", "application \"other\" not found"),
    ] {
        assert_eq!(
            application(&world.state, name).unwrap_err().detail,
            expected
        );
    }
    for (name, expected) in [
        ("wbe/0", "unit \"wbe/0\" not found; did you mean \"web/0\"?"),
        ("web/9", "unit \"web/9\" not found"),
    ] {
        assert_eq!(unit(&world.state, name).unwrap_err().detail, expected);
    }
    let change = ConfigChange {
        set: [("prot".to_owned(), json!(1))].into(),
        reset: Vec::new(),
    };
    assert_eq!(
        world.refused(|draft| change_config(draft, "web", &change)),
        "unknown option \"prot\"; did you mean \"port\"?"
    );
}

use super::*;

#[test]
fn a_deployment_is_an_application_with_all_that_belongs_to_it() {
    let mut world = World::new();
    let request = Deploy {
        num_units: Some(2),
        placement: vec!["zone=2".to_owned()],
        constraints: Some("cores=4".to_owned()),
        config: [("port".to_owned(), json!("8080"))].into(),
        trust: true,
        ..some("local:web-0")
    };
    let lines = world.ask(|draft| deploy(draft, &request)).unwrap();
    assert_eq!(
        lines,
        [
            "added application web",
            "added relation 0 web:ring",
            "added machine 0",
            "added machine 1",
            "added unit web/0 on machine 0",
            "added unit web/1 on machine 1",
        ]
    );
    let row = application(&world.state, "web").unwrap();
    assert_eq!(row.base.to_string(), "ubuntu@22.04");
    assert_eq!((row.next_unit, row.trust), (2, true));
    let first = machine(&world.state, "0").unwrap();
    assert_eq!(first.constraints.to_string(), "cores=4 mem=2048M");
    assert!(first.for_unit);
    let zone = Some("2".to_owned());
    assert_eq!(first.source, MachineSource::Cloud { zone });
}

#[test]
fn deployments_are_refused_in_jujus_words() {
    let mut world = World::new();
    world.deploy("web");
    let cases: Vec<(Deploy, &str)> = vec![
        (some("local:none-0"), "charm \"local:none-0\" not found"),
        (some("local:web-0"), "application \"web\" already exists"),
        (
            Deploy {
                name: Some("x".to_owned()),
                config: [("colour".to_owned(), json!("red"))].into(),
                ..some("local:web-0")
            },
            "unknown option \"colour\"",
        ),
        (
            Deploy {
                name: Some("x".to_owned()),
                config: [("port".to_owned(), json!("many"))].into(),
                ..some("local:web-0")
            },
            "option \"port\" expected int, got \"many\"",
        ),
        (
            Deploy {
                name: Some("x".to_owned()),
                constraints: Some("core=4".to_owned()),
                ..some("local:web-0")
            },
            "unknown constraint \"core\"",
        ),
        (
            Deploy {
                name: Some("x".to_owned()),
                placement: vec!["9".to_owned()],
                ..some("local:web-0")
            },
            "cannot add unit \"x/0\": machine 9 not found",
        ),
        (
            Deploy {
                name: Some("x".to_owned()),
                placement: vec!["lxd:0".to_owned()],
                ..some("local:web-0")
            },
            "cannot place on \"lxd:0\": containers are not supported, place on a machine such as \
             0, or leave --to out",
        ),
        (
            Deploy {
                name: Some("x".to_owned()),
                base: Some("ubuntu@20.04".to_owned()),
                ..some("local:web-0")
            },
            "base \"ubuntu@20.04\" not supported by charm, supported bases are: ubuntu@22.04, \
             ubuntu@24.04",
        ),
        (
            Deploy {
                num_units: Some(1),
                ..some("local:nrpe-0")
            },
            "cannot use --num-units or --to with subordinate application",
        ),
        (
            Deploy {
                placement: vec!["0".to_owned()],
                ..some("local:nrpe-0")
            },
            "cannot use --num-units or --to with subordinate application",
        ),
        (
            Deploy {
                constraints: Some("mem=4G".to_owned()),
                ..some("local:nrpe-0")
            },
            "cannot use --constraints with subordinate application",
        ),
    ];
    let before = world.state.clone();
    for (request, expected) in cases {
        assert_eq!(world.refused(|draft| deploy(draft, &request)), expected);
    }
    let bad_name = Deploy {
        name: Some("Web".to_owned()),
        ..some("local:web-0")
    };
    let text = world.refused(|draft| deploy(draft, &bad_name));
    assert!(
        text.starts_with("invalid application name \"Web\""),
        "{text}"
    );
    assert_eq!(world.state, before);
}

#[test]
fn the_models_default_base_counts_where_the_charm_runs_on_it() {
    let mut world = World::new();
    let set = ModelConfigChange {
        set: [("default-base".to_owned(), json!("noble"))].into(),
        reset: Vec::new(),
    };
    world.ask(|draft| change_model_config(draft, &set)).unwrap();
    world.deploy("web");
    let row = application(&world.state, "web").unwrap();
    assert_eq!(row.base.to_string(), "ubuntu@24.04");
}

#[test]
fn units_go_where_they_are_placed() {
    let mut world = World::new();
    world.deploy("web");
    let request = AddUnits {
        count: 2,
        placement: vec!["0".to_owned()],
        attach_storage: Vec::new(),
    };
    let lines = world
        .ask(|draft| add_units(draft, "web", &request))
        .unwrap();
    assert_eq!(
        lines,
        [
            "changed application web",
            "added machine 1",
            "added unit web/1 on machine 0",
            "added unit web/2 on machine 1",
        ]
    );
    let elsewhere = Deploy {
        base: Some("ubuntu@24.04".to_owned()),
        placement: vec!["0".to_owned()],
        ..some("local:pg-0")
    };
    assert_eq!(
        world.refused(|draft| deploy(draft, &elsewhere)),
        "cannot add unit \"pg/0\": base does not match: machine has \"ubuntu@22.04\", unit has \
         \"ubuntu@24.04\""
    );
}

/// No key of anybody: only its type and length are right.
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQM=";

#[test]
fn hosts_of_ones_own_need_their_keys() {
    let mut world = World::new();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f x";
    let host = |host: &str, keys: &[&str]| AddMachines {
        manual: Some(ManualHost {
            user: "ubuntu".to_owned(),
            host: host.to_owned(),
            port: 22,
            host_keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        }),
        ..AddMachines::default()
    };
    for (request, expected) in [
        (host("10.0.0.9", &[]), "the host's SSH host keys are needed"),
        (host("10.0.0.9", &["ssh-ed25519 AAAA"]), "invalid ssh key"),
        (host("10.0.0.9", &[RSA]), "an ed25519 host key is needed"),
        (host("example", &[key]), "\"example\" is no address"),
        (
            host("127.0.0.1", &[key]),
            "no machine can be enlisted at 127.0.0.1: it is the controller's own host",
        ),
        (
            host("-oProxyCommand=x", &[key]),
            "invalid placement directive",
        ),
    ] {
        let text = world.refused(|draft| add_machines(draft, &request));
        assert!(text.starts_with(expected), "{text}");
    }
    let good = host("10.0.0.9", &[key]);
    let lines = world.ask(|draft| add_machines(draft, &good)).unwrap();
    assert_eq!(lines, ["added machine 0"]);
    assert_eq!(
        world
            .ask(|draft| add_machines(draft, &good))
            .unwrap_err()
            .code,
        Code::AlreadyExists
    );
}

#[test]
fn constraints_that_mean_nothing_are_said_to() {
    let mut world = World::new();
    let request = Deploy {
        constraints: Some("cores=4 tags=fast virt-type=kvm".to_owned()),
        ..some("local:web-0")
    };
    let mut draft = Draft::new(&world.state, NOW, &mut world.numbers);
    deploy(&mut draft, &request).unwrap();
    assert_eq!(
        draft.outcome().notices,
        ["unsupported constraints: tags,virt-type"]
    );
}

mod ledger;

use std::sync::Arc;

use lazuli_model::base::Base;
use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::id::{
    ApplicationId, CharmId, GenericUuid, MachineId, ModelId, RelationId, UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Application, Change, CharmRevision, Endpoint, EndpointRole, HookError, Leader, Machine,
    MachineSource, MachineState, Model, ModelState, OpenedPort, Relation, RelationApplication,
    RelationUnit, Row, Unit, UnitState,
};
use lazuli_model::status::{Status, StatusKey};
use serde_json::json;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::{application_config, is_joined, relation_key, show_unit, status_document};

const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

fn charm(name: &str, more: &str) -> Row {
    let metadata = format!("name: {name}\nsummary: s\ndescription: d\n{more}");
    let config = "options:\n  port: {type: int, default: 80, description: the port}\n  \
                  title: {type: string, description: the title}\n";
    let files = MapFiles::new()
        .file("metadata.yaml", metadata)
        .file("config.yaml", config);
    Row::Charm(CharmRevision {
        id: id(if name == "web" { 1 } else { 2 }),
        url: format!("local:{name}-3"),
        name: name.to_owned(),
        revision: 3,
        sha256: String::new(),
        charm: Arc::new(Charm::parse(&files, name).unwrap()),
    })
}

fn world() -> ModelState {
    let mut state = ModelState::new(Model {
        spaces: std::collections::BTreeMap::new(),
        id: id::<ModelId>(0xabc),
        name: "dev".parse().unwrap(),
        owner: "admin".parse().unwrap(),
        controller: id(1),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: "10.64.0.0/18".to_owned(),
        config: Default::default(),
        constraints: Default::default(),
        ssh_key: String::new(),
        authorized_keys: Vec::new(),
        storage_pools: std::collections::BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: NOW,
    });
    let web = "requires:\n  db: {interface: pg}\npeers:\n  ring: {interface: ring}\n";
    let pg = "provides:\n  server: {interface: pg}\n";
    for row in [
        charm("web", web),
        charm("pg", pg),
        application(1, "web", 1),
        application(2, "pg", 2),
        machine(1, "0"),
        machine(2, "1"),
        unit(1, "web/0", 1, 1),
        unit(2, "pg/0", 2, 2),
        relation(0, vec![end(1, "ring", "ring", EndpointRole::Peer)]),
        relation(
            1,
            vec![
                end(2, "server", "pg", EndpointRole::Provider),
                end(1, "db", "pg", EndpointRole::Requirer),
            ],
        ),
    ] {
        state.apply(Change::Put(row));
    }
    state
}

fn application(n: u128, name: &str, charm: u128) -> Row {
    Row::Application(Application {
        bindings: std::collections::BTreeMap::new(),
        id: id(n),
        name: name.parse().unwrap(),
        charm: id::<CharmId>(charm),
        base: Base::default(),
        constraints: Default::default(),
        config: Default::default(),
        exposed: None,
        trust: false,
        life: Life::Alive,
        force: false,
        storage: std::collections::BTreeMap::new(),
        next_unit: 1,
        created_at: NOW,
    })
}

fn machine(n: u128, name: &str) -> Row {
    Row::Machine(Machine {
        spaces: Vec::new(),
        id: id(n),
        name: name.parse().unwrap(),
        base: Base::default(),
        constraints: "mem=4G".parse().unwrap(),
        source: MachineSource::Cloud { zone: None },
        life: Life::Alive,
        force: false,
        for_unit: true,
        created_at: NOW,
    })
}

fn unit(n: u128, name: &str, application: u128, machine: u128) -> Row {
    Row::Unit(Unit {
        id: id(n),
        name: name.parse().unwrap(),
        application: id::<ApplicationId>(application),
        machine: id::<MachineId>(machine),
        principal: None,
        life: Life::Alive,
        force: false,
        resolve: None,
        created_at: NOW,
    })
}

fn end(application: u128, name: &str, interface: &str, role: EndpointRole) -> Endpoint {
    Endpoint {
        application: id(application),
        name: name.parse().unwrap(),
        interface: interface.to_owned(),
        role,
        container_scoped: false,
    }
}

fn relation(number: u64, endpoints: Vec<Endpoint>) -> Row {
    Row::Relation(Relation {
        id: id(u128::from(number) + 1),
        number,
        endpoints,
        life: Life::Alive,
        force: false,
        created_at: NOW,
    })
}

fn member(relation: u128, unit: u128, name: &str, settings: &[(&str, &str)]) -> Row {
    let settings = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Row::RelationUnit(RelationUnit {
        relation: id(relation),
        unit: id(unit),
        name: name.parse().unwrap(),
        in_scope: true,
        settings: Arc::new(settings),
        version: 1,
    })
}

fn status(key: StatusKey, word: &str, message: &str) -> Row {
    Row::Status(key, Status::new(word, message, NOW))
}

#[test]
fn a_fresh_model_is_shown_as_juju_shows_it() {
    let document = serde_json::to_value(status_document(&world(), "ctl")).unwrap();
    let since = "2026-01-02T03:04:05Z";
    assert_eq!(
        document["model"],
        json!({
            "name": "dev", "type": "iaas", "controller": "ctl", "cloud": "azure",
            "region": "westeurope", "version": "3.6.28",
            "model-status": {"current": "available", "since": since},
        })
    );
    assert_eq!(
        document["machines"]["0"],
        json!({
            "juju-status": {"current": "pending", "since": since},
            "instance-id": "pending",
            "machine-status": {"current": "pending", "since": since},
            "modification-status": {"current": "idle", "since": since},
            "base": {"name": "ubuntu", "channel": "24.04"},
            "constraints": "mem=4096M",
        })
    );
    assert_eq!(
        document["applications"]["web"],
        json!({
            "charm": "local:web-3",
            "base": {"name": "ubuntu", "channel": "24.04"},
            "charm-origin": "local",
            "charm-name": "web",
            "charm-rev": 3,
            "exposed": false,
            "application-status":
                {"current": "waiting", "message": "waiting for machine", "since": since},
            "relations": {
                "db": [{"related-application": "pg", "interface": "pg", "scope": "global"}],
                "ring": [{"related-application": "web", "interface": "ring", "scope": "global"}],
            },
            "units": {"web/0": {
                "workload-status":
                    {"current": "waiting", "message": "waiting for machine", "since": since},
                "juju-status": {"current": "allocating", "since": since},
                "machine": "0",
            }},
            "endpoint-bindings": {"": "alpha", "db": "alpha", "ring": "alpha"},
        })
    );
    assert_eq!(document["storage"], json!({}));
    assert!(document.get("controller").is_none());
}

#[test]
fn what_is_known_of_a_machine_and_its_unit_is_shown() {
    let mut state = world();
    let known = MachineState {
        address: Some("10.64.0.4".parse().unwrap()),
        public_address: Some("20.0.0.1".parse().unwrap()),
        mac: Some("00:0d:3a:00:00:01".to_owned()),
        ..MachineState::new(id(1))
    };
    let port = |range: &str| {
        Row::OpenedPort(OpenedPort {
            unit: id(1),
            endpoint: String::new(),
            range: range.parse().unwrap(),
        })
    };
    for row in [
        Row::MachineState(known),
        status(StatusKey::Machine(id(1)), "started", ""),
        status(StatusKey::Workload(id(1)), "active", "ready"),
        status(StatusKey::Agent(id(1)), "idle", ""),
        port("443"),
        port("80"),
        Row::Leader(Leader {
            application: id(1),
            unit: Some(id(1)),
            granted_until: None,
            settings: Arc::default(),
            version: 1,
        }),
    ] {
        state.apply(Change::Put(row));
    }
    let document = serde_json::to_value(status_document(&state, "ctl")).unwrap();
    let machine = &document["machines"]["0"];
    assert_eq!(machine["dns-name"], "20.0.0.1");
    assert_eq!(machine["ip-addresses"], json!(["20.0.0.1", "10.64.0.4"]));
    assert_eq!(machine["juju-status"]["version"], "3.6.28");
    assert_eq!(
        machine["network-interfaces"]["eth0"],
        json!({
            "ip-addresses": ["10.64.0.4"], "mac-address": "00:0d:3a:00:00:01",
            "space": "alpha", "is-up": true,
        })
    );
    let unit = &document["applications"]["web"]["units"]["web/0"];
    assert_eq!(unit["leader"], true);
    assert_eq!(unit["open-ports"], json!(["80/tcp", "443/tcp"]));
    assert_eq!(unit["public-address"], "20.0.0.1");
    assert_eq!(
        document["applications"]["web"]["application-status"]["message"],
        "ready"
    );
}

#[test]
fn a_failed_hook_is_the_workloads_error() {
    let mut state = world();
    let hook = Hook::Relation(RelationHook {
        kind: RelationHookKind::Changed,
        relation: id::<RelationId>(2),
        remote: Some(id::<UnitId>(2)),
        departing: None,
    });
    let mut done = UnitState::new(id(1));
    done.error = Some(HookError {
        hook,
        attempts: 1,
        reason: "exit 1".to_owned(),
        since: NOW,
        next_try: None,
    });
    state.apply(Change::Put(Row::UnitState(done)));
    state.apply(Change::Put(status(StatusKey::Agent(id(1)), "error", "")));
    let document = status_document(&state, "ctl");
    let unit = &document.applications["web"].units["web/0"];
    assert_eq!(unit.workload_status.current, "error");
    assert_eq!(
        unit.workload_status.message,
        "hook failed: \"db-relation-changed\" for pg:server"
    );
    assert_eq!(unit.juju_status.current, "idle");
    assert_eq!(
        document.applications["web"].application_status.current,
        "error"
    );
}

#[test]
fn an_unreachable_machines_units_are_lost() {
    let mut state = world();
    state.apply(Change::Put(status(StatusKey::Machine(id(1)), "down", "x")));
    state.apply(Change::Put(status(
        StatusKey::Workload(id(1)),
        "active",
        "",
    )));
    let document = status_document(&state, "ctl");
    let unit = &document.applications["web"].units["web/0"];
    assert_eq!(unit.workload_status.current, "unknown");
    assert_eq!(
        unit.workload_status.message,
        "agent lost, see 'juju show-status-log web/0'"
    );
    assert_eq!(unit.juju_status.current, "lost");
}

#[test]
fn show_unit_has_both_sides_of_its_relations() {
    let mut state = world();
    state.apply(Change::Put(member(2, 1, "web/0", &[("want", "x")])));
    assert!(!is_joined(&state, state.relation(id(2)).unwrap()));
    state.apply(Change::Put(member(2, 2, "pg/0", &[("host", "h")])));
    assert!(is_joined(&state, state.relation(id(2)).unwrap()));
    state.apply(Change::Put(Row::RelationApplication(RelationApplication {
        relation: id(2),
        application: id(2),
        settings: Arc::new([("db".to_owned(), "d".to_owned())].into()),
        version: 1,
    })));
    let unit = show_unit(&state, state.unit(id(1)).unwrap());
    assert_eq!(
        serde_json::to_value(&unit).unwrap(),
        json!({
            "machine": "0",
            "opened-ports": [],
            "charm": "local:web-3",
            "leader": false,
            "life": "alive",
            "relation-info": [
                {
                    "relation-id": 0, "endpoint": "ring", "related-endpoint": "ring",
                    "application-data": {}, "local-unit": {"in-scope": false, "data": null},
                },
                {
                    "relation-id": 1, "endpoint": "db", "related-endpoint": "server",
                    "application-data": {"db": "d"},
                    "local-unit": {"in-scope": true, "data": {"want": "x"}},
                    "related-units": {"pg/0": {"in-scope": true, "data": {"host": "h"}}},
                },
            ],
        })
    );
}

#[test]
fn relations_are_named_by_the_requirer_first() {
    let state = world();
    let key = |n| {
        relation_key(&state, state.relation(id(n)).unwrap())
            .unwrap()
            .to_string()
    };
    assert_eq!(key(1), "web:ring");
    assert_eq!(key(2), "web:db pg:server");
}

#[test]
fn settings_say_where_they_come_from() {
    let mut state = world();
    let mut application = state.application(id(1)).unwrap().clone();
    let title = lazuli_model::config::ConfigValue::String("t".to_owned());
    application.config.insert("title".to_owned(), title);
    state.apply(Change::Put(Row::Application(application)));
    let config = application_config(&state, state.application(id(1)).unwrap());
    assert_eq!(
        serde_json::to_value(&config.settings).unwrap(),
        json!({
            "port": {"default": 80, "description": "the port", "source": "default",
                "type": "int", "value": 80},
            "title": {"description": "the title", "source": "user", "type": "string",
                "value": "t"},
        })
    );
    assert_eq!(config.application_config["trust"].source, "default");
}

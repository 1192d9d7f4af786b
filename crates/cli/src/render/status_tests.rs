use std::collections::BTreeMap;

use lazuli_api::RelationSide;
use lazuli_model::document::status::{
    Application, Base, Controller, Machine, RelatedApplication, Unit,
};

use super::*;

fn info(current: &str, message: &str) -> StatusInfo {
    StatusInfo::new(current, message, None)
}

fn unit(machine: &str, workload: &str, agent: StatusInfo) -> Unit {
    Unit {
        workload_status: info(workload, ""),
        juju_status: agent,
        machine: machine.to_owned(),
        public_address: "10.64.0.4".to_owned(),
        ..Unit::default()
    }
}

/// Two units of an application, one of which is not up yet, with a
/// subordinate; two machines.
pub(crate) fn sample() -> Status {
    let mut first = unit("0", "active", info("idle", ""));
    first.leader = true;
    first.open_ports = ["80/tcp", "443/tcp", "53/udp"].map(str::to_owned).into();
    first.subordinates.insert(
        "nrpe/0".to_owned(),
        unit(
            "",
            "active",
            info("executing", "running update-status hook"),
        ),
    );
    let second = unit("10", "waiting", info("allocating", ""));
    let webapp = Application {
        charm: "local:webapp-3".to_owned(),
        charm_name: "webapp".to_owned(),
        charm_origin: "local".to_owned(),
        charm_rev: 3,
        exposed: true,
        version: "1.2.3-with-a-long-tail\nand more".to_owned(),
        application_status: info("waiting", &"x".repeat(130)),
        relations: BTreeMap::from([("website".to_owned(), vec![RelatedApplication::default()])]),
        units: BTreeMap::from([
            ("webapp/0".to_owned(), first),
            ("webapp/10".to_owned(), second),
        ]),
        ..Application::default()
    };
    let nrpe = Application {
        charm_name: "nrpe".to_owned(),
        application_status: info("active", ""),
        subordinate_to: vec!["webapp".to_owned()],
        ..Application::default()
    };
    let machine = Machine {
        juju_status: info("started", ""),
        machine_status: info("running", "Running"),
        dns_name: "10.64.0.4".to_owned(),
        instance_id: "machine-0".to_owned(),
        base: Some(Base {
            name: "ubuntu".to_owned(),
            channel: "24.04".to_owned(),
        }),
        hardware: "arch=amd64 cores=2 availability-zone=1".to_owned(),
        ..Machine::default()
    };
    let pending = Machine {
        juju_status: info("pending", "waiting for SSH: no route"),
        machine_status: info("running", "Running"),
        instance_id: "pending".to_owned(),
        ..Machine::default()
    };
    Status {
        model: Model {
            name: "m".to_owned(),
            kind: "iaas".to_owned(),
            controller: "dev".to_owned(),
            cloud: "azure".to_owned(),
            region: "westeurope".to_owned(),
            version: "3.6.28".to_owned(),
            model_status: info("available", ""),
        },
        applications: BTreeMap::from([("webapp".to_owned(), webapp), ("nrpe".to_owned(), nrpe)]),
        machines: BTreeMap::from([("10".to_owned(), pending), ("0".to_owned(), machine)]),
        controller: Some(Controller {
            timestamp: "12:00:00Z".to_owned(),
        }),
        ..Status::default()
    }
}

fn relation(status: &str) -> RelationInfo {
    let side = |application: &str, endpoint: &str, role: &str| RelationSide {
        application: application.to_owned(),
        endpoint: endpoint.to_owned(),
        role: role.to_owned(),
        scope: "global".to_owned(),
    };
    RelationInfo {
        id: 1,
        key: "haproxy:reverseproxy webapp:website".to_owned(),
        endpoints: vec![
            side("webapp", "website", "provider"),
            side("haproxy", "reverseproxy", "requirer"),
        ],
        interface: "http".to_owned(),
        life: "alive".to_owned(),
        status: status.to_owned(),
    }
}

#[test]
fn a_status_is_laid_out_as_jujus() {
    let lines = [
        "Model  Controller  Cloud/Region      Version  Timestamp",
        "m      dev         azure/westeurope  3.6.28   12:00:00Z",
        "",
        "App     Version          Status   Scale  Charm   Channel  Rev  Exposed  Message",
        "nrpe                     active       1  nrpe               0  no       ",
        &format!(
            "webapp  1.2.3-with-a...  waiting    1/2  webapp             3  yes      {}...",
            "x".repeat(117)
        ),
        "",
        "Unit       Workload  Agent       Machine  Public address  Ports              Message",
        "webapp/0*  active    idle        0        10.64.0.4       80,443/tcp 53/udp  ",
        "  nrpe/0   active    executing            10.64.0.4                          \
         (update-status)",
        "webapp/10  waiting   allocating  10       10.64.0.4                          ",
        "",
        "Machine  State    Address    Inst id    Base          AZ  Message",
        "0        started  10.64.0.4  machine-0  ubuntu@24.04  1   Running",
        "10       pending             pending                      waiting for SSH: no route",
        "",
        "Integration provider  Requirer              Interface  Type     Message",
        "webapp:website        haproxy:reverseproxy  http       regular  joining",
        "",
    ];
    let text = tabular(&sample(), Some(&[relation("joining")]));
    assert_eq!(text, lines.join("\n"));
}

#[test]
fn a_model_that_goes_says_so() {
    let mut status = Status::default();
    status.model.model_status = info("destroying", "");
    let text = tabular(&status, None);
    assert!(text.contains("Notes"), "{text}");
    assert!(text.contains("destroying"), "{text}");
}

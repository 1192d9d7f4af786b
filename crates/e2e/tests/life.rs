//! The life of a unit, from `add-model` to `destroy-model`: all that a user
//! sees of it.

use lazuli_e2e::Lazuli;

#[test]
fn a_unit_is_deployed_looked_at_changed_and_removed() {
    let Some(cli) = Lazuli::start() else { return };
    cli.shows(
        "add-model life",
        "! Added 'life' model on azure-sim/westeurope for user 'admin'",
    );
    cli.shows("switch", "dev:admin/life");
    cli.shows(
        "whoami",
        "
        Controller:  dev
        Model:  life
        User:  admin",
    );
    cli.shows(
        "status",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        life  dev  azure-sim/westeurope  3.6.28  TIME
        ! Model \"life\" is empty.",
    );
    cli.shows(
        "deploy ./charms/recorder app",
        "
        ! Located local charm \"recorder\", revision 0
        ! Deploying \"app\" from local charm \"recorder\", revision 0 on ubuntu@24.04/stable",
    );
    cli.until("it is active", |status| status.all_active(1));
    cli.shows(
        "status",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        life  dev  azure-sim/westeurope  3.6.28  TIME

        App  Version  Status  Scale  Charm  Channel  Rev  Exposed  Message
        app  active  1  recorder  0  no  recording

        Unit  Workload  Agent  Machine  Public address  Ports  Message
        app/0*  active  idle  0  ADDRESS  recording

        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  m-0-g1  ubuntu@24.04",
    );

    documents(&cli);
    cli.shows("config app word", "hello");
    cli.shows("config app word=bye number=7 flag=true", "");
    cli.shows("config app number", "7");
    cli.eventually("the unit saw its configuration", || {
        let hooks = cli.recorded("0", "app/0");
        hooks
            .last()
            .is_some_and(|hook| hook == "config-changed word=bye")
    });
    cli.shows("config app --reset word,number", "");
    cli.shows("config app word", "hello");
    cli.until("it is active", |status| status.all_active(1));
    cli.shows(
        "show-unit app/0",
        "
        app/0:
          machine: \"0\"
          opened-ports: []
          public-address: ADDRESS
          charm: local:recorder-0
          leader: true
          life: alive
          relation-info:
          - relation-id: 0
            endpoint: mates
            related-endpoint: mates
            application-data: {}
            local-unit:
              in-scope: true
              data:
                egress-subnets: ADDRESS/32
                ingress-address: ADDRESS
                private-address: ADDRESS
                word: hello",
    );
    cli.shows(
        "machines",
        "
        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  m-0-g1  ubuntu@24.04",
    );
    cli.shows("ssh app/0 -- hostname", "life-0");
    cli.shows("ssh 0 -- 'id -un; exit 3'", "ubuntu\n[exit 3]");

    let dir = tempfile::tempdir().expect("a directory");
    let (there, back) = (dir.path().join("there"), dir.path().join("back"));
    std::fs::write(&there, "carried over\n").expect("a file");
    cli.shows(&format!("scp {} app/0:/tmp/carried", there.display()), "");
    cli.shows("ssh app/0 cat /tmp/carried", "carried over");
    cli.shows(&format!("scp app/0:/tmp/carried {}", back.display()), "");
    assert_eq!(
        std::fs::read_to_string(&back).expect("the file came back"),
        "carried over\n"
    );

    cli.shows(
        "resolved app/0",
        "
        ! ERROR unit \"app/0\" is not in an error state
        [exit 1]",
    );
    cli.shows("remove-unit --no-prompt app/0", "! will remove unit app/0");
    cli.until("the unit and its machine are gone", |status| {
        status.units().count() == 0 && status.machines().count() == 0
    });
    cli.shows(
        "remove-application --no-prompt app",
        "
        ! will remove application app
        ! will remove relation 0 (app:mates)",
    );
    cli.until("the application is gone", |status| {
        status.0["applications"]
            .as_object()
            .is_some_and(serde_json::Map::is_empty)
    });
    cli.destroy("life");
    cli.shows(
        "status",
        "
        ! ERROR no model of controller dev is selected
        ! Name one with -m, or select one with \"lazuli switch\" or \"lazuli add-model\".
        [exit 1]",
    );
}

/// The same in the formats that scripts read.
fn documents(cli: &Lazuli) {
    cli.shows(
        "status --format yaml",
        "
        applications:
          app:
            application-status:
              current: active
              message: recording
              since: TIME
            base:
              channel: \"24.04\"
              name: ubuntu
            charm: local:recorder-0
            charm-name: recorder
            charm-origin: local
            charm-rev: 0
            endpoint-bindings:
              \"\": alpha
              mates: alpha
              serve: alpha
              use: alpha
            exposed: false
            relations:
              mates:
              - interface: mates
                related-application: app
                scope: global
            units:
              app/0:
                juju-status:
                  current: idle
                  since: TIME
                  version: 3.6.28
                leader: true
                machine: \"0\"
                public-address: ADDRESS
                workload-status:
                  current: active
                  message: recording
                  since: TIME
        controller:
          timestamp: TIME
        machines:
          \"0\":
            base:
              channel: \"24.04\"
              name: ubuntu
            display-name: m-0-g1
            dns-name: ADDRESS
            hardware: arch=amd64 cores=N mem=NM
            hostname: life-0
            instance-id: m-0-g1
            ip-addresses:
            - ADDRESS
            juju-status:
              current: started
              since: TIME
              version: 3.6.28
            machine-status:
              current: running
              since: TIME
            modification-status:
              current: idle
              since: TIME
            network-interfaces:
              eth0:
                ip-addresses:
                - ADDRESS
                is-up: true
                mac-address: MAC
                space: alpha
        model:
          cloud: azure-sim
          controller: dev
          model-status:
            current: available
            since: TIME
          name: life
          region: westeurope
          type: iaas
          version: 3.6.28
        storage: {}",
    );
    cli.shows("version", "3.6.28-genericlinux-amd64");
    cli.shows(
        "whoami --format json",
        r#"{"controller":"dev","model":"life","user":"admin"}"#,
    );
    cli.shows(
        "config app",
        "
        application: app
        application-config:
          trust:
            default: false
            description: Does this application have access to trusted credentials
            source: default
            type: bool
            value: false
        charm: recorder
        settings:
          fail:
            default: \"\"
            description: Names of hooks that fail.
            source: default
            type: string
            value: \"\"
          flag:
            default: false
            description: A truth.
            source: default
            type: boolean
            value: false
          number:
            default: 3
            description: A number.
            source: default
            type: int
            value: 3
          slow:
            default: \"\"
            description: Hooks that take their time, as NAME=SECONDS.
            source: default
            type: string
            value: \"\"
          word:
            default: hello
            description: Published in every relation.
            source: default
            type: string
            value: hello",
    );
    cli.shows(
        "status --relations",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        life  dev  azure-sim/westeurope  3.6.28  TIME

        App  Version  Status  Scale  Charm  Channel  Rev  Exposed  Message
        app  active  1  recorder  0  no  recording

        Unit  Workload  Agent  Machine  Public address  Ports  Message
        app/0*  active  idle  0  ADDRESS  recording

        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  m-0-g1  ubuntu@24.04

        Integration provider  Requirer  Interface  Type  Message
        app:mates  app:mates  mates  peer",
    );
}

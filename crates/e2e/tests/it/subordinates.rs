//! Subordinates: beside each principal, seen by it alone, gone before it.

use lazuli_e2e::{Lazuli, assert_lawful, charm};

/// The subordinate's unit below a principal, in status.
fn beside(lazuli: &Lazuli, principal: &str) -> Option<String> {
    let status = lazuli.status()?;
    let below = status.unit(principal)?["subordinates"].as_object()?.clone();
    below.keys().next().cloned()
}

#[test]
fn a_subordinate_stands_beside_each_principal_and_goes_before_it() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("recorder"), "front"]);
    lazuli.ok(&["deploy", &charm("shadow")]);
    let refused = lazuli.run(&["add-unit", "shadow"]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains("application is a subordinate"),
        "{refused:?}"
    );
    lazuli.ok(&["integrate", "shadow", "front"]);
    lazuli.until("both are active", |status| status.all_active(2));
    lazuli.ok(&["add-unit", "front"]);
    lazuli.until("principals and subordinates are active", |status| {
        status.all_active(4)
    });
    lazuli.shows(
        "status --relations",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        m  dev  azure-sim/westeurope  3.6.28  TIME

        App  Version  Status  Scale  Charm  Channel  Rev  Exposed  Message
        front  active  2  recorder  0  no  recording
        shadow  active  2  shadow  0  no  recording

        Unit  Workload  Agent  Machine  Public address  Ports  Message
        front/0*  active  idle  0  ADDRESS  recording
          shadow/0*  active  idle  ADDRESS  recording
        front/1  active  idle  1  ADDRESS  recording
          shadow/1  active  idle  ADDRESS  recording

        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  m-0-g1  ubuntu@24.04
        1  started  ADDRESS  m-1-g1  ubuntu@24.04

        Integration provider  Requirer  Interface  Type  Message
        front:juju-info  shadow:host  juju-info  subordinate
        front:mates  front:mates  mates  peer",
    );
    for (machine, principal) in [("0", "front/0"), ("1", "front/1")] {
        let unit = beside(&lazuli, principal).expect("a subordinate");
        let ran = lazuli.recorded(machine, &unit);
        assert_lawful(&unit, &ran);
        let of_host: Vec<&String> = ran
            .iter()
            .filter(|line| line.starts_with("host-"))
            .collect();
        assert!(
            of_host
                .iter()
                .all(|line| line.contains(&format!("principal={principal}"))),
            "{ran:#?}"
        );
        assert_eq!(
            of_host
                .iter()
                .filter(|line| line.contains("-joined "))
                .count(),
            1,
            "{ran:#?}"
        );
    }

    // A principal takes its subordinate along, and only that one.
    lazuli.ok(&["remove-unit", "--no-prompt", "front/1"]);
    lazuli.until("both are gone", |status| {
        status.unit("front/1").is_none() && status.all_active(2)
    });

    // The relation takes the subordinates along, and leaves the principals.
    let unit = beside(&lazuli, "front/0").expect("a subordinate");
    lazuli.ok(&["remove-relation", "shadow", "front"]);
    lazuli.until("the subordinate is gone", |status| {
        status
            .unit("front/0")
            .is_some_and(|unit| unit["subordinates"].is_null())
            && status.all_active(1)
    });
    let ran = lazuli.recorded("0", &unit);
    assert_lawful(&unit, &ran);
    assert_eq!(ran[ran.len() - 2..], ["stop", "remove"], "{ran:#?}");
    lazuli.destroy("m");
}

#[test]
fn vitals_shows_how_full_a_machine_is() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("recorder"), "app"]);
    lazuli.ok(&[
        "deploy",
        "../../charms/vitals",
        "--config",
        "disk-limit=100",
    ]);
    lazuli.ok(&["integrate", "vitals", "app"]);
    lazuli.until("it shows what it sees", |status| {
        let (word, message) = status.workload("vitals/0");
        word == "active" && message.starts_with("disk ")
    });
    lazuli.ok(&["config", "vitals", "path=/nowhere"]);
    lazuli.until("it says what is wrong", |status| {
        status.workload("vitals/0").0 == "blocked"
    });
    lazuli.destroy("m");
}

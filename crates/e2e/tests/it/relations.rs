//! Relations: the order of hooks that Juju promises, and what they see.

use lazuli_e2e::{Lazuli, assert_lawful, essence};

fn leader(lazuli: &Lazuli, application: &str) -> Option<String> {
    let status = lazuli.status()?;
    let found = status.units().find(|(name, unit)| {
        name.starts_with(&format!("{application}/")) && unit["leader"] == true
    });
    found.map(|(name, _)| name.to_owned())
}

#[test]
fn hooks_run_in_jujus_order_and_see_each_other() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    // One machine that outlives its units: their logs stay readable.
    lazuli.ok(&["deploy", "./charms/recorder", "keep"]);
    lazuli.ok(&["deploy", "./charms/recorder", "front", "--to", "0"]);
    lazuli.ok(&[
        "deploy",
        "./charms/recorder",
        "back",
        "-n",
        "2",
        "--to",
        "0,0",
    ]);
    lazuli.ok(&["integrate", "front:use", "back:serve"]);
    lazuli.until("all are active", |status| status.all_active(4));

    let front = lazuli.recorded("0", "front/0");
    assert_lawful("front/0", &front);
    assert_eq!(
        essence(&front),
        [
            "install",
            "use-relation-created use:3 remote=back",
            "mates-relation-created mates:1 remote=front",
            "leader-elected leader=True",
            "config-changed word=hello",
            "start leader=True",
            "use-relation-joined use:3 remote=back/0",
            "use-relation-changed use:3 remote=back/0 word=hello",
            "use-relation-joined use:3 remote=back/1",
            "use-relation-changed use:3 remote=back/1 word=hello",
        ]
    );
    for unit in ["back/0", "back/1"] {
        let hooks = lazuli.recorded("0", unit);
        assert_lawful(unit, &hooks);
        assert_eq!(
            hooks
                .iter()
                .filter(|line| line.starts_with("serve-relation-joined"))
                .count(),
            1
        );
        assert_eq!(
            hooks
                .iter()
                .filter(|line| line.starts_with("mates-relation-joined"))
                .count(),
            1
        );
    }
    assert_eq!(leader(&lazuli, "back").as_deref(), Some("back/0"));

    // What one writes, the others are told.
    lazuli.ok(&["config", "front", "word=new"]);
    lazuli.eventually("both are told", || {
        ["back/0", "back/1"].iter().all(|unit| {
            let hooks = lazuli.recorded("0", unit);
            hooks.last().is_some_and(|line| {
                line == "serve-relation-changed serve:3 remote=front/0 members=front/0 word=new"
            })
        })
    });
    let said = lazuli.ok(&["show-unit", "back/1", "--format", "json"]);
    let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let relations = said["back/1"]["relation-info"].as_array().expect("a list");
    let related = relations
        .iter()
        .find(|relation| relation["endpoint"] == "serve");
    assert_eq!(
        related.expect("the relation")["related-units"]["front/0"]["data"]["word"],
        "new"
    );

    // The leader goes: it departs everywhere before it stops, the others hear
    // of it, and one of them leads.
    let before = lazuli.recorded("0", "back/0").len();
    lazuli.ok(&["remove-unit", "--no-prompt", "back/0"]);
    lazuli.until("it is gone", |status| {
        status.unit("back/0").is_none() && status.all_active(3)
    });
    assert_eq!(
        lazuli.recorded("0", "back/0")[before..],
        [
            "serve-relation-departed serve:3 remote=front/0 departing=back/0 members=",
            "serve-relation-broken serve:3 remote=front members=",
            "mates-relation-departed mates:2 remote=back/1 departing=back/0 members=",
            "stop",
            "remove",
        ]
    );
    lazuli.until("another one leads and knows it", |status| {
        let hooks = lazuli.recorded("0", "back/1");
        status
            .unit("back/1")
            .is_some_and(|unit| unit["leader"] == true)
            && hooks
                .iter()
                .any(|line| line == "leader-elected leader=True")
            && status.all_active(3)
    });
    // They take turns on the one machine, in no order among each other.
    lazuli.eventually("the others heard of it", || {
        let heard = |unit: &str, line: &str| {
            let hooks = lazuli.recorded("0", unit);
            hooks.iter().any(|heard| heard == line)
        };
        heard(
            "back/1",
            "mates-relation-departed mates:2 remote=back/0 departing=back/0 members=",
        ) && heard(
            "front/0",
            "use-relation-departed use:3 remote=back/0 departing=back/0 members=back/1",
        )
    });
    assert_lawful("back/1", &lazuli.recorded("0", "back/1"));

    // A new one joins those that run.
    lazuli.ok(&["add-unit", "front", "--to", "0"]);
    lazuli.until("it is active", |status| status.all_active(4));
    assert_lawful("front/1", &lazuli.recorded("0", "front/1"));
    lazuli.shows(
        "status --relations",
        "
        Model  Controller  Cloud/Region  Version  Timestamp
        m  dev  azure-sim/westeurope  3.6.28  TIME

        App  Version  Status  Scale  Charm  Channel  Rev  Exposed  Message
        back  active  1  recorder  0  no  recording
        front  active  2  recorder  0  no  recording
        keep  active  1  recorder  0  no  recording

        Unit  Workload  Agent  Machine  Public address  Ports  Message
        back/1*  active  idle  0  ADDRESS  recording
        front/0*  active  idle  0  ADDRESS  recording
        front/1  active  idle  0  ADDRESS  recording
        keep/0*  active  idle  0  ADDRESS  recording

        Machine  State  Address  Inst id  Base  AZ  Message
        0  started  ADDRESS  m-0-g1  ubuntu@24.04

        Integration provider  Requirer  Interface  Type  Message
        back:mates  back:mates  mates  peer
        back:serve  front:use  record  regular
        front:mates  front:mates  mates  peer
        keep:mates  keep:mates  mates  peer",
    );

    // The relation goes, its units stay.
    lazuli.ok(&["remove-relation", "front", "back"]);
    lazuli.eventually("it is broken everywhere", || {
        ["front/0", "front/1", "back/1"].iter().all(|unit| {
            let hooks = lazuli.recorded("0", unit);
            hooks.iter().any(|line| line.contains("-relation-broken "))
        })
    });
    lazuli.until("all are calm", |status| status.all_active(4));
    for unit in ["front/0", "front/1", "back/1"] {
        let hooks = lazuli.recorded("0", unit);
        assert_lawful(unit, &hooks);
        assert!(
            hooks
                .last()
                .is_some_and(|line| line.contains("-relation-broken ")),
            "{hooks:?}"
        );
    }
    assert!(!lazuli.ok(&["status", "--relations"]).contains("back:serve"));

    // An application goes with all its units.
    lazuli.shows(
        "remove-application --no-prompt front",
        "
        ! will remove application front
        ! will remove relation 1 (front:mates)
        ! will remove unit front/0
        ! will remove unit front/1",
    );
    lazuli.until("it is gone", |status| {
        status.0["applications"]["front"].is_null() && status.all_active(2)
    });
    for unit in ["front/0", "front/1"] {
        let hooks = lazuli.recorded("0", unit);
        assert_lawful(unit, &hooks);
        assert_eq!(
            hooks[hooks.len() - 2..],
            ["stop", "remove"],
            "{unit}: {hooks:#?}"
        );
    }
    lazuli.destroy("m");
}

//! Hooks and machines in trouble, as a user sees them.

use lazuli_e2e::{Lazuli, charm};

/// A model `m` with one active unit `web/0`.
fn one_unit() -> Option<Lazuli> {
    let lazuli = Lazuli::start()?;
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web")]);
    lazuli.until("the unit is active", |status| status.all_active(1));
    Some(lazuli)
}

#[test]
fn a_hook_that_fails_is_shown_tried_again_and_resolved() {
    let Some(lazuli) = one_unit() else { return };
    let config_changed = || {
        lazuli
            .hooks("web/0")
            .0
            .matches("begin config-changed")
            .count()
    };
    lazuli.ok(&["config", "web", "mood=bad"]);
    let failed = r#"hook failed: "config-changed""#;
    lazuli.until("the failure is shown", |status| {
        status.workload("web/0") == ("error".to_owned(), failed.to_owned())
    });
    assert!(
        lazuli
            .ok(&["debug-log", "--replay", "--no-tail"])
            .contains("in a bad mood")
    );

    let tried = config_changed();
    lazuli.ok(&["resolved", "web/0"]);
    lazuli.eventually("it is tried again at once", || config_changed() > tried);
    lazuli.until("it fails again", |status| {
        status.workload("web/0").0 == "error"
    });

    // Without a retry the failed hook counts as done.
    lazuli.ok(&["resolved", "--no-retry", "web/0"]);
    lazuli.until("the error is over", |status| {
        status.workload("web/0").0 == "active" && status.agent("web/0").0 == "idle"
    });

    // What makes it succeed is found out without help: it is tried again.
    lazuli.ok(&["config", "web", "word=a"]);
    lazuli.until("the failure is shown", |status| {
        status.workload("web/0").0 == "error"
    });
    lazuli.ok(&["config", "web", "mood=good"]);
    lazuli.until("it succeeds", |status| {
        status.workload("web/0") == ("active".to_owned(), "a".to_owned())
    });

    // A unit in error does not go by itself, says why, and goes by force.
    lazuli.ok(&["config", "web", "mood=bad"]);
    lazuli.until("the failure is shown", |status| {
        status.workload("web/0").0 == "error"
    });
    lazuli.ok(&["remove-unit", "--no-prompt", "web/0"]);
    lazuli.until("it is dying, and says what it waits for", |status| {
        let unit = status.unit("web/0").expect("the unit");
        unit["juju-status"]["life"] == "dying" && status.workload("web/0").1.contains("hook failed")
    });
    lazuli.ok(&["remove-unit", "--no-prompt", "--force", "web/0"]);
    lazuli.until("it is gone", |status| {
        status.units().count() == 0 && status.machines().count() == 0
    });
    lazuli.destroy("m");
}

#[test]
fn a_hook_that_never_ends_is_shown_and_does_not_stop_removal() {
    let Some(lazuli) = one_unit() else { return };
    lazuli.ok(&["config", "web", "mood=stuck"]);
    lazuli.until("it is shown", |status| {
        status.agent("web/0")
            == (
                "executing".to_owned(),
                "running config-changed hook".to_owned(),
            )
            && status.workload("web/0").1 == "stuck"
    });
    lazuli.ok(&["destroy-model", "--no-prompt", "--force", "m"]);
    lazuli.assert_no_cloud();
}

#[test]
fn a_connection_cut_in_the_middle_of_a_hook_costs_nothing() {
    let Some(lazuli) = one_unit() else { return };
    lazuli.ok(&["config", "web", "mood=slow", "word=late"]);
    lazuli.until("the hook runs", |status| {
        status.agent("web/0").0 == "executing"
    });
    // All connections of the machine, this command's own as well.
    lazuli.run(&[
        "ssh",
        "web/0",
        "sudo pkill -9 sshd-session; sudo pkill -9 -f 'sshd: '",
    ]);
    lazuli.eventually("the machine is reached", || {
        lazuli.run(&["ssh", "web/0", "sudo touch /run/go-on"]).code == 0
    });
    lazuli.until("the outcome is collected", |status| {
        status.all_active(1) && status.workload("web/0").1 == "late"
    });
    let ran = lazuli
        .hooks("web/0")
        .ran()
        .expect("hooks one after the other");
    assert_eq!(ran["config-changed"], 2);
    lazuli.destroy("m");
}

#[test]
fn a_machine_that_is_deleted_behind_our_back_is_shown_and_can_be_removed() {
    let Some(lazuli) = one_unit() else { return };
    let inventory = lazuli.control("GET", "inventory", None);
    let resources = inventory["resources"].as_array().expect("a list");
    let machine = resources
        .iter()
        .find(|resource| resource["type"] == "Microsoft.Compute/virtualMachines")
        .expect("a machine");
    let target = format!(r#"{{"id": {}}}"#, machine["id"]);
    let _ = lazuli.control("POST", "vms/remove", Some(&target));
    // There is need of it: only now can it be missed.
    lazuli.ok(&["config", "web", "word=anybody"]);
    let status = lazuli.until("the loss is shown", |status| {
        status.instance("0").0 == "down"
    });
    assert_eq!(status.machine("0").0, "down");
    let (_, message) = status.instance("0");
    assert!(message.contains("was deleted outside Lazuli"), "{message}");
    lazuli.ok(&["remove-unit", "--no-prompt", "web/0"]);
    lazuli.until("all is gone", |status| {
        status.units().count() == 0 && status.machines().count() == 0
    });
    lazuli.destroy("m");
}

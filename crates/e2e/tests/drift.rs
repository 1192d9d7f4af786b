//! What happens to machines behind our back, as a user sees it.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use lazuli_e2e::{Lazuli, charm};

/// The cloud's id of a machine's instance.
fn instance_id(lazuli: &Lazuli) -> String {
    let inventory = lazuli.control("GET", "inventory", None);
    let resources = inventory["resources"].as_array().expect("a list");
    let machine = resources
        .iter()
        .find(|resource| resource["type"] == "Microsoft.Compute/virtualMachines")
        .expect("a machine");
    machine["id"].as_str().expect("an id").to_owned()
}

#[test]
fn machines_that_stop_or_vanish_while_nobody_needs_them_are_noticed() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web")]);
    lazuli.until("the unit is active", |status| status.all_active(1));
    let target = format!(r#"{{"id": "{}"}}"#, instance_id(&lazuli));

    let _ = lazuli.control("POST", "vms/evict", Some(&target));
    let status = lazuli.until("it is shown that it does not run", |status| {
        status.instance("0").0 == "stopped"
    });
    let (word, reason) = status.machine("0");
    assert_eq!(word, "down");
    assert!(
        reason.contains("az vm start --ids /subscriptions/"),
        "{reason}"
    );

    let _ = lazuli.control("POST", "vms/remove", Some(&target));
    let status = lazuli.until("it is shown that it is gone", |status| {
        status.instance("0").0 == "down"
    });
    let (word, reason) = status.machine("0");
    assert_eq!(word, "down");
    assert!(reason.contains("was deleted outside Lazuli"), "{reason}");

    lazuli.ok(&["remove-unit", "--no-prompt", "web/0"]);
    lazuli.until("all is gone", |status| {
        status.units().count() == 0 && status.machines().count() == 0
    });
    lazuli.destroy("m");
}

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

/// Promise: not one leaked cloud resource, and anybody can check.
#[test]
fn the_ledger_accounts_for_all_that_is_at_the_cloud() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    let ledger = || -> (i32, serde_json::Value) {
        let said = lazuli.run(&["cloud", "ledger", "--format", "json"]);
        (said.code, serde_json::from_str(&said.out).expect("JSON"))
    };
    lazuli.ok(&["add-model", "m"]);
    let empty = lazuli.ok(&["cloud", "ledger"]);
    assert!(
        empty.starts_with("Balanced: 0 in the ledger, 0 of them and 0 others in lazuli-m-"),
        "{empty}"
    );
    lazuli.ok(&["deploy", "./charms/recorder", "app", "-n", "2"]);
    lazuli.until("they are active", |status| status.all_active(2));
    lazuli.eventually("all is accounted for", || {
        let (code, ledger) = ledger();
        let rows = ledger["resources"].as_array().cloned().unwrap_or_default();
        code == 0
            && rows.len() > 6
            && rows.iter().all(|row| row["at-cloud"] == true)
            && ledger["unaccounted"] == serde_json::json!([])
    });
    let (_, told) = ledger();
    let rows = told["resources"].as_array().expect("rows");
    // A subnet is part of its network, and the group is no resource.
    let subnets = lazuli.inventory("subnets").len();
    let there = lazuli.inventory("providers").len() - subnets;
    assert_eq!(rows.len() - 1, there);
    let cost = |row: &serde_json::Value| row["hourly-cost"].as_f64();
    let machines: f64 = rows.iter().filter_map(cost).sum();
    let all = told["hourly-cost"].as_f64().expect("a cost");
    assert!(all > 0.0 && (all - machines).abs() < 1e-6, "{all}");
}

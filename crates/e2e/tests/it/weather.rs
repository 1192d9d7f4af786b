//! A cloud that refuses, fails and forgets: users see why nothing goes on, and
//! all goes on when it can.

use lazuli_e2e::Lazuli;

/// Has the simulator answer badly.
fn fault(lazuli: &Lazuli, fault: &serde_json::Value) {
    let _ = lazuli.control("POST", "faults", Some(&fault.to_string()));
}

#[test]
fn what_the_cloud_refuses_is_said_and_ends_well() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    // Nobody has asked for machines yet: there is no group.
    let refusal = serde_json::json!({
        "method": "PUT", "path": "*/resourceGroups/*", "count": 1,
        "action": {"status": 403, "code": "AuthorizationFailed", "message": "Not you."},
    });
    fault(&lazuli, &refusal);
    lazuli.ok(&["deploy", "./charms/recorder", "app"]);
    let status = lazuli.until("the machine says why it waits", |status| {
        status.machine("0").1.contains("Not you.")
    });
    let (current, message) = status.machine("0");
    assert_eq!(current, "pending");
    assert!(
        message.starts_with("waiting for the model's network: "),
        "{message}"
    );

    // No size that is asked for.
    let huge = ["deploy", "./charms/recorder", "huge", "--constraints"];
    lazuli.ok(&[&huge[..], &["cores=5000"]].concat());
    lazuli.until("its machine says so", |status| {
        status
            .machine("1")
            .1
            .contains("waiting for the model's network")
    });
    lazuli.ok(&["remove-application", "--no-prompt", "huge"]);
    lazuli.until("it is gone", |status| status.machines().count() == 1);
    lazuli.ok(&["destroy-model", "--no-prompt", "m"]);
    lazuli.assert_no_cloud();

    // A cloud that stumbles at every step.
    lazuli.ok(&["add-model", "n"]);
    for (status, path, after) in [
        (500, "*/networkSecurityGroups/*", false),
        (503, "*/natGateways/*", true),
        (429, "*/virtualNetworks/*", false),
        (500, "*/virtualMachines/*", true),
        (409, "*/virtualMachines/*", false),
    ] {
        let stumble = serde_json::json!({
            "method": "PUT", "path": path, "count": 2,
            "when": if after { "after" } else { "before" },
            "action": {"status": status, "headers": {"Retry-After": "1"}},
        });
        fault(&lazuli, &stumble);
    }
    let lost = serde_json::json!({
        "method": "PUT", "path": "*/virtualMachines/*", "count": 1, "when": "after",
        "action": {"drop": true},
    });
    fault(&lazuli, &lost);
    let none_left = serde_json::json!({
        "method": "PUT", "path": "*/virtualMachines/*", "count": 1, "skip": 4,
        "action": {"fail_operation": {"code": "AllocationFailed", "message": "no capacity"}},
    });
    fault(&lazuli, &none_left);
    lazuli.ok(&["deploy", "./charms/recorder", "app", "-n", "3"]);
    lazuli.until("all are active", |status| status.all_active(3));
    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines").len(),
        3
    );
    assert_eq!(
        lazuli
            .inventory("Microsoft.Network/networkInterfaces")
            .len(),
        3
    );
    let stumble = serde_json::json!({
        "method": "DELETE", "path": "*", "count": 5, "action": {"status": 500},
    });
    fault(&lazuli, &stumble);
    lazuli.destroy("n");
}

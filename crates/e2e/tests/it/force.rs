//! What does not go by itself: hooks that hang, machines that are off.

use lazuli_e2e::{Lazuli, Status};

/// A status and its message.
fn pair(current: &str, message: &str) -> (String, String) {
    (current.to_owned(), message.to_owned())
}

/// Whether there is nothing but the application.
fn is_empty(status: &Status) -> bool {
    status.units().count() == 0 && status.machines().count() == 0
}

#[test]
fn units_whose_hooks_hang_or_fail_go_by_force() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", "./charms/recorder", "keep"]);
    let hangs = ["--config", "slow=start=100000", "--to", "0"];
    lazuli.ok(&[&["deploy", "./charms/recorder", "hangs"][..], &hangs].concat());
    let fails = ["--config", "fail=start"];
    lazuli.ok(&[&["deploy", "./charms/recorder", "fails"][..], &fails].concat());
    lazuli.until("one hangs, one failed", |status| {
        status.agent("hangs/0") == pair("executing", "running start hook")
            && status.workload("fails/0") == pair("error", "hook failed: \"start\"")
    });
    // Lines are written apart from what the unit is told to be.
    lazuli.eventually("the failure is logged", || {
        let lines = lazuli.ok(&["debug-log", "--limit", "100", "--level", "ERROR"]);
        lines.contains("hook \"start\"")
    });
    lazuli.shows(
        "debug-log --limit 1 --include fails/0 --level ERROR",
        "unit-fails-0: TIME ERROR juju.worker.uniter.operation hook \"start\" (via hook \
         dispatching script: dispatch) failed: exit status 7",
    );
    let tries = || {
        let hooks = lazuli.recorded("1", "fails/0");
        hooks
            .iter()
            .filter(|hook| hook.starts_with("start "))
            .count()
    };
    lazuli.eventually("it is tried again by itself", || tries() > 1);

    // Without force they wait, and show what for.
    lazuli.ok(&["remove-unit", "--no-prompt", "hangs/0", "fails/0"]);
    let status = lazuli.until("they are dying", |status| {
        ["hangs/0", "fails/0"].iter().all(|name| {
            let unit = status.unit(name).expect("a unit");
            unit["juju-status"]["life"] == "dying"
        })
    });
    assert_eq!(status.agent("hangs/0").0, "executing");
    assert_eq!(status.workload("fails/0").0, "error");

    lazuli.ok(&[
        "remove-unit",
        "--no-prompt",
        "--force",
        "hangs/0",
        "fails/0",
    ]);
    lazuli.until("they are gone", |status| {
        status.all_active(1) && status.machines().count() == 1
    });
    // The hook that hung was ended: the machine's other unit has its turn.
    lazuli.ok(&["config", "keep", "word=after"]);
    lazuli.eventually("the neighbour's hook runs", || {
        let hooks = lazuli.recorded("0", "keep/0");
        hooks
            .last()
            .is_some_and(|hook| hook == "config-changed word=after")
    });
    let running = lazuli.ok(&["ssh", "0", "ps", "-e", "-o", "args"]);
    assert!(!running.contains("sleep 100000"), "{running}");
    lazuli.destroy("m");
}

#[test]
fn a_machine_that_is_off_is_shown_comes_back_and_can_be_removed() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", "./charms/recorder", "app", "-n", "2"]);
    lazuli.until("both are active", |status| status.all_active(2));
    let off = |machine: &str| {
        let vm = lazuli.vm(machine).expect("a virtual machine");
        let target = serde_json::json!({"id": vm["id"]}).to_string();
        let _ = lazuli.control("POST", "vms/evict", Some(&target));
    };
    off("0");
    lazuli.until("it is shown as down", |status| {
        status.machine("0").0 == "down"
    });
    lazuli.until("its unit is shown as lost", |status| {
        status.agent("app/0").0 == "lost" && status.workload("app/0").0 == "unknown"
    });
    // What is asked of the other one is not held up.
    lazuli.ok(&["config", "app", "word=on"]);
    lazuli.eventually("the other one is told", || {
        let hooks = lazuli.recorded("1", "app/1");
        hooks.iter().any(|hook| hook == "config-changed word=on")
    });
    lazuli.ok(&["remove-unit", "--no-prompt", "--force", "app/0"]);
    lazuli.until("it is gone", |status| {
        status.all_active(1) && status.machines().count() == 1
    });
    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines"),
        ["m-1-g1"]
    );

    off("1");
    lazuli.until("the other is down", |status| {
        status.machine("1").0 == "down"
    });
    lazuli.shows(
        "remove-machine --no-prompt --force 1",
        "! will remove machine 1\n! will remove unit app/1",
    );
    lazuli.until("all is gone", is_empty);
    lazuli.destroy("m");
}

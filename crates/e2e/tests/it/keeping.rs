//! What charms keep at the controller, and reboots that they ask for.

use lazuli_e2e::{Lazuli, charm};

/// The hooks that a unit ran with the boot of each.
fn boots(lazuli: &Lazuli) -> Vec<(String, String)> {
    let lines = lazuli.recorded("0", "keeper/0");
    let split = lines.iter().filter_map(|line| line.split_once(' '));
    split
        .map(|(hook, boot)| (hook.to_owned(), boot.to_owned()))
        .collect()
}

fn shows(lazuli: &Lazuli, message: &str) {
    lazuli.until(message, |status| {
        status.all_active(1) && status.workload("keeper/0").1 == message
    });
}

#[test]
fn state_is_kept_by_hooks_that_succeed_and_reboots_are_survived() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("keeper")]);
    shows(&lazuli, "count=1 goal=1");

    // What a failed hook wrote is not kept.
    lazuli.ok(&["config", "keeper", "fail=true"]);
    lazuli.until("it fails", |status| {
        status.workload("keeper/0").0 == "error"
    });
    lazuli.ok(&["config", "keeper", "fail=false"]);
    lazuli.ok(&["resolved", "keeper/0"]);
    shows(&lazuli, "count=2 goal=1");

    // A reboot after the hook: what the hook did counts, start runs again.
    let before = boots(&lazuli).len();
    lazuli.ok(&["config", "keeper", "reboot=after"]);
    lazuli.eventually("it started again", || {
        boots(&lazuli)[before..]
            .iter()
            .any(|(hook, _)| hook == "start")
    });
    shows(&lazuli, "count=3 goal=1");
    let ran = boots(&lazuli)[before..].to_vec();
    let [(first, old), (second, new)] = &ran[..] else {
        panic!("{ran:?}");
    };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("config-changed", "start")
    );
    assert_ne!(old, new);

    // A reboot at once: the hook runs again from scratch.
    let before = boots(&lazuli).len();
    lazuli.ok(&["config", "keeper", "reboot=now"]);
    shows(&lazuli, "count=4 goal=1");
    let ran = boots(&lazuli)[before..].to_vec();
    let hooks: Vec<&str> = ran.iter().map(|(hook, _)| hook.as_str()).collect();
    assert_eq!(hooks, ["config-changed", "start", "config-changed"]);
    assert_ne!(ran[0].1, ran[1].1);
    assert_eq!(ran[1].1, ran[2].1);
    lazuli.destroy("m");
}

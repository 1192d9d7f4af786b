//! `kill -9` of the controller at several moments of a deployment with
//! relations: it ends the same, with no second machine and no hook run twice.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::process::Stdio;

use lazuli_e2e::{Lazuli, Ran, Status, charm};

/// Units of each application.
const UNITS: usize = 2;

/// Kills the controller as soon as the status is so, and starts it again.
fn kill_when(lazuli: &mut Lazuli, what: &str, moment: impl Fn(&Status) -> bool) {
    lazuli.until(what, moment);
    lazuli.kill();
    lazuli.resume();
}

fn any_unit(status: &Status, is: impl Fn(&str) -> bool) -> bool {
    status.units().any(|(unit, _)| is(unit))
}

/// The hooks of a unit of `web`. A remote's settings may be seen before and
/// after its one write to them: then there are two changes, as in Juju.
fn hooks(lazuli: &Lazuli, unit: &str) -> Ran {
    let mut ran = lazuli.hooks(unit).ran().expect("hooks one after the other");
    for (hook, count) in &mut ran {
        if hook.contains("-relation-changed ") && *count == 2 {
            *count = 1;
        }
    }
    ran
}

/// What a unit of `web` ran from its creation to now.
fn expected(ran: &Ran, remotes: &[&str]) -> Ran {
    let mut hooks: Vec<String> = ["install", "db-relation-created", "config-changed", "start"]
        .map(str::to_owned)
        .to_vec();
    // Who leads is not settled; that each is told once is.
    let leads = ran.contains_key("leader-elected");
    hooks.push(
        if leads {
            "leader-elected"
        } else {
            "leader-settings-changed"
        }
        .to_owned(),
    );
    for remote in remotes {
        hooks.push(format!("db-relation-joined {remote}"));
        hooks.push(format!("db-relation-changed {remote}"));
    }
    hooks.into_iter().map(|hook| (hook, 1)).collect()
}

#[test]
fn a_deployment_ends_the_same_however_often_the_controller_is_killed() {
    let Some(mut lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web"), "-n", "2"]);
    lazuli.kill();
    lazuli.resume();
    lazuli.ok(&["deploy", &charm("db"), "-n", "2"]);
    lazuli.ok(&["integrate", "web", "db"]);
    // Each moment, or what comes after it: some do not last long enough to be
    // seen.
    kill_when(&mut lazuli, "a machine is asked for", |status| {
        status.machines().any(|(name, _)| {
            let (word, message) = status.instance(name);
            word == "running" || message.starts_with("creating")
        })
    });
    kill_when(&mut lazuli, "a machine is there", |status| {
        status
            .machines()
            .any(|(name, _)| status.instance(name).0 == "running")
    });
    kill_when(&mut lazuli, "a unit installs", |status| {
        any_unit(status, |unit| status.agent(unit).0 == "executing")
            || any_unit(status, |unit| status.workload(unit).0 == "maintenance")
            || any_unit(status, |unit| status.workload(unit).0 == "active")
    });
    kill_when(&mut lazuli, "a unit is configured", |status| {
        any_unit(status, |unit| status.workload(unit).0 == "active")
    });
    lazuli.until("all units are active", |status| {
        status.all_active(2 * UNITS)
    });

    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines").len(),
        2 * UNITS
    );
    for unit in ["web/0", "web/1"] {
        let ran = hooks(&lazuli, unit);
        assert_eq!(ran, expected(&ran, &["db/0", "db/1"]), "{unit}");
    }

    // A unit goes.
    lazuli.ok(&["remove-unit", "--no-prompt", "db/1"]);
    lazuli.kill();
    lazuli.resume();
    lazuli.until("the unit is gone", |status| {
        status.unit("db/1").is_none() && status.machines().count() == 3 && status.all_active(3)
    });
    let ran = hooks(&lazuli, "web/0");
    let mut wanted = expected(&ran, &["db/0", "db/1"]);
    wanted.insert("db-relation-departed db/1".to_owned(), 1);
    assert_eq!(ran, wanted);
    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines").len(),
        3
    );

    // All goes.
    let mut destroy = lazuli.command(&["destroy-model", "--no-prompt", "m"]);
    let mut destroy = destroy
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("lazuli starts");
    kill_when(&mut lazuli, "the model is being destroyed", |status| {
        status.0["model"]["model-status"]["current"] == "destroying"
    });
    destroy.kill().ok();
    destroy.wait().expect("an end");
    lazuli.eventually("the model is gone", || {
        !lazuli
            .run(&["models", "--format", "json"])
            .out
            .contains("\"admin/m\"")
    });
    lazuli.assert_no_cloud();
}

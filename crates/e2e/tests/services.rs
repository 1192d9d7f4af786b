//! Postgres and the simulator end in the middle of a deployment; users see
//! why nothing goes on, and nothing is lost.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::path::Path;

use lazuli_e2e::{Lazuli, charm};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ends a process as the kernel does when memory is short.
fn end(pid_file: &Path, field: impl Fn(&str) -> Option<i32>) {
    let text = std::fs::read_to_string(pid_file).expect("a file with a pid");
    let pid = field(&text).expect("a pid");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("a signal");
}

#[test]
fn without_postgres_commands_say_so_and_afterwards_all_goes_on() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web"), "-n", "2"]);
    end(
        &lazuli.data().join("postgres/data/postmaster.pid"),
        |text| text.lines().next()?.trim().parse().ok(),
    );
    let refused = lazuli.run(&["deploy", &charm("db")]);
    if refused.code != 0 {
        assert_eq!(refused.code, 1);
        assert!(refused.err.starts_with("ERROR "), "{refused:?}");
        lazuli.eventually("it can be deployed", || {
            lazuli.run(&["deploy", &charm("db")]).code == 0
        });
    }
    lazuli.eventually("they are related", || {
        lazuli.run(&["integrate", "web", "db"]).code == 0
    });
    lazuli.until("all is active", |status| status.all_active(3));
    for unit in ["web/0", "web/1"] {
        let ran = lazuli.hooks(unit).ran().expect("hooks one after the other");
        assert_eq!((ran["install"], ran["start"]), (1, 1), "{unit}");
        assert_eq!(ran["db-relation-joined db/0"], 1, "{unit}");
    }
    lazuli.destroy("m");
}

#[test]
fn without_the_cloud_machines_say_so_and_afterwards_all_goes_on() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    let endpoint = lazuli.data().join("azure/endpoint.json");
    lazuli.ok(&["deploy", &charm("web"), "-n", "2"]);
    end(&endpoint, |text| {
        let document: serde_json::Value = serde_json::from_str(text).ok()?;
        document["pid"].as_i64()?.try_into().ok()
    });
    lazuli.until("all is active", |status| status.all_active(2));
    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines").len(),
        2
    );
    lazuli.destroy("m");
}

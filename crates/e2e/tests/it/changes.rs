//! Changes of mind: other charms, and removals in the middle of things.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::path::Path;

use lazuli_e2e::Lazuli;

/// The charm `recorder` with one more word in each line that it writes.
fn second_revision(at: &Path) -> String {
    let charm = Path::new("charms/recorder");
    fs::create_dir(at).expect("a directory");
    for name in ["metadata.yaml", "config.yaml", "dispatch"] {
        fs::copy(charm.join(name), at.join(name)).expect("a copy");
    }
    let text = fs::read_to_string(at.join("dispatch")).expect("a script");
    let text = text.replace("echo \"$line\"", "echo \"second $line\"");
    fs::write(at.join("dispatch"), text).expect("a file");
    at.display().to_string()
}

#[test]
fn charms_are_refreshed_and_minds_changed() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let second = second_revision(&dir.path().join("second"));
    lazuli.ok(&["add-model", "m"]);

    // Gone before its machines are there; the name is free again.
    lazuli.ok(&["deploy", "./charms/recorder", "app", "-n", "3"]);
    lazuli.ok(&["remove-application", "--no-prompt", "app"]);
    lazuli.until("nothing is left", |status| {
        status.0["applications"] == serde_json::json!({}) && status.machines().count() == 0
    });
    lazuli.ok(&["deploy", "./charms/recorder", "app"]);
    lazuli.until("it is active", |status| status.all_active(1));
    let status = lazuli.status().expect("a status");
    let (machine, _) = status.machines().next().expect("a machine");
    let ran = |unit: &str| lazuli.recorded(machine, unit);

    lazuli.shows(
        &format!("refresh app --path {second}"),
        "! Added local charm \"recorder\", revision 1, to the model",
    );
    lazuli.eventually("it runs the second revision", || {
        let hooks = ran("app/0");
        hooks.ends_with(&[
            "second upgrade-charm".to_owned(),
            "second config-changed word=hello".to_owned(),
        ])
    });
    lazuli.shows(
        &format!("refresh app --path {second}"),
        "! charm \"local:recorder-1\": already up-to-date",
    );
    lazuli.shows(
        "refresh app --path ./charms/web",
        "
        ! ERROR cannot refresh \"recorder\" to \"web\"
        ! Change to another charm with --switch.
        [exit 1]",
    );

    // A relation that the other charm does not have.
    lazuli.ok(&["deploy", "./charms/recorder", "other"]);
    lazuli.ok(&["integrate", "app:use", "other:serve"]);
    lazuli.shows(
        "refresh app --switch ./charms/web",
        "
        ! ERROR cannot upgrade application \"app\" to charm \"local:web-0\": would break relation \
         \"app:use other:serve\"
        [exit 1]",
    );
    lazuli.until("both are active", |status| status.all_active(2));

    // A machine goes with what is on it, in the middle of a hook.
    lazuli.ok(&["config", "app", "slow=config-changed=100000"]);
    lazuli.until("the hook runs", |status| {
        status.agent("app/0").0 == "executing"
    });
    lazuli.shows(
        &format!("remove-machine --no-prompt --force {machine}"),
        "! will remove machine 3\n! will remove unit app/0",
    );
    lazuli.until("both are gone", |status| {
        status.unit("app/0").is_none() && status.machines().count() == 1 && status.all_active(1)
    });

    // The model goes in the middle of a deployment.
    lazuli.ok(&["add-unit", "app", "-n", "2"]);
    lazuli.destroy("m");
    lazuli.ok(&["add-model", "m"]);
    lazuli.destroy("m");
}

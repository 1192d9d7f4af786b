//! Postgres and the simulator end in the middle of a deployment; users see
//! why nothing goes on, and nothing is lost.

use lazuli_e2e::{Lazuli, charm};

#[test]
fn without_postgres_commands_say_so_and_afterwards_all_goes_on() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    lazuli.ok(&["deploy", &charm("web"), "-n", "2"]);
    lazuli.kill_postgres();
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
    lazuli.ok(&["deploy", &charm("web"), "-n", "2"]);
    lazuli.kill_simulator();
    lazuli.until("all is active", |status| status.all_active(2));
    assert_eq!(
        lazuli.inventory("Microsoft.Compute/virtualMachines").len(),
        2
    );
    lazuli.destroy("m");
}

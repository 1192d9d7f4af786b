//! Logging in and out: who is not, gets nothing, and is told how.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::io::Write;
use std::process::Stdio;

use lazuli_e2e::Lazuli;

/// Logs in, with the password on stdin; the exit code and what was said.
fn log_in(lazuli: &Lazuli, user: &str, password: &str) -> (Option<i32>, String) {
    let mut login = lazuli
        .command(&["login", "-u", user])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lazuli starts");
    let mut stdin = login.stdin.take().expect("a pipe");
    writeln!(stdin, "{password}").expect("it is read");
    drop(stdin);
    let output = login.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), said)
}

#[test]
fn who_is_not_logged_in_gets_nothing_and_is_told_how() {
    let Some(lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    let accounts = lazuli.data().join("cli/accounts.yaml");
    let old = fs::read_to_string(&accounts).expect("accounts");

    lazuli.shows("logout", "! Logged out of \"dev\".");
    for line in ["status", "models", "deploy ./charms/recorder"] {
        lazuli.shows(
            line,
            "
            ! ERROR please log in: lazuli login dev -u USER
            [exit 1]",
        );
    }
    lazuli.shows(
        "whoami",
        "
        ! ERROR you are not logged in to controller \"dev\": lazuli login dev
        [exit 1]",
    );
    for user in ["admin", "nobody"] {
        let refused = format!("ERROR cannot log in as {user:?}: invalid user or password\n");
        assert_eq!(log_in(&lazuli, user, "a guess"), (Some(1), refused));
    }

    // The token that was given up is worth nothing any more.
    fs::write(&accounts, &old).expect("a file");
    lazuli.shows(
        "status",
        "
        ! ERROR please log in: lazuli login
        [exit 1]",
    );
    let password = fs::read_to_string(lazuli.data().join("password")).expect("the password");
    let welcome = "Welcome, admin. You are now logged into \"dev\".\n".to_owned();
    assert_eq!(log_in(&lazuli, "admin", &password), (Some(0), welcome));
    lazuli.shows(
        "whoami",
        "
        Controller:  dev
        Model:  m
        User:  admin",
    );
    lazuli.destroy("m");
}

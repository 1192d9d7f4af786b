//! What people read when something is wrong, from the program itself: what
//! failed, why, what to do; on stderr, with Juju's exit codes.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]

use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;

/// Runs the program; its exit code and stderr. Nothing is on stdout.
fn fails_in(data: &Path, words: &[&str]) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_lazuli"))
        .args(words)
        .env_clear()
        .env("LAZULI_DATA", data)
        .env("HOME", data)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "");
    let code = ended.status.code().unwrap();
    format!("exit {code}\n{}", String::from_utf8_lossy(&ended.stderr))
}

fn fails(words: &[&str]) -> String {
    let data = tempfile::tempdir().unwrap();
    fails_in(data.path(), words)
}

#[test]
fn commands_that_are_none() {
    assert_snapshot!(fails(&["statsu"]), @r#"
    exit 2
    ERROR "statsu" is not a command of lazuli. Did you mean:
      status
    "#);
    assert_snapshot!(fails(&["fly-to-the-moon"]), @r#"
    exit 2
    ERROR "fly-to-the-moon" is not a command of lazuli. See "lazuli --help".
    "#);
}

#[test]
fn arguments_that_make_no_sense() {
    assert_snapshot!(fails(&["integrate", "one"]), @r#"
    exit 2
    ERROR the following required arguments were not provided:
      <OTHER>
    See "lazuli help integrate".
    "#);
    assert_snapshot!(fails(&["deploy", "./x", "--num-units", "many"]), @r#"
    exit 2
    ERROR invalid value 'many' for '--num-units <N>': invalid digit found in string
    See "lazuli help deploy".
    "#);
    assert_snapshot!(fails(&["status", "--watch", "soon"]), @r#"
    exit 2
    ERROR invalid value 'soon' for '--watch <DURATION>': "soon" is no duration: use for example 10s, 5m or 1h30m
    See "lazuli help status".
    "#);
    assert_snapshot!(fails(&["debug-log", "--limit", "5", "--tail"]), @r#"
    exit 2
    ERROR the argument '--limit <N>' cannot be used with '--tail'
    See "lazuli help debug-log".
    "#);
    assert_snapshot!(fails(&["remove-unit", "--forse", "app/0"]), @r#"
    exit 2
    ERROR unexpected argument '--forse' found

      tip: a similar argument exists: '--force'
    See "lazuli help remove-unit".
    "#);
    assert_snapshot!(fails(&["ssh", "somewhere"]), @r#"
    exit 2
    ERROR "somewhere" is no target: name a machine such as 0, or a unit such as app/0
    "#);
}

#[test]
fn controllers_that_are_not_known() {
    assert_snapshot!(fails(&["status"]), @r"
    exit 1
    ERROR no controller is known
    Log in to one: lazuli login https://HOST:17070 -u USER
    ");
    assert_snapshot!(fails(&["models", "-c", "nowhere"]), @r"
    exit 1
    ERROR controller nowhere not found
    Log in to one: lazuli login https://HOST:17070 -u USER
    ");
    assert_snapshot!(fails(&["login", "http://192.0.2.1", "-u", "me"]), @r"
    exit 1
    ERROR cannot make a client: http://192.0.2.1/ is plain http, which is for loopback only: use https
    ");
}

#[test]
fn controllers_that_do_not_answer() {
    let data = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(data.path().join(name), text).unwrap();
    // Nobody may listen on port 1 of loopback but root, and nobody does.
    write(
        "controllers.yaml",
        "controllers:\n  dev:\n    uuid: ''\n    api-endpoints: ['http://127.0.0.1:1']\n\
         current-controller: dev\n",
    );
    assert_snapshot!(fails_in(data.path(), &["models"]), @r"
    exit 1
    ERROR please log in: lazuli login dev -u USER
    ");
    write(
        "accounts.yaml",
        "controllers:\n  dev:\n    user: me\n    token: some-token\n",
    );
    assert_snapshot!(fails_in(data.path(), &["status"]), @r#"
    exit 1
    ERROR no model of controller dev is selected
    Name one with -m, or select one with "lazuli switch" or "lazuli add-model".
    "#);
    assert_snapshot!(fails_in(data.path(), &["status", "-m", "m"]), @r"
    exit 1
    ERROR cannot reach http://127.0.0.1:1/: check that the controller runs and that its address is right
      because: Connection refused (os error 111)
    ");
}

#[test]
fn charms_that_are_not_there() {
    assert_snapshot!(fails(&["deploy", "charms/mysql"]), @r#"
    exit 1
    ERROR charm name "charms/mysql" not valid
    A path begins with . or /, such as ./charms/mysql
    "#);
    assert_snapshot!(fails(&["deploy", "./nowhere"]), @r#"
    exit 1
    ERROR no charm was found at "./nowhere"
    "#);
    assert_snapshot!(fails(&["deploy", "mysql", "--resource", "a=./none"]), @r#"
    exit 1
    ERROR file for resource "a" could not be found: ./none
    "#);
}

//! Actions and commands, from the command line to the machine and back.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use lazuli_e2e::Lazuli;
use serde_json::{Value, json};

const FILES: [(&str, &str); 8] = [
    (
        "metadata.yaml",
        "name: doer\nsummary: s\ndescription: d\nseries: [noble]\n",
    ),
    (
        "actions.yaml",
        "save:\n  description: Saves.\n  params:\n    file: {type: string}\n    level: \
         {type: integer, default: 3}\n    deep: {type: object}\n  required: [file]\n  \
         additionalProperties: false\n\
         fail:\n  description: Fails.\n\
         hang:\n  description: Does not end.\n",
    ),
    (
        "config.yaml",
        "options: {fail: {type: boolean, default: false}}\n",
    ),
    ("hooks/install", "#!/bin/sh\nstatus-set maintenance\n"),
    ("hooks/start", "#!/bin/sh\nstatus-set active\n"),
    (
        "hooks/config-changed",
        "#!/bin/sh\n[ \"$(config-get fail)\" = False ]\n",
    ),
    (
        "actions/save",
        "#!/bin/sh\nset -eu\naction-log begun\nsleep 0.2\naction-log done\n\
         action-set saved.file=\"$(action-get file)\" saved.level=\"$(action-get level)\"\n\
         action-set deep=\"$(action-get deep.er)\"\necho \"for $JUJU_ACTION_UUID\"\n",
    ),
    (
        "actions/fail",
        "#!/bin/sh\naction-set a=b\naction-fail 'no luck'\necho oops >&2\nexit \"${1-7}\"\n",
    ),
];

fn doer(dir: &Path) -> String {
    let hang = (
        "actions/hang",
        "#!/bin/sh\ntrap '' TERM\necho $$ > /tmp/hanging\nexec sleep 300\n",
    );
    for (name, text) in FILES.into_iter().chain([hang]) {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a file");
        if text.starts_with("#!") {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        }
    }
    dir.display().to_string()
}

fn json(lazuli: &Lazuli, words: &[&str]) -> Value {
    serde_json::from_str(&lazuli.ok(words)).expect("JSON")
}

/// Checklist of real charms, 15, 17 and 27.
#[test]
fn actions_and_commands_are_run_shown_and_cancelled() {
    let Some(mut lazuli) = Lazuli::start() else {
        return;
    };
    lazuli.ok(&["add-model", "m"]);
    let dir = tempfile::tempdir().expect("a directory");
    lazuli.ok(&["deploy", &doer(dir.path()), "app", "-n", "2"]);
    lazuli.until("they are active", |status| status.all_active(2));

    lazuli.shows(
        "actions app",
        "
        Action  Description
        fail  Fails.
        hang  Does not end.
        save  Saves.",
    );
    lazuli.shows(
        "run app/0 save file=/tmp/x deep.er=yes",
        "
        deep: \"True\"
        saved:
          file: /tmp/x
          level: \"3\"
        for 2
        ! Running operation 1 with 1 task
        !   - task 2 on unit-app-0
        !
        ! Waiting for task 2...
        ! TIME begun
        ! TIME done",
    );
    refusals(&lazuli);
    failures(&lazuli);
    commands(&lazuli);
    on_the_machine(&lazuli);

    // In error all else waits, and actions run.
    lazuli.ok(&["config", "app", "fail=true"]);
    lazuli.until("a hook failed", |status| {
        status.workload("app/0").0 == "error"
    });
    let ran = json(
        &lazuli,
        &["run", "--format", "json", "app/0", "save", "file=why"],
    );
    assert_eq!(ran["app/0"]["status"], "completed");
    lazuli.ok(&["config", "app", "fail=false"]);
    lazuli.ok(&["resolved", "--all"]);
    lazuli.until("they are active", |status| status.all_active(2));

    cancelled(&lazuli);
    interrupted(&mut lazuli);
    lazuli.destroy("m");
}

fn refusals(lazuli: &Lazuli) {
    for (line, why) in [
        (
            "run app/0 save file=5",
            "validation failed: (root).file : must be of type string, given 5",
        ),
        (
            "run app/0 save",
            "validation failed: (root) : \"file\" property is missing and required, given {}",
        ),
        (
            "run app/1 nothing",
            "action \"nothing\" not defined on unit \"app/1\"",
        ),
        ("run app/9 save file=x", "unit \"app/9\" not found"),
        (
            "exec --unit app/9 -- true",
            "unit \"app/9\" not found; did you mean \"app/0\"?",
        ),
    ] {
        let said = lazuli.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((said.code, said.out.as_str()), (0, ""), "{said:?}");
        let first = said.err.lines().next().expect("a line");
        assert!(
            first.starts_with("Operation ") && first.ends_with(" failed to schedule any tasks:"),
            "{said:?}"
        );
        assert!(
            said.err.contains(why.split(';').next().expect("words")),
            "{said:?}"
        );
    }
}

fn failures(lazuli: &Lazuli) {
    let said = lazuli.run(&["run", "--format", "json", "app/leader", "fail"]);
    assert_eq!(said.code, 1, "{said:?}");
    let shown: Value = serde_json::from_str(&said.out).expect("JSON");
    let (unit, task) = shown
        .as_object()
        .and_then(|all| all.iter().next())
        .expect("a task");
    assert_eq!(task["unit"], json!(unit));
    assert_eq!(
        (task["status"].as_str(), task["message"].as_str()),
        (Some("failed"), Some("exit status 7"))
    );
    assert_eq!(
        task["results"],
        json!({ "a": "b", "return-code": 7, "stderr": "oops\n" })
    );
    let id = task["id"].as_str().expect("an id");
    let expected = format!(
        "ERROR the following task failed:\n - id \"{id}\" with return code 7\n\nuse 'lazuli \
         show-task' to inspect the failure\n"
    );
    assert!(said.err.ends_with(&expected), "{said:?}");
    let task = json(lazuli, &["show-task", id, "--format", "json"]);
    assert_eq!(task["results"]["a"], "b");
    let operation = lazuli.ok(&["operations", "--actions", "fail", "--format", "json"]);
    let operations: Value = serde_json::from_str(&operation).expect("JSON");
    let (id, operation) = operations
        .as_object()
        .and_then(|all| all.iter().next())
        .expect("an operation");
    assert_eq!(operation["status"], "failed");
    let shown = json(lazuli, &["show-operation", id, "--format", "json"]);
    assert_eq!(&shown, operation);
}

fn commands(lazuli: &Lazuli) {
    lazuli.ok(&[
        "exec",
        "--unit",
        "app/0",
        "--",
        "echo 'from hook' > /tmp/said",
    ]);
    assert_eq!(lazuli.file("0", "/tmp/said"), "from hook\n");
    let script = "echo $JUJU_UNIT_NAME ${JUJU_DISPATCH_PATH-none}; is-leader";
    let words = [
        "exec",
        "--format=json",
        "-a",
        "app",
        "--parallel=false",
        "--",
        script,
    ];
    let ran = json(lazuli, &words);
    for unit in ["app/0", "app/1"] {
        let printed = ran[unit]["results"]["stdout"].as_str().expect("stdout");
        assert!(printed.starts_with(&format!("{unit} none\n")), "{printed}");
    }
    let ran = json(
        lazuli,
        &[
            "exec",
            "--format",
            "json",
            "--machine",
            "1",
            "--",
            "id -un; command -v is-leader || hostname",
        ],
    );
    assert_eq!(ran["1"]["machine"], "1");
    assert_eq!(ran["1"]["results"]["stdout"], "ubuntu\nm-1\n");
    lazuli.shows(
        "exec --all hostname",
        "
        0:
        m-0

        1:
        m-1
        ! Running operation 17 with 2 tasks
        !   - task 18 on machine-0
        !   - task 19 on machine-1
        !
        ! Waiting for task 18...
        ! Waiting for task 19...",
    );
    let said = lazuli.run(&["exec", "--unit", "app/0", "exit 3"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("with return code 3"), "{said:?}");
    let said = lazuli.run(&["exec", "--wait", "0.001s", "--unit", "app/0", "sleep 1"]);
    let (code, err) = said.failed();
    assert_eq!(code, 1);
    assert!(
        err.ends_with("ERROR timed out waiting for results from: unit app/0"),
        "{err}"
    );
}

/// `juju-exec` on the machine, while the controller is connected.
fn on_the_machine(lazuli: &Lazuli) {
    lazuli.ok(&["exec", "--unit", "app/0", "true"]);
    let script = "echo $JUJU_UNIT_NAME; status-set active by-hand; exit 5";
    let said = lazuli.run(&["ssh", "0", &format!("sudo juju-exec app/0 '{script}'")]);
    assert_eq!((said.code, said.out.as_str()), (5, "app/0\n"), "{said:?}");
    lazuli.until("it is seen", |status| {
        status.workload("app/0") == ("active".to_owned(), "by-hand".to_owned())
    });
    lazuli.shows("ssh 0 sudo juju-exec --no-context hostname", "m-0");
    lazuli.shows(
        "ssh 0 sudo juju-run app/7 hostname",
        "
        ! ERROR unit \"app/7\" not found on this machine
        [exit 1]",
    );
}

fn cancelled(lazuli: &Lazuli) {
    let scheduled = lazuli.run(&["run", "--background", "app/0", "hang"]);
    assert_eq!(
        (scheduled.code, scheduled.out.as_str()),
        (0, ""),
        "{scheduled:?}"
    );
    let (first, second) = (task_of(&scheduled.err), {
        let said = lazuli.run(&["run", "--background", "app/0", "save", "file=z"]);
        task_of(&said.err)
    });
    lazuli.eventually("it runs", || {
        json(lazuli, &["show-task", &first, "--format", "json"])["status"] == "running"
    });
    lazuli.until("it is shown", |status| {
        status.agent("app/0") == ("executing".to_owned(), "running action hang".to_owned())
    });
    let shown = json(lazuli, &["cancel-task", &second, "--format", "json"]);
    assert_eq!(shown[&second]["status"], "cancelled", "{shown}");
    lazuli.ok(&["cancel-task", &first]);
    let task = json(
        lazuli,
        &["show-task", &first, "--watch", "--format", "json"],
    );
    assert_eq!(task["status"], "aborted");
    let said = lazuli.run(&["cancel-task", "9999"]);
    assert_eq!(said.failed(), (1, "ERROR task \"9999\" not found"));
}

/// The controller dies while an action runs: it goes on, and its end is
/// heard. Its supervisor dies: it has failed, and is not run again.
fn interrupted(lazuli: &mut Lazuli) {
    let said = lazuli.run(&[
        "exec",
        "--background",
        "--unit",
        "app/0",
        "echo x >> /tmp/times; until [ -e /tmp/go ]; do sleep 0.05; done",
    ]);
    let task = task_of(&said.err);
    lazuli.eventually("it runs", || lazuli.file("0", "/tmp/times") == "x\n");
    lazuli.kill();
    lazuli.resume();
    lazuli.ok(&["exec", "--machine", "0", "touch /tmp/go"]);
    let task = json(
        lazuli,
        &["show-task", &task, "--wait", "60s", "--format", "json"],
    );
    assert_eq!(task["status"], "completed", "{task}");
    assert_eq!(lazuli.file("0", "/tmp/times"), "x\n");

    let said = lazuli.run(&[
        "exec",
        "--background",
        "--unit",
        "app/1",
        "echo x >> /tmp/times; exec sleep 300",
    ]);
    let task = task_of(&said.err);
    lazuli.eventually("it runs", || lazuli.file("1", "/tmp/times") == "x\n");
    lazuli.ok(&[
        "ssh",
        "1",
        "sudo sh -c 'kill -9 $(cat /run/lazuli/supervisor.lock)'",
    ]);
    let task = json(
        lazuli,
        &["show-task", &task, "--wait", "60s", "--format", "json"],
    );
    assert_eq!(
        (task["status"].as_str(), task["message"].as_str()),
        (Some("failed"), Some("action terminated")),
        "{task}"
    );
    assert_eq!(lazuli.file("1", "/tmp/times"), "x\n");
}

fn task_of(said: &str) -> String {
    let words = said.split("with task ").nth(1).expect("a task");
    words
        .split_whitespace()
        .next()
        .expect("a number")
        .to_owned()
}

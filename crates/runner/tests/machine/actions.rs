//! Actions and commands of users.

use std::fs;

use lazuli_runner::frames::{
    CharmRef, Exit, HookKind, Lock, Outcome, Report, Request, RunId, RunRequest, TaskContext,
    TaskResult, Write,
};
use serde_json::json;

use crate::support::{Host, Machine, UNIT, is_alive, pid_in, request, wait_until};

/// A request for an action of `a/0`.
fn action(charm: &CharmRef, number: u64, name: &str) -> RunRequest {
    let mut asked = request(charm, 0, name);
    asked.run = RunId::of_task(UNIT.to_owned(), number);
    asked.digest = format!("task-{number}");
    asked.hook.kind = HookKind::Action;
    asked.context.task = Some(TaskContext {
        id: number.to_string(),
        name: name.to_owned(),
        ..TaskContext::default()
    });
    asked
}

/// A request for a command in the context of `a/0`.
fn command(charm: &CharmRef, number: u64, script: &str) -> RunRequest {
    let mut asked = action(charm, number, "juju-exec");
    asked.hook.kind = HookKind::Command;
    task(&mut asked).command = script.to_owned();
    asked
}

fn task(asked: &mut RunRequest) -> &mut TaskContext {
    asked.context.task.as_mut().unwrap()
}

fn result(outcome: &Outcome) -> &TaskResult {
    outcome.task.as_deref().unwrap()
}

const BACKUP: &str = "#!/bin/sh
set -eu
action-log one
action-log two
action-set result.file=\"$(action-get to.file)\" size=7
open-port 80
echo out
echo err >&2
env > ../env
";

/// Checklist of real charms, 12, 13 and 27.
#[test]
fn an_action_has_its_tools_and_its_environment() {
    let machine = Machine::new();
    let charm = machine.charm(&[("actions/backup", BACKUP)]);
    let mut host = machine.attach(1, 1);
    let mut asked = action(&charm, 7, "backup");
    let parameters = json!({ "to": { "file": "/b" } });
    task(&mut asked).parameters = parameters.as_object().unwrap().clone();
    host.run(&asked);
    let mut said = Vec::new();
    let outcome = host.find(|report| match report {
        Report::Finished(outcome) => Some(*outcome),
        Report::Immediate { n, write, run } => {
            assert_eq!(run, asked.run);
            said.push((n, write));
            None
        }
        Report::Refused { refusal, .. } => panic!("{refusal:?}"),
        _ => None,
    });
    let line = |text: &str| Write::ActionLog {
        message: text.to_owned(),
    };
    assert_eq!(said, [(1, line("one")), (2, line("two"))]);
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!(outcome.writes.len(), 1, "{:?}", outcome.writes);
    let brought = result(&outcome);
    assert_eq!(
        json!(brought.results),
        json!({ "result": { "file": "/b" }, "size": "7" })
    );
    assert_eq!(
        (brought.stdout.text.as_str(), brought.stderr.text.as_str()),
        ("out\n", "err\n")
    );
    assert_eq!(brought.failed, None);
    let env = fs::read_to_string(machine.charm_dir().join("../env")).unwrap();
    for line in [
        "JUJU_ACTION_NAME=backup\n",
        "JUJU_ACTION_UUID=7\n",
        "JUJU_ACTION_TAG=action-7\n",
        "JUJU_HOOK_NAME=\n",
        "JUJU_DISPATCH_PATH=actions/backup\n",
    ] {
        assert!(env.contains(line), "{line} in {env}");
    }
}

#[test]
fn a_failed_action_keeps_its_results_and_loses_its_writes() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "actions/fail",
        "#!/bin/sh\naction-set a=b\naction-fail 'no luck'\nopen-port 80\nprintf '\\377'\nexit 3\n",
    )]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&action(&charm, 1, "fail"));
    assert_eq!(outcome.exit, Exit::Code { code: 3 });
    assert_eq!(outcome.writes, []);
    let brought = result(&outcome);
    assert_eq!(json!(brought.results), json!({ "a": "b" }));
    assert_eq!(brought.failed.as_deref(), Some("no luck"));
    assert_eq!(
        (brought.stdout.text.as_str(), brought.stdout.base64),
        ("/w==", true)
    );
    let missing = host.complete(&action(&charm, 2, "nowhere"));
    assert_eq!(missing.exit, Exit::Missing);
}

/// Checklist of real charms, 17.
#[test]
fn a_command_has_a_context_but_nothing_to_dispatch() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    let script = "echo \"$JUJU_UNIT_NAME ${JUJU_DISPATCH_PATH-unset}\"; pwd\nopen-port 80\n\
                  [[ -n $BASH ]] && exit 42";
    let outcome = host.complete(&command(&charm, 1, script));
    assert_eq!(outcome.exit, Exit::Code { code: 42 });
    let printed = &result(&outcome).stdout.text;
    let dir = machine.charm_dir();
    assert_eq!(*printed, format!("a/0 unset\n{}\n", dir.display()));
}

#[test]
fn a_command_on_the_machine_has_no_tools() {
    let machine = Machine::new();
    let charm = machine.charm(&[]);
    let mut host = machine.attach(1, 1);
    let mut asked = command(&charm, 1, "command -v status-set || echo none; echo $HOME");
    asked.unit = String::new();
    asked.charm.sha256 = String::new();
    asked.run = RunId::of_task("machine-uuid".to_owned(), 1);
    let outcome = host.complete(&asked);
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    let printed = &result(&outcome).stdout.text;
    assert!(printed.starts_with("none\n/"), "{printed}");
}

#[test]
fn groups_and_parallel_ones_do_not_wait_for_the_machine() {
    let machine = Machine::new();
    let charm = machine.charm(&[]);
    let mut host = machine.attach(1, 1);
    let on_machine = |number: u64, lock: Lock, script: &str| {
        let mut asked = command(&charm, number, script);
        asked.unit = String::new();
        asked.run = RunId::of_task("machine-uuid".to_owned(), number);
        asked.limits.lock = lock;
        asked
    };
    let gate = machine.path("gate");
    let waits = format!("until [ -e {} ]; do sleep 0.01; done", gate.display());
    let group = || Lock::Group("g".to_owned());
    for (number, lock) in [(1, Lock::Machine), (2, group())] {
        host.run(&on_machine(number, lock, &waits));
        host.started();
    }
    // Two that wait, and one that waits for nobody.
    host.run(&on_machine(3, Lock::Machine, "true"));
    host.run(&on_machine(4, group(), "true"));
    host.run(&on_machine(5, Lock::None, "true"));
    let first = host.finished();
    assert_eq!(first.run.task(), Some(5));
    fs::write(gate, "").unwrap();
    let mut others: Vec<u64> = (0..4).filter_map(|_| host.finished().run.task()).collect();
    others.sort_unstable();
    assert_eq!(others, [1, 2, 3, 4]);
}

#[test]
fn a_cancelled_action_is_ended_with_all_it_started() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "actions/hang",
        "#!/bin/sh\ntrap '' TERM\naction-set began=yes\necho $$ > ../pid\nwhile :; do sleep 1; done\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = action(&charm, 1, "hang");
    host.run(&asked);
    let pid = pid_in(&machine.charm_dir().join("../pid"));
    host.send(&Request::Kill {
        run: asked.run.clone(),
        reason: "cancelled".to_owned(),
    });
    let outcome = host.finished();
    assert!(matches!(outcome.exit, Exit::Killed { .. }));
    assert_eq!(json!(result(&outcome).results), json!({ "began": "yes" }));
    assert!(!is_alive(pid));
}

/// What ran when the supervisor died is reported, and never begun again: not
/// by the machine, and not in another boot.
#[test]
fn an_interrupted_action_is_not_run_again() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "actions/hang",
        "#!/bin/sh\necho x >> ../runs\necho $$ > ../pid\nexec sleep 1000\n",
    )]);
    let mut host: Host = machine.attach(1, 1);
    let asked = action(&charm, 1, "hang");
    host.run(&asked);
    let pid = pid_in(&machine.charm_dir().join("../pid"));
    machine.crash();
    host.ended();
    let mut host = machine.attach(1, 2);
    let outcome = host.finished();
    assert!(matches!(outcome.exit, Exit::Interrupted { .. }));
    wait_until("the action to end", || !is_alive(pid));
    host.run(&asked);
    assert!(matches!(host.finished().exit, Exit::Interrupted { .. }));
    host.ack(&asked);
    let mut later = action(&charm, 2, "hang");
    task(&mut later).boot = Some("the boot before".to_owned());
    let outcome = host.complete(&later);
    assert!(matches!(outcome.exit, Exit::Interrupted { .. }));
    let runs = fs::read_to_string(machine.charm_dir().join("../runs")).unwrap();
    assert_eq!(runs, "x\n");
}

//! `juju-exec`: programs on the machine run commands in a unit's context.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use lazuli_runner::frames::{
    CharmRef, Exit, HookKind, LocalExec, Outcome, Report, Request, RunId, RunRequest, TaskContext,
    Write,
};

use crate::support::{Host, Machine, is_alive, pid_in, request, wait_until};

/// A machine that has run a hook, which makes the link.
fn machine() -> (Machine, CharmRef, Host) {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("usr/bin")).unwrap();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    host.complete(&request(&charm, 1, "install"));
    (machine, charm, host)
}

fn program(machine: &Machine, name: &str) -> Command {
    let mut command = Command::new(machine.path("usr/bin").join(name));
    command
        .env_clear()
        .env("LAZULI_RUNNER_ROOT", machine.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(machine: &Machine, words: &[&str]) -> Child {
    program(machine, "juju-exec").args(words).spawn().unwrap()
}

fn wish(host: &Host) -> (RunId, LocalExec) {
    host.find(|report| match report {
        Report::Wish { run, exec } => Some((run, exec)),
        _ => None,
    })
}

/// What the controller makes of a wish.
fn fulfil(charm: &CharmRef, run: &RunId, exec: &LocalExec) -> RunRequest {
    let mut asked = request(charm, 0, "juju-exec");
    asked.run = run.clone();
    asked.digest = "wish".to_owned();
    asked.hook.kind = HookKind::Command;
    asked.context.task = Some(TaskContext {
        command: exec.command.clone(),
        ..TaskContext::default()
    });
    asked
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn a_command_runs_in_a_units_context() {
    let (machine, charm, mut host) = machine();
    let script = "open-port 80; echo $JUJU_UNIT_NAME ${JUJU_ACTION_NAME-none}; action-get; exit 4";
    let program = start(
        &machine,
        &["--remote-unit", "b/0", "-r", "db:7", "a/0", script],
    );
    let (run, exec) = wish(&host);
    assert_eq!(
        exec,
        LocalExec {
            unit: "a/0".to_owned(),
            command: script.to_owned(),
            relation: Some(7),
            remote_unit: "b/0".to_owned(),
        }
    );
    assert!(run.is_wish());
    // It is said again to who comes next, until somebody asks for it.
    drop(host);
    host = machine.attach(1, 2);
    assert_eq!(wish(&host).0, run);
    let asked = fulfil(&charm, &run, &exec);
    let outcome = host.complete(&asked);
    assert_eq!(outcome.exit, Exit::Code { code: 4 });
    assert_eq!(
        said(&program.wait_with_output().unwrap()),
        (
            Some(4),
            "a/0 none\n".to_owned(),
            "ERROR not running an action\n".to_owned()
        )
    );
    let program = start(&machine, &["a/0", "open-port", "81"]);
    let (run, exec) = wish(&host);
    let outcome: Outcome = host.complete(&fulfil(&charm, &run, &exec));
    assert!(matches!(
        outcome.writes.as_slice(),
        [Write::OpenPort { .. }]
    ));
    assert_eq!(program.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn what_cannot_be_is_refused() {
    let (machine, _, mut host) = machine();
    let refused = |words: &[&str]| said(&start(&machine, words).wait_with_output().unwrap());
    assert_eq!(
        refused(&["b/0", "true"]),
        (
            Some(1),
            String::new(),
            "ERROR unit \"b/0\" not found on this machine\n".to_owned()
        )
    );
    let program = start(&machine, &["-r", "9", "a/0", "true"]);
    let (run, _) = wish(&host);
    host.send(&Request::Decline {
        run,
        reason: "relation not found".to_owned(),
    });
    assert_eq!(
        said(&program.wait_with_output().unwrap()),
        (
            Some(1),
            String::new(),
            "ERROR relation not found\n".to_owned()
        )
    );
    let inside = program_in_hook(&machine);
    assert_eq!(inside.0, Some(1));
    assert!(
        inside.2.contains("cannot be called from within a hook"),
        "{inside:?}"
    );
    assert_eq!(
        refused(&["--no-context", "echo $((1 + 1)); exit 3"]),
        (Some(3), "2\n".to_owned(), String::new())
    );
}

fn program_in_hook(machine: &Machine) -> (Option<i32>, String, String) {
    let output = program(machine, "juju-run")
        .env("JUJU_CONTEXT_ID", "a/0-install-00")
        .args(["a/0", "true"])
        .output();
    said(&output.unwrap())
}

#[test]
fn a_command_ends_with_the_program_that_wanted_it() {
    let (machine, charm, mut host) = machine();
    let mut program = start(&machine, &["a/0", "echo $$ > ../pid; exec sleep 1000"]);
    let (run, exec) = wish(&host);
    host.run(&fulfil(&charm, &run, &exec));
    let pid = pid_in(&machine.charm_dir().join("../pid"));
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(matches!(host.finished().exit, Exit::Killed { .. }));
    wait_until("the command to end", || !is_alive(pid));
}

/// A machine may have Juju's own program.
#[test]
fn a_program_of_others_is_left_alone() {
    let machine = Machine::new();
    let bin = machine.path("usr/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("juju-exec"), "others").unwrap();
    symlink("/no/such/jujud", bin.join("juju-run")).unwrap();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    machine
        .attach(1, 1)
        .complete(&request(&charm, 1, "install"));
    assert_eq!(fs::read_to_string(bin.join("juju-exec")).unwrap(), "others");
    let link = fs::read_link(bin.join("juju-run")).unwrap();
    assert_eq!(link, PathBuf::from("/no/such/jujud"));
}

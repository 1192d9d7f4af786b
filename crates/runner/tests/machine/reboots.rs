//! `juju-reboot`, on a machine whose `shutdown` only writes down that it was
//! called.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lazuli_runner::frames::{Exit, HookKind, Report, Write};

use crate::support::{Machine, request, wait_until};

/// A machine that can be told to reboot.
fn machine(shutdown: &str) -> Machine {
    let machine = Machine::new();
    let program = machine.path("usr/sbin/shutdown");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&program, format!("#!/bin/sh\n{shutdown}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    machine
}

/// A machine whose `shutdown` writes its arguments down.
fn noted() -> Machine {
    machine("echo \"$@\" > \"$(dirname \"$0\")/../../told\"")
}

fn wait_until_told(machine: &Machine) {
    wait_until("the machine to be told", || {
        fs::read_to_string(machine.path("told")).is_ok_and(|told| told == "-r now\n")
    });
}

#[test]
fn the_machine_reboots_after_a_hook_that_succeeded() {
    let machine = noted();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\njuju-reboot && open-port 80 && echo on\n",
    )]);
    let mut host = machine.attach(1, 1);
    host.run(&request(&charm, 1, "install"));
    let write = host.find(|report| match report {
        Report::Immediate { write, .. } => Some(write),
        _ => None,
    });
    assert_eq!(write, Write::Reboot { now: false });
    wait_until_told(&machine);
    // The outcome is told by whoever comes after the reboot.
    drop(host);
    machine.crash();
    let host = machine.attach(1, 2);
    let outcome = host.finished();
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!(outcome.writes.len(), 1);
    assert_eq!(outcome.output.head, "on\n");
}

#[test]
fn a_hook_that_cannot_wait_is_ended_and_runs_again() {
    let machine = noted();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nopen-port 80\njuju-reboot --now\nsleep 600\n",
    )]);
    let mut host = machine.attach(1, 1);
    host.run(&request(&charm, 1, "install"));
    wait_until_told(&machine);
    drop(host);
    machine.crash();
    let host = machine.attach(1, 2);
    let outcome = host.finished();
    assert_eq!(
        outcome.exit,
        Exit::Interrupted {
            reason: "the machine is rebooted at once (juju-reboot --now)".to_owned()
        }
    );
    assert_eq!(outcome.writes, []);
}

#[test]
fn a_hook_that_failed_reboots_nothing() {
    let machine = noted();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\njuju-reboot\nexit 3\n")]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert_eq!(outcome.exit, Exit::Code { code: 3 });
    assert!(!machine.path("told").exists());
}

#[test]
fn a_machine_that_does_not_reboot_says_so_and_goes_on() {
    let machine = machine("exit 4");
    let charm = machine.charm(&[
        ("hooks/install", "#!/bin/sh\njuju-reboot\n"),
        ("hooks/start", "#!/bin/sh\n"),
    ]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let mut why = String::new();
    let outcome = host.find(|report| match report {
        Report::Finished(outcome) => Some(*outcome),
        Report::Log { lines, .. } => {
            let errors = lines.into_iter().filter(|line| line.level == "ERROR");
            why.extend(errors.map(|line| line.message));
            None
        }
        _ => None,
    });
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert!(
        why.starts_with("the machine does not reboot: ") && why.ends_with("exit status: 4"),
        "{why}"
    );
    host.ack(&asked);
    host.complete(&request(&charm, 2, "start"));
}

#[test]
fn actions_reboot_nothing() {
    let machine = noted();
    let charm = machine.charm(&[("actions/go", "#!/bin/sh\njuju-reboot --now 2>&1\necho $?\n")]);
    let mut host = machine.attach(1, 1);
    let mut asked = request(&charm, 1, "go");
    asked.hook.kind = HookKind::Action;
    let outcome = host.complete(&asked);
    assert_eq!(
        outcome.output.head,
        "ERROR juju-reboot is not supported when running an action.\n1\n"
    );
    assert!(!machine.path("told").exists());
}

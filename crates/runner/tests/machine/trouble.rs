//! Hooks that harm their own machine: they delete their charm, fill the disk,
//! leave processes behind that go on calling tools.

use std::fs;
use std::process::Command;

use lazuli_runner::frames::{Exit, Report};

use crate::support::{Machine, is_alive, pid_in, request, signal, wait_until};

#[test]
fn a_hook_that_deletes_its_charm_ends_and_the_next_one_has_it_again() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\nrm -rf \"$JUJU_CHARM_DIR\"\nstatus-set active gone && open-port 80 && \
             echo still here\n",
        ),
        ("hooks/start", "#!/bin/sh\ncat metadata.yaml\n"),
    ]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{:?}", outcome.output);
    assert_eq!((outcome.immediate, outcome.writes.len()), (1, 1));
    assert!(outcome.output.head.ends_with("still here\n"));
    let outcome = host.complete(&request(&charm, 2, "start"));
    assert_eq!(outcome.output.head, "name: a\n");
}

/// A small disk for a machine. Going, it ends the machine's supervisor first.
struct Disk<'a>(&'a Machine);

impl<'a> Disk<'a> {
    fn small(machine: &'a Machine) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=6m", "lazuli-test"])
            .arg(machine.path(""))
            .status();
        mounted.unwrap().success().then_some(Self(machine))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        if let Some(pid) = self.0.supervisor().filter(|pid| is_alive(*pid)) {
            signal(pid, "KILL");
        }
        let path = self.0.path("");
        drop(Command::new("umount").arg("-l").arg(path).status());
    }
}

#[test]
fn a_full_disk_is_said_loses_nothing_and_holds_up_only_until_there_is_room() {
    let machine = Machine::new();
    let Some(_disk) = Disk::small(&machine) else {
        eprintln!("skipped: to mount a file system takes root");
        return;
    };
    let charm = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\nopen-port 80\ncat /dev/zero > ../../../fill 2> /dev/null\n\
             status-set active \"$(yes full | head -c 100000)\" 2>&1 || echo refused\n",
        ),
        ("hooks/start", "#!/bin/sh\n"),
    ]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let outcome = host.finished();
    // It is told, though the disk could not keep it.
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!((outcome.immediate, outcome.writes.len()), (0, 1));
    let said = &outcome.output.head;
    assert!(
        said.contains("No space left on device") && said.contains("refused"),
        "{said}"
    );
    // It is the same when it is asked for again, until it is acknowledged.
    host.run(&asked);
    assert_eq!(host.finished(), outcome);
    host.ack(&asked);
    let record = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    wait_until("the record to go", || !record.exists());
    let fill = machine.path("var/lib/juju/fill");
    let more = format!("cat /dev/zero >> {} 2> /dev/null", fill.display());
    drop(Command::new("sh").args(["-c", &more]).status());

    // Without room for its record nothing is started.
    let next = request(&charm, 2, "start");
    host.run(&next);
    let why = host.find(|report| match report {
        Report::Finished(outcome) => match outcome.exit {
            Exit::NotStarted { reason } => Some(reason),
            other => panic!("{other:?}"),
        },
        Report::Refused { refusal, .. } => Some(format!("{refusal:?}")),
        _ => None,
    });
    assert!(why.contains("No space left on device"), "{why}");
    host.ack(&next);

    // A host that comes new is told why it cannot be served now.
    let why = machine.attach(1, 2).find(|report| match report {
        Report::Refused { refusal, .. } => Some(format!("{refusal:?}")),
        _ => None,
    });
    assert!(why.contains("No space left on device"), "{why}");

    fs::remove_file(fill).unwrap();
    let mut host = machine.attach(1, 3);
    let outcome = host.complete(&request(&charm, 3, "start"));
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
}

/// Whatever the past left behind cannot write in the name of what runs now.
#[test]
fn what_a_hook_left_behind_has_no_tools_in_later_hooks() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\nsetsid sh -c 'while [ ! -e ../over ]; do\n\
             status-set blocked \"from the past\" > /dev/null 2>> ../said || echo $? >> ../codes\n\
             sleep 0.01; done' > /dev/null 2>&1 &\necho $! > ../left\n",
        ),
        (
            "hooks/start",
            "#!/bin/sh\n: > ../codes\nwhile [ \"$(wc -l < ../codes)\" -lt 5 ]; do sleep 0.01; \
             done\nopen-port 80\n",
        ),
    ]);
    let mut host = machine.attach(1, 1);
    host.complete(&request(&charm, 1, "install"));
    let outcome = host.complete(&request(&charm, 2, "start"));
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!((outcome.immediate, outcome.writes.len()), (0, 1));
    let agent = machine.charm_dir().join("..");
    let said = fs::read_to_string(agent.join("said")).unwrap();
    assert!(said.contains("has the hook ended?"), "{said}");
    let left = pid_in(&agent.join("left"));
    fs::write(agent.join("over"), "").unwrap();
    wait_until("what was left to end", || !is_alive(left));
}

//! What becomes of a run when its supervisor or its machine dies, at each
//! point of its record.

use std::fs::{self, File};

use lazuli_runner::frames::{Exit, Report, RunState, Write};
use nix::fcntl::{Flock, FlockArg};

use crate::support::{Machine, is_alive, pid_in, request, signal, wait_until};

/// Tells its pid, then runs for long, with a child in its group and one in a
/// session of its own.
const LONG: &str = "#!/bin/sh\nsleep 600 & echo $! > ../child\nsetsid sleep 600 & echo $! > ../apart\n\
                    status-set maintenance working\necho $$ > ../pid\nsleep 600\n";

fn interrupted(exit: &Exit) -> &str {
    match exit {
        Exit::Interrupted { reason } => reason,
        other => panic!("{other:?}"),
    }
}

/// After the intent, before the start: the hook never ran.
#[test]
fn a_crash_before_the_start() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\ntouch ../ran\n")]);
    fs::create_dir_all(machine.path("var/lib/lazuli")).unwrap();
    let path = machine.path("var/lib/lazuli/machine-lock");
    let lock = Flock::lock(File::create(path).unwrap(), FlockArg::LockExclusive).unwrap();
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let record = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    wait_until("the intent", || {
        fs::read(&record).is_ok_and(|line| line.ends_with(b"\n"))
    });
    machine.crash();
    drop(lock);

    let mut host = machine.attach(1, 2);
    let outcome = host.finished();
    interrupted(&outcome.exit);
    assert_eq!(outcome.attempt, 1);
    host.ack(&asked);
    let outcome = host.complete(&asked);
    assert_eq!((outcome.exit, outcome.attempt), (Exit::Code { code: 0 }, 2));
    assert!(machine.charm_dir().join("../ran").exists());
}

/// While the hook runs: it is ended with everything it started, and run again
/// as a new attempt. What it wrote at once is kept.
#[test]
fn a_crash_while_the_hook_runs() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", LONG), ("hooks/start", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    assert_eq!(host.started(), 1);
    let agent = machine.charm_dir().join("..");
    let pids = ["pid", "child", "apart"].map(|name| pid_in(&agent.join(name)));
    machine.crash();
    assert!(pids.iter().all(|pid| is_alive(*pid)));

    let mut host = machine.attach(1, 2);
    let mut reports = Vec::new();
    let outcome = host.find(|report| match report {
        Report::Finished(outcome) => Some(*outcome),
        other => {
            reports.push(other);
            None
        }
    });
    assert!(interrupted(&outcome.exit).contains("supervisor"));
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
    assert_eq!(outcome.immediate, 1);
    let write = Write::Status {
        application: false,
        status: "maintenance".to_owned(),
        message: "working".to_owned(),
    };
    let run = asked.run.clone();
    assert!(reports.contains(&Report::Immediate { run, n: 1, write }));
    host.ack(&asked);
    fs::remove_file(agent.join("pid")).unwrap();
    host.run(&asked);
    assert_eq!(host.started(), 2);
    pid_in(&agent.join("pid"));
    machine.crash();
    let mut host = machine.attach(1, 3);
    assert_eq!(host.finished().attempt, 2);
    host.ack(&asked);
    // Another hook begins to count anew.
    assert_eq!(host.complete(&request(&charm, 2, "start")).attempt, 1);
}

/// After the hook's end, before its outcome is recorded.
#[test]
fn a_crash_before_the_outcome() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\necho $$ > ../pid\nwhile [ ! -e ../go ]; do sleep 0.01; done\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let agent = machine.charm_dir().join("..");
    let hook = pid_in(&agent.join("pid"));
    signal(machine.supervisor().unwrap(), "STOP");
    fs::write(agent.join("go"), "").unwrap();
    wait_until("the hook's end", || !is_alive(hook));
    machine.crash();

    let mut host = machine.attach(1, 2);
    interrupted(&host.finished().exit);
    host.ack(&asked);
    assert_eq!(host.complete(&asked).attempt, 2);
}

/// After the outcome is recorded: it is what is told, again and again, until
/// it is acknowledged.
#[test]
fn a_crash_after_the_outcome() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\necho x >> ../ran\nopen-port 80\n",
    )]);
    let mut host = machine.attach(1, 1);
    let mut asked = request(&charm, 1, "install");
    asked.limits.sync = true;
    host.run(&asked);
    let told = host.finished();
    for connection in 2..4 {
        machine.crash();
        let mut host = machine.attach(1, connection);
        let Report::Attached { runs, .. } = host.next() else {
            panic!("not attached");
        };
        assert_eq!(runs[0].state, RunState::Finished);
        assert_eq!(host.finished(), told);
        host.run(&asked);
        assert_eq!(host.finished(), told);
    }
    let mut host = machine.attach(1, 4);
    host.ack(&asked);
    let record = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    wait_until("the record to go", || !record.exists());
    let ran = fs::read_to_string(machine.charm_dir().join("../ran")).unwrap();
    assert_eq!(ran, "x\n");
    machine.crash();
    let host = machine.attach(1, 5);
    let Report::Attached { runs, .. } = host.next() else {
        panic!("not attached");
    };
    assert_eq!(runs, []);
}

/// After a restart of the machine no process of before is looked for.
#[test]
fn a_restart_of_the_machine() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", LONG)]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    machine.crash();
    // As if the record were of another boot.
    let path = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    let record = fs::read_to_string(&path).unwrap();
    let own = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert!(record.contains(own.trim()));
    fs::write(&path, record.replace(own.trim(), "another-boot")).unwrap();

    let host = machine.attach(1, 2);
    assert!(interrupted(&host.finished().exit).contains("restarted"));
    assert!(is_alive(hook));
    for pid in ["pid", "child", "apart"] {
        signal(pid_in(&machine.charm_dir().join("..").join(pid)), "KILL");
    }
}

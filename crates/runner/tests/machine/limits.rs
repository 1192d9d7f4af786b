//! Hooks that misbehave: they print too much, never end, leave daemons, fork
//! without end.

use std::fs;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{Exit, Report, Request};

use crate::support::{Machine, UNIT, is_alive, pid_in, request, signal, wait_until};

/// The memory that a process has, in KiB.
fn memory(pid: i32, field: &str) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap()
}

#[test]
fn endless_output_costs_bounded_memory() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\necho begin\nhead -c 200000000 /dev/zero | tr '\\0' x\necho\n\
             yes line | head -c 200000000\necho end >&2\n",
        ),
        ("hooks/start", "#!/bin/sh\necho small\n"),
    ]);
    let mut host = machine.attach(1, 1);
    host.complete(&request(&charm, 1, "start"));
    let supervisor = machine.supervisor().unwrap();
    let before = memory(supervisor, "VmHWM");
    let mut asked = request(&charm, 2, "install");
    asked.limits.output_bytes = 100_000;
    host.run(&asked);
    let mut dropped_lines = 0;
    let outcome = host.find(|report| match report {
        Report::Finished(outcome) => Some(*outcome),
        Report::Log { lines, dropped, .. } => {
            assert!(lines.iter().all(|line| line.message.len() <= 4096));
            dropped_lines += dropped;
            None
        }
        _ => None,
    });
    let grown = memory(supervisor, "VmHWM") - before;
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    let output = outcome.output;
    assert_eq!((output.head.len(), output.tail.len()), (100_000, 100_000));
    assert!(output.head.starts_with("begin\nxxx"));
    assert!(output.tail.contains("\nline\nline\n"));
    let total = output.dropped + 200_000;
    assert_eq!(total, 400_000_000 + "begin\n\nend\n".len() as u64);
    assert!(dropped_lines > 1_000_000, "{dropped_lines}");
    assert!(grown < 16 << 10, "grew by {grown} KiB");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\nprintf 'a\\377b\\0c\\n'\n")]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert_eq!(outcome.output.head, "a\u{fffd}b\0c\n");
}

#[test]
fn a_daemon_that_holds_the_output_is_left_alone() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\n(while :; do echo tick || touch ../broken; sleep 0.01; done) &\n\
             echo $! > ../daemon\necho done\n",
        ),
        ("hooks/start", "#!/bin/sh\n"),
    ]);
    let mut host = machine.attach(1, 1);
    let before = Instant::now();
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert!(outcome.output.head.contains("done\n"));
    let daemon = pid_in(&machine.charm_dir().join("../daemon"));
    host.complete(&request(&charm, 2, "start"));
    assert!(is_alive(daemon));
    assert!(!machine.charm_dir().join("../broken").exists());
    signal(daemon, "KILL");
}

/// Ignores TERM, and so do its children; one is in a session of its own, one
/// does not have the hook's environment.
const STUBBORN: &str = "#!/bin/sh\ntrap '' TERM\n(trap '' TERM; sleep 600) & echo $! > ../child\n\
    setsid sh -c 'trap \"\" TERM; echo $$ > ../apart; sleep 600; :' &\n\
    env -i sh -c 'trap \"\" TERM; echo $$ > ../bare; sleep 600; :' &\n\
    echo $$ > ../pid\nwhile :; do sleep 600; done\n";

#[test]
fn a_hook_is_ended_at_its_deadline_with_all_it_started() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", STUBBORN)]);
    let mut host = machine.attach(1, 1);
    let mut asked = request(&charm, 1, "install");
    asked.limits.timeout_s = Some(1);
    host.run(&asked);
    let agent = machine.charm_dir().join("..");
    let pids = ["pid", "child", "apart", "bare"].map(|name| pid_in(&agent.join(name)));
    let outcome = host.finished();
    match outcome.exit {
        Exit::Killed { reason } => assert_eq!(reason, "it ran for longer than 1 s"),
        other => panic!("{other:?}"),
    }
    assert!(outcome.duration_ms >= 5_000);
    for pid in pids {
        assert!(!is_alive(pid));
    }
}

#[test]
fn a_hook_is_ended_on_request() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nopen-port 80\necho $$ > ../pid\nexec sleep 600\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    pid_in(&machine.charm_dir().join("../pid"));
    let kill = Request::Kill {
        run: asked.run.clone(),
        reason: "the unit is removed".to_owned(),
    };
    host.send(&kill);
    let outcome = host.finished();
    assert_eq!(
        outcome.exit,
        Exit::Killed {
            reason: "the unit is removed".to_owned()
        }
    );
    assert_eq!(outcome.writes, []);
    // Afterwards it changes nothing.
    host.send(&kill);
    host.run(&asked);
    assert_eq!(host.finished().exit, outcome.exit);
}

#[test]
fn one_hook_at_a_time() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nmkdir ../../inside || exit 9\nsleep 0.05\nrmdir ../../inside\n",
    )]);
    let mut host = machine.attach(1, 1);
    for number in 0..5 {
        let mut asked = request(&charm, 1, "install");
        asked.run.unit = format!("{UNIT}-{number}");
        asked.unit = format!("a/{number}");
        host.run(&asked);
    }
    for _ in 0..5 {
        assert_eq!(host.finished().exit, Exit::Code { code: 0 });
    }
}

#[test]
fn a_run_that_waits_can_be_given_up() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\necho $$ > ../pid\nexec sleep 600\n",
    )]);
    let mut host = machine.attach(1, 1);
    let first = request(&charm, 1, "install");
    host.run(&first);
    pid_in(&machine.charm_dir().join("../pid"));
    let mut second = request(&charm, 1, "install");
    second.run.unit = "other".to_owned();
    second.unit = "a/1".to_owned();
    host.run(&second);
    for run in [second.run, first.run] {
        host.send(&Request::Kill {
            run: run.clone(),
            reason: "enough".to_owned(),
        });
        let outcome = host.finished();
        assert_eq!(outcome.run, run);
        assert!(matches!(outcome.exit, Exit::Killed { .. }));
    }
    assert!(!machine.path("var/lib/juju/agents/unit-a-1/charm").exists());
}

/// A unit that goes while its hook runs: the hook is ended, and nothing of the
/// unit stays. Saying it twice, or of a unit that never was, does no harm.
#[test]
fn a_running_unit_is_ended_and_forgotten() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\necho $$ > ../pid\nexec sleep 600\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    for unit in ["a/0", "a/0", "never/0"] {
        host.send(&Request::Forget {
            unit: unit.to_owned(),
        });
    }
    let reason = "the unit is gone".to_owned();
    assert_eq!(host.finished().exit, Exit::Killed { reason });
    wait_until("the unit to be forgotten", || {
        !machine.path("var/lib/juju/agents/unit-a-0").exists()
            && !machine.path("var/lib/lazuli/units/unit-a-0.json").exists()
            && !machine.path("var/lib/lazuli/journal/unit-uuid").exists()
    });
    assert!(!is_alive(hook));
}

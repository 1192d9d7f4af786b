//! Hooks run through `serve` and a real supervisor.

use std::fs;

use crate::support::{Host, Machine, request, wait_until};
use lazuli_runner::frames::{Exit, Refusal, Report, Request, Write};

#[test]
fn a_hook_runs_with_its_tools() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nset -eu\nstatus-set maintenance \"on $(config-get name)\"\n\
         juju-log -l ERROR hello world\necho out\necho err >&2\npwd > ../pwd\necho \"$0\" > ../zero\n\
         env > ../env\nopen-port 80\napplication-version-set 1.0\n",
    )]);
    let mut host = machine.attach(1, 1);
    let Report::Attached { charms, runs, .. } = host.next() else {
        panic!("not attached");
    };
    assert_eq!((charms, runs), (vec![charm.sha256.clone()], vec![]));
    let mut asked = request(&charm, 1, "install");
    asked.context.config.insert("name".to_owned(), "it".into());
    host.run(&asked);
    let mut reports = Vec::new();
    let outcome = host.find(|report| match report {
        Report::Finished(outcome) => Some(*outcome),
        other => {
            reports.push(other);
            None
        }
    });
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    // Two pipes have no common order when both are written at once.
    let mut printed: Vec<&str> = outcome.output.head.lines().collect();
    printed.sort_unstable();
    assert_eq!(printed, ["err", "out"]);
    assert_eq!(outcome.levels, asked.levels);
    assert!(matches!(
        outcome.writes.as_slice(),
        [Write::OpenPort { .. }]
    ));
    assert_eq!(outcome.immediate, 2);
    let run = || asked.run.clone();
    assert!(reports.contains(&Report::Started {
        run: run(),
        attempt: 1
    }));
    for (n, write) in [
        (
            1,
            Write::Status {
                application: false,
                status: "maintenance".to_owned(),
                message: "on it".to_owned(),
            },
        ),
        (
            2,
            Write::WorkloadVersion {
                version: "1.0".to_owned(),
            },
        ),
    ] {
        let expected = Report::Immediate {
            run: run(),
            n,
            write,
        };
        assert!(reports.contains(&expected), "{reports:?}");
    }
    let logs: Vec<(String, String, String)> = reports
        .into_iter()
        .filter_map(|report| match report {
            Report::Log { lines, .. } => Some(lines),
            _ => None,
        })
        .flatten()
        .map(|line| (line.level, line.module, line.message))
        .collect();
    for (level, module, message) in [
        ("ERROR", "unit.a/0.juju-log", "hello world"),
        ("DEBUG", "unit.a/0.install", "out"),
        ("WARNING", "unit.a/0.install", "err"),
    ] {
        let line = (level.to_owned(), module.to_owned(), message.to_owned());
        assert!(logs.contains(&line), "{line:?} in {logs:?}");
    }
    let charm_dir = machine.charm_dir();
    let read = |name: &str| fs::read_to_string(charm_dir.join("..").join(name)).unwrap();
    assert_eq!(read("pwd").trim(), charm_dir.to_str().unwrap());
    assert_eq!(
        read("zero").trim(),
        charm_dir.join("hooks/install").to_str().unwrap()
    );
    let env = read("env");
    assert!(env.contains("JUJU_HOOK_NAME=install\n"), "{env}");
    assert!(!env.contains("HOME=") && !env.contains("LAZULI"), "{env}");
}

#[test]
fn a_failed_hook_writes_nothing_that_is_buffered() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nopen-port 80\nstatus-set blocked\nexit 3\n",
    )]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "install"));
    assert_eq!(outcome.exit, Exit::Code { code: 3 });
    assert_eq!((outcome.writes, outcome.immediate), (vec![], 1));
}

#[test]
fn what_cannot_run_is_said() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        ("hooks/text", "no shebang\n"),
        ("hooks/lost", "#!/no/such/interpreter\n"),
        ("hooks/data.yaml", "not executable\n"),
    ]);
    let mut host = machine.attach(1, 1);
    let outcome = host.complete(&request(&charm, 1, "start"));
    assert_eq!(outcome.exit, Exit::Missing);
    for (seq, hook, text) in [
        (2, "text", "exec format error"),
        (3, "lost", "No such file or directory"),
        (4, "data.yaml", "permission denied"),
    ] {
        match host.complete(&request(&charm, seq, hook)).exit {
            Exit::NotStarted { reason } => assert!(reason.contains(text), "{reason}"),
            other => panic!("{hook}: {other:?}"),
        }
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let machine = Machine::new();
    let charm = machine.charm(&[]);
    let mut host = machine.attach(1, 1);
    let refused = |host: &Host| {
        host.find(|report| match report {
            Report::Refused { refusal, .. } => Some(refusal),
            Report::Finished(outcome) => panic!("{outcome:?}"),
            _ => None,
        })
    };
    let good = request(&charm, 1, "install");
    let mut bad = good.clone();
    bad.unit = "../../etc".to_owned();
    host.run(&bad);
    assert!(matches!(refused(&host), Refusal::Invalid { .. }));
    let mut bad = good.clone();
    bad.hook.name = "../install".to_owned();
    host.run(&bad);
    assert!(matches!(refused(&host), Refusal::Invalid { .. }));
    let mut bad = good.clone();
    bad.run.unit = "../x".to_owned();
    host.run(&bad);
    assert!(matches!(refused(&host), Refusal::Invalid { .. }));
    let mut bad = good.clone();
    bad.charm.sha256 = "0".repeat(64);
    host.run(&bad);
    assert_eq!(
        refused(&host),
        Refusal::NoCharm {
            sha256: "0".repeat(64)
        }
    );
    host.run(&good);
    host.finished();
    // Not acknowledged yet.
    host.run(&request(&charm, 2, "start"));
    assert_eq!(
        refused(&host),
        Refusal::Busy {
            run: good.run.clone()
        }
    );
    let mut other = good.clone();
    other.digest = "other".to_owned();
    host.run(&other);
    assert_eq!(
        refused(&host),
        Refusal::Digest {
            recorded: good.digest.clone()
        }
    );
    // The same again is answered again, until it is acknowledged.
    host.run(&good);
    assert_eq!(host.finished().run, good.run);
    host.ack(&good);
    host.complete(&request(&charm, 2, "start"));
    host.send(&Request::Forget {
        unit: "a/0".to_owned(),
    });
    wait_until("the unit to be forgotten", || {
        !machine.path("var/lib/juju/agents/unit-a-0").exists()
            && !machine.path("var/lib/lazuli/units/unit-a-0.json").exists()
            && !machine.path("var/lib/juju/tools/unit-a-0").exists()
    });
}

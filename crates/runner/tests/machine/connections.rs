//! Attaching, cutting, fencing.

use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;

use lazuli_runner::frames::{
    Answer, Attach, Exit, PROTOCOL, Question, Refusal, RelationContext, Report, Request, RunState,
};

use crate::support::{
    Host, Machine, PROGRAM, is_alive, pid_in, read_all, request, signal, wait_until,
};

/// Ends when the file `go` is there.
const WAITING: &str = "#!/bin/sh\necho $$ > ../pid\nwhile [ ! -e ../go ]; do sleep 0.01; done\n\
                       echo x >> ../ran\nstatus-set active\nopen-port 80\n";

fn refusal(host: &Host) -> Refusal {
    host.find(|report| match report {
        Report::Refused { refusal, .. } => Some(refusal),
        _ => None,
    })
}

#[test]
fn a_cut_connection_does_not_end_a_hook() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", WAITING)]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    host.cut();
    assert!(is_alive(hook));

    let mut host = machine.attach(1, 2);
    let Report::Attached { runs, .. } = host.next() else {
        panic!("not attached");
    };
    assert_eq!((runs.len(), runs[0].state), (1, RunState::Running));
    assert_eq!(
        host.next(),
        Report::Started {
            run: asked.run.clone(),
            attempt: 1
        }
    );
    // Asked again, it is the same run.
    host.run(&asked);
    assert_eq!(host.started(), 1);
    host.cut();
    fs::write(machine.charm_dir().join("../go"), "").unwrap();
    wait_until("the hook's end", || !is_alive(hook));

    let mut host = machine.attach(1, 3);
    let outcome = host.finished();
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!((outcome.writes.len(), outcome.immediate), (1, 1));
    host.ack(&asked);
    let ran = fs::read_to_string(machine.charm_dir().join("../ran")).unwrap();
    assert_eq!(ran, "x\n");
    let record = machine.path("var/lib/lazuli/journal/unit-uuid/1");
    wait_until("the record to go", || !record.exists());
}

#[test]
fn the_newest_connection_wins() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\necho x >> ../ran\n")]);
    let first = machine.attach(1, 1);
    first.next();
    let second = machine.attach(1, 2);
    second.next();
    first.ended();
    let late = machine.attach(1, 1);
    let fenced = Refusal::Fenced {
        epoch: 1,
        connection: 2,
    };
    assert_eq!(refusal(&late), fenced);
    let mut third = machine.attach(2, 1);
    third.next();
    second.ended();
    assert_eq!(
        refusal(&machine.attach(1, 9)),
        Refusal::Fenced {
            epoch: 2,
            connection: 1
        }
    );
    assert_eq!(
        third.complete(&request(&charm, 1, "install")).exit,
        Exit::Code { code: 0 }
    );
    // What was seen survives the supervisor.
    machine.crash();
    assert!(matches!(
        refusal(&machine.attach(1, 9)),
        Refusal::Fenced { epoch: 2, .. }
    ));
}

#[test]
fn frames_of_a_fenced_connection_are_ignored() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\necho x >> ../ran\n")]);
    let mut first = machine.attach(1, 1);
    first.next();
    let pid = machine.supervisor().unwrap();
    signal(pid, "STOP");
    // Both wait unread in the supervisor when the newer one attaches.
    first.run(&request(&charm, 1, "install"));
    signal(pid, "CONT");
    let mut second = machine.attach(2, 1);
    let Report::Attached { runs, .. } = second.next() else {
        panic!("not attached");
    };
    first.ended();
    // Either it was carried out before, and is known, or it never is.
    if runs.is_empty() {
        second.run(&request(&charm, 1, "install"));
    }
    second.finished();
    let ran = fs::read_to_string(machine.charm_dir().join("../ran")).unwrap();
    assert_eq!(ran, "x\n");
}

#[test]
fn models_do_not_see_each_other() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let mut host = machine.attach(5, 5);
    host.run(&request(&charm, 1, "install"));
    host.finished();
    let mut other = machine.connect();
    other.send(&Request::Attach(Attach {
        protocol: PROTOCOL,
        controller: "controller".to_owned(),
        model: "another".to_owned(),
        epoch: 1,
        connection: 1,
    }));
    let Report::Attached { runs, .. } = other.next() else {
        panic!("not attached");
    };
    assert_eq!(runs, []);
    other.ack(&request(&charm, 1, "install"));
    for unit in ["a/0", "no unit"] {
        other.send(&Request::Forget {
            unit: unit.to_owned(),
        });
    }
    // Its requests are carried out in order.
    assert!(matches!(refusal(&other), Refusal::Invalid { .. }));
    assert!(machine.charm_dir().exists());
    host.run(&request(&charm, 1, "install"));
    host.finished();
}

/// What a removed model left under a unit's name, finished or not, does not
/// hold up the unit of that name in the next one.
#[test]
fn a_removed_model_holds_nothing_up() {
    let machine = Machine::new();
    let charm = machine.charm(&[
        ("hooks/install", "#!/bin/sh\n"),
        (
            "hooks/start",
            "#!/bin/sh\necho $$ > ../pid\nexec sleep 600\n",
        ),
    ]);
    let take_over = |model: &str, hook: &str| {
        let mut host = machine.connect();
        host.send(&Request::Attach(Attach {
            protocol: PROTOCOL,
            controller: "controller".to_owned(),
            model: model.to_owned(),
            epoch: 1,
            connection: 1,
        }));
        let mut asked = request(&charm, 1, hook);
        asked.run.unit = format!("unit-of-{model}");
        host.run(&asked);
        host
    };
    // Neither is acknowledged.
    let finished = take_over("first", "install");
    finished.finished();
    drop(finished);
    let running = take_over("second", "start");
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    drop(running);
    let third = take_over("third", "install");
    assert_eq!(third.finished().exit, Exit::Code { code: 0 });
    assert!(!is_alive(hook));
}

#[test]
fn other_protocols_and_other_frames_are_refused() {
    let machine = Machine::new();
    let mut host = machine.connect();
    host.send(&Request::Attach(Attach {
        protocol: PROTOCOL + 1,
        controller: "c".to_owned(),
        model: "m".to_owned(),
        epoch: 1,
        connection: 1,
    }));
    assert_eq!(refusal(&host), Refusal::Protocol { speaks: PROTOCOL });
    host.ended();
    let mut host = machine.connect();
    host.send(&Request::Forget {
        unit: "a/0".to_owned(),
    });
    assert!(matches!(refusal(&host), Refusal::Invalid { .. }));
    let mut serve = machine
        .command(&["serve"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    serve.stdin.take().unwrap().write_all(b"junk\n").unwrap();
    assert!(!serve.wait().unwrap().success());
    let said = read_all(serve.stderr.take().unwrap());
    assert!(said.contains("hello NONCE"), "{said}");
}

#[test]
fn many_hosts_start_one_supervisor() {
    let machine = Machine::new();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| machine.connect());
        }
    });
    let supervisors = || {
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| {
                let dir = entry.ok()?.path();
                let root = format!("LAZULI_RUNNER_ROOT={}", machine.path("").display());
                let environ = fs::read(dir.join("environ")).ok()?;
                let ours = String::from_utf8_lossy(&environ).contains(root.trim_end_matches('/'));
                let line = fs::read(dir.join("cmdline")).ok()?;
                (ours && line.ends_with(b"\0supervisor\0")).then_some(())
            })
            .count()
    };
    wait_until("one supervisor", || supervisors() == 1);
}

#[test]
fn an_idle_supervisor_ends_and_another_one_starts() {
    let machine = Machine::new();
    let mut supervisor = machine.command(&["supervisor", "0"]).spawn().unwrap();
    assert!(supervisor.wait().unwrap().success());
    assert!(!machine.path("run/lazuli/supervisor.sock").exists());
    machine.attach(1, 1).next();
}

/// A supervisor that is short of files goes on with its hooks, and takes
/// connections again when it is not.
#[test]
fn a_connection_that_cannot_be_taken_ends_nothing() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", WAITING)]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    let supervisor = machine.supervisor().unwrap();
    let limit = |files: &str| {
        let status = Command::new("prlimit")
            .args(["--pid", &supervisor.to_string()])
            .arg(format!("--nofile={files}:"))
            .status()
            .unwrap();
        assert!(status.success());
    };
    // Each turn of the main loop is a wait.
    let turns = || -> u64 {
        let status = fs::read_to_string(format!("/proc/{supervisor}/status")).unwrap_or_default();
        let count = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.map_or(u64::MAX, |count| count.trim().parse().unwrap())
    };
    limit("3");
    let before = turns();
    let refused = UnixStream::connect(machine.path("run/lazuli/supervisor.sock")).unwrap();
    wait_until("some tries", || turns() > before + 3);
    assert!(is_alive(supervisor) && is_alive(hook));
    limit("1024");
    drop(refused);
    let host = machine.attach(1, 2);
    fs::write(machine.charm_dir().join("../go"), "").unwrap();
    assert_eq!(host.finished().exit, Exit::Code { code: 0 });
    assert_eq!(machine.supervisor(), Some(supervisor));
}

/// A supervisor of another build makes way as soon as no hook runs.
#[test]
fn another_build_takes_over_between_hooks() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", WAITING)]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    let hook = pid_in(&machine.charm_dir().join("../pid"));
    let old = machine.supervisor().unwrap();
    drop(host);
    let copy = machine.path("lazuli-runner");
    fs::copy(PROGRAM, &copy).unwrap();
    let host = machine.attach_with(&copy, 1, 2);
    host.next();
    assert_eq!(machine.supervisor(), Some(old));
    assert!(is_alive(hook));
    fs::write(machine.charm_dir().join("../go"), "").unwrap();
    host.finished();
    host.ended();
    let mut host = machine.attach_with(&copy, 1, 3);
    assert_eq!(host.finished().exit, Exit::Code { code: 0 });
    host.ack(&asked);
    let new = machine.supervisor().unwrap();
    assert_ne!(new, old);
    assert!(!is_alive(old));
    // The tools' links follow.
    host.complete(&request(&charm, 2, "install"));
    let link = machine.path("var/lib/juju/tools/unit-a-0/config-get");
    assert_eq!(fs::read_link(link).unwrap(), copy);
    signal(new, "KILL");
    wait_until("the supervisor to die", || !is_alive(new));
}

#[test]
fn acknowledged_writes_are_not_told_again() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nstatus-set waiting 1\nstatus-set waiting 2\nstatus-set waiting 3\n",
    )]);
    let mut host = machine.attach(1, 1);
    let asked = request(&charm, 1, "install");
    host.run(&asked);
    host.finished();
    let told = |host: &Host| {
        let mut numbers = Vec::new();
        host.find(|report| match report {
            Report::Immediate { n, .. } => {
                numbers.push(n);
                None
            }
            Report::Finished(outcome) => Some(outcome.immediate),
            _ => None,
        });
        numbers
    };
    host.send(&Request::AckWrites {
        run: asked.run.clone(),
        upto: 2,
    });
    // Requests are carried out in order: this answer comes after that.
    host.run(&asked);
    assert_eq!(told(&host), [3]);
    machine.crash();
    let mut host = machine.attach(1, 2);
    assert_eq!(told(&host), [3]);
    host.send(&Request::AckWrites {
        run: asked.run.clone(),
        upto: 3,
    });
    host.run(&asked);
    assert_eq!(told(&host), [0; 0]);
    machine.crash();
    let host = machine.attach(1, 3);
    assert_eq!(told(&host), [0; 0]);
}

#[test]
fn questions_wait_for_the_connection() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nrelation-get -r db:7 host b/0 > ../host\n\
         relation-get -r db:7 host b/0 >> ../host\nis-leader >> ../host\n\
         is-leader >> ../host\n",
    )]);
    let mut asked = request(&charm, 1, "install");
    asked.context.leader_millis = Some(5_000);
    asked.context.relations = vec![RelationContext {
        id: 7,
        endpoint: "db".to_owned(),
        remote_app: "b".to_owned(),
        members: vec!["b/0".to_owned()],
        ..RelationContext::default()
    }];
    let mut host = machine.attach(1, 1);
    host.run(&asked);
    let question = |host: &Host| {
        host.find(|report| match report {
            Report::Ask { ask, question, .. } => Some((ask, question)),
            Report::Finished(outcome) => panic!("{outcome:?}"),
            _ => None,
        })
    };
    let settings = Question::RelationSettings {
        relation: 7,
        member: "b/0".to_owned(),
    };
    assert_eq!(question(&host).1, settings);
    host.cut();
    let mut host = machine.attach(1, 2);
    let (ask, repeated) = question(&host);
    assert_eq!(repeated, settings);
    let run = asked.run.clone();
    host.send(&Request::Answer {
        run: run.clone(),
        ask,
        answer: Ok(Answer::Settings {
            settings: [("host".to_owned(), "h".to_owned())].into(),
        }),
    });
    // Five seconds of leadership are too few; the answer is good for two calls.
    let (ask, leader) = question(&host);
    assert_eq!(leader, Question::Leader);
    host.send(&Request::Answer {
        run,
        ask,
        answer: Ok(Answer::Leader {
            millis: Some(60_000),
        }),
    });
    assert_eq!(host.finished().exit, Exit::Code { code: 0 });
    let said = fs::read_to_string(machine.charm_dir().join("../host")).unwrap();
    assert_eq!(said, "h\nh\nTrue\nTrue\n");
}

#[test]
fn leadership_is_unknown_without_a_connection() {
    let machine = Machine::new();
    let charm = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\necho $$ > ../pid\nwhile [ ! -e ../go ]; do sleep 0.01; done\n\
         is-leader 2> ../said\necho $? >> ../said\n",
    )]);
    let mut asked = request(&charm, 1, "install");
    asked.context.leader_millis = Some(1_000);
    let mut host = machine.attach(1, 1);
    host.run(&asked);
    let agent = machine.charm_dir().join("..");
    let hook = pid_in(&agent.join("pid"));
    host.cut();
    fs::write(agent.join("go"), "").unwrap();
    wait_until("the hook's end", || !is_alive(hook));
    let said = fs::read_to_string(agent.join("said")).unwrap();
    // Whether the cut was noticed before the question or while it waited.
    assert!(
        said.starts_with("ERROR leadership status unknown: ") && said.ends_with("\n1\n"),
        "{said}"
    );
    assert!(said.contains("connection"), "{said}");
}

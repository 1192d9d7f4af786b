//! Against a real OpenSSH server and the real runner.

use std::time::Duration;

use lazuli_host::{Dialer, Ending, ExecLimits, HostErrorKind, HostEvent, Input, State, Tuning};
use lazuli_runner::frames::{Exit, Report, Request};
use tokio::time::timeout;

use crate::common::{Archives, PATIENCE, World, ack, identity, pair, quick, request, run, runner};
use crate::sshd::Sshd;

/// Long enough never to matter.
const NEVER: Duration = Duration::from_secs(600);

fn world(server: &Sshd, archives: Archives, idle: Duration) -> Option<World> {
    let tuning = Tuning {
        machine_root: Some(server.root().to_str().unwrap().to_owned()),
        ..quick()
    };
    Some(World::new(
        Dialer::default(),
        tuning,
        archives,
        runner()?,
        idle,
    ))
}

#[tokio::test]
async fn a_hook_runs_survives_a_cut_and_runs_once() {
    let Some(mut server) = Sshd::start() else {
        return;
    };
    let mut archives = Archives::default();
    let log = server.root().join("log");
    let gate = server.root().join("gate");
    let charm = archives.charm(&[
        (
            "install",
            &format!("#!/bin/sh\necho install >> {}\necho out\n", log.display()),
        ),
        (
            "start",
            &format!(
                "#!/bin/sh\necho start >> {}\nwhile [ ! -e {} ]; do sleep 0.02; done\n\
                 status-set active done\n",
                log.display(),
                gate.display()
            ),
        ),
    ]);
    let Some(mut world) = world(&server, archives, NEVER) else {
        return;
    };
    let machine = world.attach(server.target(), &server.identity(), 1);

    // Nothing is on the machine: runner and charm are brought there.
    run(&machine, &request(&charm, 1, "install"));
    let event = world.next().await;
    assert!(matches!(event, HostEvent::Reached { .. }), "{event:?}");
    let outcome = world.finished().await;
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{outcome:?}");
    assert_eq!(outcome.output.head, "out\n");
    ack(&machine, &outcome.run);

    // The session dies while a hook runs. Nobody can connect for a while.
    run(&machine, &request(&charm, 2, "start"));
    assert_eq!(world.started().await, 1);
    server.stop();
    let trouble = world.trouble().await;
    assert!(trouble.contains("ended: it was cut"), "{trouble}");
    let trouble = world.trouble().await;
    assert!(trouble.contains("refused"), "{trouble}");
    let mut state = machine.state();
    let tried = state
        .wait_for(|state| matches!(state, State::Disconnected { failures, .. } if *failures > 2));
    timeout(PATIENCE, tried).await.unwrap().unwrap();
    std::fs::write(&gate, "").unwrap();
    server.run();
    let outcome = world.finished().await;
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    assert_eq!((outcome.run.seq, outcome.attempt), (2, 1));
    ack(&machine, &outcome.run);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "install\nstart\n");

    // The next run of the unit shows that the acknowledgement arrived.
    run(&machine, &request(&charm, 3, "install"));
    assert_eq!(world.finished().await.run.seq, 3);
    world.hosts.shutdown().await;
    assert!(matches!(*machine.state().borrow(), State::Closed));
}

#[tokio::test]
async fn idle_connections_close_and_supervisors_that_die_are_interruptions() {
    let Some(server) = Sshd::start() else {
        return;
    };
    let mut archives = Archives::default();
    let charm = archives.charm(&[
        ("install", "#!/bin/sh\n"),
        ("start", "#!/bin/sh\nsleep 600\n"),
    ]);
    let Some(mut world) = world(&server, archives, Duration::from_millis(100)) else {
        return;
    };
    let machine = world.attach(server.target(), &server.identity(), 1);
    run(&machine, &request(&charm, 1, "install"));
    let outcome = world.finished().await;
    ack(&machine, &outcome.run);
    let mut state = machine.state();
    let idle = state.wait_for(|state| *state == State::Idle);
    timeout(PATIENCE, idle).await.unwrap().unwrap();
    assert!(server.sessions().is_empty());

    run(&machine, &request(&charm, 2, "start"));
    assert_eq!(world.started().await, 1);
    let supervisor = server.supervisor().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(supervisor),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    let outcome = world.finished().await;
    assert!(
        matches!(outcome.exit, Exit::Interrupted { .. }),
        "{outcome:?}"
    );

    // The same run, again: another attempt.
    ack(&machine, &outcome.run);
    run(&machine, &request(&charm, 2, "start"));
    assert_eq!(world.started().await, 2);
    let reason = "enough".to_owned();
    let kill = Request::Kill {
        run: outcome.run,
        reason,
    };
    assert!(machine.send(kill));
    let outcome = world.finished().await;
    assert!(matches!(outcome.exit, Exit::Killed { .. }), "{outcome:?}");
    ack(&machine, &outcome.run);
    world.hosts.shutdown().await;
}

#[tokio::test]
async fn a_newer_holder_fences_the_older_one() {
    let Some(server) = Sshd::start() else {
        return;
    };
    let mut archives = Archives::default();
    let charm = archives.charm(&[("install", "#!/bin/sh\n")]);
    let Some(mut old) = world(&server, Archives::default(), NEVER) else {
        return;
    };
    let Some(mut new) = world(&server, archives, NEVER) else {
        return;
    };
    let first = old.attach(server.target(), &server.identity(), 1);
    first.wake();
    assert!(matches!(old.next().await, HostEvent::Reached { .. }));
    let second = new.attach(server.target(), &server.identity(), 2);
    run(&second, &request(&charm, 1, "install"));
    assert_eq!(new.finished().await.run.seq, 1);
    // The old one was cut off. It has nothing to do, but then it wants to.
    run(&first, &request(&charm, 1, "install"));
    old.find(|event| (*event == HostEvent::Fenced { epoch: 2 }).then_some(()))
        .await;
    new.hosts.shutdown().await;
}

#[tokio::test]
async fn a_handle_that_is_made_anew_takes_over_from_the_one_before() {
    let Some(server) = Sshd::start() else {
        return;
    };
    let mut archives = Archives::default();
    let gate = server.root().join("gate");
    let hook = format!(
        "#!/bin/sh\nwhile [ ! -e {} ]; do sleep 0.02; done\n",
        gate.display()
    );
    let charm = archives.charm(&[("install", &hook)]);
    let Some(mut world) = world(&server, archives, NEVER) else {
        return;
    };
    let before = world.attach(server.target(), &server.identity(), 1);
    run(&before, &request(&charm, 1, "install"));
    assert_eq!(world.started().await, 1);
    server.cut();
    // Its connections are numbered from the start again.
    let after = world.attach(server.target(), &server.identity(), 1);
    drop(before);
    after.wake();
    assert_eq!(world.started().await, 1);
    std::fs::write(&gate, "").unwrap();
    let outcome = world.finished().await;
    assert_eq!(outcome.exit, Exit::Code { code: 0 });
    ack(&after, &outcome.run);
    world.hosts.shutdown().await;
}

#[tokio::test]
async fn looks_and_commands_say_what_is_wrong() {
    let Some(server) = Sshd::start() else {
        return;
    };
    let Some(world) = world(&server, Archives::default(), NEVER) else {
        return;
    };
    let (target, own) = (server.target(), server.identity());
    let facts = world.hosts.boot(&target, &own).await.unwrap();
    assert_eq!(facts.uname, std::env::consts::ARCH);

    let stranger = identity(&pair("stranger"));
    let error = world.hosts.boot(&target, &stranger).await.unwrap_err();
    assert_eq!(error.kind(), HostErrorKind::Auth, "{error}");
    assert!(error.to_string().contains("authorized_keys"), "{error}");

    let mut other = target.clone();
    other.host_keys = vec![pair("other").public];
    let error = world.hosts.boot(&other, &own).await.unwrap_err();
    assert_eq!(error.kind(), HostErrorKind::HostKey, "{error}");
    assert!(error.to_string().contains("host key mismatch"), "{error}");
    // While keys are rotated either is accepted.
    other.host_keys.push(target.host_keys[0].clone());
    world.hosts.boot(&other, &own).await.unwrap();

    let limits = ExecLimits::default();
    let input = Input::Bytes("in".into());
    let output = world
        .hosts
        .exec(&target, &own, "cat; echo err >&2; exit 3", input, &limits)
        .await
        .unwrap();
    assert_eq!(
        (output.stdout.as_slice(), output.stderr.as_str()),
        (&b"in"[..], "err")
    );
    assert_eq!(output.ending, Ending::Code(3));
    let error = world
        .hosts
        .exec(&target, &own, "yes", Input::Empty, &limits)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
}

#[tokio::test]
async fn a_charm_that_cannot_be_had_is_trouble_and_not_the_end() {
    let Some(server) = Sshd::start() else {
        return;
    };
    let Some(mut world) = world(&server, Archives::default(), NEVER) else {
        return;
    };
    let missing = Archives::default().charm(&[("install", "#!/bin/sh\n")]);
    let machine = world.attach(server.target(), &server.identity(), 1);
    run(&machine, &request(&missing, 1, "install"));
    for _ in 0..2 {
        let trouble = world.trouble().await;
        assert!(trouble.contains("no such archive"), "{trouble}");
    }
    let refused = |event: &HostEvent| matches!(event, HostEvent::Report(Report::Refused { .. }));
    assert!(!std::iter::from_fn(|| world.events.try_recv().ok()).any(|(_, event)| refused(&event)));
    world.hosts.shutdown().await;
}

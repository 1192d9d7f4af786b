//! What becomes of runs when connections break, against a machine that counts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use lazuli_host::{Dialer, HostConfig, HostEvent, State, Tuning};
use lazuli_runner::frames::RunId;
use tempfile::NamedTempFile;
use tokio::time::timeout;

use crate::common::{Archives, PATIENCE, World, ack, key, quick, request, run};
use crate::fake::{Machine, Manners};

/// Stands for the runner's binary.
fn program() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; 300_000]).unwrap();
    file
}

fn world(program: &NamedTempFile, tuning: Tuning, archives: Archives) -> World {
    let path = PathBuf::from(program.path());
    World::new(
        Dialer::default(),
        tuning,
        archives,
        path,
        Duration::from_secs(600),
    )
}

#[tokio::test]
async fn no_run_is_lost_or_doubled_wherever_the_line_breaks() {
    let program = program();
    let machine = Machine::new(Manners {
        greeting: "Welcome!\nlazuli 0 1\nhello\n",
        lose_runs: 2,
        cut_after_runs: 2,
        ..Manners::default()
    })
    .await;
    let mut archives = Archives::default();
    let charm = archives.add(vec![5; 200_000]);
    let mut world = world(&program, quick(), archives);
    let handle = world.attach(machine.target(), &machine.identity(), 1);
    for seq in 1..=4 {
        run(&handle, &request(&charm, seq, "install"));
        let outcome = world.finished().await;
        assert_eq!(outcome.run.seq, seq);
        ack(&handle, &outcome.run);
    }
    world.hosts.shutdown().await;
    let memory = machine.memory();
    let starts: Vec<u64> = memory.starts.iter().map(|run: &RunId| run.seq).collect();
    assert_eq!(starts, [1, 2, 3, 4]);
    let uploaded: BTreeSet<_> = memory.charms.values().map(bytes::Bytes::len).collect();
    assert_eq!(uploaded, BTreeSet::from([200_000]));
    let uploaded: Vec<_> = memory.runners.values().map(bytes::Bytes::len).collect();
    assert_eq!(uploaded, [300_000]);
}

#[tokio::test]
async fn a_silent_line_is_given_up_while_a_run_is_in_flight_and_only_then() {
    let program = program();
    let machine = Machine::new(Manners {
        slow: true,
        ..Manners::default()
    })
    .await;
    let mut archives = Archives::default();
    let charm = archives.add(vec![5; 10]);
    let tuning = Tuning {
        keepalive: Duration::from_millis(100),
        connect: Duration::from_millis(500),
        login: Duration::from_millis(500),
        ..quick()
    };
    let mut world = world(&program, tuning, archives);
    let handle = world.attach(machine.target(), &machine.identity(), 1);
    handle.wake();
    assert!(matches!(world.next().await, HostEvent::Reached { .. }));
    // Nobody asks anything of an idle machine: three keepalives' time passes.
    machine.line().freeze(true);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(matches!(*handle.state().borrow(), State::Connected { .. }));
    machine.line().freeze(false);

    run(&handle, &request(&charm, 1, "install"));
    assert_eq!(world.started().await, 1);
    // Answered keepalives keep it up.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(matches!(*handle.state().borrow(), State::Connected { .. }));
    machine.line().freeze(true);
    let trouble = world.trouble().await;
    assert!(trouble.contains("silent"), "{trouble}");
    let trouble = world.trouble().await;
    assert!(
        trouble.contains("logging in over SSH took longer"),
        "{trouble}"
    );
    machine.line().freeze(false);
    world
        .find(|event| matches!(event, HostEvent::Reached { .. }).then_some(()))
        .await;
    assert_eq!(world.started().await, 1);
    assert_eq!(machine.memory().starts.len(), 1);
    world.hosts.shutdown().await;
}

#[tokio::test]
async fn a_controller_that_does_not_listen_stops_nobody_for_good() {
    let program = program();
    let machine = Machine::new(Manners::default()).await;
    let mut archives = Archives::default();
    let charm = archives.add(vec![5; 10]);
    let tuning = Tuning {
        // Far from what a busy machine takes for an answer.
        keepalive: Duration::from_millis(200),
        ..quick()
    };
    let mut world = world(&program, tuning, archives);
    let handle = world.attach(machine.target(), &machine.identity(), 1);
    // More than the queue of events holds, each of another unit.
    for unit in 0..200 {
        let mut request = request(&charm, 1, "install");
        request.run.unit = format!("unit-{unit}");
        request.unit = format!("a/{unit}");
        run(&handle, &request);
    }
    let mut state = handle.state();
    let up = state.wait_for(|state| matches!(state, State::Connected { .. }));
    timeout(PATIENCE, up).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let mut units = BTreeSet::new();
    while units.len() < 200 {
        let outcome = world.finished().await;
        units.insert(outcome.run.unit.clone());
        ack(&handle, &outcome.run);
    }
    assert_eq!(machine.memory().starts.len(), 200);
    // One connection for frames and one for the charm: none was given up.
    assert_eq!(machine.line().calls(), 2);
    world.hosts.shutdown().await;
}

#[tokio::test]
async fn idle_machines_give_their_seats_to_those_that_wait() {
    let program = program();
    let mut archives = Archives::default();
    let charm = archives.add(vec![5; 10]);
    let config = HostConfig {
        dialer: Dialer::default(),
        runners: BTreeMap::from([(std::env::consts::ARCH.to_owned(), program.path().into())]),
        idle: Duration::from_secs(600),
        max: 1,
    };
    let mut world = World::with(config, quick(), archives);
    let mut machines = Vec::new();
    for number in 1..=3 {
        let machine = Machine::new(Manners::default()).await;
        let handle = world.attach_as(key(number), machine.target(), &machine.identity(), 1);
        run(&handle, &request(&charm, 1, "install"));
        machines.push((machine, handle));
    }
    for _ in &machines {
        world.finished().await;
    }
    // A look takes a seat as well.
    let (first, _) = &machines[0];
    let (target, identity) = (first.target(), first.identity());
    let looked = world.hosts.boot(&target, &identity);
    timeout(PATIENCE, looked).await.unwrap().unwrap();
    world.hosts.shutdown().await;
    for (machine, _) in &machines {
        assert_eq!(machine.memory().starts.len(), 1);
    }
}

//! Machines that answer badly: everything is bounded, named and tried again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use lazuli_host::{Dialer, HostErrorKind, State, Tuning};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::common::{Archives, PATIENCE, World, identity, pair, quick, target};
use crate::fake::{Machine, Manners};

fn world(tuning: Tuning) -> (World, NamedTempFile) {
    let program = NamedTempFile::new().unwrap();
    let path = PathBuf::from(program.path());
    let idle = Duration::from_secs(600);
    let world = World::new(Dialer::default(), tuning, Archives::default(), path, idle);
    (world, program)
}

/// What a machine with these manners is said to be, and of what kind.
async fn trouble(manners: Manners) -> (String, HostErrorKind) {
    let machine = Machine::new(manners).await;
    let (mut world, _program) = world(quick());
    let handle = world.attach(machine.target(), &machine.identity(), 1);
    handle.wake();
    let reason = world.trouble().await;
    let mut state = handle.state();
    let tried = state
        .wait_for(|state| matches!(state, State::Disconnected { failures, .. } if *failures >= 2));
    let state = timeout(PATIENCE, tried).await.unwrap().unwrap().clone();
    let State::Disconnected { kind, .. } = state else {
        panic!("{state}");
    };
    world.hosts.shutdown().await;
    (reason, kind)
}

#[tokio::test]
async fn noise_without_end_is_bounded() {
    let flood = Manners {
        flood: true,
        ..Manners::default()
    };
    let (reason, kind) = trouble(flood).await;
    assert!(reason.contains("printed more than 65536 bytes"), "{reason}");
    assert_eq!(kind, HostErrorKind::Protocol);
}

#[tokio::test]
async fn another_version_is_named() {
    let newer = Manners {
        protocol: Some(9),
        ..Manners::default()
    };
    let (reason, kind) = trouble(newer).await;
    assert!(reason.contains("speaks version 9"), "{reason}");
    assert_eq!(kind, HostErrorKind::Protocol);
}

#[tokio::test]
async fn garbage_and_huge_frames_are_refused() {
    for garbage in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x02{}"] {
        let bad = Manners {
            garbage: Some(Bytes::from_static(garbage)),
            ..Manners::default()
        };
        let (reason, kind) = trouble(bad).await;
        assert!(reason.contains("not understood"), "{reason}");
        assert_eq!(kind, HostErrorKind::Protocol);
    }
}

#[tokio::test]
async fn a_full_disk_has_its_own_words() {
    let full = Manners {
        failure: Some("mkdir: cannot create directory: No space left on device\n"),
        ..Manners::default()
    };
    let (reason, kind) = trouble(full).await;
    assert!(reason.contains("No space left"), "{reason}");
    assert_eq!(kind, HostErrorKind::Space);
}

#[tokio::test]
async fn sudo_that_wants_a_password_says_what_to_do() {
    let machine = Machine::new(Manners {
        failure: Some("sudo: a password is required\n"),
        ..Manners::default()
    })
    .await;
    let (world, _program) = world(quick());
    let mut target = machine.target();
    target.user = "ubuntu".to_owned();
    let error = world
        .hosts
        .boot(&target, &machine.identity())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), HostErrorKind::Privilege);
    assert!(error.to_string().contains("NOPASSWD"), "{error}");
}

/// A server that does this with each connection until the other side hangs
/// up; it tells how that went.
async fn raw<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    address
}

#[tokio::test]
async fn servers_that_are_silent_or_never_stop_are_hung_up_on() {
    let tuning = Tuning {
        login: Duration::from_millis(200),
        ..quick()
    };
    let (world, _program) = world(tuning);
    let (ended, mut ends) = tokio::sync::mpsc::channel(4);

    let silent = ended.clone();
    let address = raw(move |mut stream| {
        let silent = silent.clone();
        async move {
            // Nothing but the client's version comes, then its end.
            let mut all = Vec::new();
            drop(stream.read_to_end(&mut all).await);
            silent.send(all.len() < 64).await.unwrap();
        }
    })
    .await;
    let host_key = pair("host");
    let own = identity(&pair("user"));
    let target = target(address, "root", &host_key);
    let error = world.hosts.boot(&target, &own).await.unwrap_err();
    assert!(error.to_string().contains("took longer"), "{error}");
    assert_eq!(timeout(PATIENCE, ends.recv()).await.unwrap(), Some(true));

    // Speaks SSH's first line and then stalls within the key exchange, which
    // is where a connection could stay for ever.
    let stalls = ended.clone();
    let address = raw(move |mut stream| {
        let stalls = stalls.clone();
        async move {
            stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await.unwrap();
            let mut all = Vec::new();
            drop(stream.read_to_end(&mut all).await);
            stalls.send(true).await.unwrap();
        }
    })
    .await;
    let mut target = target;
    target.address = address;
    let error = world.hosts.boot(&target, &own).await.unwrap_err();
    assert!(error.to_string().contains("took longer"), "{error}");
    assert_eq!(timeout(PATIENCE, ends.recv()).await.unwrap(), Some(true));

    let floods = ended;
    let address = raw(move |mut stream| {
        let floods = floods.clone();
        async move {
            let mut sent = 0_usize;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {
                sent += 4096;
            }
            // No more than what buffers of the kernel take.
            floods.send(sent < 64 << 20).await.unwrap();
        }
    })
    .await;
    target.address = address;
    world.hosts.boot(&target, &own).await.unwrap_err();
    assert_eq!(timeout(PATIENCE, ends.recv()).await.unwrap(), Some(true));
}

#[tokio::test]
async fn nothing_is_sent_to_a_machine_without_a_pinned_key() {
    let machine = Machine::new(Manners::default()).await;
    let (world, _program) = world(quick());
    let mut target = machine.target();
    target.host_keys.clear();
    let error = world
        .hosts
        .boot(&target, &machine.identity())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), HostErrorKind::HostKey);
    assert_eq!(machine.line().calls(), 0);
}

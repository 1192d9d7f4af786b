//! Power, adoption, packages, and what is left when all is over.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::{World, eventually, init, possible, said};
use lazuli_guests::{Fabric, Flavour, Namespace, PackageOptions, Power, Stop};

#[test]
fn files_survive_power_cycles() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    world
        .fabric()
        .create(world.spec("a", "net", "10.1.0.4/24"))
        .unwrap();
    let run = |script: &str| world.run("10.1.0.4", script);
    let key = run("cat /etc/ssh/ssh_host_ed25519_key.pub; cat /etc/machine-id");
    run("echo kept > file; nohup sleep 1000 >/dev/null 2>&1 &");
    let first = run("cat /proc/sys/kernel/random/boot_id");
    for how in [Stop::Graceful, Stop::Kill] {
        world.fabric().stop("a", how).unwrap();
        assert_eq!(
            world.fabric().guest("a").unwrap().unwrap().power,
            Power::Off
        );
        assert!(!world.connects(Namespace::Fabric, "10.1.0.4", 22));
        world.fabric().stop("a", how).unwrap();
        world.fabric().start("a").unwrap();
        world.fabric().start("a").unwrap();
        assert_eq!(run("cat file"), "kept");
    }
    assert_eq!(run("pgrep sleep | wc -l"), "0");
    assert_ne!(run("cat /proc/sys/kernel/random/boot_id"), first);
    assert_eq!(
        run("cat /etc/ssh/ssh_host_ed25519_key.pub; cat /etc/machine-id"),
        key
    );

    // From inside: a reboot comes back, a power-off does not, until resumed.
    let before = run("cat /proc/sys/kernel/random/boot_id; nohup sleep 1000 >/dev/null 2>&1 &");
    world.ssh("10.1.0.4", None, "sudo -n shutdown -r now");
    eventually("the guest is back", || {
        let output = world.ssh("10.1.0.4", None, "cat /proc/sys/kernel/random/boot_id");
        output.status.success() && said(&output) != before
    });
    assert_eq!(run("pgrep sleep | wc -l; cat file"), "0\nkept");
    world.ssh("10.1.0.4", None, "sudo -n poweroff");
    let is_off = || world.fabric().guest("a").unwrap().unwrap().power == Power::Off;
    eventually("the guest is off", is_off);
    assert!(world.fabric().resume().is_empty());
    assert_eq!(run("cat file"), "kept");

    // What its owner stopped stays off.
    world.fabric().stop("a", Stop::Kill).unwrap();
    assert!(world.fabric().resume().is_empty());
    assert!(is_off());
    world.fabric().delete("a").unwrap();
    world.fabric().delete("a").unwrap();
    assert!(world.fabric().guest("a").unwrap().is_none());
    world.end();
}

#[test]
fn systemd_guests_are_whole_hosts() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let mut spec = world.spec("a", "net", "10.1.0.4/24");
    spec.flavour = Flavour::Full;
    spec.custom_data = b"#!/bin/sh\necho ran > /srv/ran\n".to_vec();
    world.fabric().create(spec).unwrap();
    let answers = || world.ssh("10.1.0.4", None, "true").status.success();
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    eventually("SSH answers", answers);
    let run = |script: &str| world.run("10.1.0.4", script);
    assert_eq!(
        run("cloud-init status --wait; cat /srv/ran"),
        "status: done\nran"
    );
    assert_eq!(run("systemctl is-system-running --wait"), "running");
    run("sudo -n systemd-run --wait --quiet touch /srv/by-systemd && test -e /srv/by-systemd");
    // It sees its own control groups only: process 1 is in none of the machine's.
    assert_eq!(run("grep -c lazuli- /proc/1/cgroup; true"), "0");

    let before = run(boot_id);
    world.ssh("10.1.0.4", None, "sudo -n reboot");
    eventually("it is back", || {
        let output = world.ssh("10.1.0.4", None, boot_id);
        output.status.success() && said(&output) != before
    });
    let power = || world.fabric().guest("a").unwrap().unwrap().power;
    assert_eq!(power(), Power::On);
    world.ssh("10.1.0.4", None, "sudo -n poweroff");
    eventually("it is off", || power() == Power::Off);
    world.fabric().start("a").unwrap();
    eventually("SSH answers", answers);
    world.fabric().stop("a", Stop::Graceful).unwrap();
    assert_eq!(power(), Power::Off);
    world.fabric().start("a").unwrap();
    world.fabric().delete("a").unwrap();
    world.end();
}

fn manager(world: &World, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lazuli-guests"));
    command
        .arg("--dir")
        .arg(world.dir())
        .args(words)
        .env("LAZULI_GUEST_INIT", init())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

#[test]
fn guests_outlive_their_manager_and_are_adopted() {
    if !possible() {
        return;
    }
    let mut world = World::new();
    drop(world.fabric.take());
    let key = world.folder.path().join("key.pub");
    let key = key.to_str().unwrap();
    assert!(
        manager(&world, &["up", "2", "--key", key])
            .status()
            .unwrap()
            .success()
    );
    let mut packages = manager(&world, &["packages", "hello"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(packages.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("serving"), "{line}");
    assert!(manager(&world, &["resume"]).status().unwrap().code() == Some(1));
    packages.kill().unwrap();
    packages.wait().unwrap();
    world.open();
    let boot = world.run("10.64.0.4", "cat /proc/sys/kernel/random/boot_id");
    let guests = world.fabric().list().unwrap();
    assert!(guests.iter().all(|guest| guest.power == Power::On));
    assert_eq!(guests.len(), 2);

    // The adopted fabric is whole: the rules can change, new guests can come.
    world
        .fabric()
        .create(world.spec("new", "dev", "10.64.1.4/18"))
        .unwrap();
    let script = "timeout 2 nc -z 10.64.0.4 22 && echo open";
    assert_eq!(said(&world.exec("new", script)), "open");
    let still = world.run("10.64.0.4", "cat /proc/sys/kernel/random/boot_id");
    assert_eq!(still, boot);
    world.end();
}

#[test]
fn a_manager_killed_at_work_leaves_nothing_that_cannot_be_removed() {
    if !possible() {
        return;
    }
    for guests in [1, 4, 12] {
        let mut world = World::new();
        drop(world.fabric.take());
        let mut up = manager(&world, &["up", "40"]).spawn().unwrap();
        let begun = || {
            let found = Fabric::peek(&world.dir()).unwrap_or_default();
            found
                .iter()
                .filter(|guest| guest.power == Power::On)
                .count()
                >= guests
        };
        eventually("some guests are up", begun);
        up.kill().unwrap();
        up.wait().unwrap();
        world.open();
        assert!(world.fabric().resume().is_empty());
        world.end();
    }
}

#[test]
fn guests_come_back_after_the_machine_restarted() {
    if !possible() {
        return;
    }
    let mut world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let mut spec = world.spec("a", "net", "10.1.0.4/24");
    spec.policy.public_address = Some("20.0.0.4".parse().unwrap());
    world.fabric().create(spec).unwrap();
    world
        .fabric()
        .create(world.spec("b", "net", "10.1.0.5/24"))
        .unwrap();
    world.fabric().stop("b", Stop::Graceful).unwrap();
    world.run("10.1.0.4", "echo kept > file");
    // What a restart leaves: files, and neither processes nor namespaces.
    let pid = world.fabric().guest("a").unwrap().unwrap().pid.unwrap();
    drop(world.fabric.take());
    let run = |program: &str, words: &[&str]| Command::new(program).args(words).status().unwrap();
    assert!(run("kill", &["-9", &pid.to_string()]).success());
    for name in ["fabric", "internet", "vnet-net"] {
        let path = world.dir().join("ns").join(name);
        assert!(run("umount", &[path.to_str().unwrap()]).success());
    }
    world.open();
    let power = |name: &str| world.fabric().guest(name).unwrap().unwrap().power;
    eventually("the machine is down", || power("a") == Power::Off);
    assert!(world.fabric().resume().is_empty());
    assert_eq!(world.run("10.1.0.4", "cat file"), "kept");
    assert!(!world.connects(Namespace::Internet, "20.0.0.4", 22));
    assert_eq!(power("b"), Power::Off);
    world.end();
}

#[test]
fn many_hands_may_make_and_end_guests_at_once() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    std::thread::scope(|scope| {
        for number in 4..16 {
            let world = &world;
            scope.spawn(move || {
                let (name, address) = (format!("g-{number}"), format!("10.1.0.{number}"));
                let mut spec = world.spec(&name, "net", &format!("{address}/24"));
                spec.policy.public_address = Some(format!("20.0.0.{number}").parse().unwrap());
                world.fabric().create(spec).unwrap();
                assert!(world.connects(Namespace::Fabric, &address, 22));
                if number % 2 == 0 {
                    world.fabric().delete(&name).unwrap();
                    assert!(!world.connects(Namespace::Fabric, &address, 22));
                }
            });
        }
    });
    assert_eq!(world.fabric().list().unwrap().len(), 6);
    // A name and an address that were used are free, and nothing is inherited.
    world
        .fabric()
        .create(world.spec("g-4", "net", "10.1.0.4/24"))
        .unwrap();
    assert_eq!(world.run("10.1.0.4", "ls -A /srv"), "");
    let taken = world.spec("other", "net", "10.1.0.5/24");
    assert!(world.fabric().create(taken).is_err());
    world.end();
}

#[test]
fn packages_come_from_the_machine() {
    if !possible() {
        return;
    }
    let world = World::new();
    world.vnet("net", "10.1.0.0/16");
    let options = PackageOptions {
        only: vec!["hello".to_owned()],
        ..PackageOptions::default()
    };
    let source = match world.fabric().serve_packages(&options) {
        Ok(source) => source,
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            return world.end();
        }
    };
    let mut closed = world.spec("closed", "net", "10.1.0.5/24");
    closed.policy.egress = lazuli_guests::Egress::None;
    world.fabric().create(closed).unwrap();
    world
        .fabric()
        .create(world.spec("open", "net", "10.1.0.4/24"))
        .unwrap();
    let update = "apt-get -q -o Acquire::Retries=0 -o Acquire::http::Timeout=1 update 2>&1";
    let output = said(&world.exec("closed", update));
    assert!(output.contains("Failed to fetch"), "{output}");
    said(&world.exec("open", update));
    said(&world.exec("open", "apt-get install -y hello && hello"));
    drop(source);
    // It can be served again at once.
    drop(world.fabric().serve_packages(&options).unwrap());
    world.end();
}

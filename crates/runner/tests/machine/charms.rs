//! Charms in place: first deployment, upgrade, repair.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lazuli_runner::frames::{Exit, RunRequest};

use crate::support::{Host, Machine, request};

fn succeed(host: &mut Host, request: &RunRequest) {
    let outcome = host.complete(request);
    assert_eq!(outcome.exit, Exit::Code { code: 0 }, "{:?}", outcome.output);
}

#[test]
fn an_upgrade_keeps_what_the_unit_made() {
    let machine = Machine::new();
    let old = machine.charm(&[
        (
            "hooks/install",
            "#!/bin/sh\necho db > .unit-state.db\nmkdir lib/made\ntouch lib/made/x\n\
             ln -s /bin/sh venv-python\necho changed >> src/common\n",
        ),
        ("src/common", "old"),
        ("src/gone", "old"),
        ("lib/gone/deep", "old"),
        ("becomes/dir", "old"),
        ("was-file", "old"),
    ]);
    let new = machine.charm(&[
        ("hooks/install", "#!/bin/sh\nexit 1\n"),
        ("hooks/upgrade-charm", "#!/bin/sh\n"),
        ("src/common", "new"),
        ("becomes", "file"),
        ("was-file/inside", "new"),
    ]);
    let mut host = machine.attach(1, 1);
    succeed(&mut host, &request(&old, 1, "install"));
    let dir = machine.charm_dir();
    assert!(dir.join("lib/gone/deep").exists());
    succeed(&mut host, &request(&new, 2, "upgrade-charm"));
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    assert_eq!(read(".unit-state.db"), "db\n");
    assert!(dir.join("lib/made/x").exists());
    assert!(dir.join("venv-python").is_symlink());
    assert_eq!(read("src/common"), "new");
    assert_eq!(read("becomes"), "file");
    assert_eq!(read("was-file/inside"), "new");
    for gone in ["src/gone", "lib/gone", "becomes/dir"] {
        assert!(!dir.join(gone).exists(), "{gone}");
    }
    let mode = fs::metadata(dir.join("hooks/upgrade-charm")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o755);
    assert!(!dir.join("../.charm-staging").exists());
    // And back again.
    succeed(&mut host, &request(&old, 3, "install"));
    assert_eq!(read("src/gone"), "old");
    assert!(!dir.join("hooks/upgrade-charm").exists());
}

#[test]
fn what_a_unit_made_is_not_overwritten_with_a_file() {
    let machine = Machine::new();
    let old = machine.charm(&[(
        "hooks/install",
        "#!/bin/sh\nmkdir data\ntouch data/precious\n",
    )]);
    let new = machine.charm(&[("data", "file"), ("hooks/start", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    succeed(&mut host, &request(&old, 1, "install"));
    match host.complete(&request(&new, 2, "start")).exit {
        Exit::NotStarted { reason } => assert!(reason.contains("\"data\""), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(machine.charm_dir().join("data/precious").exists());
    // Once the way is free it goes on where it was.
    fs::remove_dir_all(machine.charm_dir().join("data")).unwrap();
    succeed(&mut host, &request(&new, 3, "start"));
    assert!(!machine.charm_dir().join("hooks/install").exists());
}

#[test]
fn a_later_unit_of_the_name_begins_anew() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\nset -e\nmkdir made\n")]);
    let mut host = machine.attach(1, 1);
    succeed(&mut host, &request(&charm, 1, "install"));
    let mut later = request(&charm, 1, "install");
    later.run.unit = "later".to_owned();
    succeed(&mut host, &later);
}

#[test]
fn a_lost_charm_is_put_back() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    succeed(&mut host, &request(&charm, 1, "install"));
    fs::remove_dir_all(machine.charm_dir()).unwrap();
    succeed(&mut host, &request(&charm, 2, "install"));
}

#[test]
fn a_damaged_archive_is_asked_for_again() {
    let machine = Machine::new();
    let charm = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let archive = machine.path(&format!("var/lib/lazuli/charms/{}.zip", charm.sha256));
    fs::write(&archive, "damaged").unwrap();
    let mut host = machine.attach(1, 1);
    match host.complete(&request(&charm, 1, "install")).exit {
        Exit::NotStarted { reason } => assert!(reason.contains("was damaged"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(!archive.exists());
}

#[test]
fn an_archive_that_is_refused_leaves_the_old_charm() {
    let machine = Machine::new();
    let good = machine.charm(&[("hooks/install", "#!/bin/sh\n")]);
    let mut host = machine.attach(1, 1);
    succeed(&mut host, &request(&good, 1, "install"));
    let bad = machine.upload(b"PK not a zip at all");
    match host.complete(&request(&bad, 2, "install")).exit {
        Exit::NotStarted { reason } => assert!(reason.contains("no zip archive"), "{reason}"),
        other => panic!("{other:?}"),
    }
    succeed(&mut host, &request(&good, 3, "install"));
}

//! What is read back of records, whole and torn.

use lazuli_runner::frames::{CharmRef, Context, Exit, Hook, HookKind, Limits, Output};

use super::*;

fn intent() -> Intent {
    Intent {
        protocol: PROTOCOL,
        owner: Owner {
            controller: "c".into(),
            model: "m".into(),
        },
        attempt: 1,
        context_id: "a/0-install-00".into(),
        boot_id: "boot".into(),
        request: RunRequest {
            run: RunId {
                unit: "u".into(),
                seq: 3,
            },
            digest: "d".into(),
            unit: "a/0".into(),
            hook: Hook {
                kind: HookKind::Hook,
                name: "install".into(),
            },
            charm: CharmRef {
                url: "local:a-0".into(),
                sha256: "0".repeat(64),
            },
            levels: serde_json::Value::Null,
            context: Context::default(),
            limits: Limits {
                sync: false,
                ..Limits::default()
            },
        },
    }
}

fn version(version: &str) -> Write {
    Write::WorkloadVersion {
        version: version.into(),
    }
}

fn temporary(name: &str) -> Paths {
    let root = std::env::temp_dir().join(format!("lazuli-runner-{name}-{}", std::process::id()));
    files::remove_tree(&root).unwrap();
    let paths = Paths::below(root);
    files::make_dir(&paths.journal(), 0o700).unwrap();
    paths
}

#[test]
fn a_record_is_read_back_at_each_point() {
    let paths = temporary("journal-points");
    let load = || load(&paths, |error| panic!("{error}")).unwrap();
    assert!(load().is_empty());

    let record = Record::begin(&paths, &intent()).unwrap();
    let found = load();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].intent.request, intent().request);
    assert_eq!(found[0].started, None);

    let started = Started {
        pid: 1,
        start: 2,
        at_ms: 3,
    };
    record.started(&started).unwrap();
    record.write(1, &version("1")).unwrap();
    record.write(2, &version("2")).unwrap();
    record.acknowledged(1, false).unwrap();
    let found = load();
    assert_eq!(found[0].started, Some(started));
    assert_eq!(found[0].writes, [(2, version("2"))]);
    assert_eq!((found[0].immediate, &found[0].outcome), (2, &None));

    let outcome = Outcome {
        run: intent().request.run,
        digest: "d".into(),
        unit: "a/0".into(),
        hook: intent().request.hook,
        levels: serde_json::Value::Null,
        attempt: 1,
        exit: Exit::Missing,
        writes: Vec::new(),
        immediate: 2,
        output: Output::default(),
        started_ms: 0,
        duration_ms: 0,
        task: None,
    };
    record.end(&outcome).unwrap();
    assert_eq!(load()[0].outcome, Some(outcome));

    record.remove().unwrap();
    assert!(load().is_empty());
    files::remove_tree(paths.root()).unwrap();
}

#[test]
fn a_torn_line_was_not_written() {
    let paths = temporary("journal-torn");
    let record = Record::begin(&paths, &intent()).unwrap();
    record.write(1, &version("1")).unwrap();
    let tear = |more: &[u8]| {
        let mut bytes = fs::read(&record.path).unwrap();
        bytes.extend_from_slice(more);
        fs::write(&record.path, bytes).unwrap();
    };
    tear(br#"{"write":{"n":2,"write":{"w":"workload-version","vers"#);
    let found = load(&paths, |error| panic!("{error}")).unwrap();
    assert_eq!(found[0].writes, [(1, version("1"))]);
    // What is written from here on is not swallowed by it.
    found[0].record.write(2, &version("2")).unwrap();
    let found = load(&paths, |error| panic!("{error}")).unwrap();
    assert_eq!(found[0].writes, [(1, version("1")), (2, version("2"))]);
    files::remove_tree(paths.root()).unwrap();
}

#[test]
fn without_a_whole_intent_nothing_was_started() {
    let paths = temporary("journal-intent");
    let record = Record::begin(&paths, &intent()).unwrap();
    let bytes = fs::read(&record.path).unwrap();
    fs::write(&record.path, &bytes[..bytes.len() - 1]).unwrap();
    let beside = paths.journal().join("u/3.tmp");
    fs::write(&beside, "").unwrap();
    assert!(load(&paths, |error| panic!("{error}")).unwrap().is_empty());
    assert!(!record.path.exists() && !beside.exists());
    files::remove_tree(paths.root()).unwrap();
}

#[test]
fn a_record_does_not_grow_with_what_the_controller_has() {
    let paths = temporary("journal-renew");
    let record = Record::begin(&paths, &intent()).unwrap();
    let before = fs::metadata(&record.path).unwrap().len();
    let long = "x".repeat(STALE_MAX / 2);
    for n in 1..=5 {
        record.write(n, &version(&long)).unwrap();
        record.acknowledged(n, true).unwrap();
    }
    record.write(6, &version("6")).unwrap();
    let after = fs::metadata(&record.path).unwrap().len();
    assert!(after < before + 2 * STALE_MAX as u64, "{after}");
    let found = load(&paths, |error| panic!("{error}")).unwrap();
    assert_eq!(
        (found[0].immediate, &found[0].writes[..]),
        (6, &[(6, version("6"))][..])
    );
    files::remove_tree(paths.root()).unwrap();
}

/// Whatever is not understood stays as it is, is told of, and keeps its run
/// from being run again: it may have finished.
#[test]
fn a_record_that_is_not_understood_is_kept() {
    let paths = temporary("journal-unknown");
    let record = Record::begin(&paths, &intent()).unwrap();
    let good = fs::read_to_string(&record.path).unwrap();
    let outcome = "{\"acknowledged\":1}\n";
    for bad in [
        good.replace("{\"protocol\":1", "{\"protocol\":2"),
        // A newer one whose intent has another shape.
        "{\"intent\":{\"protocol\":2,\"new\":[]}}\n".to_owned(),
        outcome.to_owned(),
        "junk\n".to_owned(),
        format!("{good}{{\"newer\":1}}\n"),
        format!("{good}junk\n{outcome}"),
        format!("{good}{good}"),
    ] {
        assert_ne!(bad, good);
        fs::write(&record.path, &bad).unwrap();
        let mut notes = 0;
        assert!(load(&paths, |_| notes += 1).unwrap().is_empty(), "{bad}");
        assert_eq!(notes, 1, "{bad}");
        Record::begin(&paths, &intent()).unwrap_err();
        assert_eq!(fs::read_to_string(&record.path).unwrap(), bad);
    }
    // What is known to be over, or to have never begun, is in nobody's way.
    for old in [&good[..], &good[..good.len() / 2], ""] {
        fs::write(&record.path, old).unwrap();
        Record::begin(&paths, &intent()).unwrap();
    }
    // Neither is a file of unknown meaning touched.
    let beside = paths.journal().join("u/3.later");
    fs::write(&beside, "x").unwrap();
    let mut notes = 0;
    assert_eq!(load(&paths, |_| notes += 1).unwrap().len(), 1);
    assert_eq!((notes, beside.exists()), (1, true));
    files::remove_tree(paths.root()).unwrap();
}

//! Secrets: who reads them, their hooks in order and time, and how they end.

use std::sync::Arc;

use lazuli_model::life::Life;
use lazuli_model::secret::SecretId;
use lazuli_model::state::{
    Application, Grant, Grantee, RotatePolicy, Row, SealedContent, Secret, SecretOwner,
    SecretRevision,
};
use lazuli_plan::{HookWrite, SecretFields, SecretRead, SecretWrite, read_secret};
use time::Duration;

use crate::world::World;

fn secret(n: u8) -> SecretId {
    SecretId::from_random([n; 12])
}

fn says(text: &str) -> SecretFields {
    SecretFields {
        content: Some(SealedContent {
            sealed: Arc::new(text.as_bytes().to_vec()),
            checksum: text.to_owned(),
        }),
        ..SecretFields::default()
    }
}

fn add(n: u8, application: bool, fields: SecretFields) -> HookWrite {
    HookWrite::Secret(SecretWrite::Add {
        id: secret(n),
        application,
        fields,
    })
}

fn set(n: u8, text: &str) -> HookWrite {
    HookWrite::Secret(SecretWrite::Set {
        id: secret(n),
        fields: says(text),
    })
}

fn grant(n: u8) -> HookWrite {
    HookWrite::Secret(SecretWrite::Grant {
        id: secret(n),
        relation: 0,
        unit: None,
    })
}

/// What a unit reads, tracked from then on.
fn read(world: &mut World, unit: &str, n: u8, refresh: bool, peek: bool) -> Result<u32, String> {
    let read = SecretRead {
        id: Some(secret(n)),
        label: None,
        refresh,
        peek,
    };
    let unit = world.unit(unit);
    let (revision, change) = {
        let (row, change) = read_secret(&world.state, &unit, &read)?;
        (row.revision, change)
    };
    if let Some(change) = change {
        world.apply(change);
    }
    Ok(revision)
}

/// `web` owns a secret and grants it to `proxy`, which is related.
fn shared() -> World {
    let mut world = World::new();
    let web = world.deploy("web", 2);
    let proxy = world.deploy("proxy", 1);
    world.relate(web, proxy);
    world.settle();
    assert_eq!(
        world.did("web/0", vec![add(1, true, says("one")), grant(1)]),
        None
    );
    world.settle();
    world.ran.clear();
    world
}

#[test]
fn a_new_revision_is_told_once_and_read_when_it_is_asked_for() {
    let mut world = shared();
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), Ok(1));
    world.settle();
    assert_eq!(world.did("web/0", vec![set(1, "two")]), None);
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("proxy/0"), ["secret-changed 2"]);
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), Ok(1));
    assert_eq!(read(&mut world, "proxy/0", 1, false, true), Ok(2));
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), Ok(1));
    // The same content makes no revision, and nothing is told.
    assert_eq!(world.did("web/0", vec![set(1, "two")]), None);
    world.settle();
    assert_eq!(world.hooks("proxy/0"), Vec::<String>::new());
    assert_eq!(world.hooks("web/0"), Vec::<String>::new());
    // Once nobody reads the old one its owner is told, the leader alone.
    assert_eq!(read(&mut world, "proxy/0", 1, true, false), Ok(2));
    world.settle();
    world.assert_settled();
    assert_eq!(world.hooks("web/0"), ["secret-remove 1"]);
    assert_eq!(world.hooks("web/1"), Vec::<String>::new());
}

#[test]
fn who_was_not_granted_a_secret_does_not_read_it() {
    let mut world = shared();
    world.deploy("other", 1);
    world.settle();
    let denied = Err("permission denied".to_owned());
    assert_eq!(read(&mut world, "other/0", 1, false, false), denied);
    // Its own units read it, and its leader alone changes it.
    assert_eq!(read(&mut world, "web/1", 1, false, false), Ok(1));
    assert_eq!(
        world.did("web/1", vec![set(1, "mine")]).as_deref(),
        Some("permission denied")
    );
    assert_eq!(
        read(&mut world, "proxy/0", 2, false, false),
        Err(format!("secret \"{}\" not found", secret(2)))
    );
    let revoke = HookWrite::Secret(SecretWrite::Revoke {
        id: secret(1),
        relation: None,
        application: Some("proxy".to_owned()),
        unit: None,
    });
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), Ok(1));
    assert_eq!(world.did("web/0", vec![revoke]), None);
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), denied);
}

#[test]
fn a_hook_that_fails_writes_no_secret() {
    let mut world = shared();
    // The second write is refused: the first is gone with it.
    let refused = world.did("web/0", vec![set(1, "two"), set(9, "none")]);
    assert_eq!(refused, Some(format!("secret \"{}\" not found", secret(9))));
    assert_eq!(world.state.secret(secret(1)).expect("a secret").latest, 1);
}

#[test]
fn rotation_comes_again_until_it_is_acted_on() {
    let mut world = shared();
    let hourly = SecretFields {
        rotate: Some(RotatePolicy::Hourly),
        ..says("three")
    };
    let began = world.now;
    assert_eq!(world.did("web/0", vec![add(3, true, hourly)]), None);
    world.settle();
    assert_eq!(world.hooks("web/0"), Vec::<String>::new());
    world.wait();
    assert_eq!(world.now, began + Duration::hours(1));
    assert_eq!(world.hooks("web/0"), ["secret-rotate 1"]);
    // The charm did nothing: again after five minutes, and then it acts.
    world
        .writes
        .insert("secret-rotate 1".to_owned(), vec![set(3, "four")]);
    world.wait();
    world.assert_settled();
    assert_eq!(world.now, began + Duration::minutes(65));
    assert_eq!(world.hooks("web/0"), ["secret-rotate 1", "secret-remove 1"]);
    world.wait();
    assert_eq!(world.now, began + Duration::minutes(125));
    assert_eq!(world.hooks("web/0"), ["secret-rotate 2"]);
    assert_eq!(world.hooks("web/1"), Vec::<String>::new());
}

#[test]
fn expiry_comes_again_until_the_revision_is_removed() {
    let mut world = shared();
    let soon = SecretFields {
        expires_at: Some(world.now + Duration::minutes(30)),
        ..says("three")
    };
    assert_eq!(world.did("web/1", vec![add(3, false, soon)]), None);
    world.settle();
    world.wait();
    assert_eq!(world.hooks("web/1"), ["secret-expired 1"]);
    let gone = HookWrite::Secret(SecretWrite::Remove {
        id: secret(3),
        revision: Some(1),
    });
    world
        .writes
        .insert("secret-expired 1".to_owned(), vec![gone]);
    world.wait();
    world.assert_settled();
    assert_eq!(world.hooks("web/1"), ["secret-expired 1"]);
    // That was the last revision.
    assert_eq!(world.state.secret(secret(3)), None);
    assert_eq!(world.hooks("web/0"), Vec::<String>::new());
}

#[test]
fn secrets_come_after_leadership_and_before_the_rest() {
    let mut world = shared();
    assert_eq!(read(&mut world, "web/1", 1, false, false), Ok(1));
    world.settle();
    // While nothing is planned: a revision, another leader, other settings.
    assert_eq!(world.did("web/0", vec![set(1, "two")]), None);
    let web = world.unit("web/0").application;
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application { trust: true, ..row }));
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    let hooks = world.hooks("web/1");
    let at = |name: &str| hooks.iter().position(|hook| hook == name);
    assert!(at("secret-changed 2").is_some(), "{hooks:?}");
    assert!(at("secret-changed 2") < at("config-changed"), "{hooks:?}");
    assert!(at("leader-elected").is_some(), "{hooks:?}");
}

#[test]
fn secrets_end_with_their_owner_and_grants_with_their_relation() {
    let mut world = shared();
    assert_eq!(
        world.did("web/1", vec![add(3, false, says("three")), grant(3)]),
        None
    );
    assert_eq!(read(&mut world, "proxy/0", 1, false, false), Ok(1));
    assert_eq!(read(&mut world, "proxy/0", 3, false, false), Ok(1));
    world.kill_unit("web/1");
    world.settle();
    world.assert_settled();
    assert_eq!(world.state.secret(secret(3)), None);
    let relation = world.state.relations().find(|row| !row.is_peer());
    world.kill_relation(relation.expect("a relation").id);
    world.settle();
    world.assert_settled();
    let row = world.state.secret(secret(1)).expect("a secret").clone();
    assert!(row.grants.is_empty());
    assert_eq!(
        read(&mut world, "proxy/0", 1, false, false),
        Err("permission denied".to_owned())
    );
    let web = world.unit("web/0").application;
    let row = world.state.application(web).expect("a row").clone();
    world.put(Row::Application(Application {
        life: Life::Dying,
        ..row
    }));
    world.kill_unit("web/0");
    world.settle();
    world.assert_settled();
    assert_eq!(world.state.secrets().count(), 0);
    assert_eq!(world.state.secret_revisions(secret(1)).count(), 0);
    assert_eq!(world.state.readers_of(secret(1)).count(), 0);
}

#[test]
fn a_users_secret_is_read_when_granted_and_pruned_when_not_read() {
    let mut world = shared();
    let proxy = world.unit("proxy/0").application;
    let put = |world: &mut World, latest: u32| {
        let now = world.now;
        let relation = None;
        world.put(Row::SecretRevision(SecretRevision {
            secret: secret(5),
            revision: latest,
            content: says(&latest.to_string()).content.expect("content"),
            created_at: now,
            expires_at: None,
            next_expire: None,
            obsolete_told: false,
        }));
        world.put(Row::Secret(Secret {
            id: secret(5),
            owner: SecretOwner::Model,
            label: "token".to_owned(),
            description: String::new(),
            rotate: RotatePolicy::Never,
            next_rotate: None,
            latest,
            auto_prune: true,
            grants: [(Grantee::Application(proxy), Grant { relation })].into(),
            created_at: now,
            updated_at: now,
        }));
        world.settle();
    };
    put(&mut world, 1);
    assert_eq!(read(&mut world, "proxy/0", 5, false, false), Ok(1));
    assert!(read(&mut world, "web/0", 5, false, false).is_err());
    put(&mut world, 2);
    assert_eq!(world.hooks("proxy/0"), ["secret-changed 2"]);
    assert_eq!(world.state.secret_revisions(secret(5)).count(), 2);
    assert_eq!(read(&mut world, "proxy/0", 5, true, false), Ok(2));
    world.settle();
    world.assert_settled();
    let left: Vec<_> = world.state.secret_revisions(secret(5)).collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].revision, 2);
}

#[test]
fn labels_find_a_secret_for_its_owner_and_for_its_readers() {
    let mut world = shared();
    let labelled = SecretFields {
        label: Some("db".to_owned()),
        ..says("three")
    };
    assert_eq!(
        world.did("web/0", vec![add(3, true, labelled), grant(3)]),
        None
    );
    let by_label = |world: &World, unit: &str, label: &str| {
        let read = SecretRead {
            label: Some(label.to_owned()),
            ..SecretRead::default()
        };
        let unit = world.unit(unit);
        read_secret(&world.state, &unit, &read).map(|(row, _)| row.secret)
    };
    assert_eq!(by_label(&world, "web/1", "db"), Ok(secret(3)));
    let unknown = by_label(&world, "proxy/0", "mine");
    assert_eq!(unknown, Err("consumer label \"mine\" not found".to_owned()));
    let read = SecretRead {
        id: Some(secret(3)),
        label: Some("mine".to_owned()),
        ..SecretRead::default()
    };
    let unit = world.unit("proxy/0");
    let (_, change) = read_secret(&world.state, &unit, &read).expect("it may");
    world.apply(change.expect("it is tracked"));
    assert_eq!(by_label(&world, "proxy/0", "mine"), Ok(secret(3)));
    let again = SecretFields {
        label: Some("db".to_owned()),
        ..says("four")
    };
    assert_eq!(
        world.did("web/0", vec![add(4, true, again)]).as_deref(),
        Some("secret with label \"db\" already exists")
    );
    // Nor do two that one hook makes share one; what it removed has none.
    let twin = SecretFields {
        label: Some("twin".to_owned()),
        ..says("twin")
    };
    let remove = HookWrite::Secret(SecretWrite::Remove {
        id: secret(6),
        revision: None,
    });
    let (first, second) = (add(6, true, twin.clone()), add(7, true, twin));
    assert_eq!(
        world
            .did("web/0", vec![first.clone(), second.clone()])
            .as_deref(),
        Some("secret with label \"twin\" already exists")
    );
    assert_eq!(world.did("web/0", vec![first, remove, second]), None);
    assert_eq!(by_label(&world, "web/1", "twin"), Ok(secret(7)));
}

/// A step of the property test: whatever hooks do to secrets.
pub(crate) fn step(world: &mut World, step: u8, pick: usize) {
    let units: Vec<_> = world
        .state
        .units()
        .filter(|unit| {
            world
                .state
                .unit_state(unit.id)
                .is_some_and(|done| done.installed)
        })
        .map(|unit| unit.name.to_string())
        .collect();
    let Some(unit) = units.get(pick % units.len().max(1)) else {
        return;
    };
    let n = u8::try_from(pick).unwrap_or_default();
    match step {
        7 => drop(world.did(
            unit,
            vec![add(n, pick.is_multiple_of(2), says("one")), grant(n)],
        )),
        8 => drop(world.did(unit, vec![set(n, &format!("{}", world.next))])),
        9 => drop(read(world, unit, n, pick.is_multiple_of(2), false)),
        _ => drop(world.did(
            unit,
            vec![HookWrite::Secret(SecretWrite::Remove {
                id: secret(n),
                revision: pick.is_multiple_of(2).then_some(1),
            })],
        )),
    }
}

//! The API's transactions.

use lazuli_model::life::Life;
use lazuli_model::state::{Application, Change, CharmRevision, Row, RowKey};
use lazuli_store::desired::{self, NewCharm, create_model};
use lazuli_store::idempotency::{self, Answer, Claim, Key};
use lazuli_store::{Class, Refreshed, StoreError};

use crate::common::{NOW, World, admin, batch, create, id, new_model, put_unit, unit};

fn application(n: u128, name: &str) -> Application {
    Application {
        bindings: std::collections::BTreeMap::new(),
        id: id(n),
        name: name.parse().unwrap(),
        charm: id(1),
        base: "ubuntu@24.04".parse().unwrap(),
        constraints: Default::default(),
        config: Default::default(),
        exposed: None,
        trust: false,
        life: Life::Alive,
        force: false,
        storage: std::collections::BTreeMap::new(),
        next_unit: 0,
        created_at: NOW,
    }
}

#[tokio::test]
async fn models_get_distinct_address_ranges_and_names() {
    let world = World::new().await;
    let store = &world.store;
    let (one, committed) = create_model(store, new_model("one"), admin())
        .await
        .unwrap();
    assert_eq!(one.address_range, "10.64.0.0/18");
    assert_eq!(committed.position.generation, 1);
    let (two, _) = create_model(store, new_model("two"), admin())
        .await
        .unwrap();
    assert_eq!(two.address_range, "10.64.64.0/18");

    let mut again = new_model("one");
    again.row.id = id(77);
    let error = create_model(store, again, admin()).await.unwrap_err();
    assert_eq!(error.to_string(), "model \"one\" already exists");
    assert_eq!(error.class(), Class::Conflict);
    assert_eq!(store.load(one.id).await.unwrap().state.model(), &one);
}

#[tokio::test]
async fn models_created_at_once_do_not_meet() {
    let world = World::new().await;
    let names: Vec<String> = (0..6).map(|n| format!("m{n}")).collect();
    let created = futures::future::join_all(
        names
            .iter()
            .map(|name| create_model(&world.store, new_model(name), admin())),
    )
    .await;
    let mut ranges: Vec<String> = created
        .into_iter()
        .map(|created| created.unwrap().0.address_range)
        .collect();
    ranges.sort();
    ranges.dedup();
    assert_eq!(ranges.len(), 6);
}

#[tokio::test]
async fn an_edit_raises_both_counters_and_is_undone_when_dropped() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.put(Row::Application(application(1, "mysql")));
    assert_eq!(edit.next_machine(), 0);
    drop(edit);

    let before = store.load(model).await.unwrap();
    assert_eq!(before.position.revision, 1);
    let mut edit = store.edit(model, Some(1), admin()).await.unwrap();
    edit.put(Row::Application(application(1, "mysql")));
    assert_eq!((edit.next_machine(), edit.next_machine()), (0, 1));
    assert_eq!(edit.next_relation(), 0);
    let committed = edit.commit().await.unwrap();
    assert_eq!(committed.position.revision, 2);
    assert_eq!(committed.position.generation, 2);
    let loaded = store.load(model).await.unwrap();
    assert_eq!(loaded.position, committed.position);
    assert_eq!(loaded.state.applications().count(), 1);

    let mut edit = store.edit(model, None, admin()).await.unwrap();
    assert_eq!((edit.next_machine(), edit.next_relation()), (2, 1));
}

#[tokio::test]
async fn if_match_is_heeded() {
    let world = World::new().await;
    let model = create(&world.store, "one").await;
    let error = world.store.edit(model, Some(7), admin()).await.unwrap_err();
    assert!(matches!(
        error,
        StoreError::GenerationMismatch {
            expected: 7,
            actual: 1
        }
    ));
    // The head is free again, and as it was.
    let edit = world.store.edit(model, Some(1), admin()).await.unwrap();
    edit.commit().await.unwrap();
    let error = world.store.edit(id(9), None, admin()).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
}

#[tokio::test]
async fn names_are_unique_within_a_model() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    let other = create(store, "two").await;
    for model in [model, other] {
        let mut edit = store.edit(model, None, admin()).await.unwrap();
        edit.put(Row::Application(application(1, "mysql")));
        edit.commit().await.unwrap();
    }
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.put(Row::Application(application(2, "mysql")));
    let error = edit.commit().await.unwrap_err();
    assert_eq!(error.to_string(), "application \"mysql\" already exists");

    // A name is free for a successor once its owner goes, even at once.
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.delete(RowKey::Application(id(1)));
    edit.put(Row::Application(application(2, "mysql")));
    edit.commit().await.unwrap();
}

#[tokio::test]
async fn writers_of_a_model_wait_for_each_other() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    // Each reads how many units there are and adds one: none is lost.
    let add = || async {
        let mut edit = store.edit(model, None, admin()).await.unwrap();
        let there = edit.load().await.unwrap().state.units().count();
        edit.put(Row::Unit(unit(there as u128 + 1)));
        edit.commit().await.unwrap()
    };
    futures::future::join_all((0..6).map(|_| add())).await;
    let loaded = store.load(model).await.unwrap();
    assert_eq!(loaded.state.units().count(), 6);
    assert_eq!(loaded.position.generation, 7);
}

#[tokio::test]
async fn an_edit_brings_a_model_up_to_what_it_holds() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let mut cached = store.load(hold.model).await.unwrap();
    store
        .commit(&[batch(hold, vec![put_unit(1)])])
        .await
        .unwrap();
    let mut edit = store.edit(hold.model, None, admin()).await.unwrap();
    let refreshed = edit.refresh(&mut cached).await.unwrap();
    assert_eq!(refreshed, Refreshed::Changed(vec![put_unit(1)]));
    assert_eq!(cached.position.revision, 2);
    edit.put(Row::Unit(unit(2)));
    edit.commit().await.unwrap();
    // What the edit itself wrote is still to be read.
    store.refresh(&mut cached).await.unwrap();
    assert_eq!(cached, store.load(hold.model).await.unwrap());
}

#[tokio::test]
async fn charms_are_numbered_and_an_archive_keeps_its_number() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    let charm = |n: u128, name: &str, fill: &str| NewCharm {
        id: id(n),
        name: name.to_owned(),
        sha256: fill.repeat(64),
        charm: crate::common::charm(name),
    };
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    let first = edit.add_charm(charm(1, "haproxy", "a")).await.unwrap();
    assert_eq!(first.url, "local:haproxy-0");
    let same = edit.add_charm(charm(2, "haproxy", "a")).await.unwrap();
    assert_eq!(same, first);
    let second = edit.add_charm(charm(3, "haproxy", "b")).await.unwrap();
    assert_eq!(second.revision, 1);
    let other = edit.add_charm(charm(4, "mysql", "a")).await.unwrap();
    assert_eq!(other.url, "local:mysql-0");
    edit.commit().await.unwrap();

    let mut edit = store.edit(model, None, admin()).await.unwrap();
    let same = edit.add_charm(charm(5, "haproxy", "a")).await.unwrap();
    assert_eq!(same, first);
    assert!(edit.changes().is_empty());
    // A number is not used again, though its charm is gone.
    edit.delete(RowKey::Charm(second.id));
    edit.commit().await.unwrap();
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    let third: CharmRevision = edit.add_charm(charm(6, "haproxy", "c")).await.unwrap();
    assert_eq!(third.revision, 2);
}

#[tokio::test]
async fn removal_reaches_what_it_should_and_nothing_else() {
    let world = World::new().await;
    let store = &world.store;
    let model = create(store, "one").await;
    let mut subordinate = unit(3);
    subordinate.principal = Some(id(1));
    subordinate.machine = unit(1).machine;
    subordinate.application = id(101);
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.put(Row::Application(application(100, "mysql")));
    edit.put(Row::Application(application(101, "nrpe")));
    edit.extend([unit(1), unit(2), subordinate].map(|unit| Change::Put(Row::Unit(unit))));
    edit.commit().await.unwrap();
    let state = store.load(model).await.unwrap().state;

    let keys = |changes: Vec<Change>| changes.iter().map(Change::key).collect::<Vec<_>>();
    assert_eq!(
        keys(desired::remove_unit(&state, id(1), false)),
        [RowKey::Unit(id(1)), RowKey::Unit(id(3))]
    );
    assert_eq!(
        keys(desired::remove_application(&state, id(101), false)),
        [RowKey::Application(id(101)), RowKey::Unit(id(3))]
    );
    let all = desired::destroy_model(&state, true);
    assert_eq!(all.len(), 6, "the model, two applications, three units");

    let mut gone = state.clone();
    for change in desired::destroy_model(&state, false) {
        gone.apply(change);
    }
    assert_eq!(gone.model().life, Life::Dying);
    assert!(gone.units().all(|unit| unit.life == Life::Dying));
    // Again nothing; with force, the force.
    assert_eq!(desired::destroy_model(&gone, false), []);
    assert_eq!(desired::destroy_model(&gone, true).len(), 6);
}

#[tokio::test]
async fn a_repeated_request_gets_the_answer_it_had() {
    let world = World::new().await;
    let store = &world.store;
    let pool = store.pool();
    let model = create(store, "one").await;
    let key = Key {
        owner: "admin".to_owned(),
        key: "k1".to_owned(),
    };
    let claim = |key: Key, body: &'static [u8]| async move {
        idempotency::claim(pool, &key, body).await.unwrap()
    };
    assert_eq!(claim(key.clone(), b"body").await, Claim::Fresh);
    assert_eq!(claim(key.clone(), b"body").await, Claim::Pending);
    assert_eq!(claim(key.clone(), b"other").await, Claim::Mismatch);
    let someone = Key {
        owner: "bob".to_owned(),
        ..key.clone()
    };
    assert_eq!(claim(someone, b"other").await, Claim::Fresh);

    // An edit that fails leaves no answer.
    let answer = Answer {
        status: 201,
        body: serde_json::json!({ "name": "mysql" }),
    };
    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.remember(&key, &answer).await.unwrap();
    drop(edit);
    assert_eq!(claim(key.clone(), b"body").await, Claim::Pending);
    idempotency::forget(pool, &key).await.unwrap();
    assert_eq!(claim(key.clone(), b"body").await, Claim::Fresh);

    let mut edit = store.edit(model, None, admin()).await.unwrap();
    edit.remember(&key, &answer).await.unwrap();
    edit.commit().await.unwrap();
    assert_eq!(
        claim(key.clone(), b"body").await,
        Claim::Replay(answer.clone())
    );
    idempotency::forget(pool, &key).await.unwrap();
    assert_eq!(claim(key, b"body").await, Claim::Replay(answer));
}

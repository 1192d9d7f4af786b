//! What is written is read back the same, whatever it is.

use std::collections::BTreeSet;

use lazuli_model::state::{Change, Row, RowKey};
use lazuli_store::{Loaded, Refreshed, StoreError, changed_since, refresh, rows};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::any;
use crate::common::{World, batch, put_unit, unit_id};

#[tokio::test]
async fn any_rows_come_back_as_they_were() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    let mut expected = store.load(hold.model).await.unwrap();
    let mut follower = expected.clone();
    let mut near = expected.clone();
    let changes = any::changes(expected.state.model().clone());
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    for round in 0..60 {
        let changes = changes.new_tree(&mut runner).unwrap().current();
        let mut wanted = expected.state.clone();
        for change in &changes {
            if let Change::Put(row) = change {
                kinds.insert(format!("{row:?}").split('(').next().unwrap().to_owned());
            }
            wanted.apply(change.clone());
        }
        match store.commit(&[batch(hold, changes.clone())]).await {
            Ok(committed) => {
                expected.state = wanted;
                expected.position = committed[0].position;
            }
            // A name that a row of an earlier round has: nothing is written.
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => panic!("round {round}: {error:?}"),
        }
        let loaded = store.load(hold.model).await.unwrap();
        check(&loaded, &expected, &changes, round);
        // One who follows by reading the rows that changed gets there, too.
        refresh(store.pool(), &mut follower).await.unwrap();
        check(&follower, &expected, &changes, round);
        // And so does one in the process that wrote, without reading.
        store.refresh(&mut near).await.unwrap();
        check(&near, &expected, &changes, round);
    }
    assert_eq!(kinds.len(), 22, "every kind of row was written: {kinds:?}");
}

/// Shows the rows that differ and not the whole model.
fn check(found: &Loaded, expected: &Loaded, changes: &[Change], round: u32) {
    for key in changes.iter().map(Change::key) {
        assert_eq!(
            found.state.row(&key),
            expected.state.row(&key),
            "round {round}"
        );
    }
    assert!(
        found == expected,
        "round {round}: rows that did not change differ"
    );
}

#[tokio::test]
async fn rows_are_found_by_key_and_what_is_not_there_is_gone() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    store
        .commit(&[batch(hold, vec![put_unit(1), put_unit(2)])])
        .await
        .unwrap();
    let keys = BTreeSet::from([
        RowKey::Unit(unit_id(1)),
        RowKey::Unit(unit_id(3)),
        RowKey::UnitState(unit_id(1)),
    ]);
    let found = rows(store.pool(), hold.model, &keys).await.unwrap();
    assert_eq!(
        found,
        [
            put_unit(1),
            Change::Delete(RowKey::Unit(unit_id(3))),
            Change::Delete(RowKey::UnitState(unit_id(1))),
        ]
    );
}

#[tokio::test]
async fn a_follower_reads_what_changed_and_nothing_else() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    store
        .commit(&[batch(hold, vec![put_unit(1), put_unit(2)])])
        .await
        .unwrap();
    let mut follower = store.load(hold.model).await.unwrap();
    let refreshed = refresh(store.pool(), &mut follower).await.unwrap();
    assert_eq!(refreshed, Refreshed::Changed(Vec::new()));

    let mut changed = crate::common::unit(2);
    changed.force = true;
    let put = Change::Put(Row::Unit(changed));
    store
        .commit(&[batch(hold, vec![put.clone()])])
        .await
        .unwrap();
    let since = follower.position.revision;
    let changes = changed_since(store.pool(), hold.model, since)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        changes.keys,
        Some(BTreeSet::from([RowKey::Unit(unit_id(2))]))
    );
    let refreshed = refresh(store.pool(), &mut follower).await.unwrap();
    assert_eq!(refreshed, Refreshed::Changed(vec![put]));

    store
        .commit(&[batch(hold, vec![Change::Delete(RowKey::Model)])])
        .await
        .unwrap();
    let refreshed = refresh(store.pool(), &mut follower).await.unwrap();
    assert_eq!(refreshed, Refreshed::Removed);
}

//! Commits under the fence.

use std::time::Duration;

use crate::common::{World, batch, create, put_unit, replica, unit, unit_id};
use lazuli_model::state::{Change, Row, RowKey};
use lazuli_store::{Class, StoreError, heads};

#[tokio::test]
async fn what_is_committed_is_loaded_and_nothing_else_changes() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let other = world.held("two", 1).await;
    let store = &world.store;
    store
        .commit(&[batch(other, vec![put_unit(7)])])
        .await
        .unwrap();

    let committed = store
        .commit(&[batch(hold, vec![put_unit(1), put_unit(2)])])
        .await
        .unwrap();
    assert_eq!(committed[0].position.revision, 2);
    assert_eq!(committed[0].position.generation, 1);
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.position, committed[0].position);
    let units: Vec<_> = loaded.state.units().map(|unit| unit.id).collect();
    assert_eq!(units, [unit_id(1), unit_id(2)]);

    let mut changed = unit(1);
    changed.force = true;
    let delete = Change::Delete(RowKey::Unit(unit_id(2)));
    store
        .commit(&[batch(
            hold,
            vec![Change::Put(Row::Unit(changed.clone())), delete.clone()],
        )])
        .await
        .unwrap();
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.state.units().collect::<Vec<_>>(), [&changed]);

    // Again: nothing but the revision changes.
    store
        .commit(&[batch(hold, vec![Change::Put(Row::Unit(changed)), delete])])
        .await
        .unwrap();
    let again = store.load(hold.model).await.unwrap();
    assert_eq!(again.state, loaded.state);
    assert_eq!(again.position.revision, loaded.position.revision + 1);
    let spared = store.load(other.model).await.unwrap();
    assert_eq!(spared.state.units().count(), 1);
    assert_eq!(spared.position.revision, 2);
}

#[tokio::test]
async fn the_last_change_of_a_row_counts() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let delete = Change::Delete(RowKey::Unit(unit_id(1)));
    world
        .store
        .commit(&[batch(
            hold,
            vec![
                put_unit(1),
                delete.clone(),
                put_unit(2),
                delete,
                put_unit(1),
            ],
        )])
        .await
        .unwrap();
    let loaded = world.store.load(hold.model).await.unwrap();
    assert_eq!(loaded.state.units().count(), 2);
}

#[tokio::test]
async fn a_batch_may_span_models_and_is_all_or_nothing() {
    let world = World::new().await;
    let one = world.held("one", 1).await;
    let two = world.held("two", 1).await;
    let stale = heads::Hold {
        epoch: two.epoch - 1,
        ..two
    };
    let error = world
        .store
        .commit(&[
            batch(one, vec![put_unit(1)]),
            batch(stale, vec![put_unit(2)]),
        ])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Fenced { model, .. } if model == two.model));
    assert_eq!(
        world
            .store
            .load(one.model)
            .await
            .unwrap()
            .state
            .units()
            .count(),
        0
    );

    let committed = world
        .store
        .commit(&[batch(two, vec![put_unit(2)]), batch(one, vec![put_unit(1)])])
        .await
        .unwrap();
    assert_eq!(committed[0].model, two.model);
    assert_eq!(committed[1].model, one.model);
    for hold in [one, two] {
        let loaded = world.store.load(hold.model).await.unwrap();
        assert_eq!(loaded.state.units().count(), 1);
    }
}

#[tokio::test]
async fn one_who_lost_a_model_cannot_write_to_it() {
    let world = World::new().await;
    let pool = world.store.pool();
    let model = create(&world.store, "one").await;
    let minute = Duration::from_secs(60);
    heads::heartbeat(pool, replica(1), Duration::ZERO)
        .await
        .unwrap();
    let first = heads::take(pool, model, replica(1), 0)
        .await
        .unwrap()
        .unwrap();
    heads::heartbeat(pool, replica(2), minute).await.unwrap();
    assert_eq!(heads::vacant(pool, 10).await.unwrap(), [model]);
    let second = heads::take(pool, model, replica(2), 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second.epoch, first.epoch + 1);

    let error = world
        .store
        .commit(&[batch(first, vec![put_unit(1)])])
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Fenced);
    let loaded = world.store.load(model).await.unwrap();
    assert_eq!(loaded.state.units().count(), 0);
    assert_eq!(loaded.position.revision, 1);

    // The second is alive, so nobody takes it from it; it may itself.
    heads::heartbeat(pool, replica(1), minute).await.unwrap();
    assert_eq!(heads::take(pool, model, replica(1), 0).await.unwrap(), None);
    let again = heads::take(pool, model, replica(2), 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.epoch, second.epoch + 1);
    assert_eq!(heads::held_by(pool, replica(2)).await.unwrap(), [model]);
    assert_eq!(heads::held_by(pool, replica(1)).await.unwrap(), []);

    // An old hold lets go of nothing; the current one does.
    heads::release(pool, replica(2), second).await.unwrap();
    assert_eq!(heads::vacant(pool, 10).await.unwrap(), []);
    heads::release(pool, replica(2), again).await.unwrap();
    assert_eq!(heads::vacant(pool, 10).await.unwrap(), [model]);
    heads::take(pool, model, replica(1), 0)
        .await
        .unwrap()
        .unwrap();
    heads::retire(pool, replica(1)).await.unwrap();
    assert_eq!(heads::vacant(pool, 10).await.unwrap(), [model]);
}

#[tokio::test]
async fn a_model_is_taken_above_the_epochs_that_machines_have_seen() {
    let world = World::new().await;
    let pool = world.store.pool();
    let hold = world.held("one", 1).await;
    let take = |floor| heads::take(pool, hold.model, replica(1), floor);
    assert_eq!(take(41).await.unwrap().unwrap().epoch, 42);
    assert_eq!(take(7).await.unwrap().unwrap().epoch, 43);
    take(u64::MAX).await.unwrap().unwrap();
    assert!(take(u64::MAX).await.unwrap().is_some());
}

#[tokio::test]
async fn decisions_that_rest_on_what_is_past_are_refused() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let edit = world
        .store
        .edit(hold.model, None, crate::common::admin())
        .await
        .unwrap();
    edit.commit().await.unwrap();
    let mut decision = batch(hold, vec![put_unit(1)]);
    decision.generation = Some(1);
    let error = world
        .store
        .commit(std::slice::from_ref(&decision))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        StoreError::Stale {
            seen: 1,
            generation: 2,
            ..
        }
    ));
    decision.generation = Some(2);
    world.store.commit(&[decision]).await.unwrap();
}

#[tokio::test]
async fn a_removed_model_leaves_nothing_but_its_last_event() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let other = world.held("two", 1).await;
    let store = &world.store;
    let key = store.data_key(hold.model).await.unwrap();
    let mut first = batch(hold, vec![put_unit(1)]);
    first.bodies = vec![(crate::common::id(5), key.seal("effect", b"body").unwrap())];
    store
        .commit(&[first, batch(other, vec![put_unit(2)])])
        .await
        .unwrap();
    let committed = store
        .commit(&[batch(hold, vec![Change::Delete(RowKey::Model)])])
        .await
        .unwrap();
    assert!(committed[0].removed);

    let error = store.load(hold.model).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    let error = store
        .commit(&[batch(hold, vec![put_unit(1)])])
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Fenced);
    let body = lazuli_store::effect_body(store.pool(), hold.model, crate::common::id(5));
    assert_eq!(body.await.unwrap(), None);
    let after = lazuli_store::events::EventId {
        revision: committed[0].position.revision - 1,
        n: 999,
    };
    let page = lazuli_store::events::after(store.pool(), hold.model, after, 10).await;
    let lazuli_store::events::Page::Events(events) = page.unwrap() else {
        panic!("the events are gone");
    };
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, "removed");
    assert_eq!(events[0].name.as_deref(), Some("one"));
    let spared = store.load(other.model).await.unwrap();
    assert_eq!(spared.state.units().count(), 1);

    // Its name and its addresses are free again.
    create(store, "three").await;
    let mut again = crate::common::new_model("one");
    again.row.id = crate::common::id(99);
    let (model, _) = lazuli_store::desired::create_model(store, again, crate::common::admin())
        .await
        .unwrap();
    assert_eq!(model.address_range, "10.64.128.0/18");
}

#[tokio::test]
async fn bodies_are_frozen_and_sealed() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let store = &world.store;
    let key = store.data_key(hold.model).await.unwrap();
    for body in [b"first", b"other"] {
        let mut batch = batch(hold, Vec::new());
        batch.bodies = vec![(crate::common::id(5), key.seal("effect 5", body).unwrap())];
        store.commit(&[batch]).await.unwrap();
    }
    let sealed = lazuli_store::effect_body(store.pool(), hold.model, crate::common::id(5))
        .await
        .unwrap()
        .unwrap();
    let key = store.data_key(hold.model).await.unwrap();
    assert_eq!(key.open("effect 5", &sealed).unwrap(), b"first");
    assert!(key.open("effect 6", &sealed).is_err());
}

#[tokio::test]
async fn a_text_that_postgres_cannot_hold_is_the_senders_mistake() {
    let world = World::new().await;
    let hold = world.held("one", 1).await;
    let row = lazuli_model::state::RelationUnit {
        relation: crate::common::id(1),
        unit: unit_id(1),
        name: "mysql/1".parse().unwrap(),
        in_scope: true,
        settings: crate::common::settings(&[("key", "with \0 in it")]),
        version: 1,
    };
    let error = world
        .store
        .commit(&[batch(hold, vec![Change::Put(Row::RelationUnit(row))])])
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::User, "{error:?}");
}

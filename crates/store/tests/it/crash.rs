//! Connections that end in the middle of something.

use lazuli_store::{Class, StoreError};
use sqlx::query;
use tokio::time::timeout;

use crate::common::{World, admin, batch, put_unit};

/// Ends whoever waits for a lock in this database.
async fn end_waiting(world: &World) {
    let pool = world.scratch.pool().await.unwrap();
    timeout(std::time::Duration::from_secs(20), async {
        loop {
            let ended = query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and wait_event_type = 'Lock'",
            )
            .execute(&pool)
            .await
            .unwrap();
            if ended.rows_affected() > 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    pool.close().await;
}

#[tokio::test]
async fn a_commit_whose_connection_ends_before_its_end_changes_nothing() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    // Somebody holds the head, so the commit has to wait at its first
    // statement, where its connection is ended.
    let edit = store.edit(hold.model, None, admin()).await.unwrap();
    let batches = [batch(hold, vec![put_unit(1)])];
    let (committed, ()) = tokio::join!(store.commit(&batches), end_waiting(&world));
    let error = committed.unwrap_err();
    assert_eq!(error.class(), Class::Transient, "{error:?}");
    drop(edit);

    // The store is usable, and the commit can be repeated.
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.position.revision, 1);
    store.commit(&batches).await.unwrap();
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.state.units().count(), 1);
    assert_eq!(loaded.position.revision, 2);
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_says_that_it_does_not_know() {
    let world = World::new().await;
    let store = &world.store;
    let hold = world.held("one", 1).await;
    // A deferred trigger ends the connection during COMMIT itself.
    for statement in [
        "create function die() returns trigger language plpgsql as
            $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$",
        "create constraint trigger die after insert on units deferrable initially deferred
            for each row execute function die()",
    ] {
        query(statement).execute(store.pool()).await.unwrap();
    }
    let error = store
        .commit(&[batch(hold, vec![put_unit(1)])])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Unknown);
    // Reading tells.
    let loaded = store.load(hold.model).await.unwrap();
    assert_eq!(loaded.position.revision, 1);
    assert_eq!(loaded.state.units().count(), 0);
}

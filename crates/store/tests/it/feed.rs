//! The feed, within a process and between two.

use std::time::Duration;

use lazuli_model::state::{Change, RowKey};
use lazuli_store::heads::Position;
use lazuli_store::{Moved, Store};
use sqlx::query;
use tokio::time::timeout;

use crate::common::{World, admin, batch, create, put_unit};

const SOON: Duration = Duration::from_secs(20);

async fn until(store: &Store, mut done: impl FnMut(&Moved) -> bool) -> Moved {
    let mut all = store.feed().all();
    timeout(SOON, async {
        loop {
            let moved = store.feed().changed_since(0);
            if done(&moved) {
                return moved;
            }
            all.changed().await.unwrap();
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_one_process_commits_it_knows_at_once() {
    let world = World::new().await;
    let feed = world.store.feed();
    let hold = world.held("one", 1).await;
    let created = feed.changed_since(0);
    assert_eq!(created.news.len(), 1);
    let follower = feed.subscribe(hold.model);
    let committed = world
        .store
        .commit(&[batch(hold, vec![put_unit(1)])])
        .await
        .unwrap();
    assert_eq!(*follower.borrow(), Some(committed[0].position));
    assert_eq!(feed.known_position(hold.model), Some(committed[0].position));
    let moved = feed.changed_since(created.tick);
    assert_eq!(moved.news[0].position, committed[0].position);
}

#[tokio::test]
async fn another_process_hears_of_it() {
    let world = World::new().await;
    let other = world.scratch.store().await.unwrap();
    let hold = world.held("one", 1).await;
    let mut follower = other.feed().subscribe(hold.model);
    timeout(SOON, follower.wait_for(Option::is_some))
        .await
        .unwrap()
        .unwrap();
    let edit = world.store.edit(hold.model, None, admin()).await.unwrap();
    let committed = edit.commit().await.unwrap();
    timeout(
        SOON,
        follower.wait_for(|position| *position == Some(committed.position)),
    )
    .await
    .unwrap()
    .unwrap();

    world
        .store
        .commit(&[batch(hold, vec![Change::Delete(RowKey::Model)])])
        .await
        .unwrap();
    timeout(SOON, follower.wait_for(Option::is_none))
        .await
        .unwrap()
        .unwrap();
    let moved = until(&other, |moved| moved.news.iter().any(|news| news.removed)).await;
    assert_eq!(moved.news.len(), 1);
    other.close().await;
}

#[tokio::test]
async fn what_nobody_rang_for_is_found_by_the_sweep() {
    let world = World::new().await;
    let model = create(&world.store, "one").await;
    query("update heads set revision = 9, moved = pg_current_xact_id()::text::bigint")
        .execute(world.store.pool())
        .await
        .unwrap();
    let mut follower = world.store.feed().subscribe(model);
    let expected = Position {
        revision: 9,
        generation: 1,
    };
    timeout(
        SOON,
        follower.wait_for(|position| *position == Some(expected)),
    )
    .await
    .unwrap()
    .unwrap();
}

#[tokio::test]
async fn a_commit_that_began_before_others_and_ended_after_them_is_not_missed() {
    let world = World::new().await;
    let store = &world.store;
    let slow = create(store, "slow").await;
    let quick = create(store, "quick").await;
    let other = world.scratch.store().await.unwrap();
    let edit = store.edit(slow, None, admin()).await.unwrap();
    let edit_quick = store.edit(quick, None, admin()).await.unwrap();
    let quick_committed = edit_quick.commit().await.unwrap();
    let mut follower = other.feed().subscribe(quick);
    timeout(
        SOON,
        follower.wait_for(|position| *position == Some(quick_committed.position)),
    )
    .await
    .unwrap()
    .unwrap();
    let committed = edit.commit().await.unwrap();
    let mut follower = other.feed().subscribe(slow);
    timeout(
        SOON,
        follower.wait_for(|position| *position == Some(committed.position)),
    )
    .await
    .unwrap()
    .unwrap();
    other.close().await;
}

#[tokio::test]
async fn a_feed_that_was_cut_off_comes_back() {
    let world = World::new().await;
    let other = world.scratch.store().await.unwrap();
    let model = create(&world.store, "one").await;
    let mut follower = other.feed().subscribe(model);
    timeout(SOON, follower.wait_for(Option::is_some))
        .await
        .unwrap()
        .unwrap();
    query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(world.store.pool())
    .await
    .unwrap();
    let edit = loop {
        // The pool may have to find out that its connections are gone.
        if let Ok(edit) = world.store.edit(model, None, admin()).await {
            break edit;
        }
    };
    let committed = edit.commit().await.unwrap();
    timeout(
        SOON,
        follower.wait_for(|position| *position == Some(committed.position)),
    )
    .await
    .unwrap()
    .unwrap();
    other.close().await;
}

#[tokio::test]
async fn what_two_processes_commit_in_turn_is_read_by_both() {
    let world = World::new().await;
    let (here, there) = (&world.store, world.scratch.store().await.unwrap());
    let hold = world.held("one", 1).await;
    let mut follower = here.load(hold.model).await.unwrap();
    let since = follower.position.revision;
    let commit = async |store: &Store, n| {
        let done = store.commit(&[batch(hold, vec![put_unit(n)])]).await;
        done.unwrap()[0].position
    };
    let first = commit(here, 1).await;
    let (position, own) = here.own_since(hold.model, since).unwrap();
    assert_eq!((position, own), (first, vec![put_unit(1)]));
    commit(&there, 2).await;
    commit(here, 3).await;
    assert!(here.own_since(hold.model, since).is_none());
    here.refresh(&mut follower).await.unwrap();
    assert_eq!(follower, there.load(hold.model).await.unwrap());
    assert_eq!(follower.state.units().count(), 3);
}

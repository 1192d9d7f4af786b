//! Transactions that nobody waits for any more.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt as _;
use lazuli_store::{Actor, Store};
use tokio::time::{Instant, sleep};

use crate::common::{World, create};

/// A connection whose `BEGIN` was under way when its caller left would go back
/// to the pool inside a transaction, where writes of others are lost.
#[tokio::test]
async fn a_transaction_that_is_left_while_it_begins_is_over() {
    let world = World::new().await;
    let model = create(&world.store, "dev").await;
    let other = world.scratch.store().await.unwrap();
    for polls in 1..6 {
        {
            let mut edit = pin!(world.store.edit(model, None, Actor::Controller).fuse());
            let mut load = pin!(lazuli_store::load(world.store.pool(), model).fuse());
            for _ in 0..polls {
                let _ = futures::poll!(&mut edit);
                let _ = futures::poll!(&mut load);
                tokio::task::yield_now().await;
            }
        }
        until_none_is_left(&other).await;
    }
}

async fn until_none_is_left(store: &Store) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left: Option<i64> = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and state like 'idle in transaction%'",
        )
        .fetch_one(store.pool())
        .await
        .unwrap();
        if left == Some(0) {
            return;
        }
        assert!(Instant::now() < deadline, "{left:?} are left");
        sleep(Duration::from_millis(20)).await;
    }
}

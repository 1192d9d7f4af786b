//! Nobody is asked more often than they said.

use std::time::{Duration, Instant};

use lazuli_cloud::Cloud;
use lazuli_model::state::FailureClass;
use serde_json::json;

use crate::common::{Held, World, address, call, group, machine};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_burst_is_spread_and_nothing_is_refused() {
    let world = World::with(|settings| settings.throttle = true).await;
    world.made(group()).await;
    let began = Instant::now();
    let all = (0..210).map(|n| {
        let world = &world;
        async move {
            let mut row = address(&format!("a-{n}"));
            world.ensure(&mut row).await.map(drop)
        }
    });
    let results = futures::future::join_all(all).await;
    assert_eq!(results.into_iter().find(Result::is_err), None);
    // 194 of the 200 at once, the rest at 9.7 a second.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_500), "{took:?}");
    let statuses = world.journal("PUT", "*publicIPAddresses*").await;
    assert_eq!(statuses.len(), 210);
    assert!(!statuses.contains(&429), "{statuses:?}");
    world.stop().await;
}

#[tokio::test]
async fn no_request_is_sent_before_the_time_that_a_refusal_named() {
    let world = World::new().await;
    world.network().await;
    let closed = json!({"status": 429, "headers": {"Retry-After": "2"}});
    let path = "*/virtualMachines/m-0-g1";
    world.fault("PUT", path, "before", closed).await;
    let mut first = machine("m-0-g1", false);
    let error = world.ensure(&mut first).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Throttled);
    assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
    // Another machine, and the same one again.
    let began = Instant::now();
    let mut second = machine("m-1-g1", false);
    let (first, second) = tokio::join!(world.ensure(&mut first), world.ensure(&mut second));
    assert!(first.is_ok() && second.is_ok());
    assert!(began.elapsed() >= Duration::from_millis(1_900));
    assert_eq!(
        world.journal("PUT", "*virtualMachines*").await,
        [429, 201, 201]
    );
    world.stop().await;
}

#[tokio::test]
async fn a_window_that_is_too_long_to_wait_fails_without_a_request() {
    let world = World::new().await;
    world.network().await;
    let closed = json!({"status": 429, "headers": {"Retry-After": "1800"}});
    world
        .fault("PUT", "*/virtualMachines/m-0-g1", "before", closed)
        .await;
    let mut row = machine("m-0-g1", false);
    world.ensure(&mut row).await.unwrap_err();
    for _ in 0..3 {
        let error = world.ensure(&mut row).await.unwrap_err();
        assert_eq!(error.class, FailureClass::Throttled);
        assert!(!error.effect_unknown);
        assert!(error.retry_after.unwrap() >= Duration::from_secs(600));
    }
    assert_eq!(world.journal("PUT", "*virtualMachines*").await, [429]);
    // Reads, and writes of other kinds, go on.
    world.made(address("a")).await;
    world.azure.survey().await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn whoever_lost_the_model_changes_nothing() {
    let world = World::new().await;
    let mut row = world.made(group()).await;
    let lost = lazuli_cloud::Call {
        fence: &Held(false),
        ..call(&row, None)
    };
    let error = world.azure.remove(lost).await.unwrap_err();
    assert_eq!(error.code, "NotTheHolder");
    let mut nsg = crate::common::security_group(&[]);
    let lost = lazuli_cloud::Call {
        fence: &Held(false),
        ..call(&nsg, None)
    };
    assert_eq!(
        world.azure.ensure(lost).await.unwrap_err().code,
        "NotTheHolder"
    );
    assert_eq!(world.inventory().await.len(), 1);
    world.ensure(&mut nsg).await.unwrap();
    world.ended(&mut nsg).await.unwrap();
    world.gone(&mut nsg).await;
    world.gone(&mut row).await;
    world.stop().await;
}

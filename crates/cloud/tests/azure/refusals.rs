//! Refusals are classed, in the cloud's own words, with what to do.

use std::time::Duration;

use azure_core::credentials::Secret;
use lazuli_cloud::{Azure, AzureConfig, Cloud, CloudError, Progress};
use lazuli_model::state::{EffectState, FailureClass};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{GROUP, World, call, group, machine};

/// What the creation of a machine is refused with, at once or in the end.
async fn refused(world: &World, name: &str) -> CloudError {
    let mut vm = machine(name, false);
    match world.ensure(&mut vm).await {
        Err(error) => error,
        Ok(_) => world.ended(&mut vm).await.unwrap_err(),
    }
}

#[tokio::test]
async fn each_refusal_has_its_class() {
    use FailureClass::{Auth, Capacity, Conflict, Invalid, Quota, Throttled, Transient};
    let world = World::new().await;
    world.network().await;
    let refusals: [(Value, FailureClass); 14] = [
        (
            json!({"status": 409, "code": "AnotherOperationInProgress"}),
            Conflict,
        ),
        (json!({"status": 409, "code": "Conflict"}), Conflict),
        (
            json!({"status": 429, "code": "RetryableErrorDueToAnotherOperation"}),
            Conflict,
        ),
        (
            json!({"status": 429, "headers": {"Retry-After": "1"}}),
            Throttled,
        ),
        (json!({"status": 409, "code": "SkuNotAvailable"}), Capacity),
        (
            json!({"fail_operation": {"code": "AllocationFailed"}}),
            Capacity,
        ),
        (
            json!({"fail_operation": {"code": "ZonalAllocationFailed"}}),
            Capacity,
        ),
        (
            json!({"fail_operation": {"code": "OverconstrainedAllocationRequest"}}),
            Capacity,
        ),
        (
            json!({"fail_operation": {"code": "OperationPreempted"}}),
            Conflict,
        ),
        (json!({"status": 400, "code": "QuotaExceeded"}), Quota),
        (json!({"status": 400, "code": "InvalidParameter"}), Invalid),
        (json!({"status": 403, "code": "AuthorizationFailed"}), Auth),
        (json!({"status": 500}), Transient),
        (
            json!({"status": 503, "headers": {"Retry-After": "3"}}),
            Transient,
        ),
    ];
    for (n, (action, class)) in refusals.into_iter().enumerate() {
        let name = format!("m-{n}-g1");
        let path = format!("*/virtualMachines/{name}");
        world.fault("PUT", &path, "before", action.clone()).await;
        let error = refused(&world, &name).await;
        assert_eq!(error.class, class, "{action}: {error}");
        let wait = action["headers"]["Retry-After"].as_str();
        assert_eq!(
            error.retry_after,
            wait.map(|wait| Duration::from_secs(wait.parse().unwrap())),
            "{action}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn quota_is_told_in_azures_words_with_the_way_out() {
    let world = World::with(|settings| {
        settings.quotas.insert("cores".to_owned(), 1);
        settings.quotas.insert("PublicIPAddresses".to_owned(), 0);
    })
    .await;
    world.network().await;
    world.made(machine("m-0-g1", false)).await;
    let error = refused(&world, "m-1-g1").await;
    assert_eq!(error.class, FailureClass::Quota);
    let text = error.to_string();
    assert!(text.starts_with("create virtual machine m-1-g1: OperationNotAllowed: "));
    assert!(
        text.contains("Current Limit: 1, Current Usage: 1, Additional Required: 1"),
        "{text}"
    );
    assert!(
        text.contains("raise the quota to at least 2: az quota"),
        "{text}"
    );
    // It helps.
    world
        .control(Method::POST, "quotas", Some(json!({"cores": 9})))
        .await;
    world.made(machine("m-1-g1", false)).await;
    let mut public = machine("m-2-g1", true);
    let error = world.ensure(&mut public).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (FailureClass::Quota, "PublicIPCountLimitReached")
    );
    world.stop().await;
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let world = World::new().await;
    world.network().await;
    let message = "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Compute/virtualMachines/write' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid.";
    let denied = json!({"status": 403, "code": "AuthorizationFailed", "message": message});
    world
        .fault("PUT", "*/virtualMachines/*", "before", denied)
        .await;
    let error = refused(&world, "m-0-g1").await;
    assert_eq!(error.class, FailureClass::Auth);
    assert_eq!(error.message, message);
    let hint = error.hint.unwrap();
    assert!(
        hint.contains("Microsoft.Compute/virtualMachines/write")
            && hint.contains("/subscriptions/s/resourceGroups/g"),
        "{hint}"
    );
    world.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_says_what_to_check() {
    let world = World::new().await;
    let wrong = AzureConfig {
        client_secret: Secret::new("wrong"),
        ..world.config.clone()
    };
    let azure = Azure::new(&wrong).unwrap();
    let error = azure.machines(GROUP).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Auth, "{error}");
    assert!(error.message.contains("AADSTS7000215"), "{error}");
    assert!(error.hint.unwrap().contains("secret"));
    assert!(!error.message.contains("wrong\""));
    world.stop().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_is_replaced_at_once() {
    let world = World::new().await;
    world.network().await;
    world.control(Method::POST, "tokens/revoke", None).await;
    // The simulator tells tokens apart by the millisecond.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let all = (0..8).map(|_| world.azure.machines(GROUP));
    for listed in futures::future::join_all(all).await {
        assert_eq!(listed.unwrap(), []);
    }
    let tokens = world.journal("POST", "*/token").await;
    assert_eq!(tokens, [200, 200]);
    world.stop().await;
}

#[tokio::test]
async fn a_resource_that_is_not_seen_yet_is_not_taken_for_gone() {
    let world = World::new().await;
    world.network().await;
    let mut vm = machine("m-0-g1", false);
    world.ensure(&mut vm).await.unwrap();
    // Reads lag behind for the rest of the test.
    let lag = json!({"list_ms": 600_000, "get_ms": 600_000});
    world.control(Method::POST, "lag", Some(lag)).await;
    let error = world.ended(&mut vm).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Gone);
    assert!(error.effect_unknown);
    assert!(matches!(vm.state, EffectState::Accepted { .. }));
    // A repeat of the creation is refused by the cloud, so nothing doubles.
    let error = world.ensure(&mut vm).await.unwrap_err();
    assert!(error.effect_unknown, "{error}");
    assert_eq!(world.azure.machines(GROUP).await.unwrap(), []);
    let now = json!({"list_ms": 0, "get_ms": 0});
    world.control(Method::POST, "lag", Some(now)).await;
    assert!(matches!(
        world.ensure(&mut vm).await.unwrap(),
        Progress::Present { .. }
    ));
    assert_eq!(world.azure.machines(GROUP).await.unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_is_transient() {
    let world = World::new().await;
    let row = group();
    // The token is there already.
    world.azure.machines(GROUP).await.unwrap_err();
    let endpoint = world.config.arm.clone();
    world.simulator.stop().await;
    let error = world.azure.ensure(call(&row, None)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Transient, "{error}");
    assert!(!error.effect_unknown, "a read was all there was: {error}");
    assert!(error.to_string().contains("onnect"), "{endpoint}: {error}");
}

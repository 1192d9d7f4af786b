//! Lost answers, repeats and names that are taken.

use std::time::{Duration, Instant};

use lazuli_cloud::{Azure, Cloud, Progress};
use lazuli_model::state::EffectState;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{DEADLINE, GROUP, World, group, machine, security_group};

#[tokio::test]
async fn a_machine_whose_answer_was_lost_is_adopted() {
    for (when, answers) in [("after", [0, 412]), ("before", [0, 201])] {
        let world = World::new().await;
        world.network().await;
        let mut vm = machine("m-0-g1", true);
        let path = "*/virtualMachines/m-0-g1";
        world.fault("PUT", path, when, json!({"drop": true})).await;
        let error = world.ensure(&mut vm).await.unwrap_err();
        assert!(error.effect_unknown, "{error}");
        assert_eq!(error.code, "NoAnswer");
        world.ensure(&mut vm).await.unwrap();
        world.ended(&mut vm).await.unwrap();
        assert_eq!(vm.state, EffectState::Present);
        assert_eq!(world.journal("PUT", path).await, answers);
        let inventory = world.inventory().await;
        let count = |kind: &str| {
            let of = |name: &&String| name.starts_with(kind);
            inventory.iter().filter(of).count()
        };
        assert_eq!(
            [
                count("virtualMachines"),
                count("networkInterfaces"),
                count("disks")
            ],
            [1, 1, 1],
            "{inventory:?}"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn answers_of_a_gateway_leave_the_effect_unknown() {
    let world = World::new().await;
    world.network().await;
    for (n, status) in [500, 502, 503, 504].into_iter().enumerate() {
        let name = format!("m-{n}-g1");
        let mut vm = machine(&name, false);
        let path = format!("*/virtualMachines/{name}");
        let action = json!({"status": status});
        world.fault("PUT", &path, "after", action).await;
        let error = world.ensure(&mut vm).await.unwrap_err();
        assert!(error.effect_unknown, "{status}: {error}");
        world.ensure(&mut vm).await.unwrap();
        world.ended(&mut vm).await.unwrap();
        assert_eq!(vm.state, EffectState::Present, "{status}");
    }
    assert_eq!(world.azure.machines(GROUP).await.unwrap().len(), 4);
    world.stop().await;
}

#[tokio::test]
async fn shared_things_whose_answers_were_lost_are_adopted() {
    let world = World::new().await;
    for mut row in [group(), security_group(&[])] {
        let path = format!("*/{}", row.name);
        let cut = json!({"drop": true});
        world.fault("PUT", &path, "after", cut).await;
        assert!(world.ensure(&mut row).await.unwrap_err().effect_unknown);
        world.ensure(&mut row).await.unwrap();
        world.ended(&mut row).await.unwrap();
        assert_eq!(row.state, EffectState::Present);
    }
    assert_eq!(world.inventory().await.len(), 2);
    world.stop().await;
}

/// A resource once its creation has ended.
async fn settled(world: &World, id: &str) -> Value {
    let began = Instant::now();
    loop {
        let found = world.arm(Method::GET, id, None).await;
        if found["properties"]["provisioningState"] == "Succeeded" {
            return found;
        }
        assert!(began.elapsed() < DEADLINE, "{id} is not made");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_not_ours_is_named_and_not_touched() {
    let world = World::new().await;
    world.network().await;
    // Somebody else's machine under our name, and their security group.
    let foreign = Azure::new(&world.config).unwrap();
    let other = machine("m-0-g1", false);
    let body = String::from_utf8(world.frozen(&other).unwrap()).unwrap();
    let theirs = body.replace(&other.id.to_string(), "of-somebody-else");
    let id = world.id("Compute", "virtualMachines", "m-0-g1");
    let made = serde_json::from_str(&theirs).unwrap();
    world.arm(Method::PUT, &id, Some(made)).await;
    let before = settled(&world, &id).await;

    let mut vm = machine("m-0-g1", false);
    let Progress::Foreign { found } = world.ensure(&mut vm).await.unwrap() else {
        panic!("it was adopted: {:?}", vm.state);
    };
    assert!(found.starts_with(&id), "{found}");
    let removed = world.remove(&mut vm).await.unwrap();
    assert!(
        matches!(removed, Progress::Foreign { .. }),
        "it was deleted: {removed:?}"
    );
    assert_eq!(world.arm(Method::GET, &id, None).await, before);

    let id = world.id("Network", "networkSecurityGroups", "theirs");
    let body = json!({"location": "eastus", "properties": {"securityRules": []}});
    world.arm(Method::PUT, &id, Some(body)).await;
    let mut nsg = security_group(&[]);
    nsg.name = "theirs".to_owned();
    let ensured = world.ensure(&mut nsg).await.unwrap();
    assert!(matches!(ensured, Progress::Foreign { .. }), "{ensured:?}");
    let removed = world.remove(&mut nsg).await.unwrap();
    assert!(matches!(removed, Progress::Foreign { .. }), "{removed:?}");
    assert!(
        world
            .inventory()
            .await
            .contains(&"networkSecurityGroups theirs".to_owned())
    );
    assert_eq!(foreign.machines(GROUP).await.unwrap()[0].effect, None);
    world.stop().await;
}

#[tokio::test]
async fn a_creation_that_failed_is_repaired_by_the_same_bytes() {
    let world = World::new().await;
    world.network().await;
    let mut vm = machine("m-0-g1", true);
    let broken =
        json!({"fail_operation": {"code": "OSProvisioningTimedOut", "message": "no answer"}});
    world
        .fault("PUT", "*/virtualMachines/m-0-g1", "before", broken)
        .await;
    world.ensure(&mut vm).await.unwrap();
    let error = world.ended(&mut vm).await.unwrap_err();
    assert_eq!(error.code, "OSProvisioningTimedOut");
    world.ensure(&mut vm).await.unwrap();
    world.ended(&mut vm).await.unwrap();
    assert_eq!(vm.state, EffectState::Present);
    assert_eq!(
        world.journal("PUT", "*virtualMachines*").await,
        [201, 412, 200]
    );
    world.stop().await;
}

#[tokio::test]
async fn an_operation_that_is_forgotten_is_answered_by_the_resource() {
    let world = World::new().await;
    world.network().await;
    let mut vm = machine("m-0-g1", false);
    world.ensure(&mut vm).await.unwrap();
    let missing = json!({"status": 404, "code": "NotFound"});
    world
        .fault("GET", "*/operations/*", "before", missing.clone())
        .await;
    world.ended(&mut vm).await.unwrap();
    assert_eq!(vm.state, EffectState::Present);

    // Of a deletion as well: it has not ended because nobody knows of it.
    let hang = json!({"hang_operation": true});
    world
        .fault("DELETE", "*/virtualMachines/m-0-g1", "before", hang)
        .await;
    world.remove(&mut vm).await.unwrap();
    world
        .fault("GET", "*/operations/*", "before", missing)
        .await;
    let polled = world.poll(&mut vm).await.unwrap();
    assert!(
        matches!(
            polled,
            Progress::Accepted {
                operation: None,
                ..
            }
        ),
        "{polled:?}"
    );
    world.stop().await;
}

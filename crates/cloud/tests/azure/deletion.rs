//! Deletion goes by id, in order, and never further than what is ours.

use lazuli_cloud::{Cloud, Progress};
use lazuli_model::state::{ChildKind, Effect, EffectSpec, EffectState, FailureClass};
use reqwest::Method;
use serde_json::json;

use crate::common::{GROUP, World, address, effect, machine};

#[tokio::test]
async fn a_machine_takes_what_came_with_it_along() {
    let world = World::new().await;
    let [mut group, mut nsg, mut net] = world.network().await;
    let mut vm = world.made(machine("m-0-g1", true)).await;
    let children = world
        .azure
        .machines(GROUP)
        .await
        .unwrap()
        .remove(0)
        .children;
    assert_eq!(children.len(), 3);
    world.gone(&mut vm).await;
    assert_eq!(
        world.inventory().await,
        [
            "networkSecurityGroups nsg",
            &format!("resourceGroups {GROUP}"),
            "subnets default",
            "virtualNetworks net",
        ]
    );
    // Its children are looked after by id, which finds nothing.
    for (kind, name, cloud_id) in children {
        let mut child = child(kind, &name, &cloud_id);
        assert_eq!(world.remove(&mut child).await.unwrap(), Progress::Gone);
    }
    for row in [&mut net, &mut nsg, &mut group] {
        world.gone(row).await;
        // A second time changes nothing.
        world.gone(row).await;
    }
    assert_eq!(world.inventory().await, Vec::<String>::new());
    world.stop().await;
}

fn child(kind: ChildKind, name: &str, cloud_id: &str) -> Effect {
    let mut child = effect(name, EffectSpec::Child { kind });
    child.cloud_id = Some(cloud_id.to_owned());
    child
}

#[tokio::test]
async fn what_is_in_use_waits_for_its_user() {
    let world = World::new().await;
    let [mut group, mut nsg, mut net] = world.network().await;
    let mut vm = world.made(machine("m-0-g1", false)).await;
    let children = world
        .azure
        .machines(GROUP)
        .await
        .unwrap()
        .remove(0)
        .children;
    let (kind, name, cloud_id) = children
        .iter()
        .find(|child| child.0 == ChildKind::Interface)
        .unwrap();
    let mut interface = child(*kind, name, cloud_id);
    for row in [&mut net, &mut nsg, &mut interface] {
        let error = world.remove(row).await.unwrap_err();
        assert_eq!(error.class, FailureClass::Conflict, "{error}");
        assert!(!error.effect_unknown);
    }
    let error = world.remove(&mut group).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (FailureClass::Conflict, "GroupNotEmpty")
    );
    assert!(error.message.contains("still holds"), "{error}");
    assert!(world.inventory().await.len() >= 6);
    for row in [&mut vm, &mut interface, &mut net, &mut nsg, &mut group] {
        world.gone(row).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_group_with_what_is_not_ours_stays() {
    let world = World::new().await;
    let [mut group, mut nsg, mut net] = world.network().await;
    let id = world.id("Network", "publicIPAddresses", "theirs");
    let body = json!({"location": "eastus", "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"}});
    world.arm(Method::PUT, &id, Some(body)).await;
    world.gone(&mut net).await;
    world.gone(&mut nsg).await;
    let error = world.remove(&mut group).await.unwrap_err();
    assert_eq!(error.code, "GroupNotEmpty");
    assert!(error.message.contains(&id), "{error}");
    assert!(error.hint.is_some());
    assert_eq!(
        world.inventory().await,
        [
            "publicIPAddresses theirs".to_owned(),
            format!("resourceGroups {GROUP}")
        ]
    );
    world.stop().await;
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_done_once() {
    let world = World::new().await;
    world.network().await;
    for (name, when) in [("m-0-g1", "before"), ("m-1-g1", "after")] {
        let mut vm = world.made(machine(name, false)).await;
        let path = format!("*/virtualMachines/{name}");
        let cut = json!({"drop": true});
        world.fault("DELETE", &path, when, cut).await;
        assert!(world.remove(&mut vm).await.unwrap_err().effect_unknown);
        world.gone(&mut vm).await;
    }
    assert_eq!(world.azure.machines(GROUP).await.unwrap(), []);
    world.stop().await;
}

#[tokio::test]
async fn a_deletion_that_fails_says_so_and_is_tried_again() {
    let world = World::new().await;
    world.network().await;
    let mut vm = world.made(machine("m-0-g1", false)).await;
    let broken =
        json!({"fail_operation": {"code": "InternalExecutionError", "message": "try again"}});
    world
        .fault("DELETE", "*/virtualMachines/m-0-g1", "before", broken)
        .await;
    world.remove(&mut vm).await.unwrap();
    let error = world.ended(&mut vm).await.unwrap_err();
    assert_eq!(
        (error.class, error.code.as_str()),
        (FailureClass::Transient, "InternalExecutionError")
    );
    world.gone(&mut vm).await;
    world.stop().await;
}

#[tokio::test]
async fn a_machine_without_its_tags_is_not_deleted() {
    let world = World::new().await;
    world.network().await;
    let mut vm = world.made(machine("m-0-g1", false)).await;
    let id = world.id("Compute", "virtualMachines", "m-0-g1");
    world
        .arm(Method::PATCH, &id, Some(json!({"tags": {"owner": "me"}})))
        .await;
    let removed = world.remove(&mut vm).await.unwrap();
    assert!(matches!(removed, Progress::Foreign { .. }), "{removed:?}");
    assert_eq!(vm.state, EffectState::Foreign);
    assert_eq!(world.azure.machines(GROUP).await.unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn an_address_of_ours_goes_after_its_association() {
    let world = World::new().await;
    world.network().await;
    world.made(machine("m-0-g1", false)).await;
    let mut public = world.made(address("a")).await;
    let spec = EffectSpec::Association {
        address: "a".to_owned(),
        machine: "m-0-g1".to_owned(),
    };
    let mut link = world.made(effect("a-link", spec)).await;
    let error = world.remove(&mut public).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Conflict, "{error}");
    world.gone(&mut link).await;
    world.gone(&mut public).await;
    world.stop().await;
}

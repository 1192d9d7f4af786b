//! What happens behind our back is seen in lists and confirmed by id.

use lazuli_cloud::{Cloud, Health, Progress};
use lazuli_model::state::{Effect, FailureClass};
use reqwest::Method;
use serde_json::json;

use crate::common::{GROUP, World, machine};

/// How the survey shows a machine: its power if it is down.
async fn shown(world: &World, vm: &Effect) -> Option<String> {
    let survey = world.azure.survey().await.unwrap();
    Some(match survey.get(GROUP, &vm.name)? {
        Health::Up => "up".to_owned(),
        Health::Down(down) => down.code.clone(),
    })
}

#[tokio::test]
async fn machines_that_do_not_run_are_told_from_those_that_do() {
    let world = World::new().await;
    world.network().await;
    let mut vm = world.made(machine("m-0-g1", false)).await;
    assert_eq!(shown(&world, &vm).await.as_deref(), Some("up"));
    let id = vm.cloud_id.clone().unwrap();
    for (action, code) in [
        ("powerOff", "PowerState/stopped"),
        ("deallocate", "PowerState/deallocated"),
    ] {
        world
            .arm(Method::POST, &format!("{id}/{action}"), None)
            .await;
        world.until_idle().await;
        assert_eq!(shown(&world, &vm).await.as_deref(), Some(code));
        let Progress::Down(down) = world.poll(&mut vm).await.unwrap() else {
            panic!("{action} is not seen");
        };
        assert_eq!(down.code, code);
        let way_out = format!("az vm start --ids {id}");
        assert!(down.reason.contains(&way_out), "{}", down.reason);
    }
    world.arm(Method::POST, &format!("{id}/start"), None).await;
    world.until_idle().await;
    assert_eq!(shown(&world, &vm).await.as_deref(), Some("up"));
    assert!(matches!(
        world.poll(&mut vm).await.unwrap(),
        Progress::Present { .. }
    ));
    world.stop().await;
}

#[tokio::test]
async fn a_machine_that_was_deleted_is_missing_and_unknown_by_id() {
    let world = World::with(|settings| settings.page_size = 2).await;
    world.network().await;
    let mut all = Vec::new();
    for n in 0..5 {
        all.push(world.made(machine(&format!("m-{n}-g1"), false)).await);
    }
    let survey = world.azure.survey().await.unwrap();
    assert_eq!((survey.machines.len(), survey.pages), (5, 3));
    let target = json!({"id": all[3].cloud_id});
    world
        .control(Method::POST, "vms/remove", Some(target))
        .await;
    assert_eq!(shown(&world, &all[3]).await, None);
    assert_eq!(shown(&world, &all[4]).await.as_deref(), Some("up"));
    let error = world.poll(&mut all[3]).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Gone);
    // With its whole group as well.
    let mut group = crate::common::group();
    let id = format!(
        "/subscriptions/{}/resourceGroups/{}",
        world.config.subscription, group.name
    );
    world.arm(Method::DELETE, &id, None).await;
    world.until_idle().await;
    assert_eq!(world.azure.survey().await.unwrap().machines.len(), 0);
    let error = world.poll(&mut all[0]).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Gone);
    world.gone(&mut all[0]).await;
    world.gone(&mut group).await;
    world.stop().await;
}

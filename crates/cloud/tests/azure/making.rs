//! Resources come to be as their rows say, and lists show them.

use lazuli_cloud::{Cloud, Progress};
use lazuli_model::state::{ChildKind, EffectSpec, SecurityRule};
use reqwest::Method;

use crate::common::{
    GROUP, REGION, World, address, effect, group, machine, network, security_group,
};

#[tokio::test]
async fn a_model_and_a_machine_come_up_and_are_listed() {
    let world = World::new().await;
    world.made(group()).await;
    let rule = SecurityRule {
        priority: 200,
        name: "web-tcp-80-200".to_owned(),
        protocol: "Tcp".to_owned(),
        sources: vec!["*".to_owned()],
        destinations: vec!["10.64.0.4".to_owned(), "10.64.0.5".to_owned()],
        ports: vec!["80".to_owned()],
    };
    world.made(security_group(&[rule])).await;
    world.made(address("nat-address")).await;
    let gateway = EffectSpec::NatGateway {
        region: REGION.to_owned(),
        address: "nat-address".to_owned(),
    };
    world.made(effect("nat", gateway)).await;
    world.made(network(Some("nat"))).await;
    let vm = world.made(machine("m-0-g1", true)).await;

    let seen = world.azure.machines(GROUP).await.unwrap();
    assert_eq!(seen.len(), 1);
    let seen = &seen[0];
    assert_eq!((seen.effect, seen.name.as_str()), (Some(vm.id), "m-0-g1"));
    assert_eq!(seen.cloud_id, vm.cloud_id.unwrap());
    assert_eq!(seen.provisioning, "Succeeded");
    assert_eq!(seen.address.unwrap().to_string(), "10.64.0.4");
    assert!(seen.public_address.is_some());
    let mac = seen.mac.as_deref().unwrap();
    assert_eq!(
        (mac.len(), mac.matches(':').count(), mac.to_lowercase()),
        (17, 5, mac.to_owned())
    );
    let mut kinds: Vec<_> = seen.children.iter().map(|child| child.0).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            ChildKind::Interface,
            ChildKind::PublicAddress,
            ChildKind::Disk
        ]
    );
    world.stop().await;
}

#[tokio::test]
async fn doing_it_again_changes_nothing() {
    let world = World::new().await;
    let mut rows = world.network().await.to_vec();
    rows.push(world.made(machine("m-0-g1", false)).await);
    let before = world.inventory().await;
    for row in &mut rows {
        world.ensure(row).await.unwrap();
        world.ended(row).await.unwrap();
    }
    assert_eq!(world.inventory().await, before);
    // The machine was not written again: what the first PUT made was found.
    let puts = world.journal("PUT", "*virtualMachines*").await;
    assert_eq!(puts, [201, 412]);
    world.stop().await;
}

#[tokio::test]
async fn an_address_is_put_on_an_interface_and_taken_off() {
    let world = World::new().await;
    world.network().await;
    world.made(machine("m-0-g1", false)).await;
    world.made(address("m-0-g1-address")).await;
    let spec = EffectSpec::Association {
        address: "m-0-g1-address".to_owned(),
        machine: "m-0-g1".to_owned(),
    };
    let mut link = world.made(effect("m-0-g1-address-link", spec)).await;
    let public = async || world.azure.machines(GROUP).await.unwrap()[0].public_address;
    assert!(public().await.is_some());
    // It has a row of its own, so it is no child of the machine.
    let seen = world.azure.machines(GROUP).await.unwrap();
    assert!(
        seen[0]
            .children
            .iter()
            .all(|child| child.0 != ChildKind::PublicAddress)
    );
    world.gone(&mut link).await;
    assert_eq!(public().await, None);
    world.stop().await;
}

#[tokio::test]
async fn rules_follow_their_row() {
    let world = World::new().await;
    world.made(group()).await;
    world.made(security_group(&[])).await;
    let rule = |priority: u16, port: &str| SecurityRule {
        priority,
        name: format!("web-{port}"),
        protocol: "Tcp".to_owned(),
        sources: vec!["198.51.100.0/24".to_owned(), "203.0.113.0/24".to_owned()],
        destinations: vec!["10.64.0.4".to_owned()],
        ports: vec![port.to_owned()],
    };
    world
        .made(security_group(&[rule(200, "80"), rule(201, "443")]))
        .await;
    world.made(security_group(&[rule(200, "443")])).await;
    let id = world.id("Network", "networkSecurityGroups", "nsg");
    let group = world.arm(Method::GET, &id, None).await;
    let rules = group["properties"]["securityRules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["properties"]["destinationPortRange"], "443");
    world.stop().await;
}

#[tokio::test]
async fn work_under_way_is_asked_about_and_not_sent_again() {
    let world = World::with(|settings| {
        settings.latency = lazuli_azure_sim::Latency::Fixed(60_000);
    })
    .await;
    let mut group = group();
    world.ensure(&mut group).await.unwrap();
    let mut nsg = security_group(&[]);
    let sent = world.ensure(&mut nsg).await.unwrap();
    let Progress::Accepted {
        operation: Some(url),
        poll_after,
        ..
    } = sent
    else {
        panic!("{sent:?}");
    };
    assert_eq!(poll_after.as_secs(), 60);
    for _ in 0..3 {
        let polled = world.poll(&mut nsg).await.unwrap();
        assert!(
            matches!(&polled, Progress::Accepted { operation: Some(again), .. } if *again == url)
        );
    }
    let puts = world.journal("PUT", "*networkSecurityGroups*").await;
    assert_eq!(puts, [201]);
    world.stop().await;
}

#[tokio::test]
async fn sizes_have_prices_and_limits_have_numbers() {
    let world = World::new().await;
    world.network().await;
    world.made(machine("m-0-g1", true)).await;
    let offers = world.azure.offers(REGION).await.unwrap();
    let small = offers.iter().find(|offer| offer.size == "Standard_B1s");
    let small = small.unwrap();
    assert_eq!(
        (small.cores, small.mem, small.price_micros),
        (1, 1024, Some(10_400))
    );
    let priced: Vec<_> = offers
        .iter()
        .filter_map(|offer| offer.price_micros)
        .collect();
    assert!(priced.is_sorted());
    let usages = world.azure.usages(REGION).await.unwrap();
    let used = |name: &str| usages.iter().find(|usage| usage.name == name).unwrap().used;
    assert_eq!(
        (
            used("cores"),
            used(&small.family),
            used("PublicIPAddresses")
        ),
        (1, 1, 1)
    );
    world.stop().await;
}

//! Groups, networks and machines from their creation to their deletion, over
//! HTTPS, with machines in memory.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]

mod common;

use std::sync::Arc;

use common::{code, header, parts, settings, start, start_with, vm_body};
use lazuli_azure_sim::MemoryHosts;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn one_put_makes_a_machine_and_one_delete_removes_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = Arc::new(MemoryHosts::default());
    let sim = start_with(settings(dir.path()), hosts.clone()).await;
    let subnet = sim.with_network("rg").await;
    let path = sim.vm("rg", "m-1");

    let answer = sim
        .send(
            Method::PUT,
            &path,
            &[("If-None-Match", "*")],
            Some(vm_body(&subnet, true)),
        )
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    let operation = header(&answer, "azure-asyncoperation").unwrap();
    assert_eq!(header(&answer, "retry-after").unwrap(), "0");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["properties"]["provisioningState"], "Creating");
    assert!(body["properties"]["osProfile"]["customData"].is_null());
    assert_eq!(sim.poll(&operation).await["status"], "Succeeded");

    let vm = sim.read(&format!("{path}?$expand=instanceView")).await;
    assert_eq!(vm["properties"]["provisioningState"], "Succeeded");
    assert_eq!(vm["tags"]["lazuli-owner"], "test");
    let statuses = vm["properties"]["instanceView"]["statuses"].to_string();
    assert!(statuses.contains("PowerState/running"), "{statuses}");
    assert!(
        !vm.to_string().contains("10.64."),
        "a VM's answer carries no address"
    );

    let nics = sim.read(&sim.network("rg", "networkInterfaces")).await;
    let nic = &nics["value"][0];
    let name = nic["name"].as_str().unwrap();
    assert!(
        name.len() == "nic-".len() + 8 && name.starts_with("nic-"),
        "{name}"
    );
    assert!(nic["tags"].is_null());
    assert_eq!(nic["properties"]["virtualMachine"]["id"], vm["id"]);
    let ip = &nic["properties"]["ipConfigurations"][0]["properties"];
    assert_eq!(ip["privateIPAddress"], "10.64.0.4");
    let public = sim.read(&sim.network("rg", "publicIPAddresses")).await;
    let address = public["value"][0]["properties"]["ipAddress"]
        .as_str()
        .unwrap();
    assert!(address.starts_with("20.50."), "{address}");

    let guest = hosts_guest(&sim).await;
    let spec = hosts.spec(&guest).unwrap();
    assert_eq!(spec.address.to_string(), "10.64.0.4/24");
    assert_eq!(spec.policy.public_address.unwrap().to_string(), address);
    assert_eq!(spec.custom_data, b"#cloud-config\n");

    sim.remove(&path).await;
    let left = sim.control(Method::GET, "inventory", None).await;
    let types: Vec<&str> = left["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "Microsoft.Resources/resourceGroups",
            "Microsoft.Network/virtualNetworks",
            "Microsoft.Network/virtualNetworks/subnets"
        ]
    );
    assert!(hosts.spec(&guest).is_none());
    sim.simulator.stop().await;
}

async fn hosts_guest(sim: &common::Sim) -> String {
    let inventory = sim.control(Method::GET, "inventory", None).await;
    inventory["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|resource| resource["guest"].as_str())
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_second_create_only_put_is_412_and_names_have_no_case() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("Rg").await;
    let path = sim.vm("Rg", "M-1");
    let vm = sim.create(&path, vm_body(&subnet, false)).await;
    let again = sim
        .send(
            Method::PUT,
            &path.to_lowercase(),
            &[("If-None-Match", "*")],
            Some(vm_body(&subnet, false)),
        )
        .await
        .unwrap();
    let (status, body) = parts(again).await;
    assert_eq!((status, code(&body)), (412, "PreconditionFailed"));
    let found = sim
        .read(
            &path
                .to_uppercase()
                .replace("/SUBSCRIPTIONS", "/subscriptions"),
        )
        .await;
    assert_eq!(found["id"], vm["id"]);
    assert!(
        found["id"]
            .as_str()
            .unwrap()
            .contains("/resourceGroups/Rg/")
    );
    // The same PUT without the condition changes nothing but takes an operation.
    let same = sim.create(&path, vm_body(&subnet, false)).await;
    assert_eq!(same["properties"]["vmId"], vm["properties"]["vmId"]);
    let mut other = vm_body(&subnet, false);
    other["properties"]["osProfile"]["adminUsername"] = json!("someone");
    let (status, body) = sim.put(&path, other).await;
    assert_eq!((status, code(&body)), (409, "PropertyChangeNotAllowed"));
    sim.simulator.stop().await;
}

#[tokio::test]
async fn deletion_goes_in_order_of_dependence() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let nsg = sim.network("rg", "networkSecurityGroups/nsg");
    sim.create(&nsg, json!({"location": "eastus"})).await;
    let public = sim.network("rg", "publicIPAddresses/ip");
    sim.create(
        &public,
        json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}),
    )
    .await;
    let nic = sim.network("rg", "networkInterfaces/nic");
    sim.create(
        &nic,
        json!({"location": "eastus", "properties": {
            "networkSecurityGroup": {"id": nsg},
            "ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}, "publicIPAddress": {"id": public}}}],
        }}),
    )
    .await;
    let mut body = vm_body(&subnet, false);
    body["properties"]["networkProfile"] = json!({"networkInterfaces": [{"id": nic}]});
    let vm = sim.vm("rg", "m");
    let made = sim.create(&vm, body).await;
    let disk = made["properties"]["storageProfile"]["osDisk"]["managedDisk"]["id"]
        .as_str()
        .unwrap()
        .to_owned();

    for (path, expected) in [
        (&nic, "NicInUse"),
        (&public, "PublicIPAddressCannotBeDeleted"),
        (&nsg, "InUseNetworkSecurityGroupCannotBeDeleted"),
        (&subnet, "InUseSubnetCannotBeDeleted"),
        (
            &sim.network("rg", "virtualNetworks/net"),
            "InUseSubnetCannotBeDeleted",
        ),
        (&disk, "OperationNotAllowed"),
    ] {
        let (status, body) = sim.delete(path).await;
        assert!(status == 400 || status == 409, "{path}: {status}");
        assert_eq!(code(&body), expected, "{path}");
    }
    sim.remove(&vm).await;
    // The NIC was to be detached, not deleted.
    assert!(sim.read(&nic).await["properties"]["virtualMachine"].is_null());
    for path in [
        &nic,
        &public,
        &nsg,
        &sim.network("rg", "virtualNetworks/net"),
    ] {
        sim.remove(path).await;
        assert_eq!(sim.get(path).await.0, 404);
        assert_eq!(sim.delete(path).await.0, 204);
    }
    sim.simulator.stop().await;
}

#[tokio::test]
async fn a_group_goes_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = Arc::new(MemoryHosts::default());
    let sim = start_with(settings(dir.path()), hosts.clone()).await;
    let subnet = sim.with_network("rg").await;
    for n in 0..3 {
        sim.create(&sim.vm("rg", &format!("m{n}")), vm_body(&subnet, true))
            .await;
    }
    // While it hangs, the group takes no writes.
    let fault = json!({"method": "DELETE", "path": "*/resourceGroups/rg", "count": 1, "action": {"hang_operation": true}});
    sim.control(Method::POST, "faults", Some(fault)).await;
    assert_eq!(sim.delete(&sim.group("rg")).await.0, 202);
    let (status, body) = sim
        .put(&sim.vm("rg", "late"), vm_body(&subnet, false))
        .await;
    assert_eq!((status, code(&body)), (409, "ResourceGroupBeingDeleted"));
    sim.simulator.stop().await;

    let sim = start_with(settings(dir.path()), hosts.clone()).await;
    sim.create(&sim.group("other"), json!({"location": "westeurope"}))
        .await;
    let subnet = sim.with_network("second").await;
    sim.create(&sim.vm("second", "m"), vm_body(&subnet, true))
        .await;
    sim.remove(&sim.group("second")).await;
    let left = sim.control(Method::GET, "inventory", None).await;
    assert!(!left.to_string().contains("/resourceGroups/second"));
    let (status, body) = sim.get(&sim.group("second")).await;
    assert_eq!((status, code(&body)), (404, "ResourceGroupNotFound"));
    assert_eq!(hosts.vnets().len(), 1);
    sim.simulator.stop().await;
}

#[tokio::test]
async fn power_actions_change_the_power_state() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let vm = sim.vm("rg", "m");
    sim.create(&vm, vm_body(&subnet, false)).await;
    for (action, state) in [
        ("powerOff", "PowerState/stopped"),
        ("start", "PowerState/running"),
        ("restart", "PowerState/running"),
        ("deallocate", "PowerState/deallocated"),
        ("start", "PowerState/running"),
    ] {
        assert_eq!(
            sim.act(&format!("{vm}/{action}")).await["status"],
            "Succeeded"
        );
        let view = sim.read(&format!("{vm}/instanceView")).await;
        assert!(
            view["statuses"].to_string().contains(state),
            "{action}: {view}"
        );
    }
    let (status, body) = parts(
        sim.send(Method::PATCH, &vm, &[], Some(json!({"tags": {"a": "b"}})))
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, &body["tags"]), (200, &json!({"a": "b"})));
    sim.simulator.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.page_size = 2;
    let sim = start_with(settings, Arc::new(MemoryHosts::default())).await;
    let subnet = sim.with_network("rg").await;
    for n in 0..5 {
        sim.create(&sim.vm("rg", &format!("m{n}")), vm_body(&subnet, false))
            .await;
    }
    for list in [
        format!(
            "{}/providers/Microsoft.Compute/virtualMachines",
            sim.subscription()
        ),
        format!(
            "{}/providers/Microsoft.Compute/virtualMachines",
            sim.group("RG")
        ),
        sim.network("rg", "networkInterfaces"),
    ] {
        let mut seen = Vec::new();
        let mut next = Some(list.clone());
        let mut pages = 0;
        while let Some(url) = next {
            let page = sim.read(&url).await;
            pages += 1;
            seen.extend(
                page["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["id"].to_string()),
            );
            next = page["nextLink"].as_str().map(ToOwned::to_owned);
        }
        seen.dedup();
        assert_eq!((seen.len(), pages), (5, 3), "{list}");
    }
    sim.simulator.stop().await;
}

#[tokio::test]
async fn what_was_answered_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let vm = sim.create(&sim.vm("rg", "m"), vm_body(&subnet, true)).await;
    let before = sim.control(Method::GET, "inventory", None).await;
    let url = sim.simulator.endpoint().https.clone();
    let token = sim.token.clone();
    sim.simulator.stop().await;

    let mut sim = start(dir.path()).await;
    assert_eq!(sim.simulator.endpoint().https, url, "the port is kept");
    assert_eq!(sim.control(Method::GET, "inventory", None).await, before);
    sim.token = token;
    let after = sim.read(&sim.vm("rg", "m")).await;
    assert_eq!(after["properties"]["vmId"], vm["properties"]["vmId"]);
    // Names and addresses go on where they were.
    sim.create(&sim.vm("rg", "m2"), vm_body(&subnet, false))
        .await;
    let nics = sim
        .read(&sim.network("rg", "networkInterfaces"))
        .await
        .to_string();
    assert!(nics.contains("10.64.0.5"), "{nics}");
    sim.simulator.stop().await;
}

#[tokio::test]
async fn a_second_instance_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let refused = lazuli_azure_sim::DataDir::lock(dir.path());
    assert!(matches!(refused, Err(lazuli_azure_sim::Error::Locked(_))));
    sim.simulator.stop().await;
}

#[tokio::test]
async fn security_rules_reach_the_machines() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = Arc::new(MemoryHosts::default());
    let sim = start_with(settings(dir.path()), hosts.clone()).await;
    let subnet = sim.with_network("rg").await;
    let nsg = sim.network("rg", "networkSecurityGroups/nsg");
    sim.create(
        &nsg,
        json!({"location": "eastus", "properties": {"securityRules": []}}),
    )
    .await;
    sim.create(
        &subnet,
        json!({"properties": {"addressPrefix": "10.64.0.0/24", "networkSecurityGroup": {"id": nsg}}}),
    )
    .await;
    sim.create(&sim.vm("rg", "m"), vm_body(&subnet, false))
        .await;
    let guest = hosts_guest(&sim).await;
    assert_eq!(hosts.policy(&guest).unwrap().groups[0].rules, []);
    let rule = format!("{nsg}/securityRules/web");
    let body = |priority: u32| {
        json!({"properties": {
            "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": priority,
            "sourceAddressPrefix": "Internet", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "80",
        }})
    };
    sim.create(&rule, body(200)).await;
    assert_eq!(hosts.policy(&guest).unwrap().groups[0].rules.len(), 1);
    let (status, refused) = sim
        .put(&format!("{nsg}/securityRules/other"), body(200))
        .await;
    assert_eq!((status, code(&refused)), (400, "SecurityRuleConflict"));
    let (status, refused) = sim
        .put(&format!("{nsg}/securityRules/other"), body(99))
        .await;
    assert_eq!(
        (status, code(&refused)),
        (400, "SecurityRuleInvalidPriority")
    );
    sim.remove(&rule).await;
    assert_eq!(hosts.policy(&guest).unwrap().groups[0].rules, []);
    // A public address is given to the NIC that is there, and taken again.
    let public = sim.network("rg", "publicIPAddresses/ip");
    sim.create(
        &public,
        json!({"location": "eastus", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}),
    )
    .await;
    let nics = sim.read(&sim.network("rg", "networkInterfaces")).await;
    let mut nic = nics["value"][0].clone();
    let id = nic["id"].as_str().unwrap().to_owned();
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] =
        json!({"id": public});
    sim.create(&id, nic.clone()).await;
    let policy = hosts.policy(&guest).unwrap();
    assert!(policy.public_address.is_some());
    nic["properties"]["ipConfigurations"][0]["properties"]["publicIPAddress"] = Value::Null;
    sim.create(&id, nic).await;
    assert_eq!(hosts.policy(&guest).unwrap().public_address, None);
    sim.remove(&public).await;
    sim.simulator.stop().await;
}

//! Machines with several network interfaces, over HTTPS, with machines in
//! memory.

mod common;

use common::{code, parts, start, vm_body};
use reqwest::Method;
use serde_json::{Value, json};

/// A body with a NIC in each subnet; the first is primary unless said so.
fn body(subnets: &[&str], primaries: &[bool]) -> Value {
    let mut body = vm_body(subnets[0], false);
    let configurations = subnets.iter().zip(primaries).enumerate();
    let configurations: Vec<Value> = configurations
        .map(|(number, (subnet, primary))| {
            json!({
                "name": format!("nic{number}"),
                "properties": {
                    "primary": primary,
                    "deleteOption": "Delete",
                    "ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}],
                },
            })
        })
        .collect();
    body["properties"]["networkProfile"]["networkInterfaceConfigurations"] = json!(configurations);
    body
}

#[tokio::test]
async fn each_interface_is_in_its_subnet_and_the_size_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let first = sim.with_network("rg").await;
    let second = first.replace("subnets/default", "subnets/db");
    sim.create(
        &second,
        json!({"properties": {"addressPrefix": "10.64.32.0/24"}}),
    )
    .await;
    let path = sim.vm("rg", "m-1");
    let refused = async |subnets: &[&str], primaries: &[bool]| {
        let body = body(subnets, primaries);
        let answer = sim.send(Method::PUT, &path, &[], Some(body)).await.unwrap();
        let (status, body) = parts(answer).await;
        (status, code(&body).to_owned())
    };
    assert_eq!(
        refused(&[&first, &second, &second], &[true, false, false]).await,
        (409, "NetworkInterfaceCountExceeded".to_owned())
    );
    assert_eq!(
        refused(&[&first, &second], &[true, true]).await,
        (
            400,
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary".to_owned()
        )
    );
    sim.create(&path, body(&[&first, &second], &[true, false]))
        .await;
    let vm = sim.read(&path).await;
    let named = vm["properties"]["networkProfile"]["networkInterfaces"]
        .as_array()
        .unwrap();
    let mut seen = Vec::new();
    for link in named {
        let nic = sim.read(link["id"].as_str().unwrap()).await;
        let ip = &nic["properties"]["ipConfigurations"][0]["properties"];
        seen.push((
            nic["properties"]["primary"].as_bool().unwrap(),
            ip["privateIPAddress"].as_str().unwrap().to_owned(),
        ));
    }
    assert_eq!(
        seen,
        [
            (true, "10.64.0.4".to_owned()),
            (false, "10.64.32.4".to_owned())
        ]
    );
}

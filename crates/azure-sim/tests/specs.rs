//! Microsoft's own examples, replayed: what they PUT is taken, and what comes
//! back has the types of their answers. Skips with a word where the documents
//! are missing.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Sim, settings, start_with};
use lazuli_azure_sim::MemoryHosts;
use serde_json::{Value, json};

/// Operation, path below the subscription with the example's parameters.
const PUTS: [(&str, &str); 10] = [
    (
        "ResourceGroups_CreateOrUpdate",
        "resourcegroups/{resourceGroupName}",
    ),
    (
        "VirtualNetworks_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}",
    ),
    (
        "Subnets_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
    ),
    (
        "NetworkSecurityGroups_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
    ),
    (
        "SecurityRules_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}/securityRules/{securityRuleName}",
    ),
    (
        "PublicIPAddresses_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/publicIPAddresses/{publicIpAddressName}",
    ),
    (
        "NatGateways_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/natGateways/{natGatewayName}",
    ),
    (
        "NetworkInterfaces_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Network/networkInterfaces/{networkInterfaceName}",
    ),
    (
        "Disks_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/disks/{diskName}",
    ),
    (
        "VirtualMachines_CreateOrUpdate",
        "resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/virtualMachines/{vmName}",
    ),
];

fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("LAZULI_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("azure-specs/examples");
    if folder.join("INDEX.json").is_file() {
        return Some(folder);
    }
    println!("skipped: there are no examples in {}", folder.display());
    None
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The examples' placeholders, as names that ARM takes.
fn adapt(text: &str, subscription: &str) -> String {
    let text = text
        .replace("/subscriptions/subid", "/subscriptions/{subscription-id}")
        .replace("{subscription-id}", subscription)
        .replace("{subscriptionId}", subscription)
        // An early-access region.
        .replace("eastus2euap", "eastus2");
    text.replace(['{', '}'], "")
}

fn adapted(value: &Value, subscription: &str) -> Value {
    match value {
        Value::String(text) => json!(adapt(text, subscription)),
        Value::Array(list) => list
            .iter()
            .map(|item| adapted(item, subscription))
            .collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| (key.clone(), adapted(item, subscription)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with("/subscriptions/") => {
            found.insert(text.clone());
        }
        // What a disk is a copy of is named without the first slash.
        Value::String(text) if text.starts_with("subscriptions/") => {
            found.insert(format!("/{text}"));
        }
        Value::Array(list) => list.iter().for_each(|item| references(item, found)),
        Value::Object(map) => map.values().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Makes what an example refers to, if it is of a type that is kept here.
async fn prepare(sim: &Sim, reference: &str, location: &str) {
    let parts: Vec<&str> = reference.split('/').collect();
    let body = match parts
        .get(7)
        .map(|part| part.to_ascii_lowercase())
        .as_deref()
    {
        Some("publicipaddresses") => json!({
            "location": location, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"},
        }),
        Some("networksecuritygroups" | "natgateways") => json!({"location": location}),
        Some("disks") => json!({
            "location": location, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10},
        }),
        Some("networkinterfaces") => {
            let subnet = format!(
                "{}/providers/Microsoft.Network/virtualNetworks/of-{}/subnets/default",
                parts[..5].join("/"),
                parts[8]
            );
            Box::pin(prepare(sim, &subnet, location)).await;
            json!({"location": location, "properties": {
                "ipConfigurations": [{"name": "ip", "properties": {"subnet": {"id": subnet}}}],
            }})
        }
        Some("virtualnetworks") => {
            let subnets: Vec<Value> = parts
                .get(10)
                .map(|name| json!({"name": name, "properties": {"addressPrefix": "10.0.128.0/24"}}))
                .into_iter()
                .collect();
            json!({"location": location, "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets,
            }})
        }
        _ => return,
    };
    sim.create(&parts[..5].join("/"), json!({"location": location}))
        .await;
    if sim.get(reference).await.0 != 200 {
        sim.create(&parts[..9].join("/"), body).await;
    }
}

/// Where both have a value, it is of one type.
fn differences(expected: &Value, got: &Value, path: &str, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, value) in expected {
                if let Some(other) = got.get(key) {
                    differences(value, other, &format!("{path}.{key}"), found);
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            if let (Some(expected), Some(got)) = (expected.first(), got.first()) {
                differences(expected, got, &format!("{path}[0]"), found);
            }
        }
        (expected, got) => {
            let same = std::mem::discriminant(expected) == std::mem::discriminant(got);
            if !same && !expected.is_null() && !got.is_null() {
                found.push(format!("{path}: {expected} became {got}"));
            }
        }
    }
}

/// Why an example is out of what the simulator offers.
fn out_of_scope(operation: &str, body: &Value) -> bool {
    let text = body.to_string().to_ascii_lowercase();
    match operation {
        // Marketplace images of Ubuntu on sizes on sale are all there is.
        "VirtualMachines_CreateOrUpdate" => {
            !text.contains("\"canonical\"")
                || [
                    "virtualmachinescalesets",
                    "availabilitysets",
                    "communitygallery",
                    "\"vhd\"",
                ]
                .iter()
                .any(|word| text.contains(word))
        }
        // There are no snapshots.
        "Disks_CreateOrUpdate" => text.contains("/snapshots/"),
        // Nor are there load balancers and whole prefixes on a NIC.
        "NetworkInterfaces_CreateOrUpdate" => {
            text.contains("loadbalancer") || text.contains("privateipaddressprefixlength")
        }
        _ => false,
    }
}

#[tokio::test]
async fn examples_of_microsoft_are_taken() {
    let Some(folder) = folder() else { return };
    let mut replayed = 0;
    let mut problems = Vec::new();
    for entry in read(&folder.join("INDEX.json")).as_array().unwrap() {
        let Some((operation, template)) = PUTS.iter().find(|(operation, _)| {
            entry["operationIds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|id| id == operation)
        }) else {
            continue;
        };
        let file = entry["file"].as_str().unwrap();
        let example = read(&folder.join(file));
        let dir = tempfile::tempdir().unwrap();
        let sim = start_with(settings(dir.path()), Arc::new(MemoryHosts::default())).await;
        let subscription = sim.simulator.endpoint().subscription.clone();
        let parameters = adapted(&example["parameters"], &subscription);
        let mut path = format!("/subscriptions/{subscription}/{template}");
        let mut body = Value::Null;
        for (name, value) in parameters.as_object().unwrap() {
            match value {
                Value::String(text) => path = path.replace(&format!("{{{name}}}"), text),
                Value::Object(_) => body = value.clone(),
                _ => {}
            }
        }
        if body.is_null() || out_of_scope(operation, &body) {
            sim.simulator.stop().await;
            continue;
        }
        replayed += 1;
        let location = body["location"].as_str().unwrap_or("eastus").to_owned();
        let segments: Vec<&str> = path.split('/').collect();
        let mut needed = BTreeSet::new();
        references(&body, &mut needed);
        if segments.len() > 9 {
            needed.insert(segments[..9].join("/"));
        }
        sim.create(&segments[..5].join("/"), json!({"location": location}))
            .await;
        for reference in &needed {
            prepare(&sim, reference, &location).await;
        }
        let (status, answer) = sim.put(&path, body).await;
        if !(200..300).contains(&status) {
            problems.push(format!("{file}: {status} {answer}"));
        }
        let expected = example["responses"]["201"]["body"].clone();
        let expected = if expected.is_null() {
            example["responses"]["200"]["body"].clone()
        } else {
            expected
        };
        let mut found = Vec::new();
        differences(&expected, &answer, "", &mut found);
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("{file}: {problem}")),
        );
        sim.simulator.stop().await;
    }
    println!("{replayed} examples");
    assert_eq!(problems, Vec::<String>::new());
    assert!(replayed > 30, "only {replayed} examples were found");
}

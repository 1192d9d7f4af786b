//! How VMs are shown. They carry neither addresses nor secrets.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::body::envelope;
use crate::resource::{Power, Provisioning, Resource, Vm};

/// What of a VM's body is written but never read.
pub(crate) const WRITE_ONLY: [&str; 2] = ["customData", "adminPassword"];

/// Milliseconds since 1970 as ARM writes times.
pub(crate) fn timestamp(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}

pub(crate) fn render(resource: &Resource, with_view: bool) -> Value {
    let mut body = envelope(resource);
    let Some(vm) = resource.vm() else {
        return body;
    };
    body["etag"] = json!(resource.etag());
    let properties = &mut body["properties"];
    properties["timeCreated"] = json!(timestamp(resource.created_ms));
    properties["networkProfile"]["networkInterfaces"] = vm
        .nics
        .iter()
        .map(|nic| {
            json!({
                "id": nic.id.to_string(),
                "properties": {
                    "primary": nic.primary,
                    "deleteOption": if nic.delete { "Delete" } else { "Detach" },
                },
            })
        })
        .collect();
    let profile = &mut properties["osProfile"];
    for (name, value) in [
        ("computerName", json!(vm.hostname)),
        ("secrets", json!([])),
        ("allowExtensionOperations", json!(true)),
        ("requireGuestProvisionSignal", json!(true)),
    ] {
        if profile[name].is_null() {
            profile[name] = value;
        }
    }
    for (name, value) in [
        (
            "disablePasswordAuthentication",
            json!(!vm.ssh_keys.is_empty()),
        ),
        ("provisionVMAgent", json!(true)),
    ] {
        if profile["linuxConfiguration"][name].is_null() {
            profile["linuxConfiguration"][name] = value;
        }
    }
    if with_view {
        properties["instanceView"] = instance_view(resource, vm);
    }
    body
}

fn status(code: &str, display: &str, time: &str) -> Value {
    json!({"code": code, "level": "Info", "displayStatus": display, "time": time})
}

/// The instance view: provisioning, power, agent, disks.
pub(crate) fn instance_view(resource: &Resource, vm: &Vm) -> Value {
    let time = timestamp(resource.created_ms);
    let provisioning = match (resource.provisioning, &vm.failure) {
        (Provisioning::Failed, Some(failure)) => json!({
            "code": format!("ProvisioningState/failed/{}", failure.code),
            "level": "Error",
            "displayStatus": "Provisioning failed",
            "message": failure.message,
            "time": time,
        }),
        (state, _) => {
            let lower = state.text().to_ascii_lowercase();
            let display = match state {
                Provisioning::Succeeded => "Provisioning succeeded".to_owned(),
                Provisioning::Failed => "Provisioning failed".to_owned(),
                other => other.text().to_owned(),
            };
            status(&format!("ProvisioningState/{lower}"), &display, &time)
        }
    };
    let mut statuses = vec![provisioning];
    if vm.built {
        statuses.push(json!({
            "code": format!("PowerState/{}", vm.power.code()),
            "level": "Info",
            "displayStatus": format!("VM {}", vm.power.code()),
        }));
    }
    let mut view = json!({
        "computerName": vm.hostname,
        "hyperVGeneration": "V2",
        "statuses": statuses,
    });
    if let Some(disk) = &vm.os_disk {
        view["disks"] = json!([{
            "name": disk.name,
            "statuses": [status("ProvisioningState/succeeded", "Provisioning succeeded", &time)],
        }]);
    }
    if vm.power == Power::Running {
        view["osName"] = json!("ubuntu");
        view["vmAgent"] = json!({
            "vmAgentVersion": "2.12.0.4",
            "statuses": [{
                "code": "ProvisioningState/succeeded",
                "level": "Info",
                "displayStatus": "Ready",
                "message": "Guest Agent is running",
                "time": time,
            }],
            "extensionHandlers": [],
        });
    }
    view
}

//! The data disks of virtual machines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Azure;
use super::error::unanswered;
use super::ids::{COMPUTE, name_of, same};
use super::progress::{accepted, what, written};
use crate::{Call, CloudError, Progress};

/// Disks whose names begin so are ours, in the model's own group; others that
/// somebody attached by hand stay.
const OURS: &str = "volume-";

impl Azure {
    /// Brings a machine to a list of data disks (LUN to name), and says
    /// `Present` when it has them.
    pub(super) async fn bring_disks(
        &self,
        call: Call<'_>,
        machine: &str,
        disks: &BTreeMap<u8, String>,
    ) -> Result<Progress, CloudError> {
        let what = what("update", call.effect);
        let id = self.ids.compute(call.group, "virtualMachines", machine);
        let url = self.arm.url(&id, COMPUTE, &[]);
        let Some(found) = self.arm.find(&what, url.clone()).await? else {
            if disks.is_empty() {
                return Ok(Progress::Gone);
            }
            return Err(unanswered(
                &what,
                "its machine is not there".to_owned(),
                false,
            ));
        };
        let none = Vec::new();
        let current = found["properties"]["storageProfile"]["dataDisks"]
            .as_array()
            .unwrap_or(&none);
        let has: BTreeMap<u64, &str> = current
            .iter()
            .filter(|disk| is_ours(disk))
            .filter_map(|disk| Some((disk["lun"].as_u64()?, disk_id(disk)?)))
            .collect();
        let wanted: BTreeMap<u64, String> = disks
            .iter()
            .map(|(lun, name)| (u64::from(*lun), self.ids.compute(call.group, "disks", name)))
            .collect();
        let equal = has.len() == wanted.len()
            && has
                .iter()
                .zip(&wanted)
                .all(|(has, wanted)| has.0 == wanted.0 && same(has.1, wanted.1));
        if equal {
            let state = found["properties"]["provisioningState"].as_str();
            if matches!(state, Some("Updating")) {
                return Ok(accepted(call.effect, None, super::progress::POLL));
            }
            return Ok(Progress::Present { cloud_id: id });
        }
        let kept = current.iter().filter(|disk| !is_ours(disk)).cloned();
        let ours = wanted.iter().map(|(lun, id)| {
            json!({
                "lun": lun,
                "createOption": "Attach",
                "caching": "None",
                "deleteOption": "Detach",
                "managedDisk": { "id": id },
            })
        });
        let body = json!({
            "properties": { "storageProfile": { "dataDisks": kept.chain(ours).collect::<Vec<_>>() } }
        });
        let answer = self
            .arm
            .patch(&what, url, body.to_string().into_bytes(), call.fence)
            .await?;
        Ok(written(&call, &id, &answer))
    }
}

fn disk_id(disk: &Value) -> Option<&str> {
    disk["managedDisk"]["id"].as_str()
}

fn is_ours(disk: &Value) -> bool {
    disk_id(disk).is_some_and(|id| name_of(id).starts_with(OURS))
}

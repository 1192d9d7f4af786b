//! Public addresses on the interfaces of machines.

use serde_json::{Value, json};

use super::Azure;
use super::error::unanswered;
use super::ids::{NETWORK, same};
use super::progress::{what, written};
use super::transport::Guard;
use crate::{Call, CloudError, Progress};

impl Azure {
    /// Gives the interface of a machine a public address, or takes it away.
    pub(super) async fn associate(
        &self,
        call: Call<'_>,
        machine: &str,
        address: Option<String>,
    ) -> Result<Progress, CloudError> {
        let what = what(
            if address.is_some() {
                "create"
            } else {
                "delete"
            },
            call.effect,
        );
        let machine = self.ids.compute(call.group, "virtualMachines", machine);
        let all = self.ids.network(call.group, "networkInterfaces", "");
        let url = self.arm.url(all.trim_end_matches('/'), NETWORK, &[]);
        let interfaces = self.arm.list(&what, url).await?;
        let owned = |interface: &&Value| {
            interface["properties"]["virtualMachine"]["id"]
                .as_str()
                .is_some_and(|owner| same(owner, &machine))
        };
        let Some(mut interface) = interfaces.iter().find(owned).cloned() else {
            if address.is_none() {
                return Ok(Progress::Gone);
            }
            return Err(unanswered(
                &what,
                "its machine has no interface yet".to_owned(),
                false,
            ));
        };
        let id = interface["id"].as_str().unwrap_or_default().to_owned();
        let current = &mut interface["properties"]["ipConfigurations"][0]["properties"];
        let has = current["publicIPAddress"]["id"].as_str();
        let wanted = match (&address, has) {
            (Some(wanted), Some(has)) => same(wanted, has),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if wanted {
            return Ok(Progress::Present { cloud_id: id });
        }
        match address {
            Some(address) => current["publicIPAddress"] = json!({ "id": address }),
            None => drop(
                current
                    .as_object_mut()
                    .and_then(|ip| ip.remove("publicIPAddress")),
            ),
        }
        let bytes = interface.to_string().into_bytes();
        let url = self.arm.url(&id, NETWORK, &[]);
        let answer = self
            .arm
            .put(&what, url, bytes, Guard::None, call.fence)
            .await?;
        Ok(written(&call, &id, &answer))
    }
}

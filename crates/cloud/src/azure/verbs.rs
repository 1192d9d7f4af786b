//! The verbs of [`Cloud`] for Azure.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::ModelId;
use lazuli_model::offer::Offer;
use lazuli_model::state::{Effect, EffectSpec, EffectState, FailureClass};
use serde_json::Value;

use super::error::{invalid, unanswered};
use super::ids::{COMPUTE, NETWORK, RESOURCES, SKUS, group_of, name_of};
use super::progress::{POLL, accepted, fail_on, foreign, is_ours, running, seen, what};
use super::transport::is_absent;
use super::{Azure, list, machine, offers};
use crate::{
    Call, Cloud, CloudError, CloudSpec, Health, MachineOrder, Progress, SeenMachine, Survey, Usage,
};

#[async_trait]
impl Cloud for Azure {
    fn spec(&self) -> Option<CloudSpec> {
        Some(self.spec.clone())
    }

    fn freeze(&self, order: &MachineOrder<'_>) -> Result<Vec<u8>, CloudError> {
        machine::body(&self.ids, order)
    }

    async fn ensure(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        match &call.effect.spec {
            EffectSpec::VirtualMachine(_) => self.ensure_machine(call).await,
            EffectSpec::Association { address, machine } => {
                let id = self.ids.network(call.group, "publicIPAddresses", address);
                self.associate(call, machine, Some(id)).await
            }
            EffectSpec::Group { .. }
            | EffectSpec::Network { .. }
            | EffectSpec::SecurityGroup { .. }
            | EffectSpec::NatGateway { .. }
            | EffectSpec::Disk { .. }
            | EffectSpec::PublicAddress { .. } => self.ensure_shared(call).await,
            EffectSpec::DataDisks { machine, disks } => {
                self.bring_disks(call, machine, disks).await
            }
            EffectSpec::Child { .. } => Err(invalid(
                &what("create", call.effect),
                "it comes with its machine".to_owned(),
            )),
        }
    }

    async fn poll(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let deleting = matches!(call.effect.state, EffectState::Deleting { .. });
        let verb = match call.effect.state {
            EffectState::Deleting { .. } => "delete",
            EffectState::Present => "look at",
            _ => "create",
        };
        let what = what(verb, call.effect);
        let operation = match &call.effect.state {
            EffectState::Accepted { operation, .. } | EffectState::Deleting { operation, .. } => {
                operation.as_deref()
            }
            EffectState::Planned
            | EffectState::Sent { .. }
            | EffectState::Present
            | EffectState::Gone
            | EffectState::Foreign => None,
        };
        if let Some(operation) = operation {
            let url = self.arm.follow(&what, operation)?;
            match self.arm.get(&what, url).await {
                Ok(answer) => {
                    if let Some(wait) = running(&answer) {
                        return Ok(accepted(call.effect, Some(operation.to_owned()), wait));
                    }
                    fail_on(&what, &answer.body)?;
                    if deleting {
                        return Ok(Progress::Gone);
                    }
                }
                // What is known of operations is not kept for ever: the
                // resource tells.
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        self.look(call, &what, deleting).await
    }

    async fn remove(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let what = what("delete", call.effect);
        if let EffectSpec::Association { machine, .. } = &call.effect.spec {
            return match self.associate(call, machine, None).await? {
                Progress::Present { .. } => Ok(Progress::Gone),
                other => Ok(other),
            };
        }
        if let EffectSpec::DataDisks { machine, .. } = &call.effect.spec {
            return match self.bring_disks(call, machine, &BTreeMap::new()).await? {
                Progress::Present { .. } => Ok(Progress::Gone),
                other => Ok(other),
            };
        }
        let Some((id, version)) = self.ids.of(call.group, call.effect) else {
            return Ok(Progress::Gone);
        };
        let url = self.arm.url(&id, version, &[]);
        if !matches!(call.effect.spec, EffectSpec::Child { .. }) {
            match self.arm.find(&what, url.clone()).await? {
                None => return Err(absent(&what)),
                Some(found) if !is_ours(&call, &found) => return Ok(foreign(&id)),
                Some(_) => {}
            }
        }
        if let EffectSpec::Group { .. } = call.effect.spec {
            self.refuse_unless_empty(&what, &id).await?;
        }
        let url = match &call.effect.state {
            // The deletion before this one does not come to its end. (Force
            // does not let the machine write what it has in memory.)
            EffectState::Deleting {
                operation: Some(_), ..
            } if is_machine(call.effect) => {
                self.arm.url(&id, version, &[("forceDeletion", "true")])
            }
            _ => url,
        };
        match self.arm.delete(&what, url, call.fence).await {
            Ok(answer) => Ok(match running(&answer) {
                Some(wait) => accepted(call.effect, answer.operation, wait),
                None => Progress::Gone,
            }),
            Err(error) if is_absent(&error) => Ok(Progress::Gone),
            Err(error) => Err(error),
        }
    }

    async fn machines(&self, group: &str) -> Result<Vec<SeenMachine>, CloudError> {
        let what = format!("list the machines of {group}");
        let machines = self.ids.compute(group, "virtualMachines", "");
        let interfaces = self.ids.network(group, "networkInterfaces", "");
        let addresses = self.ids.network(group, "publicIPAddresses", "");
        let url = |id: &str, version| self.arm.url(id.trim_end_matches('/'), version, &[]);
        let (machines, interfaces, addresses) = tokio::try_join!(
            self.arm.list(&what, url(&machines, COMPUTE)),
            self.arm.list(&what, url(&interfaces, NETWORK)),
            self.arm.list(&what, url(&addresses, NETWORK)),
        )?;
        Ok(list::join(&machines, &interfaces, &addresses))
    }

    async fn contents(
        &self,
        model: ModelId,
        group: &str,
    ) -> Result<Option<Vec<CloudResource>>, CloudError> {
        let what = format!("list the resources of {group}");
        let path = format!("{}/resources", self.ids.group(group));
        match self
            .arm
            .list(&what, self.arm.url(&path, RESOURCES, &[]))
            .await
        {
            Ok(items) => {
                let model = model.to_string();
                Ok(Some(
                    items
                        .iter()
                        .map(|item| list::resource(item, &model))
                        .collect(),
                ))
            }
            Err(error) if error.code == "ResourceGroupNotFound" => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn survey(&self) -> Result<Survey, CloudError> {
        let path = format!(
            "{}/providers/Microsoft.Compute/virtualMachines",
            self.ids.subscription()
        );
        let url = self.arm.url(&path, COMPUTE, &[("statusOnly", "true")]);
        let mut machines = HashMap::new();
        let take = |page: Vec<Value>| {
            for machine in page {
                let id = machine["id"].as_str().unwrap_or_default();
                if let Some(group) = group_of(id) {
                    let key = (group.to_lowercase(), name_of(id).to_lowercase());
                    machines.insert(key, list::health(&machine));
                }
            }
        };
        let what = "list the virtual machines of the subscription";
        let pages = self.arm.pages(what, url, take).await?;
        Ok(Survey { machines, pages })
    }

    async fn offers(&self, region: &str) -> Result<Vec<Offer>, CloudError> {
        let what = format!("list the sizes of {region}");
        let path = format!(
            "{}/providers/Microsoft.Compute/skus",
            self.ids.subscription()
        );
        let filter = format!("location eq '{region}'");
        let url = self.arm.url(&path, SKUS, &[("$filter", filter.as_str())]);
        let skus = self.arm.list(&what, url).await?;
        // Prices rank the sizes; without them there are still sizes.
        let prices = match self.prices(region).await {
            Ok(prices) => prices,
            Err(error) => {
                tracing::warn!(%error, region, "no prices: sizes are ranked by cores and memory");
                Vec::new()
            }
        };
        Ok(offers::offers(&skus, &offers::prices(&prices), region))
    }

    async fn usages(&self, region: &str) -> Result<Vec<Usage>, CloudError> {
        let what = format!("read the limits of {region}");
        let mut usages = Vec::new();
        for (provider, version) in [
            ("Microsoft.Compute", COMPUTE),
            ("Microsoft.Network", NETWORK),
        ] {
            let scope = format!(
                "{}/providers/{provider}/locations/{region}",
                self.ids.subscription()
            );
            let path = format!("{scope}/usages");
            let items = self
                .arm
                .list(&what, self.arm.url(&path, version, &[]))
                .await?;
            usages.extend(offers::usages(&items, &scope));
        }
        Ok(usages)
    }
}
impl Azure {
    /// What the resource itself tells.
    async fn look(
        &self,
        call: Call<'_>,
        what: &str,
        deleting: bool,
    ) -> Result<Progress, CloudError> {
        let id = match self.ids.of(call.group, call.effect) {
            Some((id, version)) => Some((id, version)),
            None => {
                let version = match call.effect.spec {
                    EffectSpec::DataDisks { .. } => COMPUTE,
                    _ => NETWORK,
                };
                call.effect.cloud_id.clone().map(|id| (id, version))
            }
        };
        let Some((id, version)) = id else {
            return Err(invalid(what, "it has no id".to_owned()));
        };
        let expand: &[_] = if is_machine(call.effect) {
            &[("$expand", "instanceView")]
        } else {
            &[]
        };
        match self
            .arm
            .find(what, self.arm.url(&id, version, expand))
            .await?
        {
            None => Err(absent(what)),
            Some(_) if deleting => Ok(accepted(call.effect, None, POLL)),
            Some(found) if call.effect.state == EffectState::Present => {
                // What failed since is of no interest while it runs.
                match list::health(&found) {
                    Health::Up => Ok(Progress::Present { cloud_id: id }),
                    Health::Down(down) => Ok(Progress::Down(down)),
                }
            }
            Some(found) => {
                fail_on(what, &found["properties"])?;
                Ok(seen(call.effect, &id, &found))
            }
        }
    }
}

/// A read did not find it, which may be because reads lag.
fn absent(what: &str) -> CloudError {
    CloudError {
        class: FailureClass::Gone,
        code: "ResourceNotFound".to_owned(),
        ..unanswered(what, "the cloud does not know it (yet)".to_owned(), true)
    }
}

fn is_machine(effect: &Effect) -> bool {
    matches!(effect.spec, EffectSpec::VirtualMachine(_))
}

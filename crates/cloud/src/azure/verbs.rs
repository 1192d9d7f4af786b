//! The verbs of [`Cloud`] for Azure.

use std::time::Duration;

use async_trait::async_trait;
use lazuli_model::offer::Offer;
use lazuli_model::state::{Effect, EffectSpec, EffectState, FailureClass};
use serde_json::{Value, json};

use super::error::{Answer, invalid, unanswered};
use super::ids::{COMPUTE, NETWORK, RESOURCES, SKUS, TAG_CONTROLLER, same};
use super::transport::{Guard, Success, is_absent};
use super::{Azure, bodies, list, machine, offers};
use crate::{Call, Cloud, CloudError, MachineOrder, Progress, SeenMachine, Usage};

/// Work of the cloud is asked about this often where it names no time. At most
/// 15 times a minute are allowed per virtual machine.
const POLL: Duration = Duration::from_secs(4);
/// Pages of the price list, at most.
const MAX_PRICE_PAGES: usize = 50;

#[async_trait]
impl Cloud for Azure {
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
            | EffectSpec::PublicAddress { .. } => self.ensure_shared(call).await,
            EffectSpec::Child { .. } => Err(invalid(
                &what("create", call.effect),
                "it comes with its machine".to_owned(),
            )),
        }
    }

    async fn poll(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let deleting = matches!(call.effect.state, EffectState::Deleting { .. });
        let what = what(if deleting { "delete" } else { "create" }, call.effect);
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
                }
                // What is known of operations is not kept for ever: the
                // resource tells.
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(error),
            }
            if deleting {
                return Ok(Progress::Gone);
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
        let Some((id, version)) = self.ids.of(call.group, call.effect) else {
            return Ok(Progress::Gone);
        };
        let url = self.arm.url(&id, version, &[]);
        if !matches!(call.effect.spec, EffectSpec::Child { .. }) {
            match self.arm.find(&what, url.clone()).await? {
                None => return Ok(Progress::Gone),
                Some(found) if !is_ours(&call, &found) => return Ok(foreign(&id)),
                Some(_) => {}
            }
        }
        if let EffectSpec::Group { .. } = call.effect.spec {
            self.refuse_unless_empty(&what, &id).await?;
        }
        match self.arm.delete(&what, url).await {
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
            let path = format!(
                "{}/providers/{provider}/locations/{region}/usages",
                self.ids.subscription()
            );
            let items = self
                .arm
                .list(&what, self.arm.url(&path, version, &[]))
                .await?;
            usages.extend(offers::usages(&items));
        }
        Ok(usages)
    }
}

impl Azure {
    async fn ensure_machine(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let what = what("create", call.effect);
        let Some(body) = call.body else {
            return Err(invalid(&what, "its body is missing".to_owned()));
        };
        let Some((id, version)) = self.ids.of(call.group, call.effect) else {
            return Err(invalid(&what, "it has no id".to_owned()));
        };
        let url = || self.arm.url(&id, version, &[]);
        match self
            .arm
            .put(&what, url(), body.to_vec(), Guard::Absent)
            .await
        {
            Ok(answer) => Ok(self.written(&call, &id, &answer)),
            Err(error) if error.code == "PreconditionFailed" || error.code == "Http412" => {
                let Some(found) = self.arm.find(&what, url()).await? else {
                    return Err(unanswered(&what, "it is and is not there".to_owned(), true));
                };
                if !is_ours(&call, &found) {
                    return Ok(foreign(&id));
                }
                if state(&found) == "Failed" {
                    // Ours, and it failed: the same bytes again repair it.
                    let answer = self
                        .arm
                        .put(&what, url(), body.to_vec(), Guard::None)
                        .await?;
                    return Ok(self.written(&call, &id, &answer));
                }
                Ok(self.seen(call.effect, &id, &found))
            }
            Err(error) => Err(error),
        }
    }

    async fn ensure_shared(&self, call: Call<'_>) -> Result<Progress, CloudError> {
        let what = what("create", call.effect);
        let (Some((id, version)), Some(body)) = (
            self.ids.of(call.group, call.effect),
            bodies::body(&self.ids, &call),
        ) else {
            return Err(invalid(&what, "it has no body".to_owned()));
        };
        let url = || self.arm.url(&id, version, &[]);
        match self.arm.find(&what, url()).await? {
            Some(found) if !is_ours(&call, &found) => return Ok(foreign(&id)),
            // A group has nothing that could differ.
            Some(_) if matches!(call.effect.spec, EffectSpec::Group { .. }) => {
                return Ok(Progress::Present { cloud_id: id });
            }
            Some(_) | None => {}
        }
        let bytes = body.to_string().into_bytes();
        let answer = self.arm.put(&what, url(), bytes, Guard::None).await?;
        Ok(self.written(&call, &id, &answer))
    }

    /// Gives the interface of a machine a public address, or takes it away.
    async fn associate(
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
        let answer = self.arm.put(&what, url, bytes, Guard::None).await?;
        Ok(self.written(&call, &id, &answer))
    }

    /// What the resource itself tells.
    async fn look(
        &self,
        call: Call<'_>,
        what: &str,
        deleting: bool,
    ) -> Result<Progress, CloudError> {
        let id = match self.ids.of(call.group, call.effect) {
            Some((id, version)) => Some((id, version)),
            None => call.effect.cloud_id.clone().map(|id| (id, NETWORK)),
        };
        let Some((id, version)) = id else {
            return Err(invalid(what, "it has no id".to_owned()));
        };
        match self.arm.find(what, self.arm.url(&id, version, &[])).await? {
            None if deleting => Ok(Progress::Gone),
            None => Err(CloudError {
                class: FailureClass::Gone,
                code: "ResourceNotFound".to_owned(),
                ..unanswered(what, "the cloud does not know it (yet)".to_owned(), true)
            }),
            Some(_) if deleting => Ok(accepted(call.effect, None, POLL)),
            Some(found) => {
                fail_on(what, &found["properties"])?;
                Ok(self.seen(call.effect, &id, &found))
            }
        }
    }

    /// What a PUT was answered with.
    fn written(&self, call: &Call<'_>, id: &str, answer: &Success) -> Progress {
        if answer.status != 202 && is_terminal(state(&answer.body)) {
            return Progress::Present {
                cloud_id: id.to_owned(),
            };
        }
        Progress::Accepted {
            cloud_id: Some(id.to_owned()),
            operation: answer
                .operation
                .clone()
                .filter(|_| !matches!(call.effect.spec, EffectSpec::Group { .. })),
            poll_after: answer.retry_after.unwrap_or(POLL),
        }
    }

    fn seen(&self, effect: &Effect, id: &str, found: &Value) -> Progress {
        if is_terminal(state(found)) {
            return Progress::Present {
                cloud_id: id.to_owned(),
            };
        }
        accepted(effect, None, POLL)
    }

    /// A group goes only when nothing is in it, ours or not.
    async fn refuse_unless_empty(&self, what: &str, id: &str) -> Result<(), CloudError> {
        let url = self.arm.url(&format!("{id}/resources"), RESOURCES, &[]);
        let left = self.arm.list(what, url).await?;
        if left.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = left
            .iter()
            .take(5)
            .filter_map(|resource| resource["id"].as_str())
            .collect();
        Err(CloudError {
            class: FailureClass::Conflict,
            code: "GroupNotEmpty".to_owned(),
            hint: Some(
                "delete or move what is in it; it is never deleted with its content".to_owned(),
            ),
            ..unanswered(
                what,
                format!(
                    "the group still holds {} resources: {}",
                    left.len(),
                    names.join(", ")
                ),
                false,
            )
        })
    }

    /// The items of the retail price list for a region.
    async fn prices(&self, region: &str) -> Result<Vec<Value>, CloudError> {
        let what = format!("read the prices of {region}");
        let failed = |error: reqwest::Error| unanswered(&what, error.to_string(), false);
        let filter = format!(
            "serviceName eq 'Virtual Machines' and armRegionName eq '{region}' and priceType eq 'Consumption'"
        );
        let mut url = self.prices.clone();
        url.set_path("/api/retail/prices");
        url.query_pairs_mut().append_pair("$filter", &filter);
        let mut items = Vec::new();
        let mut next = Some(url);
        for _ in 0..MAX_PRICE_PAGES {
            let Some(url) = next.take() else { break };
            let answer = self.client.get(url).send().await.map_err(failed)?;
            let mut page: Value = answer
                .error_for_status()
                .map_err(failed)?
                .json()
                .await
                .map_err(failed)?;
            if let Value::Array(more) = page["Items"].take() {
                items.extend(more);
            }
            next = page["NextPageLink"]
                .as_str()
                .and_then(|link| link.parse().ok());
        }
        Ok(items)
    }
}

fn what(verb: &str, effect: &Effect) -> String {
    let role = match &effect.spec {
        EffectSpec::Group { .. } => "resource group",
        EffectSpec::Network { .. } => "network",
        EffectSpec::SecurityGroup { .. } => "security group",
        EffectSpec::NatGateway { .. } => "NAT gateway",
        EffectSpec::PublicAddress { .. } => "public address",
        EffectSpec::Association { .. } => "address association",
        EffectSpec::VirtualMachine(_) => "virtual machine",
        EffectSpec::Child { .. } => "resource",
    };
    format!("{verb} {role} {}", effect.name)
}

/// Whether a resource's tags name this controller and this row.
fn is_ours(call: &Call<'_>, found: &Value) -> bool {
    list::tagged(found) == Some(call.effect.id)
        && found["tags"][TAG_CONTROLLER].as_str() == Some(call.controller.to_string().as_str())
}

fn foreign(id: &str) -> Progress {
    Progress::Foreign {
        found: format!("{id} exists and does not carry our tags"),
    }
}

fn accepted(effect: &Effect, operation: Option<String>, poll_after: Duration) -> Progress {
    Progress::Accepted {
        cloud_id: effect.cloud_id.clone(),
        operation,
        poll_after,
    }
}

fn state(resource: &Value) -> &str {
    resource["properties"]["provisioningState"]
        .as_str()
        .unwrap_or("Succeeded")
}

fn is_terminal(state: &str) -> bool {
    matches!(state, "Succeeded" | "Failed" | "Canceled" | "Cancelled")
}

/// When to ask again, if the work goes on: 202 of a `Location`, or the
/// `status` of an `Azure-AsyncOperation` (which answers 200 at all times).
fn running(answer: &Success) -> Option<Duration> {
    let wait = answer.retry_after.unwrap_or(POLL);
    if answer.status == 202 {
        return Some(wait);
    }
    let status = answer.body["status"].as_str()?;
    (!is_terminal(status)).then_some(wait)
}

/// An operation or resource that ended badly is an error.
fn fail_on(what: &str, body: &Value) -> Result<(), CloudError> {
    let status = body["status"]
        .as_str()
        .or_else(|| body["provisioningState"].as_str())
        .unwrap_or("Succeeded");
    if matches!(status, "Failed" | "Canceled" | "Cancelled") {
        return Err(Answer {
            what,
            status: 0,
            error: &body["error"],
            retry_after: None,
            correlation: None,
        }
        .into_error());
    }
    Ok(())
}

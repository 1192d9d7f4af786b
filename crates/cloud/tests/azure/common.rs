//! A simulator within the test's process, our provider on it over https, and
//! a ledger of rows that the test moves by hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use azure_core::credentials::Secret;
use lazuli_azure_sim::{DataDir, MemoryHosts, Settings, Simulator};
use lazuli_cloud::{Azure, AzureConfig, Call, Cloud, CloudError, Fence, MachineOrder, Progress};
use lazuli_model::id::{self, ControllerId, GenericUuid, ModelId};
use lazuli_model::state::{
    Effect, EffectSpec, EffectState, FailureClass, Image, SecurityRule, VirtualMachine,
};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

/// Nothing in these tests takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const GROUP: &str = "lazuli-m-0abc";
pub(crate) const REGION: &str = "eastus";
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8Kn0bQWqzUXXPDFIHSmcGhmvtUTmlV6f1gbsBXzGS test";

/// Whether the model is held.
#[derive(Debug)]
pub(crate) struct Held(pub(crate) bool);

impl Fence for Held {
    fn may_send(&self) -> bool {
        self.0
    }
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) azure: Azure,
    pub(crate) config: AzureConfig,
    client: Client,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            sync: false,
            throttle: false,
            ..Settings::new(dir.path().to_owned())
        };
        change(&mut settings);
        let locked = DataDir::lock(dir.path()).unwrap();
        let hosts = Arc::new(MemoryHosts::default());
        let simulator = Simulator::start(locked, settings, hosts, "none")
            .await
            .unwrap();
        let endpoint = simulator.endpoint().clone();
        let ca = std::fs::read(&endpoint.ca).unwrap();
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(&ca).unwrap()])
            .timeout(DEADLINE)
            .build()
            .unwrap();
        let config = AzureConfig {
            arm: endpoint.arm.clone(),
            authority: endpoint.authority.clone(),
            prices: endpoint.https.clone(),
            tenant: endpoint.tenant.clone(),
            subscription: endpoint.subscription.clone(),
            client_id: endpoint.client_id.clone(),
            client_secret: Secret::new(endpoint.client_secret),
            ca: Some(ca),
        };
        Self {
            simulator,
            azure: Azure::new(&config).unwrap(),
            config,
            client,
            _dir: dir,
        }
    }

    /// A request to the simulator's control endpoint.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let mut request = self.client.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A fault that strikes the next request that matches, once.
    pub(crate) async fn fault(&self, method: &str, path: &str, when: &str, action: Value) {
        let body = json!({
            "method": method, "path": path, "count": 1, "when": when, "action": action,
        });
        self.control(Method::POST, "faults", Some(body)).await;
    }

    /// The types and names of all there is, sorted.
    pub(crate) async fn inventory(&self) -> Vec<String> {
        let inventory = self.control(Method::GET, "inventory", None).await;
        let mut names: Vec<String> = inventory["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                let id = entry["id"].as_str().unwrap();
                let kind = entry["type"].as_str().unwrap();
                let kind = kind.rsplit('/').next().unwrap();
                format!("{kind} {}", id.rsplit('/').next().unwrap())
            })
            .collect();
        names.sort();
        names
    }

    /// The statuses of the requests so far of a method on a path's glob.
    pub(crate) async fn journal(&self, method: &str, path: &str) -> Vec<i64> {
        let path = format!("journal?method={method}&path={path}");
        let journal = self.control(Method::GET, &path, None).await;
        journal["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["status"].as_i64().unwrap())
            .collect()
    }

    /// A request to ARM as another client would make it.
    pub(crate) async fn arm(&self, method: Method, id: &str, body: Option<Value>) -> Value {
        let endpoint = self.simulator.endpoint();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            endpoint.client_id, endpoint.client_secret
        );
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            endpoint.authority, endpoint.tenant
        );
        let token: Value = self
            .client
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let url = format!("{}{id}?api-version=2024-03-01", endpoint.arm);
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(token["access_token"].as_str().unwrap());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{id}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Waits until the simulator works on nothing.
    pub(crate) async fn until_idle(&self) {
        let began = Instant::now();
        loop {
            let inventory = self.control(Method::GET, "inventory", None).await;
            if inventory["operations"]["running"] == 0 {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "it goes on working");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The id of a resource of the group.
    pub(crate) fn id(&self, provider: &str, kind: &str, name: &str) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{GROUP}/providers/Microsoft.{provider}/{kind}/{name}",
            self.config.subscription
        )
    }

    /// The bytes that make a machine.
    pub(crate) fn frozen(&self, effect: &Effect) -> Option<Vec<u8>> {
        let EffectSpec::VirtualMachine(spec) = &effect.spec else {
            return None;
        };
        let order = MachineOrder {
            controller: controller(),
            model: model(),
            group: GROUP,
            effect: effect.id,
            name: &effect.name,
            spec,
            authorized_keys: &[KEY.to_owned()],
            host_key_private: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
            host_key_public: KEY,
        };
        Some(self.azure.freeze(&order).unwrap())
    }

    /// One attempt to make a resource.
    pub(crate) async fn ensure(&self, effect: &mut Effect) -> Result<Progress, CloudError> {
        let body = self.frozen(effect);
        let progress = self.azure.ensure(call(effect, body.as_deref())).await?;
        take(effect, &progress);
        Ok(progress)
    }

    /// One question how the work stands.
    pub(crate) async fn poll(&self, effect: &mut Effect) -> Result<Progress, CloudError> {
        let progress = self.azure.poll(call(effect, None)).await?;
        take(effect, &progress);
        Ok(progress)
    }

    /// One attempt to delete a resource.
    pub(crate) async fn remove(&self, effect: &mut Effect) -> Result<Progress, CloudError> {
        effect.state = EffectState::Deleting {
            operation: None,
            poll_at: OffsetDateTime::UNIX_EPOCH,
        };
        let progress = self.azure.remove(call(effect, None)).await?;
        take(effect, &progress);
        Ok(progress)
    }

    /// Polls until the work has ended, well or not.
    pub(crate) async fn ended(&self, effect: &mut Effect) -> Result<(), CloudError> {
        let began = Instant::now();
        while matches!(
            effect.state,
            EffectState::Accepted { .. } | EffectState::Deleting { .. }
        ) {
            assert!(began.elapsed() < DEADLINE, "{} does not end", effect.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
            let retry = matches!(
                effect.state,
                EffectState::Deleting {
                    operation: None,
                    ..
                }
            );
            if retry {
                self.remove(effect).await?;
            } else {
                self.poll(effect).await?;
            }
        }
        Ok(())
    }

    /// Makes a resource, to the end.
    pub(crate) async fn made(&self, mut effect: Effect) -> Effect {
        self.ensure(&mut effect).await.unwrap();
        self.ended(&mut effect).await.unwrap();
        assert_eq!(effect.state, EffectState::Present, "{}", effect.name);
        effect
    }

    /// Deletes a resource, to the end. That it is not there has to be seen
    /// twice.
    pub(crate) async fn gone(&self, effect: &mut Effect) {
        for look in 1..=2 {
            match self.remove(effect).await {
                Err(error) if error.class == FailureClass::Gone => {
                    if look == 2 {
                        effect.state = EffectState::Gone;
                    }
                }
                other => {
                    other.unwrap();
                    self.ended(effect).await.unwrap();
                    break;
                }
            }
        }
        assert_eq!(effect.state, EffectState::Gone, "{}", effect.name);
    }

    /// What every machine needs.
    pub(crate) async fn network(&self) -> [Effect; 3] {
        [
            self.made(group()).await,
            self.made(security_group(&[])).await,
            self.made(network(None)).await,
        ]
    }

    pub(crate) async fn stop(self) {
        self.simulator.stop().await;
    }
}

/// A call about a row.
pub(crate) fn call<'a>(effect: &'a Effect, body: Option<&'a [u8]>) -> Call<'a> {
    Call {
        controller: controller(),
        model: model(),
        group: GROUP,
        effect,
        body,
        fence: &Held(true),
    }
}

/// What becomes of the row, as the controller would have it.
fn take(effect: &mut Effect, progress: &Progress) {
    let deleting = matches!(effect.state, EffectState::Deleting { .. });
    let poll_at = OffsetDateTime::UNIX_EPOCH;
    effect.state = match progress {
        Progress::Present { cloud_id } => {
            effect.cloud_id = Some(cloud_id.clone());
            EffectState::Present
        }
        Progress::Accepted {
            cloud_id,
            operation,
            ..
        } => {
            effect.cloud_id = cloud_id.clone().or(effect.cloud_id.take());
            let operation = operation.clone();
            if deleting {
                EffectState::Deleting { operation, poll_at }
            } else {
                EffectState::Accepted { operation, poll_at }
            }
        }
        Progress::Down(_) => EffectState::Present,
        Progress::Gone => EffectState::Gone,
        Progress::Foreign { .. } => EffectState::Foreign,
    };
}

pub(crate) fn controller() -> ControllerId {
    ControllerId::from_untyped_uuid(Uuid::from_u128(0xc0))
}

pub(crate) fn model() -> ModelId {
    ModelId::from_untyped_uuid(Uuid::from_u128(0xabc))
}

/// A row that is committed and was not sent.
pub(crate) fn effect(name: &str, spec: EffectSpec) -> Effect {
    Effect {
        id: id::derived(model(), name),
        machine: None,
        parent: None,
        name: name.to_owned(),
        spec,
        state: EffectState::Planned,
        cloud_id: None,
        failure: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        changed_at: OffsetDateTime::UNIX_EPOCH,
    }
}

pub(crate) fn group() -> Effect {
    let region = REGION.to_owned();
    effect(GROUP, EffectSpec::Group { region })
}

pub(crate) fn security_group(rules: &[SecurityRule]) -> Effect {
    let spec = EffectSpec::SecurityGroup {
        region: REGION.to_owned(),
        rules: rules.to_vec(),
    };
    effect("nsg", spec)
}

pub(crate) fn network(nat_gateway: Option<&str>) -> Effect {
    let spec = EffectSpec::Network {
        region: REGION.to_owned(),
        range: "10.64.0.0/18".to_owned(),
        subnets: std::collections::BTreeMap::from([(
            "default".to_owned(),
            "10.64.0.0/18".to_owned(),
        )]),
        security_group: "nsg".to_owned(),
        nat_gateway: nat_gateway.map(str::to_owned),
    };
    effect("net", spec)
}

pub(crate) fn address(name: &str) -> Effect {
    let region = REGION.to_owned();
    effect(name, EffectSpec::PublicAddress { region })
}

pub(crate) fn machine(name: &str, public_address: bool) -> Effect {
    let spec = VirtualMachine {
        subnets: vec!["default".to_owned()],
        region: REGION.to_owned(),
        zone: None,
        size: "Standard_B1s".to_owned(),
        image: Image {
            publisher: "Canonical".to_owned(),
            offer: "ubuntu-24_04-lts".to_owned(),
            sku: "server".to_owned(),
            version: "latest".to_owned(),
        },
        disk: None,
        price_micros: None,
        disk_type: None,
        network: "net".to_owned(),
        public_address,
        hostname: name.to_owned(),
    };
    effect(name, EffectSpec::VirtualMachine(Box::new(spec)))
}

//! The simulator, its control endpoint, and our provider on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use azure_core::credentials::Secret;
use lazuli_azure_sim::{DataDir, Latency, MemoryHosts, Settings, Simulator};
use lazuli_cloud::{Azure, AzureConfig};
use tempfile::TempDir;

/// The simulator, and our provider on it.
pub(super) struct Sky {
    pub(super) simulator: Simulator,
    pub(super) azure: Azure,
    pub(super) config: AzureConfig,
    client: reqwest::Client,
    _dir: TempDir,
}

impl Sky {
    pub(super) async fn new(latency: Latency) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings {
            sync: false,
            throttle: false,
            latency,
            ..Settings::new(dir.path().to_owned())
        };
        let locked = DataDir::lock(dir.path()).expect("a data directory");
        let hosts = Arc::new(MemoryHosts::default());
        let simulator = Simulator::start(locked, settings, hosts, "none")
            .await
            .expect("a simulator");
        let endpoint = simulator.endpoint();
        let ca = std::fs::read(&endpoint.ca).expect("a CA");
        let root = reqwest::Certificate::from_pem(&ca).expect("a CA");
        let client = reqwest::Client::builder()
            .tls_certs_only([root])
            .build()
            .expect("a client");
        let config = AzureConfig {
            arm: endpoint.arm.clone(),
            authority: endpoint.authority.clone(),
            prices: endpoint.https.clone(),
            tenant: endpoint.tenant.clone(),
            subscription: endpoint.subscription.clone(),
            client_id: endpoint.client_id.clone(),
            client_secret: Secret::new(endpoint.client_secret.clone()),
            ca: Some(ca),
        };
        Self {
            azure: Azure::new(&config).expect("a provider"),
            config,
            simulator,
            client,
            _dir: dir,
        }
    }

    /// A provider that has not made requests yet.
    pub(super) fn provider(&self) -> Azure {
        Azure::new(&self.config).expect("a provider")
    }

    pub(super) async fn control(&self, path: &str) -> serde_json::Value {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let answer = self.client.get(url).send().await.expect("an answer");
        answer.json().await.expect("a document")
    }

    pub(super) async fn post(&self, path: &str, body: &serde_json::Value) {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let request = self.client.post(url).json(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {body}");
    }

    pub(super) async fn clear_faults(&self) {
        let url = format!("{}/sim/faults", self.simulator.endpoint().https);
        let answer = self.client.delete(url).send().await.expect("an answer");
        assert!(answer.status().is_success());
    }

    /// What somebody else does at the cloud, without a word to us.
    pub(super) async fn arm(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&serde_json::Value>,
    ) {
        let token = format!(
            "{}/{}/oauth2/v2.0/token",
            self.config.authority, self.config.tenant
        );
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            self.config.client_id,
            self.config.client_secret.secret()
        );
        let request = self
            .client
            .post(token)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = request.send().await.expect("an answer");
        let token: serde_json::Value = answer.json().await.expect("a token");
        let token = token["access_token"].as_str().expect("a token");
        let url = format!("{}{path}?api-version=2024-03-01", self.config.arm);
        let mut request = self.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "{path}: {status}: {text}");
    }

    /// How many resources there are of each type.
    pub(super) async fn inventory(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        let inventory = self.control("inventory").await;
        for entry in inventory["resources"].as_array().into_iter().flatten() {
            let kind = entry["type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
            *count.entry(kind).or_default() += 1;
        }
        count
    }

    /// The statuses of all creations of virtual machines.
    pub(super) async fn creations(&self) -> Vec<u64> {
        let journal = self
            .control("journal?method=PUT&path=*/virtualMachines/*")
            .await;
        let requests = journal["requests"].as_array().into_iter().flatten();
        requests
            .filter_map(|entry| entry["status"].as_u64())
            .collect()
    }
}

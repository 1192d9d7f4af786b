//! A simulator within the test's process, and a client of it.

#![expect(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lazuli_azure_sim::{DataDir, Hosts, MemoryHosts, Settings, Simulator};
use reqwest::{Certificate, Client, Method, Response, StatusCode};
use serde_json::{Value, json};

/// Nothing in these tests takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Sim {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    pub(crate) token: String,
    pub(crate) dir: PathBuf,
}

pub(crate) fn settings(dir: &Path) -> Settings {
    Settings {
        sync: false,
        throttle: false,
        ..Settings::new(dir.to_owned())
    }
}

pub(crate) async fn start(dir: &Path) -> Sim {
    start_with(settings(dir), Arc::new(MemoryHosts::default())).await
}

pub(crate) async fn start_with(settings: Settings, hosts: Arc<dyn Hosts>) -> Sim {
    let path = settings.data.clone();
    let dir = DataDir::lock(&path).unwrap();
    let simulator = Simulator::start(dir, settings, hosts, "none")
        .await
        .unwrap();
    let ca = std::fs::read(&simulator.endpoint().ca).unwrap();
    let client = Client::builder()
        .tls_certs_only([Certificate::from_pem(&ca).unwrap()])
        .timeout(DEADLINE)
        .build()
        .unwrap();
    let mut sim = Sim {
        simulator,
        client,
        token: String::new(),
        dir: path,
    };
    sim.log_in().await;
    sim
}

impl Sim {
    pub(crate) async fn log_in(&mut self) {
        let endpoint = self.simulator.endpoint();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fmanagement.azure.com%2F.default",
            endpoint.client_id, endpoint.client_secret
        );
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            endpoint.authority, endpoint.tenant
        );
        let answer = self
            .client
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = answer.json().await.unwrap();
        self.token = body["access_token"].as_str().unwrap().to_owned();
    }

    pub(crate) fn subscription(&self) -> String {
        format!("/subscriptions/{}", self.simulator.endpoint().subscription)
    }

    pub(crate) fn group(&self, group: &str) -> String {
        format!("{}/resourceGroups/{group}", self.subscription())
    }

    pub(crate) fn vm(&self, group: &str, name: &str) -> String {
        format!(
            "{}/providers/Microsoft.Compute/virtualMachines/{name}",
            self.group(group)
        )
    }

    pub(crate) fn network(&self, group: &str, rest: &str) -> String {
        format!("{}/providers/Microsoft.Network/{rest}", self.group(group))
    }

    /// A request with a token, at api-version 2024-07-01 unless the path has one.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Response, reqwest::Error> {
        let base = if path.starts_with("http") {
            ""
        } else {
            self.simulator.endpoint().https.as_str()
        };
        let version = if path.contains("api-version=") {
            ""
        } else if path.contains('?') {
            "&api-version=2024-07-01"
        } else {
            "?api-version=2024-07-01"
        };
        let mut request = self
            .client
            .request(method, format!("{base}{path}{version}"))
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        parts(self.send(Method::GET, path, &[], None).await.unwrap()).await
    }

    /// A GET that must succeed.
    pub(crate) async fn read(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        parts(self.send(Method::PUT, path, &[], Some(body)).await.unwrap()).await
    }

    /// A PUT whose operation must succeed; answers with the resource.
    pub(crate) async fn create(&self, path: &str, body: Value) -> Value {
        let answer = self.send(Method::PUT, path, &[], Some(body)).await.unwrap();
        let status = answer.status();
        let operation = header(&answer, "azure-asyncoperation");
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        if let Some(url) = operation {
            let ended = self.poll(&url).await;
            assert_eq!(ended["status"], "Succeeded", "{path}: {ended}");
        }
        self.read(path).await
    }

    /// Follows an operation to its end.
    pub(crate) async fn poll(&self, url: &str) -> Value {
        let began = Instant::now();
        loop {
            let body = self.read(url).await;
            if body["status"] != "InProgress" {
                return body;
            }
            assert!(began.elapsed() < DEADLINE, "{url} does not end: {body}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        parts(self.send(Method::DELETE, path, &[], None).await.unwrap()).await
    }

    /// A DELETE that must succeed, followed to its end by `Location`.
    pub(crate) async fn remove(&self, path: &str) {
        let answer = self.send(Method::DELETE, path, &[], None).await.unwrap();
        assert_eq!(
            answer.status(),
            202,
            "{path}: {}",
            answer.text().await.unwrap()
        );
        let url = header(&answer, "location").unwrap();
        let began = Instant::now();
        loop {
            let (status, body) = self.get(&url).await;
            if status != 202 {
                assert!((200..300).contains(&status), "{path}: {status} {body}");
                return;
            }
            assert!(began.elapsed() < DEADLINE, "{path} is not deleted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A POST action, followed to its end.
    pub(crate) async fn act(&self, path: &str) -> Value {
        let answer = self.send(Method::POST, path, &[], None).await.unwrap();
        assert_eq!(
            answer.status(),
            202,
            "{path}: {}",
            answer.text().await.unwrap()
        );
        let url = header(&answer, "azure-asyncoperation").unwrap();
        self.poll(&url).await
    }

    /// A request to the control endpoint.
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

    /// A group with a network `net` and a subnet `default`.
    pub(crate) async fn with_network(&self, group: &str) -> String {
        self.create(&self.group(group), json!({"location": "eastus"}))
            .await;
        let vnet = self.network(group, "virtualNetworks/net");
        self.create(
            &vnet,
            json!({
                "location": "eastus",
                "properties": {
                    "addressSpace": {"addressPrefixes": ["10.64.0.0/18"]},
                    "subnets": [{"name": "default", "properties": {"addressPrefix": "10.64.0.0/24"}}],
                },
            }),
        )
        .await;
        format!("{vnet}/subnets/default")
    }
}

/// The body of a small VM with an inline NIC, all of it deleted with the VM.
pub(crate) fn vm_body(subnet: &str, public: bool) -> Value {
    let mut ip = json!({"primary": true, "subnet": {"id": subnet}});
    if public {
        ip["publicIPAddressConfiguration"] = json!({
            "name": "pub",
            "sku": {"name": "Standard"},
            "properties": {"deleteOption": "Delete", "publicIPAllocationMethod": "Static"},
        });
    }
    json!({
        "location": "eastus",
        "tags": {"lazuli-owner": "test"},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_B1s"},
            "storageProfile": {
                "imageReference": {
                    "publisher": "Canonical", "offer": "lazuli-guest", "sku": "lean", "version": "latest",
                },
                "osDisk": {"createOption": "FromImage", "deleteOption": "Delete"},
            },
            "osProfile": {
                "computerName": "m1",
                "adminUsername": "ubuntu",
                "customData": "I2Nsb3VkLWNvbmZpZwo=",
                "linuxConfiguration": {"ssh": {"publicKeys": [{
                    "path": "/home/ubuntu/.ssh/authorized_keys",
                    "keyData": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8Kn0bQWqzUXXPDFIHSmcGhmvtUTmlV6f1gbsBXzGS test",
                }]}},
            },
            "networkProfile": {
                "networkApiVersion": "2020-11-01",
                "networkInterfaceConfigurations": [{
                    "name": "nic",
                    "properties": {
                        "primary": true,
                        "deleteOption": "Delete",
                        "ipConfigurations": [{"name": "ip", "properties": ip}],
                    },
                }],
            },
        },
    })
}

pub(crate) fn header(answer: &Response, name: &str) -> Option<String> {
    answer
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap().to_owned())
}

pub(crate) async fn parts(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

pub(crate) fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

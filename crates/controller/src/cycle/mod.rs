//! The whole cycle of the ledger: the planner, the rows, the provider and the
//! simulator are the real ones, the database is a copy of the rows, and time
//! passes for the planner as it likes.

mod crowd;
mod cuts;
mod seeds;
mod weather;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azure_core::credentials::Secret;
use lazuli_azure_sim::{DataDir, Latency, MemoryHosts, Settings, Simulator};
use lazuli_cloud::{Azure, AzureConfig, Call, Cloud, CloudError, Fence, MachineOrder, Progress};
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{ControllerId, EffectId, GenericUuid, MachineId, ModelId};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Change, Effect, EffectSpec, EffectState, Machine, MachineFacts, MachineSource, Model,
    ModelState, Row, RowKey,
};
use lazuli_plan::{Action, SharedNames};
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::message::Message;
use crate::news;
use crate::settle::Desk;
use crate::sightings::LIST_AGAIN;

/// A process that is not killed.
const NEVER: usize = usize::MAX;
/// In this time buckets fill up again as far as these tests need.
const PACED: time::Duration = time::Duration::seconds(5);
/// Nothing takes longer.
const DEADLINE: Duration = Duration::from_secs(60);
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq8Kn0bQWqzUXXPDFIHSmcGhmvtUTmlV6f1gbsBXzGS test";

fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

/// The simulator, and our provider on it.
struct Sky {
    simulator: Simulator,
    azure: Azure,
    config: AzureConfig,
    client: reqwest::Client,
    _dir: TempDir,
}

impl Sky {
    async fn new(latency: Latency) -> Self {
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
    fn provider(&self) -> Azure {
        Azure::new(&self.config).expect("a provider")
    }

    async fn control(&self, path: &str) -> serde_json::Value {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let answer = self.client.get(url).send().await.expect("an answer");
        answer.json().await.expect("a document")
    }

    async fn post(&self, path: &str, body: &serde_json::Value) {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let request = self.client.post(url).json(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {body}");
    }

    async fn clear_faults(&self) {
        let url = format!("{}/sim/faults", self.simulator.endpoint().https);
        let answer = self.client.delete(url).send().await.expect("an answer");
        assert!(answer.status().is_success());
    }

    /// What somebody else does at the cloud, without a word to us.
    async fn arm(&self, method: reqwest::Method, path: &str, body: Option<&serde_json::Value>) {
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
    async fn inventory(&self) -> BTreeMap<String, usize> {
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
    async fn creations(&self) -> Vec<u64> {
        let journal = self
            .control("journal?method=PUT&path=*/virtualMachines/*")
            .await;
        let requests = journal["requests"].as_array().into_iter().flatten();
        requests
            .filter_map(|entry| entry["status"].as_u64())
            .collect()
    }
}

/// What survives a process: committed rows and frozen bodies.
struct Database {
    state: ModelState,
    bodies: BTreeMap<EffectId, Vec<u8>>,
    removed: bool,
}

fn model() -> Model {
    Model {
        spaces: BTreeMap::new(),
        id: id::<ModelId>(0xabc),
        name: "m".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        controller: id::<ControllerId>(1),
        cloud: "azure".to_owned(),
        region: "eastus".to_owned(),
        address_range: "10.64.0.0/18".to_owned(),
        config: BTreeMap::new(),
        constraints: Constraints::default(),
        ssh_key: KEY.to_owned(),
        authorized_keys: Vec::new(),
        storage_pools: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn machine() -> Machine {
    Machine {
        spaces: Vec::new(),
        id: id::<MachineId>(7),
        name: "0".parse().expect("a name"),
        base: "ubuntu@24.04".parse().expect("a base"),
        constraints: "allocate-public-ip=true".parse().expect("constraints"),
        source: MachineSource::Cloud { zone: None },
        life: Life::Alive,
        force: false,
        for_unit: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

impl Database {
    fn new() -> Self {
        let mut state = ModelState::new(model());
        state.apply(Change::Put(Row::Machine(machine())));
        Self {
            state,
            bodies: BTreeMap::new(),
            removed: false,
        }
    }

    /// What a user does.
    fn put(&mut self, row: Row) {
        self.state.apply(Change::Put(row));
    }

    fn commit(&mut self, sky: &Sky, changes: Vec<Change>) {
        for change in changes {
            if let Change::Put(Row::Effect(row)) = &change {
                self.freeze(sky, row);
            }
            if change == Change::Delete(RowKey::Model) {
                self.removed = true;
            } else {
                self.state.apply(change);
            }
        }
    }

    /// As the store does: a body that is there stays.
    fn freeze(&mut self, sky: &Sky, row: &Effect) {
        let EffectSpec::VirtualMachine(spec) = &row.spec else {
            return;
        };
        let order = MachineOrder {
            controller: id(1),
            model: self.state.model().id,
            group: &SharedNames::of(self.state.model()).group,
            effect: row.id,
            name: &row.name,
            spec,
            authorized_keys: &[KEY.to_owned()],
            host_key_private: "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----\n",
            host_key_public: KEY,
        };
        let body = || sky.azure.freeze(&order).expect("a body");
        self.bodies.entry(row.id).or_insert_with(body);
    }
}

#[derive(Debug)]
struct Held;

impl Fence for Held {
    fn may_send(&self) -> bool {
        true
    }
}

/// How a process ended.
#[derive(Debug, PartialEq)]
enum End {
    /// It was killed.
    Cut,
    /// There is nothing left to do.
    Settled,
}

/// A process, killed when it has come to its last point.
struct Process<'a> {
    sky: &'a Sky,
    database: &'a mut Database,
    azure: Azure,
    fresh_at: OffsetDateTime,
    desk: Desk,
    points: usize,
    now: OffsetDateTime,
    list_at: OffsetDateTime,
}

impl<'a> Process<'a> {
    fn new(sky: &'a Sky, database: &'a mut Database, points: usize) -> Self {
        Self {
            desk: Desk::new(database.state.clone()),
            azure: sky.provider(),
            fresh_at: crate::shared::now(),
            sky,
            database,
            points,
            now: crate::shared::now(),
            list_at: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Whether it is killed here.
    fn is_cut(&mut self) -> bool {
        self.points = self.points.saturating_sub(1);
        self.points == 0
    }

    async fn run(&mut self, offers: &[Offer]) -> End {
        let began = Instant::now();
        loop {
            assert!(
                began.elapsed() < DEADLINE,
                "it does not settle: {:#?}",
                self.database
                    .state
                    .effects()
                    .filter(|row| row.state != EffectState::Gone)
                    .map(|row| (&row.name, &row.state, &row.failure))
                    .collect::<Vec<_>>()
            );
            self.desk.settle(offers, self.now).expect("it settles");
            if !self.desk.is_clean() {
                if self.is_cut() {
                    return End::Cut;
                }
                let changes = self.desk.take_changes();
                self.database.commit(self.sky, changes);
                if self.database.removed {
                    return End::Settled;
                }
                if self.is_cut() {
                    return End::Cut;
                }
            }
            let actions = self.desk.take_actions();
            let lists = self.desk.lookout.needs_list();
            let idle = actions.is_empty() && (!lists || self.now < self.list_at);
            for action in actions {
                let message = match action {
                    Action::Ensure { effect }
                    | Action::Poll { effect }
                    | Action::Remove { effect } => {
                        if self.is_cut() {
                            return End::Cut;
                        }
                        let result = self.call(&action, effect).await;
                        if self.is_cut() {
                            return End::Cut;
                        }
                        Message::Called { effect, result }
                    }
                    Action::Boot { machine } => Message::Looked {
                        machine,
                        result: Ok(facts()),
                    },
                    Action::RunHook { .. }
                    | Action::KillHook { .. }
                    | Action::RunTask { .. }
                    | Action::KillTask { .. } => {
                        panic!("there are no units: {action:?}")
                    }
                };
                self.take(&message);
            }
            if lists && self.now >= self.list_at {
                self.list_at = self.now + LIST_AGAIN;
                let group = SharedNames::of(self.desk.state.model()).group;
                let result = self.azure.machines(&group).await;
                self.take(&Message::Listed { result });
            }
            if idle {
                let listed = lists.then_some(self.list_at);
                let Some(at) = self.desk.next_wake().into_iter().chain(listed).min() else {
                    return End::Settled;
                };
                // Time passes for the planner; the simulator needs a little,
                // and the provider's buckets would have filled up again.
                self.now = self.now.max(at);
                if self.now - self.fresh_at > PACED {
                    self.azure = self.sky.provider();
                    self.fresh_at = self.now;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    fn take(&mut self, message: &Message) {
        news::take(&mut self.desk, &mut Vec::new(), message, self.now);
    }

    async fn call(&self, action: &Action, effect: EffectId) -> Result<Progress, CloudError> {
        let group = SharedNames::of(self.desk.state.model()).group;
        let row = self.desk.state.effect(effect).expect("a row");
        let call = Call {
            controller: id(1),
            model: self.desk.state.model().id,
            group: &group,
            effect: row,
            body: self.database.bodies.get(&effect).map(Vec::as_slice),
            fence: &Held,
        };
        match action {
            Action::Ensure { .. } => self.azure.ensure(call).await,
            Action::Poll { .. } => self.azure.poll(call).await,
            _ => self.azure.remove(call).await,
        }
    }
}

fn facts() -> MachineFacts {
    MachineFacts {
        hostname: "m-0".to_owned(),
        arch: "amd64".to_owned(),
        cores: 2,
        mem: 4096,
        os: "ubuntu".to_owned(),
        os_version: "24.04".to_owned(),
        boot_id: "b".to_owned(),
        machine_id: "i".to_owned(),
    }
}

fn expected() -> BTreeMap<String, usize> {
    [
        ("resourceGroups", 1),
        ("networkSecurityGroups", 1),
        ("virtualNetworks", 1),
        ("subnets", 1),
        ("natGateways", 1),
        // The gateway's and the machine's.
        ("publicIPAddresses", 2),
        ("virtualMachines", 1),
        ("networkInterfaces", 1),
        ("disks", 1),
    ]
    .map(|(kind, count)| (kind.to_owned(), count))
    .into()
}

/// Takes everything away again.
fn destroy(database: &mut Database) {
    database.put(Row::Machine(Machine {
        life: Life::Dying,
        ..machine()
    }));
    database.put(Row::Model(Model {
        life: Life::Dying,
        ..model()
    }));
}

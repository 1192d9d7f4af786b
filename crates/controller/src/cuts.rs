//! The whole cycle of the ledger, cut at every point at which a process can
//! be killed: the planner, the rows, the provider and the simulator are the
//! real ones, the database is a copy of the rows.
//!
//! Whatever the cut, the next process finds the rows as they were committed
//! and a cloud that may be further; it has to come to the same end, with
//! nothing made twice and nothing left.

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
use crate::survey::Sight;

/// A process that is not killed.
const NEVER: usize = usize::MAX;
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

    /// A process begins with full buckets.
    fn refresh(&mut self) {
        self.azure = Azure::new(&self.config).expect("a provider");
    }

    async fn control(&self, path: &str) -> serde_json::Value {
        let url = format!("{}/sim/{path}", self.simulator.endpoint().https);
        let answer = self.client.get(url).send().await.expect("an answer");
        answer.json().await.expect("a document")
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
        life: Life::Alive,
        force: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
    }
}

fn machine() -> Machine {
    Machine {
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
    desk: Desk,
    points: usize,
    now: OffsetDateTime,
}

impl<'a> Process<'a> {
    fn new(sky: &'a Sky, database: &'a mut Database, points: usize) -> Self {
        Self {
            desk: Desk::new(database.state.clone()),
            sky,
            database,
            points,
            now: crate::shared::now(),
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
            assert!(began.elapsed() < DEADLINE, "it does not settle");
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
            let idle = actions.is_empty() && !self.desk.lookout.needs_list();
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
                    Action::RunHook { .. } | Action::KillHook { .. } => {
                        panic!("there are no units: {action:?}")
                    }
                };
                self.take(&message);
            }
            if self.desk.lookout.needs_list() {
                let group = SharedNames::of(self.desk.state.model()).group;
                let result = self.sky.azure.machines(&group).await;
                self.take(&Message::Listed { result });
            }
            if idle {
                let Some(at) = self.desk.next_wake() else {
                    return End::Settled;
                };
                // Time passes for the planner; the simulator needs a little.
                self.now = self.now.max(at);
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
            Action::Ensure { .. } => self.sky.azure.ensure(call).await,
            Action::Poll { .. } => self.sky.azure.poll(call).await,
            _ => self.sky.azure.remove(call).await,
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

/// Runs a process that is killed at a point, and another one to the end;
/// whether the first one got to that point.
async fn interrupted(sky: &Sky, database: &mut Database, point: usize, offers: &[Offer]) -> bool {
    let end = Process::new(sky, database, point).run(offers).await;
    if end == End::Cut {
        let end = Process::new(sky, database, NEVER).run(offers).await;
        assert_eq!(end, End::Settled);
    }
    end == End::Cut
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

/// Makes and unmakes a model, killed at each point in turn; how many points
/// there are.
async fn every_point(latency: Latency) -> usize {
    let mut sky = Sky::new(latency).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut made = 0;
    for point in 1.. {
        sky.refresh();
        let mut database = Database::new();
        let making = interrupted(&sky, &mut database, point, &offers).await;
        assert_eq!(sky.inventory().await, expected(), "making, cut at {point}");
        let open: Vec<_> = database
            .state
            .effects()
            .filter(|row| row.state != EffectState::Present)
            .collect();
        assert!(open.is_empty(), "making, cut at {point}: {open:?}");
        made += 1;
        let creations = sky.creations().await;
        let first = creations.iter().filter(|status| **status == 201).count();
        assert_eq!(first, made, "cut at {point}: {creations:?}");

        destroy(&mut database);
        let unmaking = interrupted(&sky, &mut database, point, &offers).await;
        assert!(database.removed, "unmaking, cut at {point}");
        let left = sky.inventory().await;
        assert_eq!(left, BTreeMap::new(), "unmaking, cut at {point}");
        if !making && !unmaking {
            sky.simulator.stop().await;
            return point;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_point_of_a_kill_the_end_is_the_same() {
    assert!(every_point(Latency::None).await > 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_goes_on_meanwhile_is_taken_up_again() {
    assert!(every_point(Latency::Fixed(5)).await > 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_takes_effect_after_its_deletion_is_deleted_again() {
    let sky = Sky::new(Latency::None).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut database = Database::new();
    // Killed while the creation of the machine is on its way.
    let mut point = 0;
    let late = loop {
        point += 1;
        let end = Process::new(&sky, &mut database, point).run(&offers).await;
        assert_eq!(end, End::Cut, "there was no such point");
        let row = database.state.effects().find(|row| row.machine.is_some());
        if let Some(row) = row {
            break row.clone();
        }
        database = Database::new();
    };
    assert_eq!(late.state, EffectState::Planned);
    database.put(Row::Machine(Machine {
        life: Life::Dying,
        ..machine()
    }));
    let end = Process::new(&sky, &mut database, NEVER).run(&offers).await;
    assert_eq!(end, End::Settled);
    assert!(database.state.machine(id(7)).is_none());
    assert_eq!(sky.inventory().await.get("virtualMachines"), None);

    // Now it arrives.
    let group = SharedNames::of(database.state.model()).group;
    let call = Call {
        controller: id(1),
        model: database.state.model().id,
        group: &group,
        effect: &late,
        body: database.bodies.get(&late.id).map(Vec::as_slice),
        fence: &Held,
    };
    sky.azure.ensure(call).await.expect("it is accepted");
    assert_eq!(sky.inventory().await.get("virtualMachines"), Some(&1));
    let survey = sky.azure.survey().await.expect("a survey");
    let mut process = Process::new(&sky, &mut database, NEVER);
    let sight = |began| Message::Surveyed {
        sight: Arc::new(Sight {
            began,
            survey: survey.clone(),
        }),
    };
    // A list may lag: it is not believed at once.
    process.take(&sight(process.now));
    assert_eq!(process.run(&offers).await, End::Settled);
    assert_eq!(sky.inventory().await.get("virtualMachines"), Some(&1));
    let mut process = Process::new(&sky, &mut database, NEVER);
    process.now += time::Duration::minutes(2);
    process.take(&sight(process.now));
    assert_eq!(process.run(&offers).await, End::Settled);
    let left = sky.inventory().await;
    for kind in ["virtualMachines", "networkInterfaces", "disks"] {
        assert_eq!(left.get(kind), None, "{left:?}");
    }
    sky.simulator.stop().await;
}

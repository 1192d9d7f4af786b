//! The whole cycle of the ledger: the planner, the rows, the provider and the
//! simulator are the real ones, the database is a copy of the rows, and time
//! passes for the planner as it likes.

mod crowd;
mod cuts;
mod seeds;
mod sky;
mod weather;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lazuli_cloud::{Azure, Call, Cloud, CloudError, Fence, MachineOrder, Progress};
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{ControllerId, EffectId, GenericUuid, MachineId, ModelId};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Change, Effect, EffectSpec, EffectState, Machine, MachineFacts, MachineSource, Model,
    ModelState, Row, RowKey,
};
use lazuli_plan::{Action, SharedNames};
use time::OffsetDateTime;
use uuid::Uuid;

use self::sky::Sky;
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

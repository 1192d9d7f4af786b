//! The whole path without its edges: rows in Postgres, the controller, ARM,
//! real guests with OpenSSH, the runner, a charm's hooks, rows again.
//!
//! Needs root, and the static binaries that `scripts/build` makes:
//! `LAZULI_GUEST_INIT` and `LAZULI_RUNNER` name them (`scripts/test` sets
//! both).

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::Secret;
use bytes::Bytes;
use futures::TryStreamExt;
use lazuli_azure_sim::{DataDir, GuestHosts, Settings, Simulator};
use lazuli_cloud::{Azure, AzureConfig};
use lazuli_host::{Blob, Blobs, Dialer, HostConfig, Hosts, keys};
use lazuli_model::charm::archive::{self, Filter};
use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{
    ApplicationId, CharmId, GenericUuid, MachineId, ModelId, RelationId, ReplicaId, UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Application, CharmRevision, Endpoint, EndpointRole, Machine, MachineSource, Model, ModelState,
    Relation, Row, SSH_IDENTITY, Unit,
};
use lazuli_model::status::StatusKey;
use lazuli_store::desired::{self, NewCharm, NewModel};
use lazuli_store::private::Scratch;
use lazuli_store::{Actor, Store};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A charm that says everything it does.
const HOOK: &str = "#!/bin/bash
set -eu
echo \"$JUJU_HOOK_NAME ${JUJU_REMOTE_UNIT:-}\" >> /var/log/hooks
case \"$JUJU_HOOK_NAME\" in
  *-relation-joined) relation-set me=\"$JUJU_UNIT_NAME\" ;;
  *-relation-changed) status-set active \"$(relation-get me) $(config-get word)\" ;;
  start) open-port 80/tcp; status-set active \"started $(config-get word)\" ;;
esac
";

struct World {
    _scratch: Scratch,
    store: Store,
    simulator: Option<Simulator>,
    fabric: lazuli_guests::Fabric,
    cloud: Arc<Azure>,
    cancel: CancellationToken,
    controller: Option<tokio::task::JoinHandle<()>>,
    replica: ReplicaId,
    runner: PathBuf,
    model: ModelId,
    _dir: tempfile::TempDir,
}

struct StoreBlobs(Store);

#[async_trait]
impl Blobs for StoreBlobs {
    async fn open(&self, sha256: &str) -> io::Result<Blob> {
        let mut bytes = Vec::new();
        let mut chunks = std::pin::pin!(lazuli_store::blobs::get(self.0.pool(), sha256));
        while let Some(chunk) = chunks.try_next().await.map_err(io::Error::other)? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(bytes).into())
    }
}

fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).expect("a time")
}

fn id<T: GenericUuid>() -> T {
    T::from_untyped_uuid(Uuid::now_v7())
}

impl World {
    /// None, with a word about it, where the test cannot run.
    async fn new() -> Option<Self> {
        let runner = std::env::var_os("LAZULI_RUNNER").map(PathBuf::from);
        let init = std::env::var_os("LAZULI_GUEST_INIT");
        let (Some(runner), Some(_), true) = (runner, init, nix::unistd::geteuid().is_root()) else {
            eprintln!(
                "skipped: needs root, LAZULI_RUNNER and LAZULI_GUEST_INIT (see scripts/test)"
            );
            return None;
        };
        let dir = tempfile::Builder::new()
            .prefix("lazuli-whole-")
            .tempdir_in("/var/tmp")
            .expect("a directory");
        let scratch = Scratch::new().await.expect("Postgres");
        let store = scratch.store().await.expect("a store");
        let locked = DataDir::lock(dir.path()).expect("a lock");
        let settings = Settings {
            sync: false,
            throttle: false,
            ..Settings::new(dir.path().to_owned())
        };
        let hosts = Arc::new(GuestHosts::open(&dir.path().join("fabric")).expect("guests"));
        let fabric = hosts.fabric().clone();
        let simulator = Simulator::start(locked, settings, hosts, "guests")
            .await
            .expect("the simulator");
        let endpoint = simulator.endpoint();
        let cloud = Azure::new(&AzureConfig {
            arm: endpoint.https.clone(),
            authority: endpoint.https.clone(),
            prices: endpoint.https.clone(),
            tenant: endpoint.tenant.to_string(),
            subscription: endpoint.subscription.to_string(),
            client_id: endpoint.client_id.to_string(),
            client_secret: Secret::new(endpoint.client_secret.clone()),
            ca: Some(std::fs::read(dir.path().join("ca.pem")).expect("the CA")),
        })
        .expect("a client");
        let model = create_model(&store).await;
        let mut world = Self {
            _scratch: scratch,
            store,
            simulator: Some(simulator),
            fabric,
            cloud: Arc::new(cloud),
            cancel: CancellationToken::new(),
            controller: None,
            replica: id(),
            runner,
            model,
            _dir: dir,
        };
        world.start();
        Some(world)
    }

    fn start(&mut self) {
        let netns = self.fabric.namespace(lazuli_guests::Namespace::Fabric);
        let hosts = Hosts::new(
            HostConfig {
                dialer: Dialer::new(Some(netns)),
                runners: BTreeMap::from([(std::env::consts::ARCH.to_owned(), self.runner.clone())]),
                idle: Duration::from_secs(60),
                max: 64,
            },
            Arc::new(StoreBlobs(self.store.clone())),
        );
        self.cancel = CancellationToken::new();
        let parts = lazuli_controller::Parts {
            store: self.store.clone(),
            cloud: self.cloud.clone(),
            hosts,
            replica: self.replica,
            region: "westeurope".to_owned(),
        };
        self.controller = Some(tokio::spawn(lazuli_controller::run(
            parts,
            self.cancel.clone(),
        )));
    }

    /// Ends the controller as if it were killed: nothing is given back.
    async fn kill(&mut self) {
        if let Some(task) = self.controller.take() {
            task.abort();
            drop(task.await);
        }
    }

    async fn state(&self) -> ModelState {
        lazuli_store::load(self.store.pool(), self.model)
            .await
            .expect("a model")
            .state
    }

    /// Waits until the model is as wanted.
    async fn until(&self, what: &str, done: impl Fn(&ModelState) -> bool) {
        let mut feed = self.store.feed().subscribe(self.model);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let state = self.state().await;
            if done(&state) {
                return;
            }
            if timeout_at(deadline, feed.changed()).await.is_err() {
                panic!("{what}: not so after a minute: {}", summary(&state));
            }
        }
    }

    async fn until_removed(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut feed = self.store.feed().subscribe(self.model);
        while lazuli_store::load(self.store.pool(), self.model)
            .await
            .is_ok()
        {
            if timeout_at(deadline, feed.changed()).await.is_err() {
                panic!("the model does not go: {}", summary(&self.state().await));
            }
        }
    }

    async fn edit(&self, rows: Vec<Row>) {
        let mut edit = self
            .store
            .edit(self.model, None, Actor::Controller)
            .await
            .expect("an edit");
        for row in rows {
            edit.put(row);
        }
        edit.commit().await.expect("a commit");
    }

    async fn add_charm(&self, name: &str) -> CharmRevision {
        let mut files = MapFiles::new().file(
            "metadata.yaml",
            format!(
                "name: {name}\nsummary: s\ndescription: d\nseries: [noble]\n\
                 provides:\n  site: http\nrequires:\n  back: http\n"
            ),
        );
        files = files.file(
            "config.yaml",
            "options:\n  word: {type: string, default: hello, description: d}\n",
        );
        for hook in ["install", "config-changed", "start", "stop", "remove"] {
            files = files.executable(&format!("hooks/{hook}"), HOOK);
        }
        for end in ["site", "back"] {
            for kind in ["created", "joined", "changed", "departed", "broken"] {
                files = files.executable(&format!("hooks/{end}-relation-{kind}"), HOOK);
            }
        }
        let archive = archive::pack(&files, name, &Filter::default()).expect("an archive");
        let charm = Charm::parse(&files, name).expect("a charm");
        let stream = futures::stream::iter([Ok::<_, io::Error>(Bytes::from(archive))]);
        let blob = lazuli_store::blobs::put(self.store.pool(), stream, 1 << 30, None)
            .await
            .expect("a blob");
        let mut edit = self
            .store
            .edit(self.model, None, Actor::Controller)
            .await
            .expect("an edit");
        let revision = edit
            .add_charm(NewCharm {
                id: id(),
                name: name.to_owned(),
                sha256: blob.sha256,
                charm: Arc::new(charm),
            })
            .await
            .expect("a charm");
        edit.commit().await.expect("a commit");
        revision
    }

    /// An application with units, each on a machine of its own.
    async fn deploy(&self, name: &str, units: u32, first: u32) -> Application {
        let charm = self.add_charm(name).await;
        let application = Application {
            bindings: BTreeMap::new(),
            id: id::<ApplicationId>(),
            name: name.parse().expect("a name"),
            charm: id::<CharmId>(),
            base: "ubuntu@24.04".parse().expect("a base"),
            constraints: Constraints::default(),
            config: BTreeMap::default(),
            exposed: None,
            trust: false,
            life: Life::Alive,
            force: false,
            storage: BTreeMap::new(),
            next_unit: units,
            created_at: now(),
        };
        let application = Application {
            charm: charm.id,
            ..application
        };
        let mut rows = vec![Row::Application(application.clone())];
        for number in 0..units {
            let machine = Machine {
                spaces: Vec::new(),
                id: id::<MachineId>(),
                name: (first + number).to_string().parse().expect("a name"),
                base: application.base.clone(),
                constraints: Constraints::default(),
                source: MachineSource::Cloud { zone: None },
                life: Life::Alive,
                force: false,
                for_unit: true,
                created_at: now(),
            };
            rows.push(Row::Unit(Unit {
                id: id::<UnitId>(),
                name: format!("{name}/{number}").parse().expect("a name"),
                application: application.id,
                machine: machine.id,
                principal: None,
                life: Life::Alive,
                force: false,
                resolve: None,
                created_at: now(),
            }));
            rows.push(Row::Machine(machine));
        }
        self.edit(rows).await;
        application
    }

    async fn relate(&self, provider: &Application, requirer: &Application) {
        let end = |application: &Application, name: &str, role| Endpoint {
            application: application.id,
            name: name.parse().expect("a name"),
            interface: "http".to_owned(),
            role,
            container_scoped: false,
        };
        self.edit(vec![Row::Relation(Relation {
            id: id::<RelationId>(),
            number: 0,
            endpoints: vec![
                end(provider, "site", EndpointRole::Provider),
                end(requirer, "back", EndpointRole::Requirer),
            ],
            life: Life::Alive,
            force: false,
            created_at: now(),
        })])
        .await;
    }

    /// What a unit's hooks wrote on its machine.
    async fn hooks(&self, unit: &str) -> Vec<String> {
        let state = self.state().await;
        let row = state
            .units()
            .find(|row| row.name.to_string() == unit)
            .expect("a unit");
        let address = state
            .machine_state(row.machine)
            .and_then(|known| known.address)
            .expect("an address");
        let guests = self.fabric.list().expect("guests");
        let guest = guests
            .iter()
            .find(|guest| IpAddr::from(guest.address) == address)
            .expect("a guest");
        let output = self
            .fabric
            .command(&guest.name, "cat")
            .expect("a command")
            .arg("/var/log/hooks")
            .output()
            .expect("a log");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| line.trim().to_owned())
            .collect()
    }

    async fn end(mut self) {
        self.cancel.cancel();
        if let Some(task) = self.controller.take() {
            drop(task.await);
        }
        if let Some(simulator) = self.simulator.take() {
            simulator.stop().await;
        }
        let left = self.fabric.clone().destroy().expect("a teardown");
        assert_eq!(left, Vec::<String>::new());
        self.store.close().await;
    }
}

/// What a test that failed leaves behind goes all the same.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(self.fabric.clone().destroy());
        }
    }
}

async fn create_model(store: &Store) -> ModelId {
    let identity = keys::generate("lazuli").expect("a key");
    let row = Model {
        spaces: BTreeMap::new(),
        id: id(),
        name: "whole".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        controller: store.controller(),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: String::new(),
        config: BTreeMap::new(),
        constraints: Constraints::default(),
        ssh_key: identity.public,
        authorized_keys: Vec::new(),
        storage_pools: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: now(),
    };
    let new = NewModel {
        row,
        addresses: desired::AddressPool::new("10.64.0.0/10", 18).expect("a pool"),
        admin: None,
        secrets: vec![(
            SSH_IDENTITY.to_owned(),
            identity.private.expose().as_bytes().to_vec(),
        )],
    };
    desired::create_model(store, new, Actor::Controller)
        .await
        .expect("a model")
        .0
        .id
}

fn workload(state: &ModelState, unit: &str) -> String {
    state
        .units()
        .find(|row| row.name.to_string() == unit)
        .and_then(|row| state.status(StatusKey::Workload(row.id)))
        .map(|status| format!("{} {}", status.status, status.message))
        .unwrap_or_default()
}

fn summary(state: &ModelState) -> String {
    let statuses: Vec<_> = state
        .statuses()
        .map(|(key, status)| format!("{key:?}: {} {}", status.status, status.message))
        .collect();
    let units: Vec<_> = state
        .units()
        .map(|unit| format!("{}: {:?}", unit.name, state.unit_state(unit.id)))
        .collect();
    let effects: Vec<_> = state
        .effects()
        .map(|effect| format!("{}: {:?} {:?}", effect.name, effect.state, effect.failure))
        .collect();
    format!("{statuses:#?}\n{units:#?}\n{effects:#?}")
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_run_on_real_machines_and_all_goes_again() {
    let Some(mut world) = World::new().await else {
        return;
    };
    let web = world.deploy("web", 1, 0).await;
    world
        .until("web/0 is active", |state| {
            workload(state, "web/0") == "active started hello"
        })
        .await;
    assert_eq!(
        world.hooks("web/0").await,
        ["install", "config-changed", "start"]
    );

    // Killed in the middle, and started again: no second machine, no hook
    // twice.
    let proxy = world.deploy("proxy", 1, 1).await;
    world.relate(&web, &proxy).await;
    world.kill().await;
    world.start();
    world
        .until("both see each other", |state| {
            workload(state, "web/0") == "active proxy/0 hello"
                && workload(state, "proxy/0") == "active web/0 hello"
        })
        .await;
    assert_eq!(
        world.hooks("proxy/0").await,
        [
            "install",
            "back-relation-created",
            "config-changed",
            "start",
            "back-relation-joined web/0",
            "back-relation-changed web/0",
        ]
    );
    assert_eq!(world.fabric.list().expect("guests").len(), 2);

    // Everything goes.
    let state = world.state().await;
    let dying = desired::destroy_model(&state, false);
    let mut edit = world
        .store
        .edit(world.model, None, Actor::Controller)
        .await
        .expect("an edit");
    edit.extend(dying);
    edit.commit().await.expect("a commit");
    world.until_removed().await;
    assert_eq!(world.fabric.list().expect("guests").len(), 0);
    world.end().await;
}

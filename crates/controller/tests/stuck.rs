//! Decisions that the database refuses: operators are told, and all goes on
//! as soon as it takes them.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::Secret;
use lazuli_azure_sim::{DataDir, MemoryHosts, Settings, Simulator};
use lazuli_cloud::{Azure, AzureConfig};
use lazuli_host::{Blob, Blobs, Dialer, HostConfig, Hosts, keys};
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{GenericUuid, MachineId, ModelId};
use lazuli_model::life::Life;
use lazuli_model::state::{Machine, MachineSource, Model, ModelState, Row, SSH_IDENTITY};
use lazuli_model::status::StatusKey;
use lazuli_store::desired::{self, NewModel};
use lazuli_store::private::Scratch;
use lazuli_store::{Actor, Store};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

struct NoBlobs;

#[async_trait]
impl Blobs for NoBlobs {
    async fn open(&self, _: &str) -> io::Result<Blob> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn id<T: GenericUuid>() -> T {
    T::from_untyped_uuid(Uuid::now_v7())
}

async fn create_model(store: &Store) -> ModelId {
    let identity = keys::generate("lazuli").expect("a key");
    let row = Model {
        spaces: BTreeMap::new(),
        id: id(),
        name: "stuck".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        controller: store.controller(),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: String::new(),
        config: BTreeMap::new(),
        storage_pools: BTreeMap::new(),
        constraints: Constraints::default(),
        ssh_key: identity.public,
        authorized_keys: Vec::new(),
        life: Life::Alive,
        force: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
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
    let created = desired::create_model(store, new, Actor::Controller).await;
    created.expect("a model").0.id
}

/// Waits until the model is as wanted.
async fn until(store: &Store, model: ModelId, what: &str, done: impl Fn(&ModelState) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut feed = store.feed().subscribe(model);
    loop {
        let loaded = lazuli_store::load(store.pool(), model).await;
        let state = loaded.expect("a model").state;
        if done(&state) {
            return;
        }
        let changed = timeout_at(deadline, feed.changed()).await;
        assert!(changed.is_ok(), "{what}: {:?}", status(&state));
    }
}

fn status(state: &ModelState) -> (String, String) {
    let status = state.status(StatusKey::Model);
    status.map_or_else(Default::default, |status| {
        (status.status.clone(), status.message.clone())
    })
}

async fn add_machine(store: &Store, model: ModelId, name: &str) -> MachineId {
    let machine = Machine {
        spaces: Vec::new(),
        id: id(),
        name: name.parse().expect("a name"),
        base: "ubuntu@24.04".parse().expect("a base"),
        constraints: Constraints::default(),
        source: MachineSource::Cloud { zone: None },
        life: Life::Alive,
        force: false,
        for_unit: false,
        created_at: OffsetDateTime::UNIX_EPOCH,
    };
    let machine_id = machine.id;
    let edit = store.edit(model, None, Actor::Controller).await;
    let mut edit = edit.expect("an edit");
    edit.put(Row::Machine(machine));
    edit.commit().await.expect("a commit");
    machine_id
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_that_cannot_be_stored_are_told_and_go_on_later() {
    let dir = tempfile::tempdir().expect("a directory");
    let scratch = Scratch::new().await.expect("Postgres");
    let store = scratch.store().await.expect("a store");
    let settings = Settings {
        sync: false,
        throttle: false,
        ..Settings::new(dir.path().to_owned())
    };
    let locked = DataDir::lock(dir.path()).expect("a lock");
    let simulator = Simulator::start(locked, settings, Arc::new(MemoryHosts::default()), "none")
        .await
        .expect("the simulator");
    let endpoint = simulator.endpoint();
    let cloud = Azure::new(&AzureConfig {
        arm: endpoint.https.clone(),
        authority: endpoint.https.clone(),
        prices: endpoint.https.clone(),
        tenant: endpoint.tenant.clone(),
        subscription: endpoint.subscription.clone(),
        client_id: endpoint.client_id.clone(),
        client_secret: Secret::new(endpoint.client_secret.clone()),
        ca: Some(std::fs::read(&endpoint.ca).expect("the CA")),
    })
    .expect("a client");
    let model = create_model(&store).await;
    // What the planner decides about any machine is refused.
    sqlx::query("alter table machine_states add constraint refused check (false) not valid")
        .execute(store.pool())
        .await
        .expect("a constraint");
    let cancel = CancellationToken::new();
    let parts = lazuli_controller::Parts {
        store: store.clone(),
        cloud: Arc::new(cloud),
        hosts: Hosts::new(
            HostConfig {
                dialer: Dialer::new(None),
                runners: BTreeMap::new(),
                idle: Duration::from_secs(60),
                max: 4,
            },
            Arc::new(NoBlobs),
        ),
        replica: id(),
        region: "westeurope".to_owned(),
    };
    let controller = tokio::spawn(lazuli_controller::run(parts, cancel.clone()));
    until(&store, model, "it is held", |state| {
        status(state).0 == "available"
    })
    .await;
    let first = add_machine(&store, model, "0").await;
    until(&store, model, "it is told", |state| {
        let (word, message) = status(state);
        word == "error" && message.starts_with("the controller cannot store what it decides")
    })
    .await;
    sqlx::query("alter table machine_states drop constraint refused")
        .execute(store.pool())
        .await
        .expect("no constraint");
    // The next change by a user does not wait for the next try.
    let second = add_machine(&store, model, "1").await;
    until(&store, model, "it goes on", |state| {
        status(state) == ("available".to_owned(), String::new())
            && [first, second]
                .iter()
                .all(|id| state.machine_state(*id).is_some())
    })
    .await;
    cancel.cancel();
    controller.await.expect("it ends");
    simulator.stop().await;
    store.close().await;
}

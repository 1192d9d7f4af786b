//! What the tests share: a store of their own, and rows to fill it with.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::id::{GenericUuid, ModelId, ReplicaId, UnitId};
use lazuli_model::life::Life;
use lazuli_model::state::{Change, Model, Row, Unit};
use lazuli_store::desired::{AddressPool, NewModel, create_model};
use lazuli_store::heads::{self, Hold};
use lazuli_store::private::Scratch;
use lazuli_store::{Actor, Batch, Store};
use newtype_uuid::{TypedUuid, TypedUuidKind};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00:00.123456 UTC);

/// A database and a store over it. The database goes last.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) scratch: Scratch,
}

impl World {
    pub(crate) async fn new() -> Self {
        // Without Postgres the tests fail, and say what to install.
        let scratch = Scratch::new()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let store = scratch.store().await.unwrap();
        Self { store, scratch }
    }

    /// A new model, held by a replica.
    pub(crate) async fn held(&self, name: &str, replica: u128) -> Hold {
        let model = create(&self.store, name).await;
        let replica = id(replica);
        heads::heartbeat(
            self.store.pool(),
            replica,
            std::time::Duration::from_secs(60),
        )
        .await
        .unwrap();
        heads::take(self.store.pool(), model, replica, 0)
            .await
            .unwrap()
            .unwrap()
    }
}

pub(crate) fn id<K: TypedUuidKind>(n: u128) -> TypedUuid<K> {
    TypedUuid::from_untyped_uuid(Uuid::from_u128(n))
}

pub(crate) fn model(name: &str) -> Model {
    let id: ModelId = ModelId::from_untyped_uuid(Uuid::new_v5(&Uuid::nil(), name.as_bytes()));
    Model {
        spaces: BTreeMap::new(),
        id,
        name: name.parse().unwrap(),
        owner: "admin".parse().unwrap(),
        controller: self::id(1),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: String::new(),
        config: BTreeMap::new(),
        constraints: "cores=2".parse().unwrap(),
        ssh_key: "ssh-ed25519 AAAA".to_owned(),
        authorized_keys: Vec::new(),
        storage_pools: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: NOW,
    }
}

pub(crate) fn pool() -> AddressPool {
    AddressPool::new("10.64.0.0/10", 18).unwrap()
}

pub(crate) fn new_model(name: &str) -> NewModel {
    NewModel {
        row: model(name),
        addresses: pool(),
        admin: None,
        secrets: Vec::new(),
    }
}

/// A charm with something of everything.
pub(crate) fn charm(name: &str) -> Arc<Charm> {
    let metadata = format!(
        "name: {name}\nsummary: s\ndescription: \"d é\"\nprovides:\n  website:\n    interface: http\n\
         peers:\n  ring:\n    interface: r\n\
         storage:\n  data:\n    type: filesystem\n    location: /srv\n\
         resources:\n  file:\n    type: file\n    filename: f.tgz\n"
    );
    let config = "options:\n  ratio:\n    type: float\n    default: 0.1\n  \
                  port:\n    type: int\n    default: 80\n";
    let actions = "backup:\n  description: b\n  params:\n    level:\n      type: number\n      \
                   maximum: 1.0\n      default: 1.0e-3\n";
    let files = MapFiles::new()
        .file("metadata.yaml", metadata)
        .file("config.yaml", config)
        .file("actions.yaml", actions)
        .executable("hooks/install", "#!/bin/sh\n")
        .executable("actions/backup", "#!/bin/sh\n");
    Arc::new(Charm::parse(&files, name).unwrap())
}

pub(crate) async fn create(store: &Store, name: &str) -> ModelId {
    let (model, _) = create_model(store, new_model(name), admin()).await.unwrap();
    model.id
}

pub(crate) fn admin() -> Actor {
    Actor::User("admin".to_owned())
}

pub(crate) fn unit(n: u128) -> Unit {
    Unit {
        id: id(n),
        name: format!("mysql/{n}").parse().unwrap(),
        application: id(100),
        machine: id(200 + n),
        principal: None,
        life: Life::Alive,
        force: false,
        resolve: None,
        created_at: NOW,
    }
}

pub(crate) fn put_unit(n: u128) -> Change {
    Change::Put(Row::Unit(unit(n)))
}

pub(crate) fn settings(pairs: &[(&str, &str)]) -> Arc<BTreeMap<String, String>> {
    Arc::new(
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

pub(crate) fn batch(hold: Hold, changes: Vec<Change>) -> Batch {
    Batch::new(hold.model, hold.epoch, changes)
}

pub(crate) fn replica(n: u128) -> ReplicaId {
    id(n)
}

pub(crate) fn unit_id(n: u128) -> UnitId {
    id(n)
}

/// Waits until all that was committed until now is below the horizon of what
/// still runs: transactions of other tests on the same server hold it up.
pub(crate) async fn horizon(store: &Store) {
    let number = |question: &'static str| async move {
        let (number,): (i64,) = sqlx::query_as(question)
            .fetch_one(store.pool())
            .await
            .unwrap();
        number
    };
    let now = number("select pg_current_xact_id()::text::bigint").await;
    let begun = std::time::Instant::now();
    while number("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint").await <= now {
        assert!(begun.elapsed().as_secs() < 30, "a transaction does not end");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

//! A server on loopback, with keys and machines played by hand.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use lazuli_api::client::{Options, TrustAnchor};
use lazuli_api::{Client, ClientError, Code, Deploy, Login, NewModel, NewUser, Problem};
use lazuli_model::charm::MapFiles;
use lazuli_model::charm::archive::{Filter, pack};
use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::{GenericUuid as _, ModelId, ReplicaId};
use lazuli_model::state::Change;
use lazuli_server::{
    App, ByteStream, Dialer, Inventory, KeyPair, Keys, Listening, PasswordCost, Settings,
    ensure_user, router, serve,
};
use lazuli_store::desired::AddressPool;
use lazuli_store::private::Scratch;
use lazuli_store::{Actor, Batch, Store, heads};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const PASSWORD: &str = "correct horse";
pub(crate) const CHEAP: PasswordCost = PasswordCost {
    memory: 8,
    passes: 1,
};

/// A server and all that it needs; ends with it.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) admin: Client,
    pub(crate) address: SocketAddr,
    pub(crate) dialed: Dialed,
    stopping: CancellationToken,
    _scratch: Scratch,
}

/// The connections that were asked for.
pub(crate) type Dialed = Arc<Mutex<Vec<SocketAddr>>>;

struct FixedKeys;

impl Keys for FixedKeys {
    fn generate(&self, comment: &str) -> Result<KeyPair, String> {
        Ok(KeyPair {
            private: b"a private key".to_vec(),
            public: format!("ssh-ed25519 AAAA {comment}"),
        })
    }
}

/// A cloud in which there is nothing.
struct NoGroups;

impl Inventory for NoGroups {
    fn contents(
        &self,
        _: ModelId,
        _: String,
    ) -> BoxFuture<'_, Result<Option<Vec<CloudResource>>, String>> {
        Box::pin(async { Ok(None) })
    }
}

/// Machines that answer everything with itself, in capitals; those on port 23
/// refuse.
struct Echo(Dialed);

impl Dialer for Echo {
    fn dial(
        &self,
        _: ModelId,
        address: SocketAddr,
    ) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        self.0.lock().unwrap().push(address);
        Box::pin(async move {
            if address.port() == 23 {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            let (near, mut far) = tokio::io::duplex(1024);
            tokio::spawn(async move {
                let mut buffer = [0; 512];
                while let Ok(n @ 1..) = far.read(&mut buffer).await {
                    buffer.make_ascii_uppercase();
                    if far.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            });
            let stream: Box<dyn ByteStream> = Box::new(near);
            Ok(stream)
        })
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let scratch = Scratch::new().await.unwrap();
        let store = scratch.store().await.unwrap();
        ensure_user(&store, "admin", PASSWORD, true, CHEAP)
            .await
            .unwrap();
        let addresses = AddressPool::new("10.64.0.0/10", 18).unwrap();
        let mut settings = Settings::new("ctl", "azure", "westeurope", addresses);
        settings.password_cost = CHEAP;
        change(&mut settings);
        let stopping = CancellationToken::new();
        let dialed = Dialed::default();
        let echo = Echo(Arc::clone(&dialed));
        let app = App::new(
            store.clone(),
            settings,
            FixedKeys,
            echo,
            NoGroups,
            stopping.clone(),
        )
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = Listening {
            listener,
            tls: None,
            most_connections: 100,
        };
        tokio::spawn(serve(listening, router(app), stopping.clone()));
        let mut world = Self {
            store,
            admin: client(address),
            address,
            dialed,
            stopping,
            _scratch: scratch,
        };
        world.admin = world.log_in("admin", PASSWORD).await.unwrap();
        world
    }

    /// A client that nobody logged in with.
    pub(crate) fn anonymous(&self) -> Client {
        client(self.address)
    }

    pub(crate) async fn log_in(&self, user: &str, password: &str) -> Result<Client, ClientError> {
        let login = Login {
            user: user.to_owned(),
            password: password.to_owned(),
            label: None,
            expires_in: None,
        };
        let token = self.anonymous().login(&login).await?.token;
        self.anonymous().with_token(&token)
    }

    /// A user who may log in, and a client of that user.
    pub(crate) async fn user(&self, name: &str) -> Client {
        let user = NewUser {
            name: name.to_owned(),
            display_name: String::new(),
            password: Some(PASSWORD.to_owned()),
            access: None,
        };
        self.admin.add_user(&user).await.unwrap();
        self.log_in(name, PASSWORD).await.unwrap()
    }

    /// A model of the administrator's.
    pub(crate) async fn model(&self, name: &str) -> ModelId {
        let new = NewModel {
            name: name.to_owned(),
            ..NewModel::default()
        };
        let added = self.admin.add_model(&new).await.unwrap();
        ModelId::from_untyped_uuid(added.model.uuid.parse::<Uuid>().unwrap())
    }

    /// A model with a charm `web` in it, and its charm's url.
    pub(crate) async fn model_with_charm(&self, name: &str) -> (ModelId, String) {
        let model = self.model(name).await;
        let added = self
            .admin
            .model(name)
            .add_charm(charm("web", ""))
            .await
            .unwrap();
        (model, added.charm.url)
    }

    /// What a controller would commit.
    pub(crate) async fn commit(&self, model: ModelId, changes: Vec<Change>) -> u64 {
        let replica = ReplicaId::from_untyped_uuid(Uuid::from_u128(7));
        let pool = self.store.pool();
        heads::heartbeat(pool, replica, Duration::from_secs(60))
            .await
            .unwrap();
        let hold = heads::take(pool, model, replica, 0).await.unwrap().unwrap();
        let batch = Batch {
            model,
            epoch: hold.epoch,
            actor: Actor::Controller,
            changes,
            bodies: Vec::new(),
            logs: Vec::new(),
            generation: None,
        };
        let committed = self.store.commit(&[batch]).await.unwrap();
        committed[0].position.revision
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

pub(crate) fn client(address: SocketAddr) -> Client {
    let server = format!("http://{address}").parse().unwrap();
    let mut options = Options::new(server);
    options.trust = TrustAnchor::System;
    Client::new(&options).unwrap()
}

/// A charm's archive.
pub(crate) fn charm(name: &str, more: &str) -> Vec<u8> {
    let metadata = format!("name: {name}\nsummary: s\ndescription: d\n{more}\n");
    let files = MapFiles::new()
        .file("metadata.yaml", metadata)
        .file("manifest.yaml", "bases: [{name: ubuntu, channel: '24.04'}]")
        .file("config.yaml", "options: {port: {type: int, default: 80}}")
        .executable("hooks/install", "#!/bin/sh\n");
    pack(&files, name, &Filter::with("")).unwrap()
}

pub(crate) fn deploy_of(url: &str) -> Deploy {
    Deploy {
        charm: url.to_owned(),
        ..Deploy::default()
    }
}

/// The problem that a request failed with.
pub(crate) fn problem<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Problem {
    let error = result.unwrap_err();
    error
        .problem()
        .unwrap_or_else(|| panic!("no problem: {error:?}"))
        .clone()
}

/// What a request failed with, in short.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> Option<Code> {
    Code::from_text(&problem(result).code)
}

/// Names by their kind, of a summary.
pub(crate) fn lines(changed: &lazuli_api::Changed) -> BTreeMap<&str, Vec<&str>> {
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in &changed.changes {
        lines
            .entry(change.kind.as_str())
            .or_default()
            .push(&change.name);
    }
    lines
}

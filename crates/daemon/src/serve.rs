//! Wiring: the store, the cloud, the hosts, the controller, the server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use azure_core::credentials::Secret;
use lazuli_cloud::{Azure, AzureConfig, Cloud};
use lazuli_controller::Parts;
use lazuli_host::{Dialer, HostConfig, Hosts};
use lazuli_model::id::{ControllerId, GenericUuid};
use lazuli_server::{App, Listening, PasswordCost, Settings};
use lazuli_store::Store;
use lazuli_store::desired::AddressPool;
use lazuli_store::seal::Sealer;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::adapters::{CloudInventory, SshKeys, StoreBlobs, TunnelDialer};
use crate::config::Config;
use crate::descriptors::{self, Connections};
use crate::instance::Instance;
use crate::tls::Certificate;
use crate::upkeep;

/// The range of each model's network within the pool.
const MODEL_PREFIX: u8 = 18;
/// Connections of clients, at most.
const CONNECTIONS: usize = 8192;
/// What works on models and requests has so long to end.
const ENDING: Duration = Duration::from_secs(60);
/// And the connections to the database.
const CLOSING: Duration = Duration::from_secs(10);
/// Azure's price list; the simulator has its own.
const PRICES: &str = "https://prices.azure.com";

/// How the database is connected to.
pub(crate) fn database(config: &Config) -> lazuli_store::Options {
    lazuli_store::Options {
        max_connections: config.database_connections,
        ..lazuli_store::Options::new(&config.database_url)
    }
}

/// Binds the API's address.
pub(crate) async fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("failed to listen on {listen}"))
}

/// Sets a database up: schema, controller, first user. Safe to do again.
pub(crate) async fn init(config: &Config, user: &str, password: &str) -> anyhow::Result<()> {
    Sealer::create_file(&config.key_file)?;
    let sealer = Sealer::from_file(&config.key_file)?;
    let pool = lazuli_store::connect(&database(config)).await?;
    lazuli_store::migrate(&pool).await?;
    let id = ControllerId::from_untyped_uuid(uuid::Uuid::now_v7());
    lazuli_store::controller::init(&pool, id, &sealer).await?;
    let store = Store::open(pool, sealer).await?;
    lazuli_server::ensure_user(&store, user, password, true, PasswordCost::default()).await?;
    store.close().await;
    Ok(())
}

/// Runs everything until `stop`.
pub(crate) async fn run(
    config: &Config,
    sealer: Sealer,
    replica: Instance,
    listener: TcpListener,
    certificate: Option<Certificate>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Some(store) = stop.run_until_cancelled(open(config, sealer)).await else {
        return Ok(());
    };
    let store = store?;
    let connections = descriptors::provide(Connections {
        ssh: config.ssh.max,
        clients: CONNECTIONS,
        database: config.database_connections,
    })?;
    let dialer = Dialer::new(config.ssh.netns.clone());
    let hosts = Hosts::new(
        HostConfig {
            dialer: dialer.clone(),
            runners: runners()?,
            idle: Duration::from_secs(config.ssh.idle_seconds),
            max: connections.ssh,
        },
        Arc::new(StoreBlobs(store.clone())),
    );
    let cloud: Arc<dyn Cloud> = Arc::new(cloud(config)?);
    let parts = Parts {
        store: store.clone(),
        cloud: Arc::clone(&cloud),
        hosts,
        replica: replica.id,
        region: config.cloud.region.clone(),
    };
    let addresses = AddressPool::new(&config.model_address_pool, MODEL_PREFIX)?;
    let mut settings = Settings::new(
        &config.name,
        &config.cloud.name,
        &config.cloud.region,
        addresses,
    );
    settings.charmhub_url.clone_from(&config.charmhub_url);
    settings.charm_catalogue.clone_from(&config.charm_catalogue);
    let app = App::new(
        store.clone(),
        settings,
        SshKeys,
        TunnelDialer(dialer),
        CloudInventory(cloud),
        stop.clone(),
    )?;
    let address = listener.local_addr()?;
    match &certificate {
        Some(certificate) => tracing::info!(
            %address,
            fingerprint = certificate.fingerprint,
            "the API listens, with TLS"
        ),
        None => tracing::info!(%address, "the API listens"),
    }
    let listening = Listening {
        listener,
        tls: certificate.map(|certificate| certificate.config),
        most_connections: connections.clients,
    };
    let serving = lazuli_server::serve(listening, lazuli_server::router(app), stop.clone());
    let work = async {
        tokio::join!(
            lazuli_controller::run(parts, stop.clone()),
            serving,
            upkeep::run(database(config), upkeep::SOON, stop.clone()),
        )
    };
    let patience = async {
        stop.cancelled().await;
        sleep(ENDING).await;
    };
    tokio::select! {
        _ = work => {}
        () = patience => tracing::warn!("something does not end; going on without it"),
    }
    if timeout(CLOSING, store.close()).await.is_err() {
        tracing::warn!("the database does not answer; its connections are cut off");
    }
    Ok(())
}

async fn open(config: &Config, sealer: Sealer) -> anyhow::Result<Store> {
    let pool = lazuli_store::connect(&database(config)).await?;
    Ok(Store::open(pool, sealer).await?)
}

fn cloud(config: &Config) -> anyhow::Result<Azure> {
    let cloud = &config.cloud;
    let secret = std::fs::read_to_string(&cloud.client_secret_file)
        .with_context(|| format!("failed to read {}", cloud.client_secret_file.display()))?;
    let ca = cloud
        .ca_file
        .as_ref()
        .map(|path| {
            std::fs::read(path).with_context(|| format!("failed to read {}", path.display()))
        })
        .transpose()?;
    Ok(Azure::new(&AzureConfig {
        arm: cloud.arm.clone(),
        authority: cloud.authority.clone(),
        prices: cloud.prices.clone().unwrap_or_else(|| PRICES.to_owned()),
        tenant: cloud.tenant.clone(),
        subscription: cloud.subscription.clone(),
        client_id: cloud.client_id.clone(),
        client_secret: Secret::new(secret.trim().to_owned()),
        ca,
    })?)
}

/// The machine-side programs beside this one, by architecture.
fn runners() -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let here = std::env::current_exe().context("failed to find this program")?;
    Ok(["x86_64", "aarch64"]
        .into_iter()
        .map(|arch| {
            let path = here.with_file_name(format!("lazuli-runner-{arch}"));
            (arch.to_owned(), path)
        })
        .filter(|(_, path)| path.exists())
        .collect())
}

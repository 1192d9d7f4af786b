//! `lazulid dev`: a whole private Azure, and Lazuli on it, on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use lazuli_store::file;
use lazuli_store::private::{self, Postgres};
use lazuli_store::seal::Sealer;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::config::{Cloud, Config, Ssh, check_reach, default_charmhub};
use crate::instance::{self, Instance};
use crate::process::{self, Simulator};
use crate::serve;

/// The controller's name for the CLI.
const NAME: &str = "dev";
/// Whether Postgres and the simulator run is looked at this often.
const LOOK: Duration = Duration::from_secs(1);
/// The first user.
const USER: &str = "admin";

/// Starts what is missing, adopts what runs, serves until `stop`, and then
/// ends all of it; the data is kept.
pub(crate) async fn run(
    data: &Path,
    listen: SocketAddr,
    flavour: &str,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    check_reach(listen, false)?;
    std::fs::create_dir_all(data)
        .with_context(|| format!("failed to create {}", data.display()))?;
    let replica = instance::open(&data.join("state"))?;
    let beside = Beside {
        postgres: data.join("postgres"),
        simulator: data.join("azure"),
        arguments: ["--hosts", "guests", "--default-flavour", flavour].map(str::to_owned),
    };
    let Some(postgres) = stop.run_until_cancelled(beside.postgres()).await else {
        return Ok(());
    };
    let postgres = postgres?;
    let served = on_postgres(data, listen, replica, &beside, &postgres, &stop).await;
    tracing::info!("ending Postgres; the data stays");
    let ended = postgres.stop().await.context("failed to end Postgres");
    both(served, ended)
}

/// Starts the simulator, serves, and ends the simulator.
async fn on_postgres(
    data: &Path,
    listen: SocketAddr,
    replica: Instance,
    beside: &Beside,
    postgres: &Postgres,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    postgres.create_database("lazuli").await?;
    let Some(simulator) = stop.run_until_cancelled(beside.simulator()).await else {
        return Ok(());
    };
    let simulator = simulator?;
    if simulator.adopted {
        tracing::info!("the simulator was running already");
    }
    let served = on_both(data, listen, replica, beside, postgres, &simulator, stop).await;
    tracing::info!("ending the simulator; its machines come back with it");
    let ended = simulator
        .stop()
        .await
        .context("failed to end the simulator");
    both(served, ended)
}

/// Serves, and logs the CLI in.
async fn on_both(
    data: &Path,
    listen: SocketAddr,
    replica: Instance,
    beside: &Beside,
    postgres: &Postgres,
    simulator: &Simulator,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = serve::bind(listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let config = configuration(data, postgres, simulator)?;
    let password = password(&data.join("password"))?;
    let set_up = serve::init(&config, USER, &password);
    match stop.run_until_cancelled(set_up).await {
        Some(done) => done?,
        None => return Ok(()),
    }
    let sealer = Sealer::from_file(&config.key_file)?;

    let cli = data.join("cli");
    let internet = simulator.endpoint.internet_netns.clone();
    let greet = async move {
        let greeting = greet(&url, &cli, &password, internet.as_deref());
        let greeted = stop.run_until_cancelled(greeting).await.unwrap_or(Ok(()));
        if let Err(error) = &greeted {
            tracing::error!("{error:#}");
            stop.cancel();
        }
        greeted
    };
    let serving = serve::run(&config, sealer, replica, listener, None, stop.clone());
    let keeping = stop.run_until_cancelled(beside.keep_up(postgres, simulator));
    let (served, greeted, _) = tokio::join!(serving, greet, keeping);
    served.and(greeted)
}

/// The first of two errors; the second is told at once when there are two.
fn both(first: anyhow::Result<()>, second: anyhow::Result<()>) -> anyhow::Result<()> {
    if let (Err(_), Err(error)) = (&first, &second) {
        tracing::error!("{error:#}");
    }
    first.and(second)
}

/// What runs beside the controller.
struct Beside {
    postgres: PathBuf,
    simulator: PathBuf,
    arguments: [String; 4],
}

impl Beside {
    async fn postgres(&self) -> anyhow::Result<Postgres> {
        Ok(Postgres::start(&self.postgres, private::Options::default()).await?)
    }

    async fn simulator(&self) -> anyhow::Result<Simulator> {
        Simulator::start(&self.simulator, &self.arguments).await
    }

    /// Starts again, on the same data, what ends.
    async fn keep_up(&self, postgres: &Postgres, simulator: &Simulator) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if postgres.is_running().is_ok_and(|runs| !runs) {
                tracing::warn!("Postgres has ended; starting it again");
                let started = self.postgres().await;
                report(started.err());
            }
            if simulator.is_running().is_ok_and(|runs| !runs) {
                tracing::warn!("the simulator has ended; starting it again");
                let started = self.simulator().await;
                report(started.err());
            }
        }
    }
}

fn report(error: Option<anyhow::Error>) {
    if let Some(error) = error {
        tracing::error!("it does not start; trying again: {error:#}");
    }
}

fn configuration(
    data: &Path,
    postgres: &Postgres,
    simulator: &Simulator,
) -> anyhow::Result<Config> {
    let endpoint = &simulator.endpoint;
    let secret = data.join("client-secret");
    write(&secret, &endpoint.client_secret)?;
    Ok(Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        tls: None,
        database_url: postgres.url("lazuli"),
        database_connections: 16,
        key_file: data.join("key"),
        state_dir: data.join("state"),
        name: NAME.to_owned(),
        model_address_pool: "10.64.0.0/10".to_owned(),
        // As `serve` takes it from its environment.
        charmhub_url: std::env::var("LAZULID_CHARMHUB_URL").unwrap_or_else(|_| default_charmhub()),
        charm_catalogue: vec![data.join("charms")],
        cloud: Cloud {
            name: "azure-sim".to_owned(),
            region: "westeurope".to_owned(),
            subscription: endpoint.subscription.clone(),
            tenant: endpoint.tenant.clone(),
            client_id: endpoint.client_id.clone(),
            client_secret_file: secret,
            arm: endpoint.https.clone(),
            authority: endpoint.https.clone(),
            prices: Some(endpoint.https.clone()),
            ca_file: Some(endpoint.ca.clone()),
        },
        ssh: Ssh {
            netns: endpoint.fabric_netns.clone(),
            ..Ssh::default()
        },
    })
}

/// The first user's password: made once, kept where only its owner reads it.
fn password(path: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(password) => Ok(password),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let password = hex::encode(rand::random::<[u8; 16]>());
            write(path, &password)?;
            Ok(password)
        }
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    file::replace(path, text.as_bytes())
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Logs the CLI in and says how to use it.
async fn greet(
    url: &str,
    cli: &Path,
    password: &str,
    internet: Option<&Path>,
) -> anyhow::Result<()> {
    let program: PathBuf = process::beside("lazuli")?;
    let mut login = Command::new(&program)
        .args(["login", url, "-u", USER, "-c", NAME])
        .env("LAZULI_DATA", cli)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("failed to run {}", program.display()))?;
    if let Some(mut stdin) = login.stdin.take() {
        stdin.write_all(format!("{password}\n").as_bytes()).await?;
    }
    let done = login.wait_with_output().await?;
    if !done.status.success() {
        bail!(
            "failed to log the CLI in: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    let mut lines = format!("ready\nexport LAZULI_DATA={}\n", cli.display());
    if let Some(internet) = internet {
        let outside = format!(
            "# requests from outside: nsenter --net={} curl ...\n",
            internet.display()
        );
        lines.push_str(&outside);
    }
    let mut stdout = tokio::io::stdout();
    stdout.write_all(lines.as_bytes()).await?;
    stdout.flush().await?;
    Ok(())
}

//! `lazulid`: the controller and its API.

mod adapters;
mod config;
mod dev;
mod instance;
mod process;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use lazuli_store::seal::Sealer;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use config::Config;

/// The controller of Lazuli and its API.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller and the API
    Serve {
        /// The configuration file
        #[arg(long, default_value = "/etc/lazuli/lazulid.toml")]
        config: PathBuf,
    },
    /// Run everything on this machine: Postgres, the ARM simulator with real
    /// guests, the controller, the API on loopback, a logged-in CLI
    Dev {
        /// Where everything is kept; the user postgres has to reach it
        #[arg(long, default_value = "/var/lib/lazuli/dev")]
        data: PathBuf,
        /// Where the API listens
        #[arg(long, default_value = "127.0.0.1:17070")]
        listen: SocketAddr,
        /// What Canonical's images become: lean or full (systemd) guests
        #[arg(long, default_value = "full")]
        default_flavour: String,
    },
    /// Set a database up for a new controller, and make its first user
    Init {
        /// The configuration file
        #[arg(long, default_value = "/etc/lazuli/lazulid.toml")]
        config: PathBuf,
        /// The first user, who may do everything; the password is read from
        /// stdin
        #[arg(long, default_value = "admin")]
        user: String,
    },
    /// Bring the database's schema up to this program
    Migrate {
        /// The configuration file
        #[arg(long, default_value = "/etc/lazuli/lazulid.toml")]
        config: PathBuf,
    },
    /// Check a configuration file
    CheckConfig {
        /// The configuration file
        #[arg(long, default_value = "/etc/lazuli/lazulid.toml")]
        config: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,azure_core=warn,russh=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let stop = stop_on_signal()?;
    match arguments.command {
        Command::Serve { config } => {
            let config = Config::load(&config)?;
            let sealer = Sealer::from_file(&config.key_file)?;
            let replica = instance::open(&config.state_dir)?;
            let listener = serve::bind(config.listen).await?;
            serve::run(&config, sealer, replica, listener, stop).await
        }
        Command::Dev {
            data,
            listen,
            default_flavour,
        } => dev::run(&data, listen, &default_flavour, stop).await,
        Command::Init { config, user } => {
            let config = Config::load(&config)?;
            let mut password = String::new();
            std::io::stdin()
                .read_line(&mut password)
                .context("failed to read the password")?;
            serve::init(&config, &user, password.trim_end_matches('\n')).await
        }
        Command::Migrate { config } => {
            let config = Config::load(&config)?;
            let pool = lazuli_store::connect(&serve::database(&config)).await?;
            Ok(lazuli_store::migrate(&pool).await?)
        }
        Command::CheckConfig { config } => Config::load(&config).map(drop),
    }
}

/// Cancelled by Ctrl-C or SIGTERM.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}

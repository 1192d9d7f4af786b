//! `lazulid`: the controller and its API.

mod adapters;
mod config;
mod descriptors;
mod dev;
mod instance;
mod process;
mod serve;
mod tls;
mod upkeep;

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
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

/// Where the configuration is. Variables such as LAZULID_LISTEN and
/// LAZULID_CLOUD__REGION go before the file.
#[derive(Args)]
struct ConfigFile {
    /// The configuration file; /etc/lazuli/lazulid.toml if it is there
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<Config> {
        Config::load(self.config.as_deref())
    }
}

#[derive(Subcommand)]
enum Command {
    /// Run the controller and the API
    Serve {
        #[command(flatten)]
        file: ConfigFile,
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
        #[command(flatten)]
        file: ConfigFile,
        /// The first user, who may do everything; the password is read from
        /// stdin
        #[arg(long, default_value = "admin")]
        user: String,
    },
    /// Bring the database's schema up to this program
    Migrate {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Check a configuration file
    CheckConfig {
        #[command(flatten)]
        file: ConfigFile,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lazulid: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,azure_core=warn,russh=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match arguments.command {
        Command::Serve { file } => {
            let stop = stop_on_signal()?;
            let config = file.load()?;
            config.check_files()?;
            let certificate = config.tls.as_ref().map(tls::load).transpose()?;
            let sealer = Sealer::from_file(&config.key_file)?;
            let replica = instance::open(&config.state_dir)?;
            let listener = serve::bind(config.listen).await?;
            serve::run(&config, sealer, replica, listener, certificate, stop).await
        }
        Command::Dev {
            data,
            listen,
            default_flavour,
        } => dev::run(&data, listen, &default_flavour, stop_on_signal()?).await,
        Command::Init { file, user } => {
            let config = file.load()?;
            let mut password = String::new();
            std::io::stdin()
                .read_line(&mut password)
                .context("failed to read the password")?;
            serve::init(&config, &user, password.trim_end_matches('\n')).await
        }
        Command::Migrate { file } => {
            let config = file.load()?;
            let pool = lazuli_store::connect(&serve::database(&config)).await?;
            Ok(lazuli_store::migrate(&pool).await?)
        }
        Command::CheckConfig { file } => {
            let config = file.load()?;
            config.check_files()?;
            config.tls.as_ref().map(tls::load).transpose()?;
            Ok(())
        }
    }
}

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Cancelled by Ctrl-C or SIGTERM. The second one ends this process at once.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let token = stop.clone();
    tokio::spawn(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            }
        };
        signalled().await;
        tracing::info!("ending; once more ends at once");
        token.cancel();
        signalled().await;
        tracing::warn!("ended before everything was put away");
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}

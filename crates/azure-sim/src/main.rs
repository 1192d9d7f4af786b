//! `azure-sim`: runs the simulator, or removes its data.

mod args;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Parser as _;
use lazuli_azure_sim::{DataDir, Error, GuestHosts, Hosts, MemoryHosts, Simulator};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Args, Command, Destroy, HostKind, Serve};

/// The exit code that says: another instance holds the data directory.
const LOCKED: u8 = 3;

/// Guests live below this part of the data directory.
const FABRIC: &str = "fabric";

fn main() -> ExitCode {
    let args = Args::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let result = match args.command {
        Command::Serve(serve) => run(*serve),
        Command::Destroy(destroy) => remove(&destroy),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            match error.downcast_ref::<Error>() {
                Some(Error::Locked(_)) => ExitCode::from(LOCKED),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(serve: Serve) -> anyhow::Result<ExitCode> {
    let kind = serve.hosts;
    let packages = serve.packages();
    let settings = serve.settings();
    let dir = DataDir::lock(&settings.data)?;
    // Held until the end: dropping the source ends it.
    let mut source = None;
    let hosts: Arc<dyn Hosts> = match kind {
        HostKind::None => Arc::new(MemoryHosts::default()),
        HostKind::Guests => {
            let guests = GuestHosts::open(&dir.path().join(FABRIC))
                .context("the guests are not available")?;
            if let Some(options) = packages {
                let served = guests.fabric().serve_packages(&options);
                source = Some(served.context("the packages cannot be served to guests")?);
            }
            Arc::new(guests)
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("signals cannot be heard")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be heard")?;
        let simulator = Simulator::start(dir, settings, hosts, kind.name()).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("azure-sim is ending");
        simulator.stop().await;
        anyhow::Ok(())
    })?;
    drop(source);
    Ok(ExitCode::SUCCESS)
}

fn remove(destroy: &Destroy) -> anyhow::Result<ExitCode> {
    if !destroy.data.exists() {
        return Ok(ExitCode::SUCCESS);
    }
    if !DataDir::is(&destroy.data) {
        anyhow::bail!(
            "{} is not a data directory of azure-sim; nothing was removed",
            destroy.data.display()
        );
    }
    let dir = DataDir::lock(&destroy.data)?;
    let fabric = dir.path().join(FABRIC);
    let left = if fabric.exists() {
        GuestHosts::destroy(&fabric).context("the guests could not be removed")?
    } else {
        Vec::new()
    };
    if !left.is_empty() {
        for thing in &left {
            tracing::error!("left over: {thing}");
        }
        return Ok(ExitCode::FAILURE);
    }
    dir.remove()?;
    Ok(ExitCode::SUCCESS)
}

//! Measurements of the whole system, taken from outside: what `scripts/bench`
//! runs against a `lazulid dev` that it started.

mod busy;
mod hooks;
mod interrupt;
mod report;

use clap::{Parser, Subcommand};

/// Measure Lazuli from outside
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    Hooks(hooks::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let bench = async {
        match arguments.bench {
            Bench::Hooks(args) => hooks::run(&args).await,
        }
    };
    tokio::select! {
        done = bench => done,
        interrupted = interrupt::wait() => interrupted,
    }
}

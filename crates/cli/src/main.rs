//! `lazuli`: Juju's command line for Lazuli's controllers.
//!
//! Data goes to stdout, everything for people to stderr. Exit codes are
//! Juju's: 0, 1 for failures, 2 for usage, and those of programs that are run
//! for the user.

mod arguments;
mod ask;
mod charm_source;
mod cli;
mod commands;
mod duration;
mod error;
mod files;
mod located;
mod manual_host;
mod openssh;
mod operation;
mod output;
mod patience;
mod removal;
mod render;
mod resource_files;
mod session;
mod ssh_keys;

use std::process::ExitCode;

use clap::Parser as _;
use time::UtcOffset;

use crate::cli::Cli;
use crate::error::{Error, Result};

fn main() -> ExitCode {
    // The offset can only be asked for while there is one thread.
    let offset = UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC);
    match run(offset) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("{}", error.report());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(offset: UtcOffset) -> Result<()> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
            return cli::explain(&error, &words.collect::<Vec<_>>());
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("start"))?;
    let result = runtime.block_on(cli.run(offset));
    // A read of stdin that nobody waits for any more must not hold us up.
    runtime.shutdown_background();
    result
}

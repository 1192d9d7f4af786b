//! The machine-side program: the far end of the host's channel, the
//! supervisor, and every hook tool, in one static binary.
//!
//! Started under a tool's name it is that tool; otherwise its first argument
//! says what it is.

mod build;
mod charm;
mod client;
mod clock;
mod debug;
mod error;
mod files;
mod flags;
mod format;
mod hook;
mod journal;
mod launch;
mod local;
mod paths;
mod pool;
mod process;
mod resources;
mod routes;
mod serve;
mod supervisor;
mod tools;
mod toolwire;

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use lazuli_runner::frames::PROTOCOL;

use crate::error::{Error, describe};
use crate::paths::Paths;

/// How long a supervisor without work or connection stays.
const IDLE: Duration = Duration::from_secs(60);

const USAGE: &str = "usage: lazuli-runner serve
       lazuli-runner supervisor [IDLE_SECONDS]
       lazuli-runner put charm SHA256 SIZE < ARCHIVE
       lazuli-runner put resource SHA256 SIZE < CONTENT
       lazuli-runner debug UNIT [--at WHERE] [NAME ...]
       lazuli-runner version";

fn main() -> ExitCode {
    let mut args = env::args_os();
    let name = args
        .next()
        .as_deref()
        .and_then(|name| Path::new(name).file_name()?.to_str().map(str::to_owned))
        .unwrap_or_default();
    if tools::find(&name).is_some() {
        return ExitCode::from(client::run(&name, args));
    }
    if local::NAMES.contains(&name.as_str()) {
        return ExitCode::from(local::run(&name, args));
    }
    match command(args) {
        Ok(code) => code,
        Err(error) => {
            // When nobody reads it there is nobody else to tell.
            drop(writeln!(
                io::stderr(),
                "lazuli-runner: {}",
                describe(&error)
            ));
            ExitCode::FAILURE
        }
    }
}

fn command(args: impl Iterator<Item = OsString>) -> Result<ExitCode, Error> {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let paths = Paths::from_environment();
    match args.as_slice() {
        ["serve"] => serve::serve(&paths)?,
        ["supervisor"] => supervisor::serve(paths, IDLE)?,
        ["supervisor", idle] => supervisor::serve(paths, seconds(idle)?)?,
        ["detach"] => launch::detach()?,
        ["put", "charm", sha256, size] => {
            charm::upload(&paths, sha256, bytes(size)?, &mut io::stdin().lock())?;
        }
        ["put", "resource", sha256, size] => {
            resources::upload(&paths, sha256, bytes(size)?, &mut io::stdin().lock())?;
        }
        ["debug", unit, names @ ..] => debug::open(&paths, unit, names)?,
        ["debugged", dir] => return debug::wait(dir, None).map(ExitCode::from),
        ["debugged", dir, handler] => return debug::wait(dir, Some(handler)).map(ExitCode::from),
        ["debug-window", socket] => debug::show(socket)?,
        ["version"] => {
            let line = format!(
                "lazuli-runner {} protocol {PROTOCOL}\n",
                env!("CARGO_PKG_VERSION")
            );
            io::stdout()
                .write_all(line.as_bytes())
                .map_err(Error::system("print"))?;
        }
        _ => {
            drop(writeln!(io::stderr(), "{USAGE}"));
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn bytes(text: &str) -> Result<u64, Error> {
    text.parse()
        .map_err(|_| Error::Refused(format!("{text:?} is not a size in bytes")))
}

fn seconds(text: &str) -> Result<Duration, Error> {
    text.parse()
        .map(Duration::from_secs)
        .map_err(|_| Error::Refused(format!("{text:?} is not a number of seconds")))
}

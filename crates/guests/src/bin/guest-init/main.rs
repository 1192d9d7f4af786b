//! Process 1 of a guest, and what starts it.
//!
//! `launch DIR` makes the namespaces and the wire, starts `run DIR` as process
//! 1 in them, and leaves: no supervisor stays behind, so that a guest needs
//! nobody. (A systemd guest has a `keep DIR` between the two, since systemd
//! closes the lock file that says "this guest lives".) `final` is the last
//! stage of the first boot, inside the guest.
//!
//! Stdin of `launch` is the guest's lock file, locked; stdout is a pipe to
//! whoever starts the guest: one line, `ready` or why not.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

mod launch;
mod lean;
mod processes;
mod root;
mod setup;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["launch", dir] => launch::launch(&PathBuf::from(dir)),
        ["keep", dir] => launch::keep(&PathBuf::from(dir)),
        ["run", dir] => root::run(&PathBuf::from(dir)),
        ["final"] => setup::final_stage(),
        _ => Err(io::Error::other(
            "usage: guest-init launch|keep|run DIR, or guest-init final",
        )),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Says one line to whoever waits for this guest, and on the console.
fn tell(line: &str) {
    // Nobody may be listening any more; the guest goes on.
    drop(writeln!(io::stdout().lock(), "{line}"));
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Adds what was attempted to an error.
fn during<E: Into<io::Error>>(what: impl std::fmt::Display) -> impl FnOnce(E) -> io::Error {
    move |error| {
        let error = error.into();
        io::Error::new(error.kind(), format!("cannot {what}: {error}"))
    }
}

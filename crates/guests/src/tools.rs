//! The machine's own programs that guests are made with.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{Error, Result};

/// How much of a program's words goes into an error.
const SHOWN: usize = 2000;

/// A program and the package that has it.
pub(crate) type Tool = (&'static str, &'static str);

pub(crate) const NFT: Tool = ("nft", "nftables");
pub(crate) const MMDEBSTRAP: Tool = ("mmdebstrap", "mmdebstrap");
pub(crate) const NSENTER: Tool = ("nsenter", "util-linux");
pub(crate) const LOSETUP: Tool = ("losetup", "mount");
const APT_GET: Tool = ("apt-get", "apt");

/// Checks that this is root and that what a fabric needs is installed.
///
/// # Errors
/// Which program is missing, and the package to install.
pub fn ensure_tools() -> Result<()> {
    ensure_root()?;
    for tool in [NFT, NSENTER] {
        find(tool)?;
    }
    Ok(())
}

/// Checks that what builds a base is installed.
pub(crate) fn ensure_builders() -> Result<()> {
    for tool in [MMDEBSTRAP, APT_GET] {
        find(tool)?;
    }
    Ok(())
}

/// Fails unless the caller is root.
///
/// # Errors
/// [`Error::NotRoot`].
pub fn ensure_root() -> Result<()> {
    if nix::unistd::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot)
    }
}

fn find((tool, package): Tool) -> Result<()> {
    let folders = [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ];
    let found = folders
        .iter()
        .any(|folder| Path::new(folder).join(tool).exists());
    if found {
        Ok(())
    } else {
        Err(Error::Tool { tool, package })
    }
}

/// Runs a program to its end with `input`, and returns what it printed.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String> {
    let shown = show(command);
    let broken = |what: &str| format!("{what} `{shown}`");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(broken("run")))?;
    let stdin = child.stdin.take();
    let stderr = child.stderr.take();
    // All three pipes are served at once, so that none fills up and blocks.
    let (stdout, said) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that reads no further says why at its end.
            stdin.map(|mut pipe| pipe.write_all(input.as_bytes()))
        });
        let errors = scope.spawn(move || read(stderr));
        let output = read(child.stdout.take());
        (output, errors.join().unwrap_or_default())
    });
    let status = child.wait().map_err(Error::io(broken("wait for")))?;
    if status.success() {
        Ok(stdout)
    } else {
        Err(failed(shown, status, &said))
    }
}

fn read(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read until a failure is what there is to show.
        drop(pipe.read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failed(command: String, status: ExitStatus, said: &str) -> Error {
    Error::Command {
        command,
        status: status.to_string(),
        output: tail(said).trim().to_owned(),
    }
}

/// The end of a text, cut at a character.
pub(crate) fn tail(text: &str) -> &str {
    let mut start = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

fn show(command: &Command) -> String {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args().take(4) {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

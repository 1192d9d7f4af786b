//! A hook tool's process: started under the tool's name, it lets the
//! supervisor do the work.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use lazuli_runner::frames::{read_frame, write_frame};

use crate::error::describe;
use crate::toolwire::{INPUT_MAX, ToolInput, ToolReply, ToolRequest};

/// Runs the tool; its exit code.
pub(crate) fn run(tool: &str, args: impl Iterator<Item = std::ffi::OsString>) -> u8 {
    match call(tool, args) {
        Ok(code) => code,
        Err(text) => {
            // When nobody reads it there is nobody else to tell.
            drop(writeln!(io::stderr(), "ERROR {text}"));
            1
        }
    }
}

fn call(tool: &str, args: impl Iterator<Item = std::ffi::OsString>) -> Result<u8, String> {
    let request = ToolRequest {
        context: variable("JUJU_CONTEXT_ID")?,
        tool: tool.to_owned(),
        args: args.map(|arg| arg.to_string_lossy().into_owned()).collect(),
    };
    let address = variable("JUJU_AGENT_SOCKET_ADDRESS")?;
    let mut stream = UnixStream::connect(&address).map_err(|error| {
        format!("failed to reach the agent at {address}: {error}; has the hook ended?")
    })?;
    let lost = |error| format!("failed to talk to the agent: {}", describe(&error));
    write_frame(&mut stream, &request).map_err(lost)?;
    loop {
        match read_frame(&mut stream).map_err(lost)? {
            ToolReply::Need { file } => {
                let text = read_input(file.as_deref());
                write_frame(&mut stream, &ToolInput { text }).map_err(lost)?;
            }
            ToolReply::Done {
                code,
                stdout,
                stderr,
                file,
            } => {
                drop(io::stderr().write_all(stderr.as_bytes()));
                match file {
                    Some(file) => fs::write(&file, stdout)
                        .map_err(|error| format!("failed to write {file}: {error}"))?,
                    None => io::stdout()
                        .write_all(stdout.as_bytes())
                        .map_err(|error| format!("failed to print: {error}"))?,
                }
                return Ok(code);
            }
        }
    }
}

/// An empty variable counts as none.
fn variable(name: &str) -> Result<String, String> {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("{name} not set"))
}

fn read_input(file: Option<&str>) -> Result<String, String> {
    let name = file.unwrap_or("standard input");
    let mut bytes = Vec::new();
    let read = match file {
        Some(path) => {
            File::open(path).and_then(|file| file.take(INPUT_MAX + 1).read_to_end(&mut bytes))
        }
        None => io::stdin().take(INPUT_MAX + 1).read_to_end(&mut bytes),
    };
    read.map_err(|error| format!("failed to read {name}: {error}"))?;
    if bytes.len() as u64 > INPUT_MAX {
        return Err(format!("{name} is over the limit of {INPUT_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))
}

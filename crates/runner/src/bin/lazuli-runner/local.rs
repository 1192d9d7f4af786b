//! `juju-exec` (and `juju-run`, as it was called): a program on the machine
//! runs a command in a unit's context, or in none.

use std::env;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use lazuli_runner::frames::{LocalDone, LocalExec, Printed, Request, read_frame, write_frame};

use crate::error::describe;
use crate::paths::{Paths, is_unit};
use crate::serve;

/// What it is called.
pub(crate) const NAMES: [&str; 2] = ["juju-exec", "juju-run"];

const USAGE: &str = "Usage: juju-exec [options] [<unit-name>] <commands>

Summary:
Run commands in a unit's context.

Options:
--no-context
    Do not run the command in a unit context
--operator
    Refused: there are no operators here
-r, --relation
    Specify the relation id for a specific relation
--remote-unit
    Run the commands for a specific remote unit in a relation context
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Help,
    Plain(String),
    InContext(LocalExec),
}

/// Runs it; its exit code.
pub(crate) fn run(name: &str, args: impl Iterator<Item = std::ffi::OsString>) -> u8 {
    let args: Vec<String> = args.map(|arg| arg.to_string_lossy().into_owned()).collect();
    let context = env::var("JUJU_CONTEXT_ID").unwrap_or_default();
    let asked = match parse(&args) {
        Ok(asked) => asked,
        Err(text) => return failed(2, &text),
    };
    let ended = match asked {
        Asked::Help => {
            drop(io::stdout().write_all(USAGE.as_bytes()));
            return 0;
        }
        Asked::Plain(command) => plain(&command),
        Asked::InContext(_) if !context.is_empty() => Err(format!(
            "{name} cannot be called from within a hook, have context {context:?}"
        )),
        Asked::InContext(exec) => in_context(exec),
    };
    ended.unwrap_or_else(|text| failed(1, &text))
}

fn failed(code: u8, text: &str) -> u8 {
    // When nobody reads it there is nobody else to tell.
    drop(writeln!(io::stderr(), "ERROR {text}"));
    code
}

/// Flags first, then the unit, then the command.
fn parse(args: &[String]) -> Result<Asked, String> {
    let mut exec = LocalExec::default();
    let mut no_context = false;
    let mut args = args.iter();
    let mut rest: Vec<String> = Vec::new();
    while let Some(arg) = args.next() {
        let (name, value) = match arg.split_once('=') {
            Some((name, value)) if arg.starts_with('-') => (name, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || {
            value
                .clone()
                .or_else(|| args.next().cloned())
                .ok_or_else(|| format!("option needs an argument: {name}"))
        };
        match name {
            "--help" | "-h" => return Ok(Asked::Help),
            "--no-context" => no_context = true,
            // Which one is meant is said by its name.
            "--force-remote-unit" => {}
            "--operator" => return Err("there are no operators here".to_owned()),
            "-r" | "--relation" => exec.relation = relation(&value()?)?,
            "--remote-unit" => exec.remote_unit = value()?,
            "--" => {
                rest.extend(args.cloned());
                break;
            }
            flag if flag.starts_with('-') && flag.len() > 1 => {
                return Err(format!("option provided but not defined: {flag}"));
            }
            _ => {
                rest.push(arg.clone());
                rest.extend(args.cloned());
                break;
            }
        }
    }
    if !no_context {
        if rest.is_empty() {
            return Err("unit-name not specified".to_owned());
        }
        exec.unit = unit_name(&rest.remove(0))?;
    }
    let command = match rest.as_slice() {
        [] => return Err("missing commands".to_owned()),
        [one] => one.clone(),
        words => words.join(" "),
    };
    if no_context {
        return Ok(Asked::Plain(command));
    }
    exec.command = command;
    Ok(Asked::InContext(exec))
}

/// `mysql/0`, or its tag `unit-mysql-0`.
fn unit_name(text: &str) -> Result<String, String> {
    let of_tag = text
        .strip_prefix("unit-")
        .and_then(|tag| tag.rsplit_once('-'))
        .map(|(application, number)| format!("{application}/{number}"));
    let name = of_tag.unwrap_or_else(|| text.to_owned());
    if is_unit(&name) {
        return Ok(name);
    }
    Err(format!("invalid unit name {text:?}"))
}

/// `db:1`, or `1`.
fn relation(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.rsplit(':').next().unwrap_or_default();
    let number = number.parse().map_err(|_| "invalid relation id".to_owned());
    number.map(Some)
}

fn plain(command: &str) -> Result<u8, String> {
    let status = Command::new("/bin/bash")
        .args(["-c", command])
        .status()
        .map_err(|error| format!("failed to run /bin/bash: {error}"))?;
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal).unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}

fn in_context(exec: LocalExec) -> Result<u8, String> {
    let paths = Paths::from_environment();
    let mut stream = serve::attach(&paths).map_err(|error| describe(&error))?;
    let lost = |error| format!("failed to talk to the agent: {}", describe(&error));
    write_frame(&mut stream, &Request::Exec(exec)).map_err(lost)?;
    let done: LocalDone = read_frame(&mut stream).map_err(lost)?;
    if let Some(reason) = done.refused {
        return Err(reason);
    }
    // That nobody reads it is no failure of the command.
    drop(io::stdout().write_all(&bytes(&done.stdout)));
    drop(io::stderr().write_all(&bytes(&done.stderr)));
    Ok(done.code)
}

fn bytes(printed: &Printed) -> Vec<u8> {
    match printed.base64 {
        true => BASE64.decode(&printed.text).unwrap_or_default(),
        false => printed.text.clone().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Asked, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    fn in_context(unit: &str, command: &str) -> LocalExec {
        LocalExec {
            unit: unit.to_owned(),
            command: command.to_owned(),
            ..LocalExec::default()
        }
    }

    #[test]
    fn flags_come_before_the_unit_and_the_rest_is_the_command() {
        assert_eq!(
            asked("a/0 hostname -f --no-context"),
            Ok(Asked::InContext(in_context(
                "a/0",
                "hostname -f --no-context"
            )))
        );
        assert_eq!(
            asked("-r db:3 --remote-unit=b/1 unit-a-0 -- x"),
            Ok(Asked::InContext(LocalExec {
                relation: Some(3),
                remote_unit: "b/1".to_owned(),
                ..in_context("a/0", "-- x")
            }))
        );
        assert_eq!(
            asked("--no-context ls -l"),
            Ok(Asked::Plain("ls -l".to_owned()))
        );
        for (line, text) in [
            ("", "unit-name not specified"),
            ("a/0", "missing commands"),
            ("--no-context", "missing commands"),
            ("a ls", "invalid unit name \"a\""),
            ("-r x a/0 ls", "invalid relation id"),
            ("--what a/0 ls", "option provided but not defined: --what"),
        ] {
            assert_eq!(asked(line), Err(text.to_owned()), "{line}");
        }
    }
}

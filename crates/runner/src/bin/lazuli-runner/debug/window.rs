//! What runs in a window: a shell in the hook's place, or the hook in sight.

use std::env;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;

use lazuli_runner::frames::{read_frame, write_frame};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Left, Shown};
use crate::error::Error;

const SHELL: &str = "/bin/bash";

/// What is the terminal's rather than the hook's.
const OF_TERMINAL: [&str; 5] = ["COLORTERM", "HOME", "TERM", "TMUX", "TMUX_PANE"];

/// Runs what the waiter says, and tells it how that ended.
pub(crate) fn show(socket: &str) -> Result<(), Error> {
    let socket = Path::new(socket);
    let mut waiter = UnixStream::connect(socket).map_err(Error::file("connect to", socket))?;
    let shown: Shown = read_frame(&mut waiter)?;
    let mut command = match &shown.handler {
        Some(handler) => Command::new(handler),
        None => {
            // The window may be closed already, which is noticed below.
            drop(io::stdout().write_all(welcome(&shown).as_bytes()));
            let mut command = Command::new(SHELL);
            command.args(["--noprofile", "--norc", "-i"]);
            command
        }
    };
    command
        .current_dir(&shown.directory)
        .env_clear()
        .envs(&shown.variables)
        .envs(
            OF_TERMINAL
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        );
    if shown.handler.is_none() {
        command.env("PS1", format!("{}:{} % ", shown.unit, shown.what));
    }
    let mut child = command
        .spawn()
        .map_err(Error::system("run what the window is for"))?;
    end_with_waiter(&waiter, child.id())?;
    let status = child.wait().map_err(Error::system("wait for its end"))?;
    write_frame(&mut waiter, &Left { code: code(status) })?;
    Ok(())
}

/// The waiter says no more: when it can be read from, it is gone.
fn end_with_waiter(waiter: &UnixStream, child: u32) -> Result<(), Error> {
    let mut waiter = waiter
        .try_clone()
        .map_err(Error::system("use the connection"))?;
    let child = Pid::from_raw(i32::try_from(child).unwrap_or_default());
    thread::Builder::new()
        .spawn(move || {
            drop(read_frame::<Left>(&mut waiter));
            // It may be gone already.
            let _ = kill(child, Signal::SIGKILL);
        })
        .map(drop)
        .map_err(Error::system("start a thread"))
}

fn code(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

fn welcome(shown: &Shown) -> String {
    let Shown { unit, what, .. } = shown;
    format!(
        "This shell is {what} of {unit}: it has the hook's environment.\n\
         * Nothing runs by itself: ./dispatch or ./{what} runs the charm's own.\n\
         * 'exit' ends the hook and lets the next begin; 'exit 1' lets it fail.\n\
         * 'tmux kill-session', or CTRL+a d, ends the session: this hook fails\n  \
         then, and is tried again.\n\
         * CTRL+a is the prefix of tmux.\n\n"
    )
}

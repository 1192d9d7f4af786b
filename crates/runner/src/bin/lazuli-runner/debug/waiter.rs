//! The process that the supervisor takes for the hook, while a person does
//! its work.

use std::env;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{read_frame, write_frame};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::session::Session;
use super::tmux::tmux;
use super::{Left, Shown};
use crate::error::Error;
use crate::files;

/// How long tmux has for a window, and what it runs to answer.
const OPENING: Duration = Duration::from_secs(30);

/// How often it is looked whether the session lives, in milliseconds.
const LOOK: u16 = 500;

/// Opens a window in the session of a directory, and waits for it; how the
/// hook ended.
pub(crate) fn wait(dir: &str, handler: Option<&str>) -> Result<u8, Error> {
    let over = || Error::Refused("the debug session ended before the hook did".to_owned());
    let session = Session::of(PathBuf::from(dir)).ok_or_else(over)?;
    let socket = Path::new(dir).join(files::random_hex(4)?);
    let listener = UnixListener::bind(&socket).map_err(Error::file("listen at", &socket))?;
    let opened = open_window(&session, Path::new(dir), &socket, &listener);
    drop(std::fs::remove_file(&socket));
    let mut window = opened?.ok_or_else(over)?;
    write_frame(&mut window, &shown(session.unit(), handler)?)?;
    while !is_ready(&window)? {
        if !session.lives() {
            return Err(over());
        }
    }
    let left: Left = read_frame(&mut window).map_err(|_| over())?;
    Ok(left.code)
}

/// The window's connection; none when the session ended first.
fn open_window(
    session: &Session,
    dir: &Path,
    socket: &Path,
    listener: &UnixListener,
) -> Result<Option<UnixStream>, Error> {
    let program = env::current_exe().map_err(Error::system("find the own program"))?;
    let deadline = Instant::now() + OPENING;
    let mut asked = false;
    loop {
        if !asked {
            // The session may be about to begin.
            let status = tmux(dir)
                .args(["new-window", "-t", &format!("={}:", session.unit())])
                .args(["-n", &name()])
                .arg(&program)
                .arg("debug-window")
                .arg(socket)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .map_err(Error::system("run tmux"))?;
            asked = status.success();
        }
        if is_ready(listener)? {
            let (stream, _) = listener
                .accept()
                .map_err(Error::system("hear of the window"))?;
            return Ok(Some(stream));
        }
        if !session.lives() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            return Err(Error::Refused(format!(
                "tmux opened no window within {} s",
                OPENING.as_secs()
            )));
        }
    }
}

/// Whether there is something to read before it is time to look again.
fn is_ready(file: &impl AsFd) -> Result<bool, Error> {
    let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::from(LOOK)) {
        Ok(count) => Ok(count > 0),
        Err(nix::Error::EINTR) => Ok(false),
        Err(error) => Err(Error::system("wait for the window")(error)),
    }
}

/// The hook's name, or the action's.
fn name() -> String {
    let of = |name| env::var(name).ok().filter(|value| !value.is_empty());
    of("JUJU_HOOK_NAME")
        .or_else(|| of("JUJU_ACTION_NAME"))
        .unwrap_or_default()
}

fn shown(unit: &str, handler: Option<&str>) -> Result<Shown, Error> {
    let directory = env::current_dir().map_err(Error::system("find the charm's directory"))?;
    Ok(Shown {
        unit: unit.to_owned(),
        what: env::var("JUJU_DISPATCH_PATH").unwrap_or_default(),
        variables: env::vars().collect(),
        directory: directory.display().to_string(),
        handler: handler.map(str::to_owned),
    })
}

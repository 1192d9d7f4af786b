//! Questions to the person at the terminal.

use std::io::{self, BufRead as _, Write as _};
use std::os::fd::AsFd as _;

use nix::sys::termios::{self, LocalFlags, SetArg};

use crate::error::{Error, Result};

/// Asks for a line.
pub(crate) fn line(question: &str) -> Result<String> {
    let mut stderr = io::stderr().lock();
    stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush())
        .map_err(Error::io("ask"))?;
    read_line()
}

/// Asks whether to go on.
pub(crate) fn yes(question: &str) -> Result<()> {
    let answer = line(&format!("{question} [y/N]? "))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        "" => Err(Error::with_hint(
            "aborted",
            "To go on without being asked, use --no-prompt.",
        )),
        _ => Err(Error::user("aborted")),
    }
}

/// Asks for a password; what is typed is not shown.
pub(crate) fn password(question: &str) -> Result<String> {
    let stdin = io::stdin();
    let failed = |error: nix::Error| Error::io("hide what is typed")(error.into());
    let before = termios::tcgetattr(stdin.as_fd()).map_err(failed)?;
    let mut hidden = before.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    termios::tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &hidden).map_err(failed)?;
    let answer = line(question);
    termios::tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &before).map_err(failed)?;
    eprintln!();
    answer
}

/// The next line of stdin, without its end.
pub(crate) fn read_line() -> Result<String> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(Error::io("read stdin"))?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

//! tmux, with a server of its own for each unit's session.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::Error;

/// Where Debian's package has it.
const PROGRAM: &str = "tmux";

/// Juju's prefix, and its plain bar. A session ends with its last terminal, so
/// that no hook waits for somebody who has left.
pub(super) const CONFIGURATION: &str = "\
set-option -g prefix C-a
unbind-key C-b
bind-key a send-prefix
set-option -g status-style bg=black,fg=white
set-option -g window-status-current-style bg=red,fg=white,bold
set-option -g status-left-length 40
set-option -g history-limit 20000
source-file -q ~/.tmux.conf
set-option -g destroy-unattached on
";

/// The socket of a session's server.
pub(super) fn socket(dir: &Path) -> PathBuf {
    dir.join("tmux")
}

/// A command of the server in a session's directory.
pub(super) fn tmux(dir: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("-u").arg("-S").arg(socket(dir));
    command
}

/// Whether the session of a unit is there, which it is while somebody looks
/// at it.
pub(super) fn has_session(dir: &Path, unit: &str) -> bool {
    let asked = tmux(dir)
        .args(["has-session", "-t", &format!("={unit}")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// Installs it where it is missing, as the person who waits for it can see.
pub(super) fn need() -> Result<(), Error> {
    let there = || {
        let asked = Command::new(PROGRAM)
            .arg("-V")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    if there() {
        return Ok(());
    }
    for words in [
        ["update", "-q"].as_slice(),
        &["install", "-q", "-y", PROGRAM],
    ] {
        // That the index cannot be fetched need not keep it from being
        // installed.
        drop(
            Command::new("apt-get")
                .args(words)
                .env("DEBIAN_FRONTEND", "noninteractive")
                .stdin(Stdio::null())
                .status(),
        );
    }
    match there() {
        true => Ok(()),
        false => Err(Error::Refused(
            "tmux is not on this machine and could not be installed: apt-get install tmux"
                .to_owned(),
        )),
    }
}

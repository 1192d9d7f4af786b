//! Starting the supervisor so that it outlives the session that wants it.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::unistd::{close, setsid};

use crate::error::Error;
use crate::paths::{Paths, ROOT_VARIABLE};

/// The transient unit.
const UNIT: &str = "lazuli-supervisor";

/// How often systemd is tried before it is done without.
const SYSTEMD_TRIES: u32 = 3;

/// Starts a supervisor. That another one starts as well does no harm: one of
/// them ends at once.
pub(crate) fn launch(paths: &Paths, attempt: u32) -> Result<(), Error> {
    let program = env::current_exe().map_err(Error::system("find the own program"))?;
    let systemd = paths.is_system() && Path::new("/run/systemd/system").is_dir();
    if systemd && attempt < SYSTEMD_TRIES {
        return by_systemd(&program, attempt);
    }
    let status = Command::new(&program)
        .arg("detach")
        .current_dir("/")
        .env_clear()
        .env(ROOT_VARIABLE, paths.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(Error::system("start the supervisor"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::Refused(format!("the supervisor ended: {status}")))
    }
}

fn by_systemd(program: &Path, attempt: u32) -> Result<(), Error> {
    let mut command = Command::new("systemd-run");
    command
        .args(["--quiet", "--collect", "--unit", UNIT])
        .args(["-p", "Description=Lazuli: runs the hooks of charms"])
        // What hooks leave behind stays when the supervisor ends.
        .args(["-p", "KillMode=process"])
        .args(["-p", "TasksMax=infinity"]);
    if attempt == 0 {
        // A hook that runs out of memory must not take the supervisor along.
        // Releases of systemd before 243 neither do that nor know this.
        command.args(["-p", "OOMPolicy=continue"]);
    }
    let output = command
        .arg("--")
        .arg(program)
        .arg("supervisor")
        .stdin(Stdio::null())
        .output()
        .map_err(Error::system("run systemd-run"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "systemd-run failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

/// The process between: leaves the session, lets go of everything that was
/// inherited, starts the supervisor and ends.
pub(crate) fn detach() -> Result<(), Error> {
    setsid().map_err(Error::system("leave the session"))?;
    let own = Path::new("/proc/self/fd");
    let inherited: Vec<i32> = fs::read_dir(own)
        .map_err(Error::file("list", own))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in inherited {
        // One of them was the directory itself, which is closed by now.
        let _ = close(fd);
    }
    let program = env::current_exe().map_err(Error::system("find the own program"))?;
    Command::new(program)
        .arg("supervisor")
        .spawn()
        .map(drop)
        .map_err(Error::system("start the supervisor"))
}

//! Whether a guest lives, and which process it is.
//!
//! A guest lives exactly while its lock file is locked. The lock belongs to an
//! open file (F_OFD_SETLK): it passes from whoever starts a guest to its init,
//! ends with the last holder, and can be asked for without being taken, so
//! that looking never gets in the way of starting.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::boot::file;
use crate::error::{Error, Result};
use crate::process::Process;

use super::open::entries;

/// Whether a guest's init lives.
pub(super) fn is_alive(dir: &Path) -> Result<bool> {
    let path = dir.join(file::LOCK);
    let lock = match OpenOptions::new().write(true).open(&path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::path("open", &path)(error)),
    };
    let mut asked = whole_file();
    fcntl(&lock, FcntlArg::F_OFD_GETLK(&mut asked))
        .map_err(Error::io(format!("ask for the lock {}", path.display())))?;
    Ok(i32::from(asked.l_type) != libc::F_UNLCK)
}

/// Takes a guest's lock; none if it is held.
pub(super) fn take_lock(dir: &Path) -> Result<Option<File>> {
    let path = dir.join(file::LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::path("open", &path))?;
    match fcntl(&lock, FcntlArg::F_OFD_SETLK(&whole_file())) {
        Ok(_) => Ok(Some(lock)),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
        Err(error) => Err(Error::io(format!("lock {}", path.display()))(error)),
    }
}

fn whole_file() -> libc::flock {
    libc::flock {
        l_type: WRITE,
        l_whence: BEGINNING,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

/// The C library's constants are wider than the fields they are for.
const WRITE: libc::c_short = libc::F_WRLCK as libc::c_short;
const BEGINNING: libc::c_short = libc::SEEK_SET as libc::c_short;

/// Process 1 of a guest that lives. The number on file is checked against the
/// start time; if its launcher died before it wrote one, the command line of
/// init tells.
pub(super) fn find_process(dir: &Path) -> io::Result<Option<Process>> {
    let text = fs::read_to_string(dir.join(file::PID)).unwrap_or_default();
    let mut fields = text.split_ascii_whitespace();
    let pid = fields.next().and_then(|pid| pid.parse().ok());
    let started = fields.next().and_then(|started| started.parse().ok());
    if let (Some(pid), Some(started)) = (pid, started)
        && let Some(process) = Process::open(pid, started)?
    {
        return Ok(Some(process));
    }
    for path in entries(Path::new("/proc")).map_err(io::Error::other)? {
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
        else {
            continue;
        };
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let mut parts = line.split(|byte| *byte == 0).skip(1);
        let role = parts.next().unwrap_or_default();
        let ours = matches!(role, b"run" | b"keep" | b"launch")
            && parts.next() == Some(dir.as_os_str().as_encoded_bytes());
        if ours && let Some(process) = Process::find(pid)? {
            return Ok(Some(process));
        }
    }
    Ok(None)
}

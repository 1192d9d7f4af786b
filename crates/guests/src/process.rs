//! Processes that are held by a descriptor, so that a number used again can
//! never be hit.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A process.
#[derive(Debug)]
pub(crate) struct Process(OwnedFd);

impl Process {
    /// The process `pid` if it started at `started`; none if it is gone.
    pub(crate) fn open(pid: i32, started: u64) -> io::Result<Option<Self>> {
        let no_flags = 0;
        #[expect(unsafe_code, reason = "nix has no wrapper for pidfd_open")]
        // SAFETY: the call takes integers only and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, no_flags) };
        let Ok(fd) = i32::try_from(fd) else {
            return Err(io::Error::other("pidfd_open answered out of range"));
        };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                Some(libc::ESRCH) => Ok(None),
                _ => Err(error),
            };
        }
        #[expect(unsafe_code, reason = "the descriptor comes from a bare system call")]
        // SAFETY: the call has just made this descriptor; nobody else owns it.
        let process = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        // From here on the number cannot come to mean another process, if it
        // means the right one now.
        Ok((start_time(pid) == Some(started)).then_some(process))
    }

    /// The process `pid` as it is now; none if it is gone.
    pub(crate) fn find(pid: i32) -> io::Result<Option<Self>> {
        match start_time(pid) {
            Some(started) => Self::open(pid, started),
            None => Ok(None),
        }
    }

    /// Sends a signal; a process that is gone is fine.
    pub(crate) fn signal(&self, signal: i32) -> io::Result<()> {
        let (no_info, no_flags) = (std::ptr::null::<libc::siginfo_t>(), 0);
        #[expect(unsafe_code, reason = "nix has no wrapper for pidfd_send_signal")]
        // SAFETY: the descriptor is open, and a null siginfo is allowed.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                no_info,
                no_flags,
            )
        };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ESRCH) => Ok(()),
            _ => Err(error),
        }
    }

    /// Waits for its end; false if it lives on after `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> io::Result<bool> {
        let mut watched = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        Ok(poll(&mut watched, limit)? > 0)
    }
}

/// When a process started, in clock ticks since the machine did.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

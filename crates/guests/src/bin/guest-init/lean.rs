//! The lean process 1: reaps, and starts `sshd -i` for each connection.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lazuli_guests::boot::Launch;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::{during, root, setup, tell};

/// More connections than these are closed at once.
const MAX_CONNECTIONS: usize = 256;
/// How long processes have to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

enum End {
    PowerOff,
    Reboot,
}

/// Serves until power-off. `lock` is open for as long, and in no child.
pub(crate) fn serve(lock: OwnedFd, launch: &Launch) -> io::Result<()> {
    let mut set = SigSet::empty();
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGPWR,
    ] {
        set.add(signal);
    }
    set.thread_block().map_err(during("block signals"))?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let signals = SignalFd::with_flags(&set, flags).map_err(during("watch signals"))?;
    loop {
        let listener =
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, 22)).map_err(during("listen on port 22"))?;
        listener.set_nonblocking(true)?;
        ready()?;
        setup::start_final_stage();
        let end = serve_boot(&signals, &listener)?;
        drop(listener);
        end_processes(&signals);
        match end {
            End::PowerOff => {
                drop(lock);
                return Ok(());
            }
            End::Reboot => reboot(launch)?,
        }
    }
}

/// Says so once; later boots have nobody to tell.
fn ready() -> io::Result<()> {
    tell("ready");
    let null = fs::OpenOptions::new().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(null).map_err(during("let go of stdout"))
}

fn serve_boot(signals: &SignalFd, listener: &TcpListener) -> io::Result<End> {
    let mut connections: Vec<Pid> = Vec::new();
    loop {
        for pid in reap() {
            connections.retain(|known| *known != pid);
        }
        let mut watched = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut watched, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(during("wait for connections")(error)),
        }
        while let Ok(Some(signal)) = signals.read_signal() {
            match Signal::try_from(signal.ssi_signo.cast_signed()) {
                Ok(Signal::SIGTERM | Signal::SIGPWR) => return Ok(End::PowerOff),
                Ok(Signal::SIGINT) => return Ok(End::Reboot),
                _ => {}
            }
        }
        while let Ok((stream, _)) = listener.accept() {
            if connections.len() < MAX_CONNECTIONS {
                connections.extend(start_sshd(stream));
            }
        }
    }
}

fn start_sshd(stream: TcpStream) -> Option<Pid> {
    let prepared = stream
        .set_nonblocking(false)
        .and_then(|()| stream.try_clone());
    let second = match prepared {
        Ok(second) => second,
        Err(error) => {
            tell(&format!("a connection was lost: {error}"));
            return None;
        }
    };
    let child = Command::new("/usr/sbin/sshd")
        .args(["-i", "-E", "/var/log/sshd.log"])
        .env_clear()
        .env("PATH", setup::PATH)
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::from(OwnedFd::from(second)))
        .spawn();
    match child {
        Ok(child) => i32::try_from(child.id()).ok().map(Pid::from_raw),
        Err(error) => {
            tell(&format!("sshd does not start: {error}"));
            None
        }
    }
}

/// Collects all that ended.
fn reap() -> Vec<Pid> {
    let mut ended = Vec::new();
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(_) => return ended,
            Ok(status) => ended.extend(status.pid()),
        }
    }
}

/// Ends every other process, first politely.
fn end_processes(signals: &SignalFd) {
    let all = Pid::from_raw(-1);
    let deadline = Instant::now() + GRACE;
    // ESRCH means there is nobody; there is nothing else to do about a failure.
    let mut somebody = kill(all, Signal::SIGTERM).is_ok();
    while somebody && Instant::now() < deadline {
        let mut watched = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        _ = poll(&mut watched, timeout);
        while let Ok(Some(_)) = signals.read_signal() {}
        reap();
        somebody = kill(all, None).is_ok();
    }
    _ = kill(all, Signal::SIGKILL);
    while waitpid(None, None).is_ok() {}
}

/// Boots again in place: the same namespaces, with a fresh `/run`.
fn reboot(launch: &Launch) -> io::Result<()> {
    nix::mount::umount("/proc/sys/kernel/random/boot_id").map_err(during("renew the boot id"))?;
    for entry in fs::read_dir("/run")? {
        let path = entry?.path();
        remove(&path).map_err(during(format!("remove {}", path.display())))?;
    }
    root::begin_boot(launch)?;
    setup::init_stage(&launch.set_up);
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

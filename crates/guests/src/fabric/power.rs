//! Powering guests on and off.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::boot::{Launch, Wire, file};
use crate::cgroups;
use crate::custom_data;
use crate::error::{Error, Result};
use crate::net::Net;
use crate::netlink::{Netlink, Request};
use crate::ns;
use crate::spec::{Flavour, GuestInfo, GuestSpec, Namespace, PACKAGES, PACKAGES_PORT};
use crate::tools;

use super::guests::{MAX_GUESTS, in_parallel};
use super::liveness::{find_process, is_alive, take_lock};
use super::open::Fabric;
use super::records::{Existence, Guest, WANTED_FILE, lock, write_json};

/// Wires to guests have this plus the guest's number as their index.
const LINK_INDEX: u32 = 100;
/// How long a guest may take to say that it runs: boot commands included.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a guest may take to end by itself.
const GRACEFUL_LIMIT: Duration = Duration::from_secs(10);
/// How long a killed guest may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(30);
/// A console is started anew above this.
const CONSOLE_LIMIT: u64 = 1024 * 1024;

/// How a guest is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its processes are asked first, and killed after 10 s.
    Graceful,
    /// At once, as if its plug were pulled.
    Kill,
}

impl Fabric {
    /// Powers a guest on; one that is on stays as it is.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start(&self, name: &str) -> Result<GuestInfo> {
        self.base()?;
        let guest = self.find_guest(name)?;
        let existence = lock(&guest.operation);
        self.check_present(name, *existence)?;
        self.power_on(name, &guest)?;
        self.report(&guest)
    }

    /// Powers a guest off, keeping its files; one that is off stays as it is.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self, name: &str, how: Stop) -> Result<()> {
        let guest = self.find_guest(name)?;
        let existence = lock(&guest.operation);
        self.check_present(name, *existence)?;
        self.power_off(name, &guest, how)
    }

    /// Powers a guest off and on.
    ///
    /// # Errors
    /// As [`Fabric::stop`] and [`Fabric::start`].
    pub fn restart(&self, name: &str, how: Stop) -> Result<GuestInfo> {
        let guest = self.find_guest(name)?;
        let existence = lock(&guest.operation);
        self.check_present(name, *existence)?;
        self.power_off(name, &guest, how)?;
        self.power_on(name, &guest)?;
        self.report(&guest)
    }

    /// Starts the guests whose owners want them on: after a restart of the
    /// machine, or when one went off by itself. Returns those that failed.
    pub fn resume(&self) -> Vec<(String, Error)> {
        let names: Vec<String> = lock(&self.inner.registry).guests.keys().cloned().collect();
        let wanted = |name: &String| self.guest_dir(name).join(WANTED_FILE).exists();
        let names = names.into_iter().filter(wanted).collect();
        let failed = in_parallel(names, |name| Some((self.start(&name).err()?, name)));
        let failed = failed.into_iter().flatten();
        failed.map(|(error, name)| (name, error)).collect()
    }

    fn check_present(&self, name: &str, existence: Existence) -> Result<()> {
        match existence {
            Existence::Present => Ok(()),
            Existence::Deleted => Err(Error::Unknown {
                kind: "guest",
                name: name.to_owned(),
            }),
        }
    }

    fn power_on(&self, name: &str, guest: &Guest) -> Result<()> {
        let dir = self.guest_dir(name);
        let wanted = dir.join(WANTED_FILE);
        File::create(&wanted).map_err(Error::path("create", &wanted))?;
        let Some(held) = take_lock_or_find(name, &dir)? else {
            return Ok(());
        };
        let spec = lock(&guest.spec).clone();
        let mut launch = self.launch(guest, &spec)?;
        launch.cgroups = self.ensure_groups(guest, spec.flavour)?;
        prepare(&dir)?;
        write_json(&dir.join(file::LAUNCH), &launch)?;
        self.launch_guest(name, &dir, held).inspect_err(|_| {
            // Whatever did start must not stay.
            if let Err(error) = self.power_off(name, guest, Stop::Kill) {
                tracing::warn!(guest = name, %error, "a guest that failed to start lives on");
            }
        })?;
        self.show_disks(name, guest)
    }

    fn launch(&self, guest: &Guest, spec: &GuestSpec) -> Result<Launch> {
        let others = spec.interfaces.iter().zip(1..);
        Ok(Launch {
            lower: self.base()?.root.clone(),
            init: self.inner.init.clone(),
            router: self.namespace(Namespace::Vnet(&spec.vnet)),
            link: link_name(guest),
            link_index: LINK_INDEX + guest.index,
            mac: spec.mac.unwrap_or_else(|| mac(spec.address)),
            address: spec.address,
            others: others
                .map(|(interface, number)| Wire {
                    link: other_link_name(guest, number),
                    link_index: LINK_INDEX + guest.index + number * MAX_GUESTS,
                    mac: interface.mac.unwrap_or_else(|| mac(interface.address)),
                    address: interface.address,
                })
                .collect(),
            machine_id: custom_data::machine_id(&spec.instance_id),
            flavour: spec.flavour,
            cgroups: Vec::new(),
            package_source: format!("deb [trusted=yes] http://{PACKAGES}:{PACKAGES_PORT}/ ./"),
            set_up: custom_data::set_up(spec),
        })
    }

    fn launch_guest(&self, name: &str, dir: &Path, held: File) -> Result<()> {
        let failed = |reason: String| Error::Start {
            name: name.to_owned(),
            reason,
        };
        let console = dir.join(file::CONSOLE);
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&console)
            .map_err(Error::path("open", &console))?;
        // The command, and with it our copy of the lock, is gone before the
        // answer is read: from then on the guest alone holds it.
        let mut child = Command::new(&self.inner.init)
            .arg("launch")
            .arg(dir)
            .env_clear()
            .current_dir("/")
            .stdin(held)
            .stdout(Stdio::piped())
            .stderr(output)
            .spawn()
            .map_err(Error::path("run", &self.inner.init))?;
        let line = match child.stdout.take() {
            Some(pipe) => first_line(pipe).map_err(Error::io(format!("hear from {name}")))?,
            None => String::new(),
        };
        child
            .wait()
            .map_err(Error::io(format!("wait for the launcher of {name}")))?;
        match line.as_str() {
            "ready" => Ok(()),
            "" => {
                let text = fs::read_to_string(&console).unwrap_or_default();
                let said = tools::tail(&text).trim();
                Err(failed(format!("it said nothing; its console: {said}")))
            }
            other => Err(failed(other.trim_start_matches("error: ").to_owned())),
        }
    }

    /// Ends a guest; the caller holds its operation.
    pub(super) fn power_off(&self, name: &str, guest: &Guest, how: Stop) -> Result<()> {
        let dir = self.guest_dir(name);
        match fs::remove_file(dir.join(WANTED_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::path("remove the mark in", &dir)(error));
            }
            _ => {}
        }
        if !is_alive(&dir)? {
            return Ok(());
        }
        let flavour = lock(&guest.spec).flavour;
        let stuck = |limit: Duration| Error::Stop {
            name: name.to_owned(),
            seconds: limit.as_secs(),
        };
        let asked = format!("end the guest {name}");
        let deadline = Instant::now() + KILL_LIMIT;
        while is_alive(&dir)? {
            if let Some(process) = find_process(&dir).map_err(Error::io(asked.as_str()))? {
                if how == Stop::Graceful {
                    process
                        .signal(polite_signal(flavour))
                        .and_then(|()| process.wait(GRACEFUL_LIMIT))
                        .map_err(Error::io(asked.as_str()))?;
                }
                process
                    .signal(libc::SIGKILL)
                    .and_then(|()| process.wait(KILL_LIMIT))
                    .map_err(Error::io(asked.as_str()))?;
            }
            // A keeper lets go of the lock a moment after its guest.
            if Instant::now() > deadline {
                return Err(stuck(KILL_LIMIT));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Ends the wires of a guest that is gone. While only off, its wires end
    /// with its namespace, which costs nobody a wait.
    pub(super) fn cut(&self, vnet: &str, guest: &Guest) -> Result<()> {
        let path = self.namespace(Namespace::Vnet(vnet));
        let others = (1..).take(lock(&guest.spec).interfaces.len());
        let others = others.map(|number| other_link_name(guest, number));
        let links: Vec<String> = std::iter::once(link_name(guest)).chain(others).collect();
        let cuts: Vec<Request> = links.iter().map(|link| Request::cut(link)).collect();
        ns::inside(&path, || Netlink::open()?.run(&cuts))
    }

    fn ensure_groups(&self, guest: &Guest, flavour: Flavour) -> Result<Vec<std::path::PathBuf>> {
        match flavour {
            Flavour::Lean => Ok(Vec::new()),
            Flavour::Full => cgroups::ensure(&self.inner.dir, guest.index),
        }
    }

    pub(super) fn forget_groups(&self, guest: &Guest) -> Result<()> {
        let flavour = lock(&guest.spec).flavour;
        match flavour {
            Flavour::Lean => Ok(()),
            Flavour::Full => cgroups::remove(&self.inner.dir, Some(guest.index)),
        }
    }
}

/// The lock of a guest that is off; none if it is on.
fn take_lock_or_find(name: &str, dir: &Path) -> Result<Option<File>> {
    let deadline = Instant::now() + KILL_LIMIT;
    loop {
        if let Some(lock) = take_lock(dir)? {
            return Ok(Some(lock));
        }
        // Held without a process 1: by something on its way out or in.
        let found = find_process(dir).map_err(Error::io(format!("look for the guest {name}")))?;
        if found.is_some() {
            return Ok(None);
        }
        if Instant::now() > deadline {
            return Err(Error::Conflict(format!(
                "the lock of the guest {name:?} is held, but not by a guest"
            )));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn polite_signal(flavour: Flavour) -> i32 {
    match flavour {
        Flavour::Lean => libc::SIGTERM,
        // systemd: SIGRTMIN+4 is "power off".
        Flavour::Full => libc::SIGRTMIN() + 4,
    }
}

/// The folders of a guest, ready for a mount.
fn prepare(dir: &Path) -> Result<()> {
    for folder in [file::UPPER, file::ROOT] {
        let folder = dir.join(folder);
        fs::create_dir_all(&folder).map_err(Error::path("create", &folder))?;
    }
    let console = dir.join(file::CONSOLE);
    if console
        .metadata()
        .is_ok_and(|data| data.len() > CONSOLE_LIMIT)
    {
        fs::remove_file(&console).map_err(Error::path("remove", &console))?;
    }
    Ok(())
}

fn link_name(guest: &Guest) -> String {
    format!("g{}", guest.index)
}

/// Of `eth1` and so on.
fn other_link_name(guest: &Guest, number: u32) -> String {
    format!("g{}-{number}", guest.index)
}

fn mac(address: Net) -> [u8; 6] {
    let octets = address.address.octets();
    [0x00, 0x0d, 0x3a, octets[1], octets[2], octets[3]]
}

/// The first line from a pipe, however it arrives; empty if it ends before.
fn first_line(mut pipe: ChildStdout) -> io::Result<String> {
    let deadline = Instant::now() + START_LIMIT;
    let mut text = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut watched = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, timeout) {
            // Whoever embeds us may have signals of its own.
            Err(Errno::EINTR) if !left.is_zero() => continue,
            Ok(ready) if ready > 0 => {}
            Ok(_) | Err(Errno::EINTR) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [0; 4096];
        let length = pipe.read(&mut buffer)?;
        text.extend_from_slice(&buffer[..length]);
        let end = text.iter().position(|byte| *byte == b'\n');
        if end.is_some() || length == 0 || text.len() > 64 * 1024 {
            text.truncate(end.unwrap_or(0));
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
}

//! What there is: guests as they are now, and commands inside them.

use std::fs;
use std::process::Command;

use crate::boot::file;
use crate::error::{Error, Result};
use crate::spec::{GuestInfo, Power};

use super::open::Fabric;
use super::power::is_alive;
use super::records::{Guest, WANTED_FILE, lock};

impl Fabric {
    /// All guests, by name.
    ///
    /// # Errors
    /// A state directory that cannot be read.
    pub fn list(&self) -> Result<Vec<GuestInfo>> {
        let guests: Vec<_> = {
            let registry = lock(&self.inner.registry);
            registry.guests.values().cloned().collect()
        };
        guests.iter().map(|guest| self.report(guest)).collect()
    }

    /// One guest; none if there is no such.
    ///
    /// # Errors
    /// A state directory that cannot be read.
    pub fn guest(&self, name: &str) -> Result<Option<GuestInfo>> {
        match self.find_guest(name) {
            Ok(guest) => self.report(&guest).map(Some),
            Err(Error::Unknown { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A command that will run inside a guest, as root; the caller sets its
    /// pipes and starts it.
    ///
    /// # Errors
    /// The guest is unknown or off.
    pub fn command(&self, name: &str, program: &str) -> Result<Command> {
        let guest = self.find_guest(name)?;
        let info = self.report(&guest)?;
        let pid = info.pid.filter(|_| info.power == Power::On);
        let pid = pid
            .ok_or_else(|| Error::Conflict(format!("the guest {name:?} is off: start it first")))?;
        let mut command = Command::new("nsenter");
        command
            .args(["-m", "-u", "-i", "-n", "-p", "-t", &pid.to_string(), "--"])
            .arg(program)
            .env_clear()
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            );
        Ok(command)
    }

    pub(super) fn report(&self, guest: &Guest) -> Result<GuestInfo> {
        let spec = lock(&guest.spec).clone();
        let dir = self.guest_dir(&spec.name);
        let power = if is_alive(&dir)? {
            Power::On
        } else {
            Power::Off
        };
        let wanted = if dir.join(WANTED_FILE).exists() {
            Power::On
        } else {
            Power::Off
        };
        let text = fs::read_to_string(dir.join(file::PID)).unwrap_or_default();
        let pid = text
            .split_ascii_whitespace()
            .next()
            .and_then(|pid| pid.parse().ok());
        Ok(GuestInfo {
            address: spec.address.address,
            name: spec.name,
            vnet: spec.vnet,
            flavour: spec.flavour,
            power,
            pid: pid.filter(|_| power == Power::On),
            wanted,
            policy: spec.policy,
        })
    }
}

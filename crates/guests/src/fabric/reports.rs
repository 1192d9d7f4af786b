//! What there is: guests as they are now, and commands inside them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::boot::file;
use crate::error::{Error, Result};
use crate::spec::{GuestInfo, GuestSpec, Power};

use super::liveness::is_alive;
use super::open::{Fabric, entries};
use super::records::{GUEST_FILE, Guest, GuestRecord, WANTED_FILE, check_name, lock, read_json};

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

    /// All guests of the fabric in `dir`, whoever manages it.
    ///
    /// # Errors
    /// A directory or a record that cannot be read.
    pub fn peek(dir: &Path) -> Result<Vec<GuestInfo>> {
        let mut found = Vec::new();
        for path in entries(&dir.join("guests"))? {
            if let Some(record) = read_json::<GuestRecord>(&path.join(GUEST_FILE))? {
                found.push(report(&path, record.spec)?);
            }
        }
        Ok(found)
    }

    /// A command that will run inside a guest of the fabric in `dir`, as root,
    /// whoever manages it; the caller sets its pipes and starts it.
    ///
    /// # Errors
    /// The guest is unknown or off.
    pub fn command_in(dir: &Path, name: &str, program: &str) -> Result<Command> {
        check_name("guest", name)?;
        let path = dir.join("guests").join(name);
        let record: Option<GuestRecord> = read_json(&path.join(GUEST_FILE))?;
        let record = record.ok_or_else(|| Error::Unknown {
            kind: "guest",
            name: name.to_owned(),
        })?;
        let pid = report(&path, record.spec)?
            .pid
            .ok_or_else(|| Error::Conflict(format!("the guest {name:?} is off: start it first")))?;
        let mut command = Command::new("nsenter");
        command
            .args([
                "-m",
                "-u",
                "-i",
                "-n",
                "-p",
                "-C",
                "-t",
                &pid.to_string(),
                "--",
            ])
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

    /// As [`Fabric::command_in`], for a guest of this fabric.
    ///
    /// # Errors
    /// The guest is unknown or off.
    pub fn command(&self, name: &str, program: &str) -> Result<Command> {
        Self::command_in(&self.inner.dir, name, program)
    }

    pub(super) fn report(&self, guest: &Guest) -> Result<GuestInfo> {
        let spec = lock(&guest.spec).clone();
        report(&self.guest_dir(&spec.name), spec)
    }
}

fn report(dir: &Path, spec: GuestSpec) -> Result<GuestInfo> {
    let on = |yes: bool| if yes { Power::On } else { Power::Off };
    let power = on(is_alive(dir)?);
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
        wanted: on(dir.join(WANTED_FILE).exists()),
        policy: spec.policy,
    })
}

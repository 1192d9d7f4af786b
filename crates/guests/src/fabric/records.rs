//! What a fabric remembers, in memory and on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::firewall::Rendered;
use crate::spec::{GuestSpec, VnetSpec};

/// A record's file inside a guest's directory.
pub(super) const GUEST_FILE: &str = "guest.json";
/// Present while the guest's owner wants it on.
pub(super) const WANTED_FILE: &str = "on";

/// All networks and guests.
#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) vnets: BTreeMap<String, Arc<Vnet>>,
    pub(super) guests: BTreeMap<String, Arc<Guest>>,
}

/// A virtual network.
#[derive(Debug)]
pub(super) struct Vnet {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) spec: Mutex<VnetSpec>,
    pub(super) nat_address: Ipv4Addr,
    /// What its router has; taken for as long as that changes.
    pub(super) router: Mutex<Applied>,
}

/// What is in force in a router, as far as this process put it there.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) rules: Option<Rendered>,
    pub(super) published: BTreeSet<Ipv4Addr>,
}

/// A guest.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) index: u32,
    pub(super) spec: Mutex<GuestSpec>,
    /// Held while the guest is started, stopped or deleted.
    pub(super) operation: Mutex<Existence>,
}

/// Whether the guest is still one of the fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existence {
    Present,
    Deleted,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VnetRecord {
    pub(super) index: u32,
    pub(super) nat_address: Ipv4Addr,
    pub(super) spec: VnetSpec,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct GuestRecord {
    pub(super) index: u32,
    pub(super) spec: GuestSpec,
}

/// Takes a lock. A thread that panicked left whole values behind: each is
/// replaced at once, never in parts.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The smallest number that is not taken.
pub(super) fn free_index(taken: impl Iterator<Item = u32>) -> u32 {
    let taken: BTreeSet<u32> = taken.collect();
    (1..u32::MAX)
        .find(|index| !taken.contains(index))
        .unwrap_or(u32::MAX)
}

/// Replaces a file whole, readable by root only: records hold private keys.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_vec(value).map_err(|source| Error::Damaged {
        path: path.to_owned(),
        source,
    })?;
    let partial = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&partial)
        .and_then(|mut file| file.write_all(&text))
        .and_then(|()| fs::rename(&partial, path))
        .map_err(Error::path("write", path))
}

/// Reads a file; none if it is absent.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::path("read", path)(error)),
    };
    let value = serde_json::from_slice(&text).map_err(|source| Error::Damaged {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(value))
}

/// Names become file names.
pub(super) fn check_name(kind: &str, name: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(good) {
        return Err(Error::Invalid(format!(
            "{name:?} is no name for a {kind}: 1 to 100 letters, digits, '-', '_' or '.', \
             and no '.' at the beginning"
        )));
    }
    Ok(())
}

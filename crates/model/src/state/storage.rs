//! Storage: what users want of an instance, and where it is.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::charm::{Charm, StorageKind, StorageSpec};
use crate::id::{MachineId, StorageInstanceId, UnitId};
use crate::life::Life;
use crate::names::StorageId;

/// Where the content of a storage instance is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageProvider {
    /// A managed disk of the cloud: it outlives units and machines.
    Azure,
    /// A file on the machine, seen as a block device.
    Loop,
    /// A directory of the machine's root file system.
    Rootfs,
    /// The machine's memory.
    Tmpfs,
}

impl StorageProvider {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::Loop => "loop",
            Self::Rootfs => "rootfs",
            Self::Tmpfs => "tmpfs",
        }
    }

    /// The provider of Juju's word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Azure, Self::Loop, Self::Rootfs, Self::Tmpfs]
            .into_iter()
            .find(|provider| provider.as_str() == word)
    }

    /// Whether what is in it outlives its unit.
    #[must_use]
    pub fn is_persistent(self) -> bool {
        self == Self::Azure
    }

    /// Whether it can hold stores of a kind.
    #[must_use]
    pub fn supports(self, kind: StorageKind) -> bool {
        match (self, kind) {
            (Self::Azure | Self::Loop, _)
            | (Self::Rootfs | Self::Tmpfs, StorageKind::Filesystem) => true,
            (Self::Rootfs | Self::Tmpfs, StorageKind::Block) => false,
        }
    }
}

impl fmt::Display for StorageProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What new units of an application get for one store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageDirective {
    /// The pool.
    pub pool: String,
    /// Each instance's size, MiB.
    pub size: u64,
    /// How many instances a unit gets.
    pub count: u32,
}

/// A storage instance. Written by the API, and by the planner for what hooks
/// add; the planner removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Its id.
    pub id: StorageInstanceId,
    /// Its name, such as `data/0`.
    pub name: StorageId,
    /// What it is to the charm.
    pub kind: StorageKind,
    /// The pool it was made from.
    pub pool: String,
    /// Where its content is kept.
    pub provider: StorageProvider,
    /// Its size, MiB; 0 for what is imported, which has that of its source.
    pub size: u64,
    /// What its disk is made a copy of, by the cloud's id; nothing for one that
    /// begins empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The unit it should be attached to.
    pub unit: Option<UnitId>,
    /// Alive, or dying: detached, then destroyed with its content.
    pub life: Life,
    /// Detaching skips what fails.
    pub force: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// Where a storage instance is. Written by the planner's decisions and by the
/// outcomes of hooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageState {
    /// The instance.
    pub storage: StorageInstanceId,
    /// The unit that it is attached to, or being made ready for.
    pub unit: Option<UnitId>,
    /// That unit's machine.
    pub machine: Option<MachineId>,
    /// The number under which the machine sees its disk.
    pub lun: Option<u8>,
    /// The unit's storage-attached succeeded.
    pub attached: bool,
    /// Since when it is so.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

impl StorageState {
    /// Of an instance that no unit has.
    #[must_use]
    pub fn detached(storage: StorageInstanceId, since: OffsetDateTime) -> Self {
        Self {
            storage,
            unit: None,
            machine: None,
            lun: None,
            attached: false,
            since,
        }
    }
}

/// The store of a charm that an instance fills.
#[must_use]
pub fn storage_spec<'a>(charm: &'a Charm, storage: &Storage) -> Option<&'a StorageSpec> {
    charm.meta.storage.get(storage.name.storage())
}

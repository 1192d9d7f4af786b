//! The storage of a unit.

use serde::{Deserialize, Serialize};

/// A storage instance that a unit has. The machine puts it in place before
/// each hook: doing so again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageContext {
    /// Such as `data/0`.
    pub id: String,
    /// What the unit sees.
    pub kind: StorageKind,
    /// Where a file system is mounted; unused for block devices.
    pub location: String,
    /// Whether it is mounted read-only.
    pub read_only: bool,
    /// MiB.
    pub size: u64,
    /// Where its content is kept.
    pub source: StorageSource,
}

/// What a storage instance is to the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StorageKind {
    /// A block device.
    Block,
    /// A mounted file system.
    Filesystem,
}

/// Where the content of a storage instance is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum StorageSource {
    /// A data disk of the machine.
    Disk {
        /// Its logical unit number.
        lun: u8,
    },
    /// A file, through a loop device.
    Loop,
    /// A directory.
    Rootfs,
    /// Memory.
    Tmpfs,
}

/// What a storage hook is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStorage {
    /// `JUJU_STORAGE_ID`.
    pub id: String,
    /// It leaves the unit: once the hook succeeded it is unmounted, and what
    /// is not persistent is removed.
    pub detaching: bool,
}

/// How many instances of a store a unit has and may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCount {
    /// It has, or will have.
    pub has: u32,
    /// At most; none for any number.
    pub max: Option<u32>,
}

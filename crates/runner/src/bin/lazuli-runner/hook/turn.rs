//! What a run waits for: the machine's lock, its group's, or nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::lock::MachineLock;

/// The locks of groups, each with a file of its own.
#[derive(Debug)]
pub(crate) struct GroupLocks {
    dir: PathBuf,
    locks: Mutex<BTreeMap<String, Arc<MachineLock>>>,
}

impl GroupLocks {
    /// Locks whose files are in a directory.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            locks: Mutex::default(),
        }
    }

    /// The lock of a group.
    pub(crate) fn of(&self, group: &str) -> Arc<MachineLock> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are forgotten.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        let lock = locks.entry(group.to_owned()).or_insert_with(|| {
            let name = hex::encode(&Sha256::digest(group)[..8]);
            Arc::new(MachineLock::new(self.dir.join(format!("group-{name}"))))
        });
        Arc::clone(lock)
    }
}

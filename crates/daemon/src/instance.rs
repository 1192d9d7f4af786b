//! This replica's id: kept in its state directory, under a lock, so that a
//! restart takes its own models back at once and two replicas never share one.

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use lazuli_model::id::{GenericUuid, ReplicaId};
use lazuli_store::file;
use nix::fcntl::Flock;

use crate::process;

/// A replica; its lock is held as long as this lives.
pub(crate) struct Instance {
    pub(crate) id: ReplicaId,
    _lock: Flock<File>,
}

/// Opens the state directory, and makes it when it is not there.
///
/// # Errors
/// When another process has it.
pub(crate) fn open(directory: &Path) -> anyhow::Result<Instance> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("failed to create {}", directory.display()))?;
    let lock = process::lock(&directory.join("lock"), "lazulid")?;
    let path = directory.join("instance-id");
    let id = match std::fs::read_to_string(&path) {
        Ok(text) => text
            .trim()
            .parse()
            .with_context(|| format!("{} holds no uuid", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let id = ReplicaId::from_untyped_uuid(uuid::Uuid::now_v7());
            file::replace(&path, id.to_string().as_bytes())
                .with_context(|| format!("failed to write {}", path.display()))?;
            id
        }
        Err(error) => {
            return Err(error).with_context(|| format!("failed to read {}", path.display()));
        }
    };
    Ok(Instance { id, _lock: lock })
}

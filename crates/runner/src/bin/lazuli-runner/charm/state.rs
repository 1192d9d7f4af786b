//! What is known of a unit between its hooks.

use lazuli_runner::frames::RunId;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::journal::Owner;
use crate::paths::Paths;

/// What is known of a unit, by its tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UnitState {
    /// The unit's uuid: a later unit of the same name has another.
    pub(crate) uuid: String,
    /// Hex sha-256 of the archive that is wholly deployed; empty when none is.
    pub(crate) sha256: String,
    /// The last run that was interrupted and acknowledged, and its attempt.
    interrupted: Option<(u64, u32)>,
}

impl UnitState {
    /// A unit of which nothing is known but its uuid.
    pub(super) fn fresh(uuid: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            ..Self::default()
        }
    }

    /// Reads it; the default when nothing is known.
    pub(crate) fn load(paths: &Paths, tag: &str) -> Result<Self, Error> {
        Ok(files::read_json(&paths.unit_state(tag))?.unwrap_or_default())
    }

    /// Writes it.
    pub(super) fn save(&self, paths: &Paths, tag: &str, sync: bool) -> Result<(), Error> {
        files::write_json(&paths.unit_state(tag), self, sync)
    }

    /// Forgets it, and which files the charm had.
    pub(crate) fn remove(paths: &Paths, tag: &str) -> Result<(), Error> {
        files::remove_file(&manifest_path(paths, tag))?;
        files::remove_file(&owner_path(paths, tag))?;
        files::remove_file(&paths.unit_state(tag))
    }

    /// Whose the unit is, as of its last run.
    pub(crate) fn owner(paths: &Paths, tag: &str) -> Result<Option<Owner>, Error> {
        files::read_json(&owner_path(paths, tag))
    }

    /// Remembers whose it is.
    pub(crate) fn remember_owner(paths: &Paths, tag: &str, owner: &Owner) -> Result<(), Error> {
        if Self::owner(paths, tag)?.as_ref() == Some(owner) {
            return Ok(());
        }
        files::write_json(&owner_path(paths, tag), owner, false)
    }

    /// Remembers that an attempt of a run was interrupted.
    pub(crate) fn interrupted(
        paths: &Paths,
        tag: &str,
        run: &RunId,
        attempt: u32,
    ) -> Result<(), Error> {
        let mut state = Self::load(paths, tag)?;
        if state.uuid != run.unit {
            // Nothing was deployed for it, or for another unit of its name.
            if !state.uuid.is_empty() {
                return Ok(());
            }
            state.uuid.clone_from(&run.unit);
        }
        state.interrupted = Some((run.seq, attempt));
        state.save(paths, tag, false)
    }

    /// The number of a run's next attempt.
    pub(crate) fn next_attempt(&self, run: &RunId) -> u32 {
        match self.interrupted {
            Some((seq, attempt)) if self.uuid == run.unit && seq == run.seq => {
                attempt.saturating_add(1)
            }
            _ => 1,
        }
    }
}

/// The paths that the deployed charm brought, in order.
pub(super) fn load_manifest(paths: &Paths, tag: &str) -> Result<Vec<String>, Error> {
    Ok(files::read_json(&manifest_path(paths, tag))?.unwrap_or_default())
}

/// Remembers the paths that the charm brings.
pub(super) fn save_manifest(
    paths: &Paths,
    tag: &str,
    manifest: &[String],
    sync: bool,
) -> Result<(), Error> {
    files::write_json(&manifest_path(paths, tag), &manifest, sync)
}

fn owner_path(paths: &Paths, tag: &str) -> std::path::PathBuf {
    paths.units().join(format!("{tag}.owner"))
}

fn manifest_path(paths: &Paths, tag: &str) -> std::path::PathBuf {
    // Not `.json`, so that the list of units has units only.
    paths.units().join(format!("{tag}.manifest"))
}

//! Putting a charm in place.
//!
//! The archive is unpacked beside the charm's directory and moved into it file
//! by file: files that no revision brought are kept, those of the old revision
//! that the new one lacks are removed. A crash at any point leaves a state
//! that says that nothing is wholly deployed, and a list of files that holds
//! both revisions, so that doing it again ends the same.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::syncfs;
use sha2::{Digest, Sha256};

use super::archive::{self, BOUNDS};
use super::state::{UnitState, load_manifest, save_manifest};
use crate::error::Error;
use crate::files;
use crate::paths::Paths;

/// Whether a unit has an archive deployed.
pub(crate) fn is_deployed(
    paths: &Paths,
    tag: &str,
    state: &UnitState,
    uuid: &str,
    sha256: &str,
) -> bool {
    state.uuid == uuid
        && state.sha256 == sha256
        && paths.charm_dir(tag).join("metadata.yaml").is_file()
}

/// Deploys an archive for a unit, unless it is deployed.
pub(crate) fn deploy(
    paths: &Paths,
    tag: &str,
    uuid: &str,
    sha256: &str,
    sync: bool,
) -> Result<(), Error> {
    let mut state = UnitState::load(paths, tag)?;
    if is_deployed(paths, tag, &state, uuid, sha256) {
        return Ok(());
    }
    if state.uuid != uuid {
        if !state.uuid.is_empty() {
            // An earlier unit of this name: nothing of it is the new one's.
            files::remove_tree(&paths.agent(tag))?;
            UnitState::remove(paths, tag)?;
        }
        state = UnitState::fresh(uuid);
    }
    let source = paths.charm(sha256);
    verify(&source, sha256)?;
    files::make_dir(&paths.agent(tag), 0o755)?;
    let staging = paths.agent(tag).join(".charm-staging");
    files::remove_tree(&staging)?;
    let new = match archive::unpack(&source, &staging, &BOUNDS) {
        Ok(new) => new,
        Err(error) => {
            files::remove_tree(&staging)?;
            return Err(error);
        }
    };
    let old = load_manifest(paths, tag)?;
    let both: BTreeSet<&String> = old.iter().chain(&new).collect();
    let both: Vec<String> = both.into_iter().cloned().collect();
    state.sha256.clear();
    state.save(paths, tag, sync)?;
    save_manifest(paths, tag, &both, sync)?;
    let charm = paths.charm_dir(tag);
    apply(&staging, &charm, &old, &new)?;
    if sync {
        let dir = File::open(&charm).map_err(Error::file("open", &charm))?;
        syncfs(&dir).map_err(|error| Error::file("sync", &charm)(error.into()))?;
    }
    save_manifest(paths, tag, &new, sync)?;
    sha256.clone_into(&mut state.sha256);
    state.save(paths, tag, sync)?;
    files::remove_tree(&staging)
}

fn verify(archive: &Path, sha256: &str) -> Result<(), Error> {
    let mut hash = Sha256::new();
    File::open(archive)
        .and_then(|mut file| io::copy(&mut file, &mut hash))
        .map_err(Error::file("read", archive))?;
    let found = hex::encode(hash.finalize());
    if found == sha256 {
        return Ok(());
    }
    // It is damaged: gone, so that the host sends it again.
    files::remove_file(archive)?;
    Err(Error::Refused(format!(
        "the archive {} was damaged (its sha-256 is {found}) and was removed",
        archive.display()
    )))
}

/// Makes `charm` have the staged files instead of the old ones.
fn apply(staging: &Path, charm: &Path, old: &[String], new: &[String]) -> Result<(), Error> {
    real_dir(charm)?;
    let keep: BTreeSet<&String> = new.iter().collect();
    // Children come after their parents, so they go before them.
    for path in old.iter().rev().filter(|path| !keep.contains(path)) {
        if has_real_parents(charm, path) {
            remove_one(&charm.join(path))?;
        }
    }
    for path in new {
        let (from, to) = (staging.join(path), charm.join(path));
        let staged = from
            .symlink_metadata()
            .map_err(Error::file("look at", &from))?;
        if staged.is_dir() {
            real_dir(&to)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))
                .map_err(Error::file("set the mode of", &to))?;
            continue;
        }
        if to.symlink_metadata().is_ok_and(|there| there.is_dir()) && fs::remove_dir(&to).is_err() {
            return Err(Error::Refused(format!(
                "the charm brings the file {path:?}, where the unit has a directory with files of \
                 its own: remove or rename {}",
                to.display()
            )));
        }
        fs::rename(&from, &to).map_err(Error::file("put in place", &to))?;
    }
    Ok(())
}

/// Makes a directory, also where a file or a link is.
fn real_dir(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(there) if there.is_dir() => return Ok(()),
        Ok(_) => files::remove_file(path)?,
        Err(_) => {}
    }
    files::make_dir(path, 0o755)
}

/// Whether all directories on the way are directories rather than links that
/// a hook made.
fn has_real_parents(charm: &Path, path: &str) -> bool {
    path.match_indices('/').all(|(at, _)| {
        charm
            .join(&path[..at])
            .symlink_metadata()
            .is_ok_and(|there| there.is_dir())
    })
}

fn remove_one(path: &Path) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(there) if there.is_dir() => {
            // It stays when the unit has files of its own in it.
            drop(fs::remove_dir(path));
            Ok(())
        }
        Ok(_) => files::remove_file(path),
        Err(_) => Ok(()),
    }
}

//! Where a charm comes from: a path, or a name among those at hand.

use std::path::{Path, PathBuf};

use lazuli_source::{Catalogue, DirError};

use crate::error::{Error, Result};

/// Directories with charms, with colons between.
const SHELF: &str = "LAZULI_CHARMS";
/// Bytes of an archive that are read at most; servers take fewer.
const LARGEST: u64 = 1 << 30;

/// A charm as `deploy` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a path of this machine.
    Path(PathBuf),
    /// Known to the controller, or the store, by this name.
    Named(String),
}

/// Finds a charm as `deploy` names it: what begins with `.` or `/` is a
/// path, all else the name of a charm, first of those in a directory of
/// `$LAZULI_CHARMS`.
pub(crate) fn find(name: &str) -> Result<Place> {
    find_among(name, &std::env::var(SHELF).unwrap_or_default())
}

fn find_among(name: &str, shelf: &str) -> Result<Place> {
    if name.starts_with(['.', '/']) {
        let path = PathBuf::from(name);
        return match path.exists() {
            true => Ok(Place::Path(path)),
            false => Err(Error::user(format!("no charm was found at {name:?}"))),
        };
    }
    if let Some(bare) = name.strip_prefix("ch:") {
        return Ok(Place::Named(bare.to_owned()));
    }
    let directories = shelf.split(':').filter(|one| !one.is_empty());
    let shelf = Catalogue::new(directories.map(PathBuf::from).collect());
    if let Some(path) = shelf.find(name) {
        return Ok(Place::Path(path));
    }
    if name.is_empty() || name.contains('/') || Path::new(name).extension().is_some() {
        return Err(Error::with_hint(
            format!("charm name {name:?} not valid"),
            format!("A path begins with . or /, such as ./{name}"),
        ));
    }
    Ok(Place::Named(name.to_owned()))
}

/// The archive of the charm at a path; a directory is packed.
pub(crate) fn archive(path: &Path) -> Result<Vec<u8>> {
    if lazuli_source::is_bundle(path) {
        return Err(Error::with_hint(
            format!(
                "{} is a bundle, and bundles cannot be deployed yet",
                path.display()
            ),
            "Deploy its charms one by one.",
        ));
    }
    lazuli_source::archive(path, LARGEST).map_err(|error| match error {
        DirError::Io { what, source } => Error::io(what)(source),
        DirError::Odd(reason) => Error::user(reason),
    })
}

#[cfg(test)]
mod tests {
    use lazuli_model::charm::Charm;
    use lazuli_model::charm::archive::{Limits, ZipFiles};

    use super::*;

    fn charm(directory: &Path) {
        std::fs::create_dir_all(directory.join("hooks")).unwrap();
        let metadata = "name: x\nsummary: s\ndescription: d\n";
        std::fs::write(directory.join("metadata.yaml"), metadata).unwrap();
        std::fs::write(directory.join("hooks/install"), "#!/bin/sh\n").unwrap();
    }

    #[test]
    fn paths_come_first_then_the_shelf_then_the_controller() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = format!(":/none:{}", directory.path().display());
        let place = directory.path().join("charms/x");
        charm(&place);
        let named = |name: &str| Place::Named(name.to_owned());
        assert_eq!(find_among("x", &shelf).unwrap(), Place::Path(place.clone()));
        assert_eq!(find_among("ch:x", &shelf).unwrap(), named("x"));
        assert_eq!(find_among("y", &shelf).unwrap(), named("y"));
        let path = place.display().to_string();
        assert_eq!(find_among(&path, "").unwrap(), Place::Path(place));
        for odd in ["../x", "x/y", "x.charm", ""] {
            assert!(find_among(odd, "").is_err(), "{odd}");
        }
    }

    #[test]
    fn a_directory_becomes_an_archive() {
        let directory = tempfile::tempdir().unwrap();
        charm(directory.path());
        let bytes = archive(directory.path()).unwrap();
        let archive = ZipFiles::open(bytes, &Limits::default()).unwrap();
        assert_eq!(Charm::parse(&archive, "x").unwrap().meta.name.as_str(), "x");
    }
}

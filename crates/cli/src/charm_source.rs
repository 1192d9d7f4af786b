//! Where a charm comes from: a path, or a name among those at hand.

use std::path::{Path, PathBuf};

use lazuli_model::charm::archive::{Filter, pack};

use crate::dir_files::DirFiles;
use crate::error::{Error, Result};

/// Directories with charms, with colons between.
const SHELF: &str = "LAZULI_CHARMS";

/// Finds a charm as `deploy` names it: what begins with `.` or `/` is a
/// path, all else the name of a charm in a directory of `$LAZULI_CHARMS`.
pub(crate) fn find(name: &str) -> Result<PathBuf> {
    find_among(name, &std::env::var(SHELF).unwrap_or_default())
}

/// Finds the charm that was deployed under a url such as `local:mysql-3` among
/// those at hand.
pub(crate) fn find_again(url: &str) -> Result<PathBuf> {
    let name = url.strip_prefix("local:").unwrap_or(url);
    let name = match name.rsplit_once('-') {
        Some((name, revision)) if revision.bytes().all(|one| one.is_ascii_digit()) => name,
        _ => name,
    };
    let shelf = std::env::var(SHELF).unwrap_or_default();
    find_among(name, &shelf).map_err(|_| {
        Error::with_hint(
            format!("charm {url:?} is a local one: where is what it is to be changed to?"),
            format!("Name a directory or an archive, such as --path ./{name}"),
        )
    })
}

fn find_among(name: &str, shelf: &str) -> Result<PathBuf> {
    if name.starts_with(['.', '/']) {
        let path = PathBuf::from(name);
        return match path.exists() {
            true => Ok(path),
            false => Err(Error::user(format!("no charm was found at {name:?}"))),
        };
    }
    let bare = name.strip_prefix("ch:").unwrap_or(name);
    let plain = !bare.is_empty() && !bare.contains('/') && !bare.starts_with('.');
    for directory in shelf.split(':').filter(|one| plain && !one.is_empty()) {
        let directory = Path::new(directory);
        for path in [
            directory.join(bare),
            directory.join("charms").join(bare),
            directory.join(format!("{bare}.charm")),
        ] {
            if path.exists() {
                return Ok(path);
            }
        }
    }
    let hint = match shelf {
        "" => format!(
            "Name a directory or an archive such as ./{bare}, or set {SHELF} to a directory that \
             holds charms."
        ),
        shelf => format!("{SHELF} is {shelf}. A path begins with . or /, such as ./{bare}."),
    };
    Err(Error::with_hint(
        format!("charm {name:?} not found: there is no store, charms are local"),
        hint,
    ))
}

/// The archive of the charm at a path; a directory is packed.
pub(crate) fn archive(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let failed = || Error::io(format!("read {shown}"));
    if !path.is_dir() {
        if matches!(path.extension(), Some(kind) if kind == "yaml" || kind == "yml") {
            return Err(Error::with_hint(
                format!("{shown} is a bundle, and bundles cannot be deployed yet"),
                "Deploy its charms one by one.",
            ));
        }
        return std::fs::read(path).map_err(failed());
    }
    if path.join("bundle.yaml").exists() && !path.join("metadata.yaml").exists() {
        return Err(Error::with_hint(
            format!("{shown} is a bundle, and bundles cannot be deployed yet"),
            "Deploy its charms one by one.",
        ));
    }
    let filter = match std::fs::read_to_string(path.join(".jujuignore")) {
        Ok(text) => Filter::with(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Filter::default(),
        Err(error) => return Err(failed()(error)),
    };
    let files = DirFiles::open(path, &filter)?;
    pack(&files, &shown, &filter).map_err(|error| {
        let cause = std::error::Error::source(&error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        Error::user(format!("cannot pack the charm: {error}{cause}"))
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
    fn names_are_looked_up_and_paths_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = directory.path().display().to_string();
        let place = directory.path().join("charms/x");
        charm(&place);
        assert_eq!(find_among("x", &shelf).unwrap(), place);
        assert_eq!(
            find_among("ch:x", &format!(":/none:{shelf}")).unwrap(),
            place
        );
        let path = place.display().to_string();
        assert_eq!(find_among(&path, "").unwrap(), place);
        let error = find_among("y", "").unwrap_err().report();
        assert!(error.contains("LAZULI_CHARMS"), "{error}");
        assert!(find_among("../x", &shelf).is_err());
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

//! Directories of charms.

use std::path::{Path, PathBuf};

use lazuli_model::charm::archive::{Filter, pack};

use crate::dir_files::DirFiles;
use crate::error::DirError;

/// Charms of directories, by their names: `NAME.charm`, or a directory `NAME`,
/// there or below `charms`. The first directory that has it wins.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    directories: Vec<PathBuf>,
}

impl Catalogue {
    /// The charms of these directories.
    #[must_use]
    pub fn new(directories: Vec<PathBuf>) -> Self {
        Self { directories }
    }

    /// Where the charm of this name is, if it is there.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        let plain = !name.is_empty() && !name.contains(['/', '\0']) && !name.starts_with('.');
        let directories = self.directories.iter().filter(|_| plain);
        let mut places = directories.flat_map(|directory| {
            [
                directory.join(name),
                directory.join("charms").join(name),
                directory.join(format!("{name}.charm")),
            ]
        });
        places.find(|place| is_charm(place))
    }
}

fn is_charm(place: &Path) -> bool {
    match place.is_dir() {
        true => place.join("metadata.yaml").exists() || place.join("charmcraft.yaml").exists(),
        false => place.is_file() && place.extension().is_some_and(|kind| kind == "charm"),
    }
}

/// Whether a path is a bundle rather than a charm.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    match path.is_dir() {
        true => path.join("bundle.yaml").exists() && !path.join("metadata.yaml").exists(),
        false => matches!(path.extension(), Some(kind) if kind == "yaml" || kind == "yml"),
    }
}

/// The archive of the charm at a path, `most` bytes of it at most; a
/// directory is packed.
///
/// # Errors
/// When it cannot be read, is too large, or cannot be packed.
pub fn archive(path: &Path, most: u64) -> Result<Vec<u8>, DirError> {
    let shown = path.display().to_string();
    let failed = || DirError::io(format!("read {shown}"));
    if !path.is_dir() {
        let size = std::fs::metadata(path).map_err(failed())?.len();
        if size > most {
            return Err(DirError::Odd(format!(
                "{shown} has {size} bytes, and a charm has {most} at most"
            )));
        }
        return std::fs::read(path).map_err(failed());
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
        DirError::Odd(format!("cannot pack the charm: {error}{cause}"))
    })
}

#[cfg(test)]
mod tests {
    use lazuli_model::charm::Charm;
    use lazuli_model::charm::archive::{Limits, ZipFiles};

    use super::*;

    #[test]
    fn charms_are_found_by_name_and_packed() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("charms/x");
        std::fs::create_dir_all(place.join("hooks")).unwrap();
        let metadata = "name: x\nsummary: s\ndescription: d\n";
        std::fs::write(place.join("metadata.yaml"), metadata).unwrap();
        std::fs::write(place.join("hooks/install"), "#!/bin/sh\n").unwrap();
        std::fs::write(directory.path().join("y.charm"), "zip").unwrap();
        std::fs::create_dir(directory.path().join("z")).unwrap();
        let directories = ["/nonexistent", directory.path().to_str().unwrap()];
        let catalogue = Catalogue::new(directories.map(PathBuf::from).to_vec());
        assert_eq!(catalogue.find("x"), Some(place.clone()));
        assert_eq!(catalogue.find("y"), Some(directory.path().join("y.charm")));
        for none in ["z", "", "..", "../x", "charms/x", "nothing"] {
            assert_eq!(catalogue.find(none), None, "{none}");
        }
        let files = ZipFiles::open(archive(&place, 1 << 20).unwrap(), &Limits::default()).unwrap();
        assert_eq!(Charm::parse(&files, "x").unwrap().meta.name.as_str(), "x");
        assert!(archive(&directory.path().join("y.charm"), 2).is_err());
    }
}

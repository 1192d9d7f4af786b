//! The files of a charm in a directory.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lazuli_model::charm::archive::Filter;
use lazuli_model::charm::{CharmFiles, Entry, EntryKind, ReadError};

use crate::error::DirError;

/// Entries of a directory at most; more than any charm may have.
const MOST_ENTRIES: usize = 200_000;

/// A directory, as it was when it was opened.
#[derive(Debug)]
pub struct DirFiles {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl DirFiles {
    /// Lists a directory. What the filter leaves out is not looked into.
    ///
    /// # Errors
    /// When it cannot be read, or holds what no charm may.
    pub fn open(root: &Path, filter: &Filter) -> Result<Self, DirError> {
        let mut files = Self {
            root: root.to_owned(),
            entries: Vec::new(),
        };
        files.list("", filter)?;
        files
            .entries
            .sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    fn list(&mut self, below: &str, filter: &Filter) -> Result<(), DirError> {
        let directory = self.root.join(below);
        let failed = || DirError::io(format!("read {}", directory.display()));
        for found in fs::read_dir(&directory).map_err(failed())? {
            let found = found.map_err(failed())?;
            let name = found.file_name().into_string().map_err(|name| {
                DirError::Odd(format!(
                    "{} holds {name:?}, whose name is not UTF-8",
                    directory.display()
                ))
            })?;
            let path = match below {
                "" => name,
                below => format!("{below}/{name}"),
            };
            let metadata = found.metadata().map_err(failed())?;
            if filter.ignores(&path, metadata.is_dir()) {
                continue;
            }
            if self.entries.len() >= MOST_ENTRIES {
                return Err(DirError::Odd(format!(
                    "{} holds more than {MOST_ENTRIES} files: that is no charm",
                    self.root.display()
                )));
            }
            let kind = match metadata.file_type() {
                kind if kind.is_dir() => EntryKind::Directory,
                kind if kind.is_symlink() => EntryKind::Symlink {
                    target: link(&found.path())?,
                },
                kind if kind.is_file() => EntryKind::File {
                    size: metadata.len(),
                },
                _ => {
                    return Err(DirError::Odd(format!(
                        "{} is neither a file, a directory nor a link",
                        found.path().display()
                    )));
                }
            };
            let descend = kind == EntryKind::Directory;
            self.entries.push(Entry {
                path: path.clone(),
                kind,
                mode: metadata.permissions().mode() & 0o777,
            });
            if descend {
                self.list(&path, filter)?;
            }
        }
        Ok(())
    }
}

impl CharmFiles for DirFiles {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let place = self
            .entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path));
        let is_file =
            place.is_ok_and(|place| matches!(self.entries[place].kind, EntryKind::File { .. }));
        if !is_file {
            return Ok(None);
        }
        let failed = |source: io::Error| ReadError::Failed {
            path: path.to_owned(),
            source,
        };
        let file = File::open(self.root.join(path)).map_err(failed)?;
        let mut content = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(failed)?;
        if content.len() as u64 > limit {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                limit,
            });
        }
        Ok(Some(content))
    }
}

fn link(path: &Path) -> Result<String, DirError> {
    let target = fs::read_link(path).map_err(DirError::io(format!("read {}", path.display())))?;
    target.into_os_string().into_string().map_err(|target| {
        DirError::Odd(format!(
            "{} points at {target:?}, which is not UTF-8",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_is_listed_in_order_without_what_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("hooks")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::write(root.join(".git/x"), "x").unwrap();
        fs::write(root.join("hooks/install"), "#!/bin/sh\n").unwrap();
        fs::write(root.join("hooks.txt"), "12345").unwrap();
        symlink("install", root.join("hooks/start")).unwrap();
        let files = DirFiles::open(root, &Filter::default()).unwrap();
        let paths: Vec<&str> = files
            .entries()
            .iter()
            .map(|one| one.path.as_str())
            .collect();
        assert_eq!(
            paths,
            ["hooks", "hooks.txt", "hooks/install", "hooks/start"]
        );
        assert_eq!(
            files.read("hooks/install", 100).unwrap().unwrap(),
            b"#!/bin/sh\n"
        );
        assert!(files.read("hooks/start", 100).unwrap().is_none());
        assert!(files.read("../x", 100).unwrap().is_none());
        assert!(matches!(
            files.read("hooks.txt", 4),
            Err(ReadError::TooLarge { .. })
        ));
        let target = EntryKind::Symlink {
            target: "install".to_owned(),
        };
        assert_eq!(files.entries()[3].kind, target);
    }
}

//! The files of a charm, wherever they are.

use std::collections::{BTreeMap, VecDeque};
use std::io;

/// How many links a path may lead through.
const MOST_LINKS: usize = 40;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Its length in bytes.
        size: u64,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as written.
        target: String,
    },
}

/// One entry of a charm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root of the charm, with `/`, without `./`.
    pub path: String,
    /// What stands there.
    pub kind: EntryKind,
    /// Permission bits (`0o777` at most).
    pub mode: u32,
}

/// Why a file of a charm could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Longer than the reader wanted.
    #[error("{path}: larger than {limit} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// What was wanted at most.
        limit: u64,
    },
    /// Whatever holds the files failed.
    #[error("failed to read {path}")]
    Failed {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The files of a charm: an archive, a directory, or a map in memory.
pub trait CharmFiles {
    /// All entries, ordered by path. Parent directories need not be listed.
    fn entries(&self) -> &[Entry];

    /// The content of the regular file at exactly this path, or `None` where there is none.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError>;
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct MapFiles {
    entries: Vec<Entry>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MapFiles {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file that may not be executed.
    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.with(path, content.into(), 0o644)
    }

    /// Adds a file that may be executed.
    pub fn executable(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.with(path, content.into(), 0o755)
    }

    /// Adds a symbolic link.
    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        self.contents.remove(path);
        self.put(Entry {
            path: path.to_owned(),
            kind: EntryKind::Symlink {
                target: target.to_owned(),
            },
            mode: 0o777,
        });
        self
    }

    fn with(mut self, path: &str, content: Vec<u8>, mode: u32) -> Self {
        self.put(Entry {
            path: path.to_owned(),
            kind: EntryKind::File {
                size: content.len() as u64,
            },
            mode,
        });
        self.contents.insert(path.to_owned(), content);
        self
    }

    fn put(&mut self, entry: Entry) {
        match self
            .entries
            .binary_search_by(|known| known.path.cmp(&entry.path))
        {
            Ok(place) => self.entries[place] = entry,
            Err(place) => self.entries.insert(place, entry),
        }
    }
}

impl CharmFiles for MapFiles {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        match self.contents.get(path) {
            Some(content) if content.len() as u64 > limit => Err(ReadError::TooLarge {
                path: path.to_owned(),
                limit,
            }),
            content => Ok(content.cloned()),
        }
    }
}

/// Why a path leads nowhere in the charm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// A link has an absolute target.
    #[error("symlink {link:?} is absolute: {target:?}")]
    Absolute {
        /// The link.
        link: String,
        /// Its target.
        target: String,
    },
    /// The path leaves the charm.
    #[error("symlink {link:?} links out of charm: {target:?}")]
    Outside {
        /// The last link on the way (or the path itself).
        link: String,
        /// Its target.
        target: String,
    },
    /// Too many links, or a loop of them.
    #[error("symlink {link:?} leads through too many links")]
    Loop {
        /// The path that was followed.
        link: String,
    },
}

/// Follows the links among `entries` (ordered by path) from a path to where it ends, which need not exist.
///
/// Links are followed as a system does, component by component, so that `..` after a link is the parent of where the
/// link leads, and no chain of harmless links can lead out.
pub fn follow(entries: &[Entry], path: &str) -> Result<String, LinkFault> {
    let mut reached: Vec<String> = Vec::new();
    let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    let mut last = (path.to_owned(), path.to_owned());
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                if reached.pop().is_none() {
                    let (link, target) = last;
                    return Err(LinkFault::Outside { link, target });
                }
                continue;
            }
            _ => reached.push(part),
        }
        let here = reached.join("/");
        let Ok(place) = entries.binary_search_by(|entry| entry.path.as_str().cmp(&here)) else {
            continue;
        };
        let EntryKind::Symlink { target } = &entries[place].kind else {
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(LinkFault::Loop {
                link: path.to_owned(),
            });
        }
        if target.starts_with('/') {
            return Err(LinkFault::Absolute {
                link: here,
                target: target.clone(),
            });
        }
        reached.pop();
        for part in target.split('/').rev() {
            ahead.push_front(part.to_owned());
        }
        last = (here, target.clone());
    }
    Ok(reached.join("/"))
}

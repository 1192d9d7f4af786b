//! Reading a charm from an archive in memory.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

use zip::ZipArchive;

use super::check::{ArchiveError, Index, Limits, check};
use crate::charm::files::{CharmFiles, Entry, EntryKind, ReadError};

/// The files of an archive that passed [`check`].
#[derive(Debug, Clone)]
pub struct ZipFiles {
    index: Index,
    archive: ZipArchive<Cursor<Arc<[u8]>>>,
    places: HashMap<String, usize>,
}

impl ZipFiles {
    /// Checks an archive and opens it.
    pub fn open(bytes: impl Into<Arc<[u8]>>, limits: &Limits) -> Result<Self, ArchiveError> {
        let bytes: Arc<[u8]> = bytes.into();
        let index = check(Cursor::new(&*bytes), limits)?;
        let malformed = |error: zip::result::ZipError| ArchiveError::Malformed(error.to_string());
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(malformed)?;
        let mut places = HashMap::new();
        for place in 0..archive.len() {
            let name = archive
                .name_for_index(place)
                .transpose()
                .map_err(malformed)?;
            places.extend(name.map(|name| (name.into_owned(), place)));
        }
        Ok(Self {
            index,
            archive,
            places,
        })
    }

    /// What the archive holds.
    pub fn index(&self) -> &Index {
        &self.index
    }
}

impl CharmFiles for ZipFiles {
    fn entries(&self) -> &[Entry] {
        &self.index.entries
    }

    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let entries = &self.index.entries;
        let found = entries
            .binary_search_by(|entry| entry.path.as_str().cmp(path))
            .ok()
            .map(|place| &entries[place]);
        let (Some(EntryKind::File { size }), Some(place)) =
            (found.map(|entry| &entry.kind), self.places.get(path))
        else {
            return Ok(None);
        };
        if *size > limit {
            return Err(ReadError::TooLarge {
                path: path.to_owned(),
                limit,
            });
        }
        let failed = |source| ReadError::Failed {
            path: path.to_owned(),
            source,
        };
        let mut archive = self.archive.clone();
        let file = archive
            .by_index(*place)
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let mut content = Vec::new();
        file.take(limit).read_to_end(&mut content).map_err(failed)?;
        Ok(Some(content))
    }
}

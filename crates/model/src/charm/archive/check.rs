//! Judging an archive before it is unpacked.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use super::bounded::Bounded;
use super::paths::{check_collisions, check_name, check_tree};
use crate::charm::files::{Entry, EntryKind, LinkFault};
use crate::text::excerpt;

/// What an archive may be at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the archive itself.
    pub archive: u64,
    /// Number of entries.
    pub entries: usize,
    /// Bytes of one entry, unpacked.
    pub entry: u64,
    /// Bytes of all entries, unpacked.
    pub total: u64,
    /// How many times larger an entry (of at least 1 MiB) may be than it is packed.
    pub ratio: u64,
    /// Bytes of a name.
    pub name: usize,
}

impl Default for Limits {
    /// 512 MiB packed, 1 GiB unpacked, 512 MiB for one entry, 50,000 entries, ratio 200, names of 4 KiB.
    fn default() -> Self {
        Self {
            archive: 512 << 20,
            entries: 50_000,
            entry: 512 << 20,
            total: 1 << 30,
            ratio: 200,
            name: 4096,
        }
    }
}

/// Entries below this size are not judged by their ratio, bytes.
const RATIO_FROM: u64 = 1 << 20;
/// The longest target of a link, bytes.
const LONGEST_TARGET: u64 = 4096;

const KIND_MASK: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Bytes of the directory that one entry has on average, at most: its record with a name and extra fields.
const PER_ENTRY: u64 = 512;
/// What may be read besides: the end of the archive with its comment, more than once.
const END: u64 = 1 << 20;

/// Why an archive is refused. Each names the entry.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not a ZIP archive, or a damaged one.
    #[error("not a usable zip archive: {0}")]
    Malformed(String),
    /// The archive as a whole exceeds a limit.
    #[error("the archive has {what}, at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// An entry is refused.
    #[error("entry {name:?}: {reason}")]
    Entry {
        /// The entry's name (shortened where it was long).
        name: String,
        /// Why.
        reason: String,
    },
    /// A link leads out.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// Reading the archive failed.
    #[error("failed to read the archive")]
    Read(#[source] io::Error),
}

/// What an archive holds, in the order of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The entries. Directories that are only implied are not among them.
    pub entries: Vec<Entry>,
    /// Bytes of all entries, unpacked.
    pub total: u64,
}

/// Judges an archive; nothing of it needs to be trusted before. Every entry is unpacked once into nothing, to find
/// entries that lie about their length or checksum.
///
/// Names collide when they are equal without regard to case, or when they are equal but for accented letters and one
/// of them spells its accents apart (as file systems that normalise would make one of the two).
pub fn check<R: Read + Seek>(mut reader: R, limits: &Limits) -> Result<Index, ArchiveError> {
    let length = reader.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
    if length > limits.archive {
        return Err(ArchiveError::TooLarge {
            what: format!("{length} bytes"),
            limit: limits.archive,
        });
    }
    // The directory is read as a whole: also its size is judged, before an entry is kept for each 46 bytes of it.
    let most = END + limits.entries as u64 * PER_ENTRY;
    let (reader, bound) = Bounded::new(reader, most);
    let opened = ZipArchive::new(reader);
    if bound.is_reached() {
        return Err(ArchiveError::TooLarge {
            what: "a larger directory than entries may have".to_owned(),
            limit: limits.entries as u64,
        });
    }
    bound.lift();
    let mut archive = opened.map_err(malformed)?;
    if archive.len() > limits.entries {
        return Err(ArchiveError::TooLarge {
            what: format!("{} entries", archive.len()),
            limit: limits.entries as u64,
        });
    }
    if archive.has_duplicate_names() {
        return Err(refuse(
            &first_duplicate(archive)?,
            "stands in the archive twice",
        ));
    }
    let mut entries = Vec::with_capacity(archive.len());
    let mut spans = Vec::with_capacity(archive.len());
    let mut total: u64 = 0;
    for place in 0..archive.len() {
        let (entry, span) = read_entry(&mut archive, place, limits)?;
        if let EntryKind::File { size } = entry.kind {
            total = total.saturating_add(size);
        }
        if total > limits.total {
            return Err(ArchiveError::TooLarge {
                what: "more bytes unpacked".to_owned(),
                limit: limits.total,
            });
        }
        spans.push((span, entry.path.clone()));
        entries.push(entry);
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    check_overlaps(spans, archive.central_directory_start())?;
    check_collisions(&entries)?;
    check_tree(&entries)?;
    // Last, since it names no entry: local headers that differ from the directory, and entries outside of it.
    archive.validate_header_consistency().map_err(malformed)?;
    Ok(Index { entries, total })
}

/// Judges one entry by itself, and unpacks it into nothing. Also gives the bytes of the archive that it takes.
fn read_entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    place: usize,
    limits: &Limits,
) -> Result<(Entry, (u64, u64)), ArchiveError> {
    let raw = archive.by_index_data(place).map_err(malformed)?;
    let name = std::str::from_utf8(raw.name_raw()).map_err(|_| {
        refuse(
            &String::from_utf8_lossy(raw.name_raw()),
            "the name is not UTF-8",
        )
    })?;
    let name = name.to_owned();
    if raw.encrypted() {
        return Err(refuse(&name, "is encrypted"));
    }
    let path = check_name(&name, limits.name).map_err(|reason| refuse(&name, reason))?;
    let mut file = archive
        .by_index(place)
        .map_err(|error| refuse(&name, error.to_string()))?;
    // All bits as they stand, whatever system the archive says it comes from: an unpacker may apply them.
    let mode = match file.external_attributes() >> 16 {
        0 => file.unix_mode().unwrap_or(0),
        mode => mode,
    };
    if mode & 0o6000 != 0 {
        return Err(refuse(&name, "has the setuid or setgid bit"));
    }
    let (size, packed) = (file.size(), file.compressed_size());
    let kind = match (mode & KIND_MASK, name.ends_with('/')) {
        (DIRECTORY | 0, true) => EntryKind::Directory,
        (REGULAR | 0, false) => EntryKind::File { size },
        (LINK, false) => EntryKind::Symlink {
            target: String::new(),
        },
        (DIRECTORY | REGULAR | LINK, _) => {
            return Err(refuse(
                &name,
                "its name and its mode disagree on what it is",
            ));
        }
        _ => {
            return Err(refuse(
                &name,
                "is neither a file, a directory nor a symlink",
            ));
        }
    };
    if size > limits.entry {
        return Err(refuse(
            &name,
            format!(
                "is {size} bytes unpacked, at most {} are accepted",
                limits.entry
            ),
        ));
    }
    if size >= RATIO_FROM && size / packed.max(1) > limits.ratio {
        let reason = format!(
            "unpacks to {} times its size, at most {} are accepted",
            size / packed.max(1),
            limits.ratio
        );
        return Err(refuse(&name, reason));
    }
    let start = file.header_start();
    let data = file.data_start().unwrap_or(start);
    let kind = match kind {
        EntryKind::Symlink { .. } => EntryKind::Symlink {
            target: read_target(&mut file, &name)?,
        },
        kind => {
            read_through(&mut file, &name, size)?;
            kind
        }
    };
    Ok((
        Entry {
            path,
            kind,
            mode: mode & 0o777,
        },
        (start, data.saturating_add(packed)),
    ))
}

fn read_target(file: &mut impl Read, name: &str) -> Result<String, ArchiveError> {
    let mut target = Vec::new();
    file.take(LONGEST_TARGET + 1)
        .read_to_end(&mut target)
        .map_err(|error| refuse(name, error.to_string()))?;
    let plain = |target: &String| {
        target.len() as u64 <= LONGEST_TARGET
            && !target.is_empty()
            && !target.contains('\\')
            && !target.chars().any(char::is_control)
    };
    let target = String::from_utf8(target).ok().filter(plain);
    target.ok_or_else(|| refuse(name, "the target of the symlink is not a path"))
}

/// Reads a file to its end: its length must be what was declared, and the reader checks the checksum.
fn read_through(file: &mut impl Read, name: &str, size: u64) -> Result<(), ArchiveError> {
    let read = io::copy(&mut file.take(size.saturating_add(1)), &mut io::sink());
    match read {
        Ok(length) if length == size => Ok(()),
        Ok(_) => Err(refuse(
            name,
            format!("its length is not the {size} bytes that it declares"),
        )),
        Err(error) => Err(refuse(name, format!("is damaged: {error}"))),
    }
}

fn check_overlaps(
    mut spans: Vec<((u64, u64), String)>,
    directory: u64,
) -> Result<(), ArchiveError> {
    spans.sort();
    let mut end = 0;
    let mut before = "";
    for ((start, stop), name) in &spans {
        if *start < end {
            return Err(refuse(
                name,
                format!("shares bytes of the archive with {:?}", excerpt(before)),
            ));
        }
        if *stop > directory {
            return Err(refuse(
                name,
                "shares bytes with the directory of the archive",
            ));
        }
        (end, before) = (*stop, name);
    }
    Ok(())
}

/// The first name that stands in the directory of the archive twice.
fn first_duplicate<R: Read + Seek>(archive: ZipArchive<R>) -> Result<String, ArchiveError> {
    const HEADER: usize = 46;
    let start = archive.central_directory_start();
    let mut reader = archive.into_inner();
    reader
        .seek(SeekFrom::Start(start))
        .map_err(ArchiveError::Read)?;
    let mut reader = io::BufReader::new(reader);
    let mut seen = HashSet::new();
    let mut header = [0; HEADER];
    while reader.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        let length = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let mut name = vec![0; usize::from(length(28))];
        reader.read_exact(&mut name).map_err(ArchiveError::Read)?;
        let rest = u64::from(length(30)) + u64::from(length(32));
        io::copy(&mut reader.by_ref().take(rest), &mut io::sink()).map_err(ArchiveError::Read)?;
        if seen.contains(&name) {
            return Ok(String::from_utf8_lossy(&name).into_owned());
        }
        seen.insert(name);
    }
    Err(ArchiveError::Malformed(
        "two entries have one name".to_owned(),
    ))
}

/// The refusal of an entry.
pub(super) fn refuse(name: &str, reason: impl Into<String>) -> ArchiveError {
    ArchiveError::Entry {
        name: excerpt(name),
        reason: reason.into(),
    }
}

fn malformed(error: ZipError) -> ArchiveError {
    match error {
        ZipError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            ArchiveError::Read(source)
        }
        other => ArchiveError::Malformed(other.to_string()),
    }
}

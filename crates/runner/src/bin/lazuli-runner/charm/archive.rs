//! Unpacking an archive that nobody vouches for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::check::{self, Kind};
use crate::error::Error;
use crate::files;

/// Bounds of an archive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Entries.
    pub(super) entries: usize,
    /// Bytes of all files, unpacked.
    pub(super) total: u64,
    /// How often larger than the archive all files may be, beyond
    /// [`Bounds::free`].
    pub(super) ratio: u64,
    /// Bytes that may be unpacked whatever the archive's size.
    pub(super) free: u64,
}

/// The bounds of charms.
pub(super) const BOUNDS: Bounds = Bounds {
    entries: 50_000,
    total: 2 << 30,
    ratio: 100,
    free: 64 << 20,
};

/// The longest target of a link, in bytes.
const TARGET_MAX: u64 = 1024;

/// The type bits of a Unix mode.
const TYPE: u32 = 0o170_000;

/// An entry that was checked.
#[derive(Debug)]
struct Entry {
    index: usize,
    path: String,
    kind: Kind,
    mode: u32,
    size: u64,
}

/// Unpacks an archive into a directory that does not exist; returns the paths
/// of its entries, parents first. The directory is left behind on failure.
pub(super) fn unpack(archive: &Path, into: &Path, bounds: &Bounds) -> Result<Vec<String>, Error> {
    let open = || {
        File::open(archive)
            .map(BufReader::new)
            .map_err(Error::file("open", archive))
    };
    let bad = |error: zip::result::ZipError| Error::Refused(format!("the charm: {error}"));
    // Counted before the directory is read into memory.
    let count = count(&mut open()?)
        .map_err(Error::file("read", archive))?
        .map_err(refuse)?;
    if count > bounds.entries {
        return Err(refuse(format!(
            "{count} entries are over the limit of {}",
            bounds.entries
        )));
    }
    let mut zip = ZipArchive::new(open()?).map_err(bad)?;
    if zip.len() != count {
        return Err(refuse("its directory is ambiguous".to_owned()));
    }
    if zip.has_overlapping_entries().map_err(bad)? {
        return Err(refuse("its entries overlap".to_owned()));
    }
    let mut entries = Vec::with_capacity(count);
    for index in 0..count {
        if let Some(entry) = inspect(&mut zip, index)? {
            entries.push(entry);
        }
    }
    let compressed = fs::metadata(archive)
        .map_err(Error::file("look at", archive))?
        .len();
    let allowed = compressed
        .saturating_mul(bounds.ratio)
        .saturating_add(bounds.free)
        .min(bounds.total);
    let total = entries
        .iter()
        .fold(0u64, |total, entry| total.saturating_add(entry.size));
    if total > allowed {
        return Err(refuse(format!(
            "{total} bytes unpacked are over the limit of {allowed}"
        )));
    }
    let tree: Vec<(String, Kind)> = entries
        .iter()
        .map(|entry| (entry.path.clone(), entry.kind.clone()))
        .collect();
    check::tree(&tree).map_err(refuse)?;
    write(&mut zip, &entries, into)
}

fn refuse(why: String) -> Error {
    Error::Refused(format!("the charm is refused: {why}"))
}

/// How many entries the archive says it has. Its last record has to be the
/// last bytes: with a comment, or a record for huge archives, readers may
/// disagree about what is in it, and about how much memory that takes.
fn count(file: &mut (impl Read + Seek)) -> io::Result<Result<usize, String>> {
    const RECORD: usize = 22;
    const LOCATOR: usize = 20;
    let length = file.seek(SeekFrom::End(0))?;
    let mut end = [0; LOCATOR + RECORD];
    if length < RECORD as u64 {
        return Ok(Err("it is no zip archive".to_owned()));
    }
    let known = length.min(end.len() as u64);
    file.seek(SeekFrom::Start(length - known))?;
    let known = usize::try_from(known).unwrap_or(RECORD);
    let start = end.len() - known;
    file.read_exact(&mut end[start..])?;
    let (locator, record) = end.split_at(LOCATOR);
    if !record.starts_with(b"PK\x05\x06") || record[20..] != [0, 0] {
        return Ok(Err(
            "it is no zip archive, or one with a comment at its end".to_owned(),
        ));
    }
    let number = u16::from_le_bytes([record[10], record[11]]);
    if locator.starts_with(b"PK\x06\x07") || number == u16::MAX {
        return Ok(Err("it is a zip64 archive".to_owned()));
    }
    Ok(Ok(usize::from(number)))
}

/// Looks at one entry; none for the charm's directory itself.
fn inspect(zip: &mut ZipArchive<BufReader<File>>, index: usize) -> Result<Option<Entry>, Error> {
    let mut file = zip
        .by_index(index)
        .map_err(|error| Error::Refused(format!("the charm: {error}")))?;
    let raw = file.name_raw().to_vec();
    if matches!(raw.as_slice(), b"." | b"./") {
        return Ok(None);
    }
    let path = check::path(&raw).map_err(refuse)?;
    let mode = file.unix_mode().unwrap_or_default();
    let named_dir = raw.ends_with(b"/");
    let supported = matches!(
        file.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    );
    if file.encrypted() || !supported {
        return Err(refuse(format!(
            "entry {path:?} is encrypted or compressed in an unknown way"
        )));
    }
    let kind = match mode & TYPE {
        0o040_000 => Kind::Dir,
        0 if named_dir => Kind::Dir,
        0 | 0o100_000 if !named_dir => Kind::File,
        0o120_000 if !named_dir => {
            let mut target = String::new();
            (&mut file)
                .take(TARGET_MAX + 1)
                .read_to_string(&mut target)
                .map_err(|error| refuse(format!("link {path:?}: {error}")))?;
            Kind::Link(target)
        }
        _ => {
            return Err(refuse(format!(
                "entry {path:?} is neither a file nor a directory nor a link"
            )));
        }
    };
    Ok(Some(Entry {
        index,
        size: if kind == Kind::File { file.size() } else { 0 },
        path,
        kind,
        mode,
    }))
}

/// Writes what was checked: directories, then files, then links, so that
/// nothing is ever written through a link.
fn write(
    zip: &mut ZipArchive<BufReader<File>>,
    entries: &[Entry],
    into: &Path,
) -> Result<Vec<String>, Error> {
    files::make_dir(into, 0o755)?;
    let mut paths = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = into.join(&entry.path);
        let parent = match entry.kind {
            Kind::Dir => at.as_path(),
            Kind::File | Kind::Link(_) => at.parent().unwrap_or(into),
        };
        if !parent.is_dir() {
            files::make_dir(parent, 0o755)?;
        }
    }
    for entry in entries {
        if entry.kind == Kind::File {
            file(zip, entry, &into.join(&entry.path))?;
        }
        for (at, _) in entry.path.match_indices('/') {
            paths.push(entry.path[..at].to_owned());
        }
        paths.push(entry.path.clone());
    }
    for entry in entries {
        if let Kind::Link(target) = &entry.kind {
            let at = into.join(&entry.path);
            symlink(target, &at).map_err(Error::file("link", &at))?;
        }
    }
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn file(zip: &mut ZipArchive<BufReader<File>>, entry: &Entry, at: &Path) -> Result<(), Error> {
    let refuse = |why: String| {
        Error::Refused(format!(
            "the charm is refused: entry {:?} {why}",
            entry.path
        ))
    };
    let mut from = zip
        .by_index(entry.index)
        .map_err(|error| refuse(error.to_string()))?;
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(at)
        .map_err(Error::file("create", at))?;
    // One byte more than it says it has would show that it lies.
    let copied = io::copy(&mut (&mut from).take(entry.size.saturating_add(1)), &mut to).map_err(
        |error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                refuse(format!("is damaged: {error}"))
            }
            _ => Error::file("write", at)(error),
        },
    )?;
    if copied != entry.size {
        return Err(refuse("is not as long as it says".to_owned()));
    }
    // What everybody may execute is executable; nothing is writable for
    // others, and nothing runs as somebody else.
    let mode = match entry.mode & 0o777 {
        0 => 0o644,
        mode => mode & 0o755 | 0o600,
    };
    to.set_permissions(fs::Permissions::from_mode(mode))
        .map_err(Error::file("set the mode of", at))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;

//! Making an archive of a charm.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::check::Limits;
use super::filter::Filter;
use crate::charm::files::{CharmFiles, Entry, EntryKind, LinkFault, ReadError, follow};
use crate::charm::hooks::known_hooks;
use crate::charm::{Charm, CharmError};

/// Why a charm cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It is no valid charm.
    #[error(transparent)]
    Charm(#[from] CharmError),
    /// A link leads out of it.
    #[error(transparent)]
    Link(#[from] LinkFault),
    /// A file could not be read.
    #[error("failed to read a file of the charm")]
    Read(#[source] ReadError),
    /// It is larger than archives may be.
    #[error("the charm has {what}, at most {limit} are accepted")]
    TooLarge {
        /// What there is too much of.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// Writing the archive failed.
    #[error("failed to write the archive")]
    Write(#[source] zip::result::ZipError),
}

/// Packs a charm: what [`Filter::ignores`] is left out, hooks may be executed even if they were not, and a project of
/// charmcraft gets the files that packing it would make. The same files give the same bytes: entries are sorted,
/// times are fixed, modes are 0755 or 0644. `name` is what errors call the charm.
pub fn pack(files: &dyn CharmFiles, name: &str, filter: &Filter) -> Result<Vec<u8>, PackError> {
    let limits = Limits::default();
    let charm = Charm::parse(files, name)?;
    let hooks = known_hooks(&charm.meta);
    let added = Charm::files_to_add(files, name)?;
    let kept: Vec<&Entry> = files
        .entries()
        .iter()
        .filter(|entry| is_kept(entry, filter))
        .collect();
    if kept.len() + added.len() > limits.entries {
        return Err(PackError::TooLarge {
            what: format!("{} files", kept.len()),
            limit: limits.entries as u64,
        });
    }
    let mut items: Vec<(&str, Item<'_>)> = kept
        .into_iter()
        .map(|entry| (entry.path.as_str(), Item::Entry(entry)))
        .collect();
    items.extend(added.iter().map(|(path, text)| (*path, Item::Text(text))));
    items.sort_by_key(|(path, _)| *path);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut total = 0_u64;
    for (path, item) in items {
        let content = match item {
            Item::Text(text) => text.as_bytes().to_vec(),
            Item::Entry(Entry {
                kind: EntryKind::Directory,
                ..
            }) => {
                writer
                    .add_directory(path, options(0o755))
                    .map_err(PackError::Write)?;
                continue;
            }
            Item::Entry(Entry {
                kind: EntryKind::Symlink { target },
                ..
            }) => {
                follow(files.entries(), path)?;
                writer
                    .add_symlink(path, target, options(0o777))
                    .map_err(PackError::Write)?;
                continue;
            }
            Item::Entry(_) => files
                .read(path, limits.entry)
                .map_err(PackError::Read)?
                .unwrap_or_default(),
        };
        total = total.saturating_add(content.len() as u64);
        if total > limits.total {
            return Err(PackError::TooLarge {
                what: "more bytes".to_owned(),
                limit: limits.total,
            });
        }
        let hook = path
            .strip_prefix("hooks/")
            .is_some_and(|hook| hooks.contains(hook));
        let executable = hook || matches!(item, Item::Entry(entry) if entry.mode & 0o111 != 0);
        writer
            .start_file(path, options(if executable { 0o755 } else { 0o644 }))
            .map_err(PackError::Write)?;
        writer
            .write_all(&content)
            .map_err(|error| PackError::Write(error.into()))?;
    }
    Ok(writer.finish().map_err(PackError::Write)?.into_inner())
}

#[derive(Clone, Copy)]
enum Item<'a> {
    Entry(&'a Entry),
    Text(&'a str),
}

/// Whether neither an entry nor a directory above it is left out.
fn is_kept(entry: &Entry, filter: &Filter) -> bool {
    let above = entry
        .path
        .match_indices('/')
        .map(|(place, _)| &entry.path[..place]);
    let is_directory = entry.kind == EntryKind::Directory;
    !above.into_iter().any(|path| filter.ignores(path, true))
        && !filter.ignores(&entry.path, is_directory)
}

fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(mode)
}

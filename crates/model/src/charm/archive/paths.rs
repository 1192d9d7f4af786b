//! The paths of an archive: what a name may be, which names collide, and where links lead.

use std::collections::{BTreeMap, HashMap};

use super::check::{ArchiveError, refuse};
use crate::charm::files::{Entry, EntryKind, follow};
use crate::text::excerpt;

/// The longest part of a path that Linux can store, bytes.
const LONGEST_PART: usize = 255;

/// The path that a name stands for, or why it stands for none.
pub(super) fn check_name(name: &str, longest: usize) -> Result<String, String> {
    if name.len() > longest {
        return Err(format!(
            "the name is {} bytes long, at most {longest} are accepted",
            name.len()
        ));
    }
    if name.chars().any(char::is_control) {
        return Err("the name holds control characters".to_owned());
    }
    if name.contains('\\') {
        return Err("the name holds a backslash".to_owned());
    }
    if name.starts_with('/') {
        return Err("the name is absolute".to_owned());
    }
    let bytes = name.as_bytes();
    if bytes.len() > 1 && bytes[1] == b':' && bytes[0].is_ascii_alphabetic() {
        return Err("the name begins with a drive".to_owned());
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    for part in path.split('/') {
        match part {
            ".." => return Err("the name leads out of the charm".to_owned()),
            "" | "." => return Err("the name has empty parts".to_owned()),
            part if part.len() > LONGEST_PART => {
                return Err(format!(
                    "a part of the name is longer than {LONGEST_PART} bytes"
                ));
            }
            _ => {}
        }
    }
    Ok(path.to_owned())
}

/// Finds names that a file system which folds case or normalises would take for one. Directories that are only
/// implied count.
pub(super) fn check_collisions(entries: &[Entry]) -> Result<(), ArchiveError> {
    let mut folded: HashMap<String, &str> = HashMap::new();
    let mut bare: HashMap<String, (&str, bool)> = HashMap::new();
    for path in entries.iter().flat_map(|entry| prefixes(&entry.path)) {
        if let Some(other) = folded
            .insert(path.to_lowercase(), path)
            .filter(|other| *other != path)
        {
            return Err(refuse(
                path,
                format!(
                    "collides with {:?} where case does not matter",
                    excerpt(other)
                ),
            ));
        }
        if path.is_ascii() {
            continue;
        }
        let apart = path.chars().any(is_combining);
        let clash = bare.insert(without_accented(path), (path, apart));
        if let Some((other, _)) =
            clash.filter(|(other, other_apart)| *other != path && *other_apart != apart)
        {
            return Err(refuse(
                path,
                format!(
                    "collides with {:?} where Unicode is normalised",
                    excerpt(other)
                ),
            ));
        }
    }
    Ok(())
}

/// A path and the directories above it: `a`, `a/b`, `a/b/c`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/')
        .map(|(place, _)| &path[..place])
        .chain([path])
}

fn is_combining(char: char) -> bool {
    matches!(char, '\u{300}'..='\u{36f}')
}

/// The path without letters that carry accents, however they are written.
fn without_accented(path: &str) -> String {
    let mut bare = String::new();
    for char in path.to_lowercase().chars() {
        if is_combining(char) {
            bare.pop();
        } else if char.is_ascii() {
            bare.push(char);
        }
    }
    bare
}

/// Checks that whatever has something below it is a directory, and that every link stays inside.
pub(super) fn check_tree(entries: &[Entry]) -> Result<(), ArchiveError> {
    let kinds: BTreeMap<&str, &EntryKind> = entries
        .iter()
        .map(|entry| (entry.path.as_str(), &entry.kind))
        .collect();
    for entry in entries {
        for above in prefixes(&entry.path).filter(|path| *path != entry.path) {
            if kinds
                .get(above)
                .is_some_and(|kind| **kind != EntryKind::Directory)
            {
                return Err(refuse(
                    &entry.path,
                    format!("lies below {:?}, which is not a directory", excerpt(above)),
                ));
            }
        }
        if matches!(entry.kind, EntryKind::Symlink { .. }) {
            follow(entries, &entry.path)?;
        }
    }
    Ok(())
}

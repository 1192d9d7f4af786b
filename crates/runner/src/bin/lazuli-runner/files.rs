//! Files that are whole or absent.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Makes a directory and its parents, then sees to the mode of the last one.
pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(Error::file("make the directory", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(Error::file("set the mode of", path))
}

/// Writes a file that is seen whole or not at all. With `sync` it is on the
/// disk when this returns, name and all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], sync: bool) -> Result<(), Error> {
    let temporary = path.with_extension("tmp");
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        if sync {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    })();
    if let Err(error) = written {
        // Best effort: what remains is overwritten by the next try.
        drop(fs::remove_file(&temporary));
        return Err(Error::file("write", path)(error));
    }
    match path.parent() {
        Some(parent) if sync => sync_dir(parent),
        _ => Ok(()),
    }
}

/// Writes a document as JSON, whole or not at all.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T, sync: bool) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value).map_err(|source| Error::Document {
        path: path.to_owned(),
        source,
    })?;
    write_whole(path, &bytes, sync)
}

/// Reads a JSON document; none when there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|source| Error::Document {
            path: path.to_owned(),
            source,
        })
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::file("sync", path))
}

/// Removes a file; its absence is success.
pub(crate) fn remove_file(path: &Path) -> Result<(), Error> {
    absent_is_fine(fs::remove_file(path)).map_err(Error::file("remove", path))
}

/// Removes a tree; its absence is success.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    absent_is_fine(fs::remove_dir_all(path)).map_err(Error::file("remove", path))
}

/// Removes whatever is there; its absence is success.
pub(crate) fn remove_any(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        return remove_tree(path);
    }
    remove_file(path)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The names in a directory in order; none when it does not exist. Names that
/// are not UTF-8 are left out: none of ours are.
pub(crate) fn names(path: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("list", path)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("list", path))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Bytes that nobody can guess, as hex.
pub(crate) fn random_hex(bytes: usize) -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut random = vec![0; bytes];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut random))
        .map_err(Error::file("read", source))?;
    Ok(hex::encode(random))
}

/// An id of 96 random bits in the 20 letters of Juju's URIs of secrets.
pub(crate) fn random_xid() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let bits = u128::from_str_radix(&random_hex(12)?, 16).unwrap_or_default() << 4;
    let letter = |n: u32| char::from(LETTERS[(bits >> (5 * n) & 31) as usize]);
    Ok((0..20).rev().map(letter).collect())
}

//! Files that are there whole or not at all, whenever the process that writes
//! them is killed: a half-written key or password would stop every later start.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes a file that only its owner reads; one that is there is left alone.
/// Says whether it was made.
///
/// # Errors
///
/// Fails when the file system does; there is then no file.
pub fn create(path: &Path, content: &[u8]) -> io::Result<bool> {
    let fresh = write_beside(path, content)?;
    let linked = std::fs::hard_link(&fresh, path);
    std::fs::remove_file(&fresh)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        other => other?,
    }
    sync_directory(path)?;
    Ok(true)
}

/// Makes a file that only its owner reads, in place of any that is there.
///
/// # Errors
///
/// Fails when the file system does; what was there is then as before.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = write_beside(path, content)?;
    std::fs::rename(&fresh, path)?;
    sync_directory(path)
}

/// Writes the content to the disk, under a name that nobody reads.
fn write_beside(path: &Path, content: &[u8]) -> io::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(fresh)
}

/// A name is on the disk once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_made_once_or_replaced_and_nothing_is_left_beside_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        replace(&path, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_writer_left_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        // Killed before the name was given: the file of that name is not there.
        write_beside(&path, b"hal").unwrap();
        assert!(!path.exists());
        assert!(create(&path, b"whole").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}

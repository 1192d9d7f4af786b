//! Taking in a charm archive from the host.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::files;
use crate::paths::{Paths, is_sha256};

/// The largest archive, in bytes.
const ARCHIVE_MAX: u64 = 1 << 30;

/// Takes `size` bytes with this hash. Nothing is kept of anything else.
pub(crate) fn upload(
    paths: &Paths,
    sha256: &str,
    size: u64,
    from: &mut impl Read,
) -> Result<(), Error> {
    let limits = (size, ARCHIVE_MAX);
    take_in(paths, &paths.charms(), sha256, limits, from)?;
    let archive = paths.charm(sha256);
    let brought = paths.charms().join(sha256);
    fs::rename(&brought, &archive).map_err(Error::file("rename to", &archive))?;
    files::sync_dir(&paths.charms())
}

/// Takes `size` bytes with this hash, `most` at most, into a file of a
/// directory that is named after the hash.
pub(crate) fn take_in(
    paths: &Paths,
    directory: &Path,
    sha256: &str,
    (size, most): (u64, u64),
    from: &mut impl Read,
) -> Result<(), Error> {
    if !is_sha256(sha256) {
        return Err(Error::Refused(format!(
            "{sha256:?} is not a sha-256 in lower-case hex"
        )));
    }
    if size > most {
        return Err(Error::Refused(format!(
            "an archive of {size} bytes is over the limit of {most}"
        )));
    }
    files::make_dir(&paths.lib(), 0o700)?;
    files::make_dir(directory, 0o700)?;
    let temporary = directory.join(format!("{sha256}.{}", files::random_hex(8)?));
    let received = receive(&temporary, sha256, size, from).and_then(|()| {
        let whole = directory.join(sha256);
        fs::rename(&temporary, &whole).map_err(Error::file("rename to", &whole))
    });
    if received.is_err() {
        files::remove_file(&temporary)?;
    }
    received
}

fn receive(path: &Path, sha256: &str, size: u64, from: &mut impl Read) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("create", path))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut left = size;
    while left > 0 {
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = from
            .read(&mut buffer[..most])
            .map_err(Error::system("read the archive"))?;
        if count == 0 {
            return Err(Error::Refused(format!(
                "the archive ended {left} bytes before its {size} bytes"
            )));
        }
        hash.update(&buffer[..count]);
        file.write_all(&buffer[..count])
            .map_err(Error::file("write", path))?;
        left -= count as u64;
    }
    let found = hex::encode(hash.finalize());
    if found != sha256 {
        return Err(Error::Refused(format!(
            "the archive's sha-256 is {found}, not {sha256}"
        )));
    }
    file.sync_all().map_err(Error::file("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_bytes_are_kept() {
        let root =
            std::env::temp_dir().join(format!("lazuli-runner-upload-{}", std::process::id()));
        files::remove_tree(&root).unwrap();
        let paths = Paths::below(&root);
        let bytes = b"an archive".as_slice();
        let sha256 = hex::encode(Sha256::digest(bytes));
        let put = |sha256: &str, size, mut bytes: &[u8]| {
            upload(&paths, sha256, size, &mut bytes).map_err(|error| error.to_string())
        };
        assert_eq!(
            put(&sha256, 11, bytes).unwrap_err(),
            "the archive ended 1 bytes before its 11 bytes"
        );
        assert!(
            put(&"0".repeat(64), 10, bytes)
                .unwrap_err()
                .contains("not 000")
        );
        assert!(
            put("../x", 10, bytes)
                .unwrap_err()
                .contains("not a sha-256")
        );
        assert!(put(&sha256, 2 << 30, bytes).unwrap_err().contains("limit"));
        assert_eq!(files::names(&paths.charms()).unwrap(), [""; 0]);
        put(&sha256, 10, bytes).unwrap();
        put(&sha256, 10, bytes).unwrap();
        assert_eq!(
            files::names(&paths.charms()).unwrap(),
            [format!("{sha256}.zip")]
        );
        files::remove_tree(&root).unwrap();
    }
}

//! Whom Postgres runs as, and where its programs are.

use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::PrivateError;

/// The user that the server runs as: Postgres refuses to be root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The user postgres for root, else whoever asks.
    pub(super) fn find() -> Result<Self, PrivateError> {
        let user = if Uid::effective().is_root() {
            User::from_name("postgres")
        } else {
            User::from_uid(Uid::effective())
        };
        let user = user.ok().flatten().ok_or(PrivateError::Missing)?;
        Ok(Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }
}

/// The newest `bin` directory that has a server, among Debian's and those on
/// the path.
pub(super) fn programs() -> Result<PathBuf, PrivateError> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    versions
        .into_iter()
        .rev()
        .map(|(_, bin)| bin)
        .chain(std::env::split_paths(&path))
        .find(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file())
        .ok_or(PrivateError::Missing)
}

/// The first directory on the way to a path that its user cannot pass.
pub(super) fn impassable(path: &Path, account: &Account) -> Option<PathBuf> {
    use std::os::unix::fs::MetadataExt;
    path.ancestors()
        .filter_map(|directory| Some((directory, directory.metadata().ok()?)))
        .find(|(_, metadata)| {
            let mode = metadata.mode();
            let bit = if metadata.uid() == account.uid {
                0o100
            } else if metadata.gid() == account.gid {
                0o010
            } else {
                0o001
            };
            account.uid != 0 && mode & bit == 0
        })
        .map(|(directory, _)| directory.to_owned())
}

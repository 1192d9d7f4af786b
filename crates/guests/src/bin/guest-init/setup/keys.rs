//! SSH keys: of people and of the host.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lazuli_guests::boot::HostKey;

use super::accounts::Accounts;
use crate::during;

/// Adds lines to a user's `authorized_keys`, each once.
pub(super) fn authorize(user: &str, keys: &[String]) -> io::Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let what = || format!("write the authorized keys of {user}");
    let accounts = Accounts::load()?;
    let entry = accounts
        .user(user)
        .ok_or_else(|| during(what())(io::Error::other("no such user")))?;
    let folder = PathBuf::from(&entry.home).join(".ssh");
    let (uid, gid) = (Some(entry.uid), Some(entry.gid));
    if !folder.exists() {
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .and_then(|()| chown(&folder, uid, gid))
            .map_err(during(what()))?;
    }
    let path = folder.join("authorized_keys");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    for key in keys {
        let key = key.trim();
        if !text.lines().any(|line| line == key) {
            text.push_str(key);
            text.push('\n');
        }
    }
    private(&path, &text)
        .and_then(|()| chown(&path, uid, gid))
        .map_err(during(what()))
}

/// Installs host keys; makes one if none is given.
pub(super) fn host_keys(keys: &[HostKey]) -> io::Result<()> {
    let path = |kind: &str| PathBuf::from(format!("/etc/ssh/ssh_host_{kind}_key"));
    if keys.is_empty() {
        let path = path("ed25519");
        if path.exists() {
            return Ok(());
        }
        return keygen(&["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"], &path).map(drop);
    }
    for key in keys {
        let path = path(&key.kind);
        let text = format!("{}\n", key.private.trim_end());
        private(&path, &text).map_err(during(format!("write {}", path.display())))?;
        let public = match &key.public {
            Some(public) => public.clone(),
            None => keygen(&["-y", "-f"], &path)?,
        };
        let path = path.with_extension("pub");
        fs::write(&path, format!("{}\n", public.trim_end()))
            .map_err(during(format!("write {}", path.display())))?;
    }
    Ok(())
}

fn keygen(arguments: &[&str], path: &Path) -> io::Result<String> {
    let output = Command::new("/usr/bin/ssh-keygen")
        .args(arguments)
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(during("run ssh-keygen"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let what = format!("make the host key {}", path.display());
        return Err(during(what)(io::Error::other(said)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))?;
    fs::rename(&partial, path)
}

//! The user's SSH keys: the client's own, and those of the home.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};
use crate::files::Files;

/// The client's key, below the directory of its files.
const OWN: &str = "ssh/lazuli_id_ed25519";
/// Keys of the home that are taken at most.
const MOST: usize = 32;

/// Where the client's private key is, or will be.
pub(crate) fn own_path(files: &Files) -> PathBuf {
    files.path(OWN)
}

/// Public keys that may log in to models of this user: the client's own,
/// which is made if there is none, and those of `~/.ssh`.
pub(crate) fn public_keys(files: &Files) -> Result<Vec<String>> {
    let own = own_path(files);
    if !own.exists() {
        make(files)?;
    }
    let public = files.path(&format!("{OWN}.pub"));
    let text =
        fs::read_to_string(&public).map_err(Error::io(format!("read {}", public.display())))?;
    let mut keys = vec![text.trim().to_owned()];
    for key in of_home() {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// The fingerprint of a key in OpenSSH's one-line form, as OpenSSH shows it;
/// none of what is no key.
pub(crate) fn fingerprint(key: &str) -> Option<String> {
    let material = key.split_whitespace().nth(1)?;
    let blob = STANDARD.decode(material).ok()?;
    let digest = STANDARD_NO_PAD.encode(Sha256::digest(blob));
    Some(format!("SHA256:{digest}"))
}

fn make(files: &Files) -> Result<()> {
    files.make_directory("ssh")?;
    let path = own_path(files);
    let made = Command::new("ssh-keygen")
        .args([
            "-t",
            "ed25519",
            "-N",
            "",
            "-q",
            "-C",
            "lazuli-client-key",
            "-f",
        ])
        .arg(&path)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::io(
            "run ssh-keygen, which is part of OpenSSH's client",
        ))?;
    // Somebody else may have made it at the same moment.
    match made.status.success() || path.exists() {
        true => Ok(()),
        false => Err(Error::user(format!(
            "ssh-keygen could not make {}: {}",
            path.display(),
            String::from_utf8_lossy(&made.stderr).trim()
        ))),
    }
}

/// The keys of `~/.ssh/*.pub`, in order of their names; what cannot be read
/// or is no key is left out.
fn of_home() -> Vec<String> {
    let Some(home) = std::env::var_os("HOME").filter(|home| !home.is_empty()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(PathBuf::from(home).join(".ssh")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == "pub"))
        .collect();
    paths.sort();
    paths
        .iter()
        .take(MOST)
        .filter_map(|path| fs::read_to_string(path).ok())
        .map(|text| text.trim().to_owned())
        .filter(|key| is_key(key))
        .collect()
}

fn is_key(text: &str) -> bool {
    let kinds = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"];
    !text.contains('\n')
        && kinds.iter().any(|kind| text.starts_with(kind))
        && !text.contains("-cert-v01@")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_openssh() {
        // As `ssh-keygen -l -f` prints it.
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f x";
        assert_eq!(
            fingerprint(key).as_deref(),
            Some("SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA")
        );
        assert_eq!(fingerprint("ssh-ed25519"), None);
    }
}

//! `write_files`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lazuli_guests::boot::WriteFile;

use super::accounts::Accounts;
use crate::during;

/// Writes one file, with its folders, mode and owner.
pub(super) fn write(file: &WriteFile) -> io::Result<()> {
    let what = || format!("write {}", file.path);
    let content = STANDARD
        .decode(&file.content)
        .map_err(io::Error::other)
        .map_err(during(what()))?;
    let path = Path::new(&file.path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(during(what()))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    if file.append {
        options.append(true);
    } else {
        options.truncate(true);
    }
    options
        .open(path)
        .and_then(|mut handle| {
            handle.set_permissions(fs::Permissions::from_mode(file.mode))?;
            handle.write_all(&content)
        })
        .map_err(during(what()))?;
    let (user, group) = file.owner.split_once(':').unwrap_or((&file.owner, ""));
    let accounts = Accounts::load()?;
    let (uid, gid) = accounts
        .numbers(user, group)
        .ok_or_else(|| io::Error::other(format!("no such owner: {}", file.owner)))
        .map_err(during(what()))?;
    chown(path, uid, gid).map_err(during(what()))?;
    // chown clears set-user-id bits.
    fs::set_permissions(path, fs::Permissions::from_mode(file.mode)).map_err(during(what()))
}

//! Directories and programs of the server.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::PrivateError;
use super::account::{Account, impassable};
use super::server::doing;

/// The url of a database over the socket in a directory.
pub(super) fn url(directory: &Path, database: &str) -> String {
    format!(
        "postgres://postgres@localhost/{database}?host={}",
        directory.display()
    )
}

/// Makes the directory, passable for all and owned by the server's user.
pub(super) fn prepare(directory: &Path, account: &Account) -> Result<PathBuf, PrivateError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)
        .map_err(doing("make the directory of Postgres"))?;
    let directory = directory
        .canonicalize()
        .map_err(doing("find the directory of Postgres"))?;
    chown(&directory, Some(account.uid), Some(account.gid))
        .and_then(|()| std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)))
        .map_err(doing("hand the directory over to Postgres"))?;
    if let Some(obstacle) = impassable(&directory, account) {
        return Err(PrivateError::Impassable {
            user: account.name.clone(),
            directory: obstacle.display().to_string(),
        });
    }
    // sun_path holds 108 bytes, with the name of the socket and a NUL.
    if directory.as_os_str().len() + "/.s.PGSQL.5432".len() > 107 {
        return Err(PrivateError::TooLong {
            directory: directory.display().to_string(),
        });
    }
    Ok(directory)
}

/// Runs a program of Postgres to its end.
pub(super) async fn run(
    bin: &Path,
    program: &'static str,
    arguments: &[&str],
    account: &Account,
) -> Result<(), PrivateError> {
    let mut command = Command::new(bin.join(program));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TZ", "UTC")
        .current_dir("/")
        .kill_on_drop(true);
    become_user(&mut command, account);
    let output = command
        .output()
        .await
        .map_err(doing("run a program of Postgres"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(PrivateError::Failed {
        program,
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

pub(super) fn become_user(command: &mut Command, account: &Account) {
    if nix::unistd::Uid::effective().is_root() {
        command.uid(account.uid).gid(account.gid);
    }
}

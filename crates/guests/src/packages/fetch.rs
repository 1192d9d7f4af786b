//! Packages on disk, and getting those that are missing.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::tools;

use super::index::{APT_HELPER, Package};

/// The packages that were asked for so far.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    limit: u64,
    /// One lock per file: whoever asks for what is being fetched waits for it.
    open: Mutex<HashMap<String, Arc<Mutex<()>>>>,
}

impl Store {
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        Self {
            folder,
            limit,
            open: Mutex::default(),
        }
    }

    /// The file of a package, fetched first if it is missing.
    pub(super) fn get(&self, name: &str, package: &Package) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            return Ok(path);
        }
        let turn = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.entry(name.to_owned()).or_default().clone()
        };
        let fetched = {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            if path.exists() {
                Ok(())
            } else {
                self.fetch(&path, package)
            }
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(name);
        fetched.map(|()| path)
    }

    fn fetch(&self, path: &Path, package: &Package) -> Result<()> {
        let used = size(&self.folder)?;
        if used.saturating_add(package.size) > self.limit {
            return Err(Error::Conflict(format!(
                "the packages in {} have reached {} MiB; remove some",
                self.folder.display(),
                self.limit / (1024 * 1024)
            )));
        }
        let partial = path.with_extension(format!("new-{}", std::process::id()));
        let digest = format!("SHA256:{}", package.sha256);
        tools::run(
            Command::new(APT_HELPER)
                .args([
                    "-o",
                    "APT::Sandbox::User=root",
                    "download-file",
                    &package.uri,
                ])
                .arg(&partial)
                .arg(digest),
            "",
        )?;
        fs::rename(&partial, path).map_err(Error::path("name", path))
    }
}

fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder).map_err(Error::path("list", folder))? {
        let entry = entry.map_err(Error::path("list", folder))?;
        // A file that goes meanwhile takes no room.
        sum += entry.metadata().map_or(0, |data| data.len());
    }
    Ok(sum)
}

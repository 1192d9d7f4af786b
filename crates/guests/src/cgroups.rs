//! Control groups for systemd guests.
//!
//! Each guest gets a group of its own in every hierarchy of the machine:
//! without them its systemd would write into the machine's own groups.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

const ROOT: &str = "/sys/fs/cgroup";
/// Each systemd needs a few; the kernel's default of 128 ends near 20 guests.
const INOTIFY: &str = "/proc/sys/fs/inotify/max_user_instances";
const INOTIFY_NEEDED: u64 = 65_536;
const EMPTY_LIMIT: Duration = Duration::from_secs(10);

/// Makes a guest's groups, and says which ones its first process joins.
pub(crate) fn ensure(fabric: &Path, index: u32) -> Result<Vec<PathBuf>> {
    raise_inotify()?;
    let mut groups = Vec::new();
    for hierarchy in hierarchies() {
        let parent = hierarchy.join(name(fabric));
        let group = parent.join(format!("g{index}"));
        for folder in [&parent, &group] {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::path("create the control group", folder)(error));
                }
                _ => {}
            }
            inherit_cpuset(folder)?;
        }
        groups.push(group);
    }
    if groups.is_empty() {
        return Err(Error::Invalid(format!(
            "no control groups are mounted at {ROOT}: systemd guests need them"
        )));
    }
    Ok(groups)
}

/// Removes a guest's groups, or with no index those of the whole fabric. Those
/// of processes that have just been killed empty in a moment.
pub(crate) fn remove(fabric: &Path, index: Option<u32>) -> Result<()> {
    for hierarchy in hierarchies() {
        let parent = hierarchy.join(name(fabric));
        let group = match index {
            Some(index) => parent.join(format!("g{index}")),
            None => parent,
        };
        let deadline = Instant::now() + EMPTY_LIMIT;
        loop {
            match remove_tree(&group) {
                Err(error)
                    if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(Error::path("remove the control group", &group)(error)),
                Ok(()) => break,
            }
        }
    }
    Ok(())
}

/// The fabric's groups that exist.
pub(crate) fn existing(fabric: &Path) -> Vec<PathBuf> {
    let groups = hierarchies()
        .into_iter()
        .map(|root| root.join(name(fabric)));
    groups.filter(|group| group.exists()).collect()
}

/// Pure v2 is one hierarchy; otherwise each folder is one.
fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").exists() {
        return vec![root.to_owned()];
    }
    let mut found: Vec<PathBuf> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|path| path.join("cgroup.procs").exists())
        .collect();
    found.sort();
    found
}

fn name(fabric: &Path) -> String {
    let digest = hex::encode(Sha256::digest(fabric.as_os_str().as_encoded_bytes()));
    format!("lazuli-{}", &digest[..12])
}

/// A v1 cpuset admits nobody until it has processors and memory.
fn inherit_cpuset(group: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = group.join(file);
        let is_v1 = !group.join("cgroup.controllers").exists();
        if is_v1 && own.exists() {
            let above = group.parent().unwrap_or(group).join(file);
            fs::read(&above)
                .and_then(|value| fs::write(&own, value))
                .map_err(Error::path("set", &own))?;
        }
    }
    Ok(())
}

fn remove_tree(group: &Path) -> io::Result<()> {
    let children = match fs::read_dir(group) {
        Ok(children) => children,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for child in children {
        let child = child?;
        if child.file_type()?.is_dir() {
            remove_tree(&child.path())?;
        }
    }
    fs::remove_dir(group)
}

fn raise_inotify() -> Result<()> {
    let path = Path::new(INOTIFY);
    let text = fs::read_to_string(path).map_err(Error::path("read", path))?;
    if text
        .trim()
        .parse::<u64>()
        .is_ok_and(|now| now < INOTIFY_NEEDED)
    {
        fs::write(path, INOTIFY_NEEDED.to_string()).map_err(Error::path("raise", path))?;
        tracing::info!("raised {INOTIFY} to {INOTIFY_NEEDED} for systemd guests");
    }
    Ok(())
}

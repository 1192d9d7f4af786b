//! Ending a fabric, and proof that nothing of it is left.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cgroups;
use crate::error::{Error, Result};
use crate::ns;
use crate::spec::Namespace;

use super::disks::detach_all;
use super::guests::{in_parallel, remove_folder};
use super::open::{Fabric, entries, namespace_path};
use super::power::Stop;
use super::records::lock;

/// Killed processes and their mounts go a moment after their process 1.
const SETTLE_LIMIT: Duration = Duration::from_secs(10);

impl Fabric {
    /// Ends all guests and networks and removes the directory. Returns what is
    /// left nevertheless: nothing, if all is well. Other clones of this fabric
    /// are of no use afterwards.
    ///
    /// # Errors
    /// A guest that does not end, a file that cannot be removed; calling it
    /// again goes on.
    pub fn destroy(self) -> Result<Vec<String>> {
        let dir = self.inner.dir.clone();
        let (guests, vnets) = {
            let registry = lock(&self.inner.registry);
            let guests: Vec<_> = registry.guests.clone().into_iter().collect();
            let vnets: Vec<_> = registry.vnets.values().cloned().collect();
            (guests, vnets)
        };
        let mut namespaces = vec![Namespace::Fabric, Namespace::Internet];
        namespaces.extend(vnets.iter().map(|vnet| Namespace::Vnet(&vnet.name)));
        let inodes: Vec<u64> = namespaces
            .iter()
            .filter_map(|namespace| namespace_path(&dir, *namespace).metadata().ok())
            .map(|data| data.ino())
            .collect();
        let ended = in_parallel(guests, |(name, guest)| {
            let _held = lock(&guest.operation);
            self.power_off(&name, &guest, Stop::Kill)?;
            remove_folder(&self.guest_dir(&name))
        });
        ended.into_iter().collect::<Result<()>>()?;
        let strangers = inside(&inodes);
        for vnet in &vnets {
            lock(&self.inner.links).remove_router(&dir, vnet)?;
        }
        for namespace in [Namespace::Internet, Namespace::Fabric] {
            ns::unpin(&namespace_path(&dir, namespace))?;
        }
        drop(self);
        detach_all(&dir)?;
        let deadline = Instant::now() + SETTLE_LIMIT;
        cgroups::remove(&dir, None)?;
        fs::remove_dir_all(&dir).map_err(Error::path("remove", &dir))?;
        loop {
            let mut left = leftovers(&dir);
            let live = strangers.iter().filter(|process| process.exists());
            left.extend(live.map(|process| {
                format!("process {} in a network of the fabric", process.display())
            }));
            if left.is_empty() || Instant::now() > deadline {
                return Ok(left);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What exists of the fabric in `dir`: files, pinned namespaces and other
/// mounts, control groups, processes.
#[must_use]
pub fn leftovers(dir: &Path) -> Vec<String> {
    // A directory that is gone has no canonical name; the given one must do.
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let mut left = Vec::new();
    if dir.exists() {
        left.push(format!("directory {}", dir.display()));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    for point in points.filter(|point| Path::new(point).starts_with(&dir)) {
        left.push(format!("mount {point}"));
    }
    for group in cgroups::existing(&dir) {
        left.push(format!("control group {}", group.display()));
    }
    for process in processes() {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut parts = line.split(|byte| *byte == 0).skip(1);
        let role = parts.next().unwrap_or_default();
        let of = parts.next().unwrap_or_default();
        let of = Path::new(std::str::from_utf8(of).unwrap_or_default());
        if matches!(role, b"launch" | b"keep" | b"run") && of.starts_with(&dir) {
            left.push(format!("process {}", process.display()));
        }
    }
    left
}

/// Processes in one of these network namespaces: started there by others.
fn inside(inodes: &[u64]) -> Vec<PathBuf> {
    let is_inside = |process: &PathBuf| {
        let namespace = process.join("ns/net").metadata();
        namespace.is_ok_and(|data| inodes.contains(&data.ino()))
    };
    processes().into_iter().filter(is_inside).collect()
}

fn processes() -> Vec<PathBuf> {
    let is_number = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let all = entries(Path::new("/proc")).unwrap_or_default();
    all.into_iter().filter(is_number).collect()
}

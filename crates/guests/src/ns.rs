//! Network namespaces that are pinned to a file.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{FsType, statfs};

use crate::error::{Error, Result};

/// `NSFS_MAGIC` of linux/magic.h.
const NSFS: FsType = FsType(0x6e73_6673);

/// Whether a namespace is pinned to `path`.
pub(crate) fn is_pinned(path: &Path) -> bool {
    statfs(path).is_ok_and(|fs| fs.filesystem_type() == NSFS)
}

/// Pins a new network namespace to `path`, and runs `first` inside it.
///
/// The namespace is made by a short thread, so that the caller's stays as it is.
pub(crate) fn pin(path: &Path, first: impl FnOnce() -> io::Result<()> + Send) -> Result<()> {
    File::create(path).map_err(Error::path("create", path))?;
    short_thread(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        first()?;
        mount(
            Some("/proc/thread-self/ns/net"),
            path,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?;
        Ok(())
    })
    .map_err(Error::io(format!(
        "make the network namespace {}",
        path.display()
    )))
}

/// Unpins a namespace and removes its file; one that is absent is fine.
pub(crate) fn unpin(path: &Path) -> Result<()> {
    while is_pinned(path) {
        umount2(path, MntFlags::MNT_DETACH)
            .map_err(Error::io(format!("unmount {}", path.display())))?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::path("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Runs `work` in a short thread inside the namespace at `path`. Sockets and
/// processes that it makes stay there; the caller's thread never moves.
pub(crate) fn inside<T: Send>(
    path: &Path,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> Result<T> {
    short_thread(|| {
        setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
        work()
    })
    .map_err(Error::io(format!(
        "work in the namespace {}",
        path.display()
    )))
}

fn short_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

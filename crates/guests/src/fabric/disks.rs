//! Data disks: sparse files of the fabric that guests see as block devices
//! (loop devices of this machine), under the names that Azure's own rules for
//! udev give them. A disk outlives the guests that it was attached to.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{Mode, SFlag, mknod};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::tools;

use super::open::Fabric;
use super::records::{Existence, Guest, check_name, lock, write_json};

/// What is attached to a guest, in its directory.
const DISKS_FILE: &str = "disks.json";
/// Where `waagent`'s rules for udev put links to data disks.
const LINKS: &str = "/dev/disk/azure/scsi1";

/// A disk that is attached to a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedDisk {
    /// Its logical unit number.
    pub lun: u8,
    /// Unique in the fabric, in the alphabet of guests' names.
    pub name: String,
    /// GiB; a disk is made with this size when it is attached first.
    pub gib: u32,
}

impl Fabric {
    /// Attaches disks to a guest, and detaches all others from it.
    ///
    /// # Errors
    /// An unknown guest, no free loop device.
    pub fn set_disks(&self, name: &str, disks: &[AttachedDisk]) -> Result<()> {
        for disk in disks {
            check_name("disk", &disk.name)?;
        }
        let guest = self.find_guest(name)?;
        let existence = lock(&guest.operation);
        if *existence == Existence::Deleted {
            return Err(Error::Unknown {
                kind: "guest",
                name: name.to_owned(),
            });
        }
        let before = self.attached(name)?;
        write_json(&self.guest_dir(name).join(DISKS_FILE), &disks)?;
        let gone = before.iter().filter(|disk| !disks.contains(disk));
        let gone: Vec<&AttachedDisk> = gone.collect();
        let luns = gone.iter().map(|disk| disk.lun).collect::<Vec<_>>();
        self.in_guest(&guest, move || luns.iter().try_for_each(|lun| hide(*lun)))?;
        for disk in gone {
            detach(&self.disk_path(&disk.name))?;
        }
        self.show_disks(name, &guest)
    }

    /// Makes a disk with the content that another one has now; one that is
    /// there stays as it is.
    ///
    /// # Errors
    /// A full disk of this machine.
    pub fn copy_disk(&self, from: &str, to: &str, gib: u32) -> Result<()> {
        check_name("disk", from)?;
        check_name("disk", to)?;
        let (from, to) = (self.disk_path(from), self.disk_path(to));
        if to.exists() {
            return Ok(());
        }
        if from.exists() {
            let partial = to.with_extension("new");
            let mut command = Command::new("cp");
            command.args(["--sparse=always", "--reflink=auto"]);
            tools::run(command.arg(&from).arg(&partial), "")?;
            fs::rename(&partial, &to).map_err(Error::path("rename", &partial))?;
        }
        // One that nobody has attached yet has no content.
        make(&to, gib)?;
        let size = u64::from(gib) << 30;
        let file = File::options().write(true).open(&to);
        file.and_then(|file| match file.metadata()?.len() < size {
            true => file.set_len(size),
            false => Ok(()),
        })
        .map_err(Error::path("extend", &to))
    }

    /// Removes a disk with its content; absent is fine.
    ///
    /// # Errors
    /// It is in use.
    pub fn delete_disk(&self, name: &str) -> Result<()> {
        check_name("disk", name)?;
        let path = self.disk_path(name);
        detach(&path)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::path("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Puts a guest's disks in place; its device nodes are new at each boot.
    pub(super) fn show_disks(&self, name: &str, guest: &Guest) -> Result<()> {
        let mut nodes = Vec::new();
        for disk in self.attached(name)? {
            let path = self.disk_path(&disk.name);
            make(&path, disk.gib)?;
            let device = device(&path)?;
            let data = fs::metadata(&device).map_err(Error::path("look at", &device))?;
            if !data.file_type().is_block_device() {
                return Err(Error::Invalid(format!(
                    "{} is not a block device",
                    device.display()
                )));
            }
            nodes.push((disk.lun, data.rdev()));
        }
        if nodes.is_empty() {
            return Ok(());
        }
        self.in_guest(guest, move || {
            nodes
                .iter()
                .try_for_each(|(lun, number)| show(*lun, *number))
        })
    }

    /// Lets go of the disks of a guest that goes.
    pub(super) fn drop_disks(&self, name: &str) -> Result<()> {
        for disk in self.attached(name)? {
            detach(&self.disk_path(&disk.name))?;
        }
        Ok(())
    }

    fn disk_path(&self, name: &str) -> PathBuf {
        self.inner.dir.join("disks").join(name)
    }

    fn attached(&self, name: &str) -> Result<Vec<AttachedDisk>> {
        let path = self.guest_dir(name).join(DISKS_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::path("read", &path)(error)),
        };
        serde_json::from_slice(&text)
            .map_err(|error| Error::path("understand", &path)(io::Error::other(error)))
    }

    /// Does something in a guest's view of file systems, if it is on. Only
    /// system calls: no program of the guest runs with this machine's rights,
    /// and no link of the guest leads out of it.
    fn in_guest(&self, guest: &Guest, act: impl FnOnce() -> io::Result<()> + Send) -> Result<()> {
        let Some(pid) = self.report(guest)?.pid else {
            return Ok(());
        };
        let path = PathBuf::from(format!("/proc/{pid}/ns/mnt"));
        let failed = |what: &str| Error::io(format!("{what} {}", path.display()));
        let namespace = match File::open(&path) {
            Ok(namespace) => namespace,
            // It went off just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("open")(error)),
        };
        let result = thread::scope(|scope| {
            let worker = scope.spawn(|| {
                unshare(CloneFlags::CLONE_FS)?;
                setns(&namespace, CloneFlags::CLONE_NEWNS)?;
                act()
            });
            worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
        });
        result.map_err(failed("show disks in"))
    }
}

/// Makes the sparse file of a disk, unless it is there.
fn make(path: &Path, gib: u32) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::path("create", folder))?;
    }
    File::create(path)
        .and_then(|file| file.set_len(u64::from(gib) << 30))
        .map_err(Error::path("create", path))
}

/// The loop devices over a file.
fn devices(path: &Path) -> Result<Vec<PathBuf>> {
    let mut command = Command::new(tools::LOSETUP.0);
    command.args(["-n", "-O", "NAME", "-j"]).arg(path);
    let text = tools::run(&mut command, "")?;
    Ok(text.split_whitespace().map(PathBuf::from).collect())
}

/// The loop device over a file, made if there is none.
fn device(path: &Path) -> Result<PathBuf> {
    if let Some(device) = devices(path)?.pop() {
        return Ok(device);
    }
    let mut command = Command::new(tools::LOSETUP.0);
    command.args(["--find", "--show"]).arg(path);
    let text = tools::run(&mut command, "")?;
    Ok(PathBuf::from(text.trim()))
}

fn detach(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for device in devices(path)? {
        tools::run(Command::new(tools::LOSETUP.0).arg("-d").arg(device), "")?;
    }
    Ok(())
}

/// Lets go of all loop devices over files in a directory.
pub(super) fn detach_all(dir: &Path) -> Result<()> {
    let disks = dir.join("disks");
    let Ok(entries) = fs::read_dir(&disks) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        detach(&entry.path())?;
    }
    Ok(())
}

/// Where a disk's device node is: after the OS disk and the temporary one.
fn node(lun: u8) -> String {
    let number = u32::from(lun) + 2;
    let letter = |n: u32| char::from_u32(u32::from('a') + n).unwrap_or('a');
    match number {
        0..26 => format!("/dev/sd{}", letter(number)),
        _ => format!("/dev/sd{}{}", letter(number / 26 - 1), letter(number % 26)),
    }
}

fn show(lun: u8, device: u64) -> io::Result<()> {
    let node = node(lun);
    hide(lun)?;
    mknod(
        Path::new(&node),
        SFlag::S_IFBLK,
        Mode::from_bits_truncate(0o660),
        device,
    )?;
    fs::create_dir_all(LINKS)?;
    symlink(node, format!("{LINKS}/lun{lun}"))
}

fn hide(lun: u8) -> io::Result<()> {
    for path in [format!("{LINKS}/lun{lun}"), node(lun)] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

//! Storage in its place: mounted before each hook, so also after a reboot,
//! and unmounted after the hook that says it goes. Everything here may be
//! done again: what is in place stays.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lazuli_runner::frames::{StorageContext, StorageKind, StorageSource};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::environment::PATH;
use crate::error::Error;
use crate::files;
use crate::paths::Paths;

/// How long a disk that the cloud attached may take to appear.
const APPEARS: Duration = Duration::from_secs(60);
/// How long what uses a file system may take to end.
const IDLE: Duration = Duration::from_secs(5);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(100);
/// A device that begins with so many zeros has nothing on it: the labels of
/// all common file systems and partition tables are before it.
const BLANK: usize = 1 << 20;
/// The first block of ext4, in bytes, with its superblock.
const BLOCK: usize = 4096;
/// Where file systems have their magic, as offsets on the device.
const EXT4: (usize, &[u8]) = (1024 + 0x38, &[0x53, 0xEF]);
const BTRFS: (usize, &[u8]) = (0x10000 + 0x40, b"_BHRfS_M");
/// Where ext4 says when it was last mounted (0: never).
const EXT4_MOUNTED: Range<usize> = 1024 + 0x2C..1024 + 0x30;
/// Where the rules of Azure's images for udev name data disks.
const LINKS: [&str; 2] = ["/dev/disk/azure/scsi1/lun", "/dev/disk/azure/data/by-lun/"];

/// Puts an instance in place.
pub(super) fn bring(paths: &Paths, storage: &StorageContext) -> Result<(), Error> {
    if storage.kind == StorageKind::Block {
        return location(paths, storage).map(drop);
    }
    let target = target(paths, storage)?;
    if is_mounted(&target)? {
        return Ok(());
    }
    files::make_dir(&target, 0o755)?;
    let none = MsFlags::empty();
    let mut flags = if storage.read_only {
        MsFlags::MS_RDONLY
    } else {
        none
    };
    let size = format!("size={}m,mode=755", storage.size.max(1));
    let (source, kind, data) = match storage.source {
        StorageSource::Tmpfs => (PathBuf::from("tmpfs"), Some("tmpfs"), Some(size.as_str())),
        StorageSource::Rootfs => {
            let source = content(paths, storage)?;
            files::make_dir(&source, 0o755)?;
            flags |= MsFlags::MS_BIND;
            (source, None, None)
        }
        StorageSource::Disk { .. } | StorageSource::Loop => {
            let device = device(paths, storage)?;
            format(paths, storage, &device)?;
            (device, Some("ext4"), None)
        }
    };
    mount(Some(&source), &target, kind, flags, data)
        .map_err(|error| Error::file("mount", &target)(error.into()))
}

/// Takes an instance away: the file system is unmounted, and what cannot be
/// anywhere else is removed.
pub(super) fn release(paths: &Paths, storage: &StorageContext) -> Result<(), Error> {
    if storage.kind == StorageKind::Filesystem {
        unmount(&target(paths, storage)?)?;
    }
    match storage.source {
        StorageSource::Disk { .. } | StorageSource::Tmpfs => Ok(()),
        StorageSource::Rootfs => files::remove_tree(&content(paths, storage)?),
        StorageSource::Loop => {
            let file = content(paths, storage)?;
            for device in loops(&file)? {
                run(Command::new("losetup").arg("-d").arg(device))?;
            }
            files::remove_file(&file)
        }
    }
}

/// What the charm is told of where an instance is (`JUJU_STORAGE_LOCATION`).
pub(super) fn location(paths: &Paths, storage: &StorageContext) -> Result<String, Error> {
    match storage.kind {
        StorageKind::Block => Ok(device(paths, storage)?.display().to_string()),
        StorageKind::Filesystem => Ok(storage.location.clone()),
    }
}

fn target(paths: &Paths, storage: &StorageContext) -> Result<PathBuf, Error> {
    let inside = Path::new(&storage.location).strip_prefix("/");
    match inside {
        Ok(inside) if !inside.as_os_str().is_empty() => Ok(paths.root().join(inside)),
        _ => Err(Error::Refused(format!(
            "storage {} cannot be mounted on {:?}: not an absolute path",
            storage.id, storage.location
        ))),
    }
}

/// The file or directory of an instance that is kept on the machine. The id
/// must be one.
fn content(paths: &Paths, storage: &StorageContext) -> Result<PathBuf, Error> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '/';
    if !storage.id.chars().all(plain) {
        return Err(Error::Refused(format!(
            "{:?} is not a storage ID",
            storage.id
        )));
    }
    Ok(paths.storage().join(storage.id.replace('/', ".")))
}

fn is_mounted(target: &Path) -> Result<bool, Error> {
    const MOUNTS: &str = "/proc/self/mountinfo";
    let text = fs::read_to_string(MOUNTS).map_err(Error::file("read", Path::new(MOUNTS)))?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .any(|point| Path::new(&point.replace("\\040", " ")) == target))
}

fn unmount(target: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + IDLE;
    while is_mounted(target)? {
        match umount2(target, MntFlags::empty()) {
            Ok(()) | Err(nix::Error::EINVAL) => {}
            Err(nix::Error::EBUSY) if Instant::now() < deadline => thread::sleep(LOOK),
            Err(error) => return Err(Error::file("unmount", target)(error.into())),
        }
    }
    Ok(())
}

/// The block device of an instance.
fn device(paths: &Paths, storage: &StorageContext) -> Result<PathBuf, Error> {
    match storage.source {
        StorageSource::Disk { lun } => disk(lun),
        StorageSource::Loop => {
            let file = content(paths, storage)?;
            if let Some(device) = loops(&file)?.pop() {
                return Ok(device);
            }
            if !file.exists() {
                files::make_dir(&paths.storage(), 0o700)?;
                File::create(&file)
                    .and_then(|made| made.set_len(storage.size.max(1) << 20))
                    .map_err(Error::file("create", &file))?;
            }
            let made = run(Command::new("losetup")
                .args(["--find", "--show"])
                .arg(&file))?;
            Ok(PathBuf::from(made.trim()))
        }
        StorageSource::Rootfs | StorageSource::Tmpfs => Err(Error::Refused(format!(
            "storage {} has no block device",
            storage.id
        ))),
    }
}

fn disk(lun: u8) -> Result<PathBuf, Error> {
    let deadline = Instant::now() + APPEARS;
    loop {
        for link in LINKS {
            let link = PathBuf::from(format!("{link}{lun}"));
            if fs::metadata(&link).is_ok_and(|data| data.file_type().is_block_device()) {
                return Ok(link);
            }
        }
        if Instant::now() > deadline {
            return Err(Error::Refused(format!(
                "the disk with LUN {lun} has not appeared in {} s ({}{lun})",
                APPEARS.as_secs(),
                LINKS[0]
            )));
        }
        thread::sleep(LOOK);
    }
}

fn loops(file: &Path) -> Result<Vec<PathBuf>, Error> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let list = run(Command::new("losetup")
        .args(["-n", "-O", "NAME", "-j"])
        .arg(file))?;
    Ok(list.split_whitespace().map(PathBuf::from).collect())
}

/// Makes a file system on a device that has nothing on it; one whose making
/// was interrupted is made again. The mark alone does not say so: a disk that
/// was forced away comes back to it with what another unit wrote there.
fn format(paths: &Paths, storage: &StorageContext, device: &Path) -> Result<(), Error> {
    let mut mark = content(paths, storage)?.into_os_string();
    mark.push(".formatting");
    let mark = PathBuf::from(mark);
    match found(device)? {
        Found::Nothing => {
            files::make_dir(&paths.storage(), 0o700)?;
            files::write_whole(&mark, b"", true)?;
        }
        Found::NeverUsed if mark.exists() => {}
        Found::NeverUsed | Found::Data => return files::remove_file(&mark),
    }
    run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(device))?;
    files::remove_file(&mark)
}

/// What is on a device.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// Something that no one has mounted: perhaps half a file system.
    NeverUsed,
    Data,
}

fn found(device: &Path) -> Result<Found, Error> {
    let mut head = vec![0; BLANK];
    let mut file = File::open(device).map_err(Error::file("open", device))?;
    file.read_exact(&mut head)
        .map_err(Error::file("read", device))?;
    if head.iter().all(|byte| *byte == 0) {
        return Ok(Found::Nothing);
    }
    let has = |(at, magic): (usize, &[u8])| head[at..].starts_with(magic);
    let is_mounted = head[EXT4_MOUNTED].iter().any(|byte| *byte != 0);
    // The superblock is written last; before that, mkfs leaves the first block
    // empty, as else only btrfs does.
    let is_half = head[..BLOCK].iter().all(|byte| *byte == 0) && !has(BTRFS);
    Ok(if is_half || has(EXT4) && !is_mounted {
        Found::NeverUsed
    } else {
        Found::Data
    })
}

fn run(command: &mut Command) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .env("PATH", PATH)
        .output()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::Refused(format!("{name} is not installed on this machine"))
            }
            _ => Error::system("run a program for storage")(error),
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Error::Refused(format!(
        "{name} failed ({}): {}",
        output.status,
        said.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, content: &[(usize, &[u8])]) -> PathBuf {
        let name = format!("lazuli-runner-{name}-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let mut bytes = vec![0; 4 << 20];
        for (at, what) in content {
            bytes[*at..*at + what.len()].copy_from_slice(what);
        }
        fs::write(&file, bytes).unwrap();
        file
    }

    #[test]
    fn what_may_be_formatted_is_told_from_what_may_not() {
        let (descriptors, mounted) = ((BLOCK, &b"x"[..]), (EXT4_MOUNTED.start, &b"x"[..]));
        for (name, content, expected) in [
            ("blank", &[][..], Found::Nothing),
            ("half", &[descriptors], Found::NeverUsed),
            ("made", &[EXT4, descriptors], Found::NeverUsed),
            ("used", &[EXT4, mounted], Found::Data),
            ("btrfs", &[BTRFS], Found::Data),
            ("other", &[(0, b"XFSB")], Found::Data),
        ] {
            let file = device(name, content);
            assert_eq!(found(&file).unwrap(), expected, "{name}");
            fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn nothing_is_mounted_on_the_root_or_kept_outside() {
        let paths = Paths::below("/r");
        let mut storage = StorageContext {
            id: "data/0".to_owned(),
            kind: StorageKind::Filesystem,
            location: "/".to_owned(),
            read_only: false,
            size: 1,
            source: StorageSource::Rootfs,
        };
        assert!(target(&paths, &storage).is_err());
        storage.location = "/srv/a".to_owned();
        assert_eq!(target(&paths, &storage).unwrap(), Path::new("/r/srv/a"));
        storage.id = "../x".to_owned();
        assert!(content(&paths, &storage).is_err());
    }
}

//! Process 1's own beginning: its root file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use lazuli_guests::Flavour;
use lazuli_guests::boot::{INIT_IN_GUEST, Launch, PLAN_IN_GUEST, file};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use nix::unistd::{chdir, pivot_root, sethostname};

use crate::{during, lean, processes, setup, tell};

/// A file of random identity, fresh at each boot, that covers the kernel's
/// own: that one is the machine's and would not change when a guest reboots.
const BOOT_ID: &str = "/run/boot_id";

/// Becomes process 1 of the guest in `dir`.
pub(crate) fn run(dir: &Path) -> io::Result<()> {
    let path = dir.join(file::LAUNCH);
    let text = fs::read(&path).map_err(during(format!("read {}", path.display())))?;
    let launch: Launch =
        serde_json::from_slice(&text).map_err(during(format!("understand {}", path.display())))?;
    if launch.flavour == Flavour::Full {
        // Its keeper holds the lock: without it this guest must not go on.
        set_pdeathsig(Signal::SIGKILL).map_err(during("tie process 1 to its keeper"))?;
    }
    let lock = io::stdin().as_fd().try_clone_to_owned()?;
    umask(Mode::from_bits_truncate(0o022));
    join_control_groups(&launch)?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(during("make a view of file systems"))?;
    assemble(dir, &launch)?;
    identify(&launch)?;
    enter()?;
    protect()?;
    begin_boot(&launch)?;
    nix::unistd::dup2_stdin(File::open("/dev/null")?).map_err(during("let go of stdin"))?;
    processes::drop_capabilities()?;
    setup::init_stage(&launch.set_up);
    match launch.flavour {
        Flavour::Lean => lean::serve(lock, &launch),
        Flavour::Full => start_systemd(&launch),
    }
}

fn start_systemd(launch: &Launch) -> io::Result<()> {
    tell("ready");
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(null).map_err(during("let go of stdout"))?;
    Err(Command::new("/sbin/init")
        .env_clear()
        .env("container", "lazuli")
        .env("container_uuid", &launch.machine_id)
        .exec())
    .map_err(during("start systemd"))
}

fn attach(
    source: &str,
    target: &Path,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> io::Result<()> {
    mount(Some(source), target, kind, flags, data)
        .map_err(during(format!("mount {source} on {}", target.display())))
}

/// Puts the root together at `dir/root` and goes there.
fn assemble(dir: &Path, launch: &Launch) -> io::Result<()> {
    let none = MsFlags::empty();
    attach(
        "none",
        Path::new("/"),
        None,
        MsFlags::MS_REC | MsFlags::MS_PRIVATE,
        None,
    )?;
    let root = dir.join(file::ROOT);
    let layers = format!(
        "lowerdir={},upperdir={},workdir={}",
        launch.lower.display(),
        dir.join(file::UPPER).display(),
        dir.join(file::WORK).display()
    );
    // Volatile: no sync of the machine's disk for what dies with the guest.
    let first = attach(
        "overlay",
        &root,
        Some("overlay"),
        none,
        Some(&format!("{layers},volatile")),
    );
    first.or_else(|_| attach("overlay", &root, Some("overlay"), none, Some(&layers)))?;
    chdir(&root).map_err(during("go to the root"))?;

    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let read_only = safe | MsFlags::MS_RDONLY;
    let shared = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    attach("proc", &root.join("proc"), Some("proc"), safe, None)?;
    attach("sysfs", &root.join("sys"), Some("sysfs"), read_only, None)?;
    let dev = root.join("dev");
    attach(
        "tmpfs",
        &dev,
        Some("tmpfs"),
        MsFlags::MS_NOSUID,
        Some("mode=755,size=1m"),
    )?;
    devices(&dev)?;
    let terminals = "newinstance,ptmxmode=0666,mode=620,gid=5";
    let noexec = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    attach(
        "devpts",
        &dev.join("pts"),
        Some("devpts"),
        noexec,
        Some(terminals),
    )?;
    attach(
        "tmpfs",
        &dev.join("shm"),
        Some("tmpfs"),
        shared,
        Some("mode=1777,size=256m"),
    )?;
    attach(
        "tmpfs",
        &root.join("run"),
        Some("tmpfs"),
        shared,
        Some("mode=755,size=256m"),
    )?;
    let init = launch.init.to_string_lossy();
    let target = root.join(INIT_IN_GUEST.trim_start_matches('/'));
    // The one file that all guests and the machine share: not theirs to write.
    let sealed = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for flags in [MsFlags::MS_BIND, sealed] {
        attach(&init, &target, None, flags, None)?;
    }
    if !launch.cgroups.is_empty() {
        control_groups(&root.join("sys/fs/cgroup"))?;
    }
    Ok(())
}

/// Moves into the guest's own control groups. Its keeper stays outside:
/// systemd wants none but itself there.
fn join_control_groups(launch: &Launch) -> io::Result<()> {
    if launch.cgroups.is_empty() {
        return Ok(());
    }
    for group in &launch.cgroups {
        let processes = group.join("cgroup.procs");
        fs::write(&processes, "0").map_err(during(format!("join {}", group.display())))?;
    }
    unshare(CloneFlags::CLONE_NEWCGROUP).map_err(during("make its view of control groups"))
}

/// Shows the guest its own control groups, in the machine's layout: pure v2,
/// or systemd's named hierarchy and v2 beside it where the machine is hybrid.
fn control_groups(target: &Path) -> io::Result<()> {
    let safe = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if !Path::new("/sys/fs/cgroup/systemd").exists() {
        return attach("cgroup2", target, Some("cgroup2"), safe, None);
    }
    attach(
        "tmpfs",
        target,
        Some("tmpfs"),
        safe,
        Some("mode=755,size=64k"),
    )?;
    let named = target.join("systemd");
    let unified = target.join("unified");
    for folder in [&named, &unified] {
        fs::create_dir(folder).map_err(during(format!("create {}", folder.display())))?;
    }
    attach(
        "cgroup",
        &named,
        Some("cgroup"),
        safe,
        Some("none,name=systemd"),
    )?;
    attach("cgroup2", &unified, Some("cgroup2"), safe, None)
}

fn devices(dev: &Path) -> io::Result<()> {
    let nodes = [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ];
    let mode = Mode::from_bits_truncate(0o666);
    let previous = umask(Mode::empty());
    for (name, major, minor) in nodes {
        mknod(&dev.join(name), SFlag::S_IFCHR, mode, makedev(major, minor))
            .map_err(during(format!("make the device {name}")))?;
    }
    umask(previous);
    for folder in ["pts", "shm"] {
        fs::create_dir(dev.join(folder))?;
    }
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ];
    for (target, name) in links {
        symlink(target, dev.join(name)).map_err(during(format!("link {name}")))?;
    }
    Ok(())
}

/// Writes who the guest is, relative to the new root.
fn identify(launch: &Launch) -> io::Result<()> {
    let name = &launch.set_up.hostname;
    sethostname(name).map_err(during("set the host name"))?;
    let address = launch.address.address;
    write("etc/machine-id", &format!("{}\n", launch.machine_id))?;
    // Once there, these belong to the guest: later boots leave them alone.
    once("etc/hostname", &format!("{name}\n"))?;
    let hosts = format!(
        "127.0.0.1 localhost\n{address} {name}\n\n::1 ip6-localhost ip6-loopback localhost\n"
    );
    once("etc/hosts", &hosts)?;
    once("etc/resolv.conf", "")?;
    once(
        "etc/apt/sources.list",
        &format!("{}\n", launch.package_source),
    )
}

fn write(path: &str, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(during(format!("write /{path}")))
}

fn once(path: &str, text: &str) -> io::Result<()> {
    if Path::new(path).exists() {
        return Ok(());
    }
    write(path, text)
}

/// Makes the assembled tree the root and lets go of the machine's.
fn enter() -> io::Result<()> {
    pivot_root(".", ".").map_err(during("change the root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(during("let go of the old root"))?;
    chdir("/").map_err(during("go to the new root"))
}

/// Settings of the kernel belong to the machine; those of the network are the
/// guest's own.
fn protect() -> io::Result<()> {
    let bind = MsFlags::MS_BIND;
    let lock = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    // Not every kernel has the second.
    let kept = ["/proc/sys", "/proc/sysrq-trigger"];
    let kept = kept.iter().filter(|path| Path::new(path).exists());
    for path in kept.clone() {
        attach(path, Path::new(path), None, bind, None)?;
    }
    let net = "/proc/sys/net";
    attach(net, Path::new(net), None, bind, None)?;
    for path in kept {
        attach(path, Path::new(path), None, lock, None)?;
    }
    Ok(())
}

/// What is new at each boot.
pub(crate) fn begin_boot(launch: &Launch) -> io::Result<()> {
    let random = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    fs::write(BOOT_ID, random).map_err(during("write the boot id"))?;
    let kernels = Path::new("/proc/sys/kernel/random/boot_id");
    attach(BOOT_ID, kernels, None, MsFlags::MS_BIND, None)?;
    for folder in ["/run/lock", "/run/sshd", "/run/cloud-init"] {
        fs::create_dir_all(folder).map_err(during(format!("create {folder}")))?;
    }
    let plan = serde_json::to_vec(&launch.set_up).map_err(during("write the plan"))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(PLAN_IN_GUEST)
        .and_then(|mut file| file.write_all(&plan))
        .map_err(during("write the plan"))
}

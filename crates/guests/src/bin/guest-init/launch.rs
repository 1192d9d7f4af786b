//! Outside the guest: namespaces, the wire, process 1.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lazuli_guests::boot::{Launch, Wire, file};
use lazuli_guests::netlink::{End, LOOPBACK, Netlink, Place, Request, Via};
use lazuli_guests::{Flavour, Net};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::Signal;
use nix::unistd::setsid;

use crate::during;

const SELF: &str = "/proc/self/exe";
/// `eth0`'s index in a guest.
const ETH0: u32 = 2;

/// Starts the guest and leaves.
pub(crate) fn launch(dir: &Path) -> io::Result<()> {
    let launch = read(dir)?;
    setsid().map_err(during("begin a session"))?;
    match launch.flavour {
        Flavour::Lean => start(dir, &launch).map(drop),
        Flavour::Full => Command::new(SELF)
            .arg0("guest-init")
            .arg("keep")
            .arg(dir)
            .stdin(lock()?)
            .spawn()
            .map(drop)
            .map_err(during("start the keeper")),
    }
}

/// Starts a systemd guest and holds its lock until it ends; a reboot from
/// inside starts it again.
pub(crate) fn keep(dir: &Path) -> io::Result<()> {
    let launch = read(dir)?;
    loop {
        let mut child = start(dir, &launch)?;
        close_stdout()?;
        let status = child.wait().map_err(during("wait for process 1"))?;
        // In a process namespace reboot(2) ends process 1 by SIGHUP to restart
        // and by SIGINT to power off.
        if status.signal() != Some(Signal::SIGHUP as i32) {
            return Ok(());
        }
        join_first_namespaces()?;
    }
}

fn read(dir: &Path) -> io::Result<Launch> {
    let path = dir.join(file::LAUNCH);
    let text = fs::read(&path).map_err(during(format!("read {}", path.display())))?;
    serde_json::from_slice(&text).map_err(during(format!("understand {}", path.display())))
}

fn start(dir: &Path, launch: &Launch) -> io::Result<Child> {
    fresh_work(dir)?;
    let mut router = enter_router(&launch.router)?;
    // Process 1 makes its mount namespace itself: in a shared one its change of
    // the root would be ours too.
    let flags = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWNET;
    unshare(flags).map_err(during("make the guest's namespaces"))?;
    connect(&mut router, launch)?;
    let child = Command::new(SELF)
        .arg0("guest-init")
        .arg("run")
        .arg(dir)
        .stdin(lock()?)
        .spawn()
        .map_err(during("start process 1"))?;
    record(dir, &child)?;
    Ok(child)
}

/// A volatile overlay's scratch space refuses to be mounted twice.
fn fresh_work(dir: &Path) -> io::Result<()> {
    let work = dir.join(file::WORK);
    let what = || during(format!("renew {}", work.display()));
    match fs::remove_dir_all(&work) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(what()(error)),
        _ => {}
    }
    fs::create_dir(&work).map_err(what())
}

/// The lock file, which whoever starts a guest hands over as stdin.
fn lock() -> io::Result<Stdio> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

fn enter_router(router: &Path) -> io::Result<Netlink> {
    let namespace = File::open(router).map_err(during(format!("open {}", router.display())))?;
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .map_err(during(format!("enter {}", router.display())))?;
    Netlink::open()
}

/// Makes the wire between router and guest: routed, as in Azure, where there
/// is no layer 2 between machines either.
fn connect(router: &mut Netlink, launch: &Launch) -> io::Result<()> {
    // No IPv6 on the wire: thousands of idle guests would multicast on it.
    // The loopback keeps ::1.
    fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")
        .or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .map_err(during("turn IPv6 off"))?;
    let mut guest = Netlink::open()?;
    let first = Wire {
        link: launch.link.clone(),
        link_index: launch.link_index,
        mac: launch.mac,
        address: launch.address,
    };
    wire(router, &first, ETH0)?;
    let everywhere = Net {
        address: std::net::Ipv4Addr::UNSPECIFIED,
        prefix: 0,
    };
    guest.run(&[
        Request::up(LOOPBACK),
        Request::up(ETH0),
        Request::address(ETH0, launch.address),
        Request::route(
            everywhere,
            Via::Gateway {
                index: ETH0,
                gateway: launch.address.gateway(),
            },
        ),
    ])?;
    for (other, index) in launch.others.iter().zip(ETH0 + 1..) {
        wire(router, other, index)?;
        guest.run(&[Request::up(index), Request::address(index, other.address)])?;
    }
    Ok(())
}

/// One wire: its ends, and the router's route to the guest's address.
fn wire(router: &mut Netlink, wire: &Wire, index: u32) -> io::Result<()> {
    let here = End {
        name: &wire.link,
        index: wire.link_index,
    };
    let name = format!("eth{}", index - ETH0);
    let there = End { name: &name, index };
    let via = Via::Link {
        index: wire.link_index,
        source: None,
    };
    router.run(&[
        Request::cut(&wire.link),
        Request::wire(here, there, Place::Process(std::process::id()), wire.mac),
        Request::route(Net::host(wire.address.address), via),
    ])
}

fn record(dir: &Path, child: &Child) -> io::Result<()> {
    let pid = child.id();
    let started = crate::processes::start_time(pid)?;
    let path = dir.join(file::PID);
    fs::write(&path, format!("{pid} {started}\n"))
        .map_err(during(format!("write {}", path.display())))
}

/// Lets go of the pipe: whoever reads it sees its end when process 1 is ready.
fn close_stdout() -> io::Result<()> {
    let null = OpenOptions::new().write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(null).map_err(during("let go of stdout"))
}

/// The keeper itself never left the machine's process namespace, but asked for
/// its next child to be elsewhere: undo that for a fresh start.
fn join_first_namespaces() -> io::Result<()> {
    let own = File::open("/proc/self/ns/pid").map_err(during("open the own namespace"))?;
    setns(own, CloneFlags::CLONE_NEWPID).map_err(during("return to the own namespace"))
}

//! What the tests of real guests share: a fabric of their own, keys, SSH.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use lazuli_guests::{
    Admin, Egress, Fabric, FabricOptions, Flavour, GuestSpec, Namespace, NetworkPolicy, VnetSpec,
};
use tempfile::TempDir;

/// A fabric, and keys for its guests.
pub(crate) struct World {
    pub(crate) fabric: Option<Fabric>,
    pub(crate) folder: TempDir,
    pub(crate) public_key: String,
}

/// Whether real guests can be made here; says why not.
pub(crate) fn possible() -> bool {
    match lazuli_guests::ensure_tools() {
        Ok(()) => true,
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            false
        }
    }
}

pub(crate) fn init() -> PathBuf {
    std::env::var_os("LAZULI_GUEST_INIT").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_guest-init")),
        PathBuf::from,
    )
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("lazuli-guests-")
            .tempdir()
            .unwrap();
        let key = folder.path().join("key");
        keygen(&key);
        let public_key = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        let mut world = Self {
            fabric: None,
            folder,
            public_key: public_key.trim().to_owned(),
        };
        world.open();
        world
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.folder.path().join("fabric")
    }

    /// Opens, or opens again: adopts what is there.
    pub(crate) fn open(&mut self) {
        drop(self.fabric.take());
        self.fabric = Some(Fabric::open(&self.dir(), &self.options()).unwrap());
    }

    fn options(&self) -> FabricOptions {
        FabricOptions {
            cache: None,
            init: Some(init()),
        }
    }

    pub(crate) fn fabric(&self) -> &Fabric {
        self.fabric.as_ref().unwrap()
    }

    /// Ends everything and shows that nothing is left.
    pub(crate) fn end(mut self) {
        let dir = self.dir();
        let left = self.fabric.take().unwrap().destroy().unwrap();
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(lazuli_guests::leftovers(&dir), Vec::<String>::new());
    }

    pub(crate) fn vnet(&self, name: &str, range: &str) {
        self.fabric()
            .ensure_vnet(&VnetSpec {
                name: name.to_owned(),
                ranges: vec![range.parse().unwrap()],
                direct: true,
                nat_address: None,
            })
            .unwrap();
    }

    pub(crate) fn spec(&self, name: &str, vnet: &str, address: &str) -> GuestSpec {
        GuestSpec {
            name: name.to_owned(),
            vnet: vnet.to_owned(),
            address: address.parse().unwrap(),
            mac: None,
            interfaces: Vec::new(),
            flavour: Flavour::Lean,
            hostname: name.to_owned(),
            instance_id: format!("instance-{name}"),
            admin: Some(Admin {
                name: "ubuntu".to_owned(),
                ssh_keys: vec![self.public_key.clone()],
            }),
            custom_data: Vec::new(),
            policy: NetworkPolicy {
                egress: Egress::Nat,
                ..NetworkPolicy::default()
            },
        }
    }

    /// Runs a script in a guest, over SSH from the controller's namespace.
    pub(crate) fn ssh(&self, address: &str, known_hosts: Option<&Path>, script: &str) -> Output {
        let mut command = self.inside(Namespace::Fabric, "ssh");
        let (strict, known) = match known_hosts {
            Some(path) => ("yes", path.to_owned()),
            None => ("no", PathBuf::from("/dev/null")),
        };
        command
            .args([
                "-F",
                "none",
                "-o",
                "BatchMode=yes",
                "-o",
                "ConnectTimeout=10",
            ])
            .args([
                "-o",
                "KexAlgorithms=curve25519-sha256",
                "-o",
                "LogLevel=ERROR",
            ])
            .arg("-o")
            .arg(format!("StrictHostKeyChecking={strict}"))
            .arg("-o")
            .arg(format!("UserKnownHostsFile={}", known.display()))
            .arg("-i")
            .arg(self.folder.path().join("key"))
            .arg(format!("ubuntu@{address}"))
            .arg(script)
            .output()
            .unwrap()
    }

    /// As `ssh`; the script must succeed.
    pub(crate) fn run(&self, address: &str, script: &str) -> String {
        said(&self.ssh(address, None, script))
    }

    /// Runs a script in a guest as root, from the machine.
    pub(crate) fn exec(&self, name: &str, script: &str) -> Output {
        let mut command = self.fabric().command(name, "sh").unwrap();
        command.args(["-c", script]).output().unwrap()
    }

    /// Whether a TCP connection from a namespace is taken.
    pub(crate) fn connects(&self, from: Namespace<'_>, address: &str, port: u16) -> bool {
        let target = format!("{address}:{port}").parse().unwrap();
        let connect = || {
            let limit = Duration::from_secs(2);
            Ok(std::net::TcpStream::connect_timeout(&target, limit).is_ok())
        };
        self.fabric().in_namespace(from, connect).unwrap()
    }

    fn inside(&self, namespace: Namespace<'_>, program: &str) -> Command {
        let path = self.fabric().namespace(namespace);
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", path.display()));
        command.arg("--").arg(program);
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A test that failed half way must not leave hosts on the machine.
        drop(self.fabric.take());
        if self.dir().exists() {
            let fabric = Fabric::open(&self.dir(), &self.options());
            let left = fabric.and_then(Fabric::destroy);
            eprintln!("after a failure: {left:?}");
        }
    }
}

pub(crate) fn keygen(path: &Path) {
    let status = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

pub(crate) fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until something in another process is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

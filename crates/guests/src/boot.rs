//! What a guest's init is told: the one file that crosses from this library to
//! `guest-init`. Everything is decided here; init carries it out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::net::Net;
use crate::spec::Flavour;

/// The names of the files in a guest's state directory.
pub mod file {
    /// The [`Launch`](super::Launch), as JSON; it holds private keys.
    pub const LAUNCH: &str = "launch.json";
    /// Locked by process 1 (or its keeper) for as long as it lives.
    pub const LOCK: &str = "lock";
    /// Process 1: its id and its start time in clock ticks, as text.
    pub const PID: &str = "pid";
    /// What init and its children say.
    pub const CONSOLE: &str = "console.log";
    /// The guest's own files: the overlay's upper layer.
    pub const UPPER: &str = "upper";
    /// The overlay's scratch space.
    pub const WORK: &str = "work";
    /// Where the root is put together, inside the guest's mount namespace.
    pub const ROOT: &str = "root";
}

/// Where the base has room for the init binary, which is mounted there.
pub const INIT_IN_GUEST: &str = "/usr/libexec/guest-init";

/// The first-boot plan inside the guest, readable by root only.
pub const PLAN_IN_GUEST: &str = "/run/cloud-init/plan.json";

/// How to make one guest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The base's root directory.
    pub lower: PathBuf,
    /// The init binary.
    pub init: PathBuf,
    /// Its virtual network's router namespace.
    pub router: PathBuf,
    /// The router's end of the wire: its name.
    pub link: String,
    /// The router's end of the wire: its index.
    pub link_index: u32,
    /// The hardware address of both ends: the wire knows no ARP, so that
    /// each end takes the other's frames for its own only if they are equal.
    pub mac: [u8; 6],
    /// `eth0`.
    pub address: Net,
    /// `eth1` and so on.
    #[serde(default)]
    pub others: Vec<Wire>,
    /// 32 hexadecimal digits.
    pub machine_id: String,
    /// Process 1.
    pub flavour: Flavour,
    /// Control groups that a systemd guest gets for itself; made by the library.
    pub cgroups: Vec<PathBuf>,
    /// The one line of `sources.list`.
    pub package_source: String,
    /// First-boot work.
    pub set_up: SetUp,
}

/// A wire beside the first one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wire {
    /// As [`Launch::link`].
    pub link: String,
    /// As [`Launch::link_index`].
    pub link_index: u32,
    /// As [`Launch::mac`].
    pub mac: [u8; 6],
    /// The guest's address on it.
    pub address: Net,
}

/// First-boot work, in the order of cloud-init's modules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUp {
    /// Work is done once for each.
    pub instance_id: String,
    /// The host name.
    pub hostname: String,
    /// `bootcmd` as one script for `/bin/sh`; runs on every boot.
    pub boot_script: Option<String>,
    /// `write_files`.
    pub files: Vec<WriteFile>,
    /// Accounts to make or to complete.
    pub users: Vec<User>,
    /// Groups to make besides.
    pub groups: Vec<Group>,
    /// `authorized_keys` of root.
    pub root_keys: Vec<String>,
    /// Host keys given from outside; without any an ed25519 one is made.
    pub host_keys: Vec<HostKey>,
    /// `package_update`.
    pub package_update: bool,
    /// `package_upgrade`.
    pub package_upgrade: bool,
    /// `packages`.
    pub packages: Vec<String>,
    /// Scripts of the last stage, in order: a name and the content, base64.
    pub scripts: Vec<(String, String)>,
    /// What could not be honoured; shown in `result.json`.
    pub warnings: Vec<String>,
}

/// One file to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFile {
    /// Absolute.
    pub path: String,
    /// Base64.
    pub content: String,
    /// The mode.
    pub mode: u32,
    /// `user:group`.
    pub owner: String,
    /// Add to what is there.
    pub append: bool,
    /// In the last stage, when users and packages are there.
    pub defer: bool,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its name.
    pub name: String,
    /// The comment field.
    pub gecos: String,
    /// Its home directory.
    pub home: String,
    /// Its login shell.
    pub shell: String,
    /// Its number, if it must be this one.
    pub uid: Option<u32>,
    /// A group of that name instead of one of its own.
    pub primary_group: Option<String>,
    /// Further groups; made if missing.
    pub groups: Vec<String>,
    /// Lines for sudoers, without the user's name.
    pub sudo: Vec<String>,
    /// Lines for `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// A crypted password; none means login by key only.
    pub password: Option<String>,
    /// Below 1000 and without a home.
    pub system: bool,
    /// Whether the home is made.
    pub create_home: bool,
}

/// A group to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<String>,
}

/// A host key from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ed25519`, `rsa` or `ecdsa`.
    pub kind: String,
    /// The private key's file.
    pub private: String,
    /// The public key's line; derived if absent.
    pub public: Option<String>,
}

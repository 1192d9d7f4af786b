//! What a host is configured with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::dialer::Dialer;

/// The settings of all connections of a process.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Opens sockets (`[ssh] netns`).
    pub dialer: Dialer,
    /// The static `lazuli-runner` by `uname -m` (`x86_64`, `aarch64`).
    pub runners: BTreeMap<String, PathBuf>,
    /// An idle connection is closed after this (`ssh-idle`), or sooner when
    /// others wait for one.
    pub ssh_idle: Duration,
    /// Connections to supervisors at once (`ssh-max`).
    pub ssh_max: usize,
    /// Connections that upload charms or run single commands, at once.
    pub transfers_max: usize,
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// For SSH's handshake and login.
    pub login_timeout: Duration,
    /// For the end of the first boot's set-up, after which the connection is
    /// given up and tried again.
    pub boot_timeout: Duration,
    /// For the supervisor to answer; it may have to be started, and to end
    /// the hooks of one that died.
    pub attach_timeout: Duration,
    /// For a command, or an upload beside what its bytes take at the slowest
    /// rate that is put up with.
    pub transfer_timeout: Duration,
    /// Between keepalives, while a run is in flight.
    pub keepalive: Duration,
    /// Keepalives without an answer after which the connection is cut.
    pub keepalive_misses: u32,
    /// The first wait after a failure.
    pub retry_first: Duration,
    /// The longest wait after a failure.
    pub retry_last: Duration,
    /// Events that wait for the controller, over all machines.
    pub events: usize,
    /// All of the machine's directories are below this instead of `/`; for
    /// machines that share a file system.
    pub machine_root: Option<String>,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            dialer: Dialer::default(),
            runners: BTreeMap::new(),
            ssh_idle: Duration::from_secs(60),
            ssh_max: 2_000,
            transfers_max: 32,
            connect_timeout: Duration::from_secs(10),
            login_timeout: Duration::from_secs(20),
            boot_timeout: Duration::from_secs(300),
            attach_timeout: Duration::from_secs(45),
            transfer_timeout: Duration::from_secs(60),
            keepalive: Duration::from_secs(10),
            keepalive_misses: 3,
            retry_first: Duration::from_millis(250),
            retry_last: Duration::from_secs(30),
            events: 1_024,
            machine_root: None,
        }
    }
}

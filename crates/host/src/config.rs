//! What hosts are configured with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::dialer::Dialer;

/// The settings that operators have.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Opens sockets (`[ssh] netns`).
    pub dialer: Dialer,
    /// The static `lazuli-runner` by `uname -m` (`x86_64`, `aarch64`).
    pub runners: BTreeMap<String, PathBuf>,
    /// An idle connection is closed after this (`ssh-idle`), or sooner when
    /// others wait for one.
    pub idle: Duration,
    /// Connections to supervisors, and looks at machines, at once (`ssh-max`).
    pub max: usize,
}

/// Limits that nobody needs to change but tests.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// For the TCP connection.
    pub connect: Duration,
    /// For SSH's handshake and login.
    pub login: Duration,
    /// How long one look at a machine waits for the end of its first boot's
    /// set-up.
    pub look: Duration,
    /// For the supervisor to answer; it may have to be started, and to end
    /// the hooks of one that died.
    pub attach: Duration,
    /// For an upload, beside what its bytes take at the slowest rate that is
    /// put up with.
    pub transfer: Duration,
    /// Connections for uploads and single commands, at once, beside those.
    pub transfers: usize,
    /// Between keepalives, while a run is in flight.
    pub keepalive: Duration,
    /// A machine is given up after so many keepalives' time of silence.
    pub keepalives: u32,
    /// The first wait after a failure.
    pub first_retry: Duration,
    /// The longest wait after a failure.
    pub last_retry: Duration,
    /// All of the machine's directories are below this instead of `/`: for
    /// machines that share a file system.
    pub machine_root: Option<String>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            login: Duration::from_secs(20),
            look: Duration::from_secs(60),
            attach: Duration::from_secs(45),
            transfer: Duration::from_secs(60),
            transfers: 64,
            keepalive: Duration::from_secs(10),
            keepalives: 3,
            first_retry: Duration::from_millis(250),
            last_retry: Duration::from_secs(30),
            machine_root: None,
        }
    }
}

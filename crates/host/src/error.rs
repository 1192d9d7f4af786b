//! What can go wrong between host and machine, in words for people: each text
//! is complete, cause included, so that it can be shown as it is.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lazuli_runner::frames::FrameError;

/// What kind of trouble it is; what to do about it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HostErrorKind {
    /// Refused, timed out, cut: try again.
    Transient,
    /// The first boot's set-up is not finished: wait.
    Booting,
    /// The machine does not accept our key, or lets us do nothing.
    Auth,
    /// The machine shows another host key than the pinned ones. Nothing was
    /// sent to it.
    HostKey,
    /// The user may not use `sudo` without a password.
    Privilege,
    /// The machine has no room, or its disk cannot be written.
    Space,
    /// What it speaks is not understood.
    Protocol,
    /// Another holder of the model has attached.
    Fenced,
    /// The daemon's own set-up: a binary, a namespace, a key.
    Setup,
}

/// Why a machine cannot be reached or used.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No TCP connection.
    #[error("failed to connect to {address}: {cause}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// No TCP connection in time.
    #[error("{address} did not answer within {} s; is it on, and does the network let port {} through?", after.as_secs(), address.port())]
    ConnectTimeout {
        /// Where to.
        address: SocketAddr,
        /// After how long.
        after: Duration,
    },
    /// The network namespace could not be entered.
    #[error("failed to open a socket in the network namespace {}; is it there, and is the daemon root? {cause}", path.display())]
    Namespace {
        /// Its path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A step over SSH took too long.
    #[error("{address}: {step} took longer than {} s", after.as_secs())]
    Slow {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// After how long.
        after: Duration,
    },
    /// SSH failed.
    #[error("{address}: {step} failed: {cause}")]
    Ssh {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// Why.
        cause: russh::Error,
    },
    /// The other side closed before or during the handshake.
    #[error(
        "{address} closed the connection before SSH was up; it may be starting, or have too many connections (MaxStartups)"
    )]
    ClosedEarly {
        /// Where.
        address: SocketAddr,
    },
    /// There is no algorithm in common.
    #[error(
        "{address} offers no {what} that Lazuli accepts; it needs an ed25519 host key and curve25519"
    )]
    NoCommon {
        /// Where.
        address: SocketAddr,
        /// Of what kind.
        what: String,
    },
    /// The host key is not one that was pinned.
    #[error(
        "host key mismatch at {address}: it offers {offered}, but {expected} is pinned; nothing was sent. If the machine was rebuilt on purpose, remove it and add it again; otherwise another machine answers at its address"
    )]
    HostKey {
        /// Where.
        address: SocketAddr,
        /// The fingerprint that was offered.
        offered: String,
        /// The fingerprints that are accepted.
        expected: String,
    },
    /// No host key is pinned.
    #[error("no host key is known for {address}, and an unknown one is never trusted")]
    NoHostKey {
        /// Where.
        address: SocketAddr,
    },
    /// The key is not accepted.
    #[error(
        "{user}@{address} does not accept the model's SSH key; it has to be in the authorized_keys of {user}"
    )]
    Rejected {
        /// The user.
        user: String,
        /// Where.
        address: SocketAddr,
    },
    /// A key's text is not understood.
    #[error("failed to read {what}; an ed25519 key in OpenSSH's format is needed: {cause}")]
    Key {
        /// Which key.
        what: String,
        /// Why.
        cause: russh::keys::ssh_key::Error,
    },
    /// `sudo -n` does not work.
    #[error(
        "{user}@{address} may not use sudo without a password ({detail}); give it NOPASSWD in sudoers"
    )]
    Sudo {
        /// The user.
        user: String,
        /// Where.
        address: SocketAddr,
        /// What sudo said.
        detail: String,
    },
    /// The disk is full or cannot be written.
    #[error("{address}: {step} failed for want of disk: {detail}")]
    Space {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// What the machine said.
        detail: String,
    },
    /// A command failed.
    #[error("{address}: {step} failed with {ending}: {detail}")]
    Remote {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// Exit code or signal.
        ending: String,
        /// What it printed to stderr.
        detail: String,
    },
    /// Far more was printed than belongs there.
    #[error("{address}: {step} printed more than {limit} bytes; is it a login shell's greeting?")]
    Noise {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Something answered, but not what was asked.
    #[error("{address}: {step} was not understood: {detail}")]
    Garbled {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// Why.
        detail: String,
    },
    /// First boot is not over.
    #[error("the first boot's set-up is not finished after {} s; see /var/log/cloud-init-output.log there", after.as_secs())]
    Booting {
        /// After how long.
        after: Duration,
    },
    /// No runner for the machine's processor.
    #[error("there is no lazuli-runner for {arch} machines beside lazulid; install one")]
    NoRunner {
        /// As in `uname -m`.
        arch: String,
    },
    /// The runner's file cannot be read.
    #[error("failed to read {}: {cause}", path.display())]
    RunnerFile {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Another version of frames.
    #[error("{address} speaks version {theirs} of the frames, this controller {ours}")]
    Version {
        /// Where.
        address: SocketAddr,
        /// Ours.
        ours: u32,
        /// Theirs.
        theirs: String,
    },
    /// A frame is broken.
    #[error("{address} sent a frame that is not understood: {cause}")]
    Frame {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: FrameError,
    },
    /// The supervisor did not let us attach.
    #[error("{address} refused to attach: {detail}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        detail: String,
    },
    /// A newer holder has attached.
    #[error("the machine has seen a newer holder of the model (epoch {epoch})")]
    Fenced {
        /// The highest epoch it has seen.
        epoch: u64,
        /// The highest connection in it.
        connection: u64,
    },
    /// The channel ended. Without an exit status it was cut.
    #[error("the connection to {address} ended: {detail}")]
    Ended {
        /// Where.
        address: SocketAddr,
        /// How.
        detail: String,
        /// Whether the other side said that this is its end.
        clean: bool,
    },
    /// No answer to keepalives.
    #[error("{address} has been silent for {} s", after.as_secs())]
    Silent {
        /// Where.
        address: SocketAddr,
        /// For how long.
        after: Duration,
    },
    /// What is to be sent could not be read here.
    #[error("failed to read what {step} needs: {cause}")]
    Blob {
        /// What.
        step: &'static str,
        /// Why.
        cause: io::Error,
    },
}

impl HostError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn kind(&self) -> HostErrorKind {
        match self {
            Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Slow { .. }
            | Self::Ssh { .. }
            | Self::ClosedEarly { .. }
            | Self::Remote { .. }
            | Self::Ended { .. }
            | Self::Silent { .. }
            | Self::Blob { .. } => HostErrorKind::Transient,
            Self::Booting { .. } => HostErrorKind::Booting,
            Self::Rejected { .. } => HostErrorKind::Auth,
            Self::HostKey { .. } | Self::NoHostKey { .. } => HostErrorKind::HostKey,
            Self::Sudo { .. } => HostErrorKind::Privilege,
            Self::Space { .. } => HostErrorKind::Space,
            Self::NoCommon { .. }
            | Self::Noise { .. }
            | Self::Garbled { .. }
            | Self::Version { .. }
            | Self::Frame { .. }
            | Self::Refused { .. } => HostErrorKind::Protocol,
            Self::Fenced { .. } => HostErrorKind::Fenced,
            Self::Namespace { .. }
            | Self::Key { .. }
            | Self::NoRunner { .. }
            | Self::RunnerFile { .. } => HostErrorKind::Setup,
        }
    }
    /// The nearest kind of an I/O error.
    pub(crate) fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Connect { cause, .. } | Self::Namespace { cause, .. } => cause.kind(),
            Self::ConnectTimeout { .. } => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::Other,
        }
    }
}

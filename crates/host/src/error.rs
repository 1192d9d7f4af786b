//! What can go wrong between host and machine, in words for people.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lazuli_runner::frames::FrameError;

/// What to do about an error follows from its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Refused, timed out, cut: try again.
    Transient,
    /// The first boot's set-up is not finished: wait.
    Booting,
    /// The machine does not accept our key, or lets us do nothing.
    Auth,
    /// The machine is not the one that was meant. Nothing was sent to it.
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
    /// The caller's limit: a queue is full, or it was closed.
    Caller,
}

/// Why something at a machine failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No TCP connection.
    #[error("failed to connect to {address}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why.
        source: io::Error,
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
    #[error("failed to open a socket in the network namespace {}; is it there, and is the daemon root?", path.display())]
    Namespace {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
    #[error("{address}: {step} failed")]
    Ssh {
        /// Where.
        address: SocketAddr,
        /// What.
        step: &'static str,
        /// Why.
        source: russh::Error,
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
    /// Another machine answers.
    #[error(
        "{address} is another machine: its machine-id is {found}, not {expected}; nothing was run"
    )]
    OtherMachine {
        /// Where.
        address: SocketAddr,
        /// The machine-id that was found.
        found: String,
        /// The one that was expected.
        expected: String,
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
    #[error("failed to read {what}; an ed25519 key in OpenSSH's format is needed")]
    Key {
        /// Which key.
        what: String,
        /// Why.
        source: russh::keys::ssh_key::Error,
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
    #[error("failed to read {}", path.display())]
    RunnerFile {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
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
    #[error("{address} sent a frame that is not understood")]
    Frame {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: FrameError,
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
    /// A blob could not be read here.
    #[error("failed to read the charm archive {sha256}")]
    Blob {
        /// Which.
        sha256: String,
        /// Why.
        source: io::Error,
    },
    /// Connecting failed; the machine is tried again.
    #[error("{reason}")]
    Unreachable {
        /// Why.
        reason: String,
        /// The class of that.
        class: ErrorClass,
    },
    /// The machine's queue is full.
    #[error("too many requests wait for the machine")]
    Full,
    /// The handle was closed.
    #[error("the machine's connection was closed for good")]
    Closed,
}

impl Error {
    /// The class, from which follows what to do.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Connect { .. }
            | Self::ConnectTimeout { .. }
            | Self::Slow { .. }
            | Self::Ssh { .. }
            | Self::ClosedEarly { .. }
            | Self::Remote { .. }
            | Self::Ended { .. }
            | Self::Silent { .. }
            | Self::Blob { .. } => ErrorClass::Transient,
            Self::Booting { .. } => ErrorClass::Booting,
            Self::Rejected { .. } => ErrorClass::Auth,
            Self::HostKey { .. } | Self::NoHostKey { .. } | Self::OtherMachine { .. } => {
                ErrorClass::HostKey
            }
            Self::Sudo { .. } => ErrorClass::Privilege,
            Self::Space { .. } => ErrorClass::Space,
            Self::NoCommon { .. }
            | Self::Noise { .. }
            | Self::Garbled { .. }
            | Self::Version { .. }
            | Self::Frame { .. }
            | Self::Refused { .. } => ErrorClass::Protocol,
            Self::Fenced { .. } => ErrorClass::Fenced,
            Self::Namespace { .. }
            | Self::Key { .. }
            | Self::NoRunner { .. }
            | Self::RunnerFile { .. } => ErrorClass::Setup,
            Self::Unreachable { class, .. } => *class,
            Self::Full | Self::Closed => ErrorClass::Caller,
        }
    }

    /// The error with its causes, in one line for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}

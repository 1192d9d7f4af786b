//! Why a machine cannot be reached or used, for people.

use std::io;

/// Why a machine cannot be reached or used.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct HostError {
    /// What kind of trouble it is.
    pub kind: HostErrorKind,
    /// What failed, why, and what to do.
    pub message: String,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostErrorKind {
    /// Refused, timed out, cut: worth another try.
    Transient,
    /// The machine does not accept our key.
    Auth,
    /// The machine showed another host key than the pinned one.
    HostKey,
    /// The machine does not do what it should: no `sudo -n`, a full disk, an
    /// architecture without a runner.
    Machine,
}

impl HostError {
    pub(crate) fn new(kind: HostErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self::new(HostErrorKind::Transient, message)
    }

    pub(crate) fn machine(message: impl Into<String>) -> Self {
        Self::new(HostErrorKind::Machine, message)
    }

    /// An error of the connection itself.
    pub(crate) fn ssh(doing: &str, error: &russh::Error) -> Self {
        match error {
            russh::Error::UnknownKey => Self::new(
                HostErrorKind::HostKey,
                "host-key-mismatch: the machine shows another SSH host key than the one it was \
                 made with; it may be another machine at the same address",
            ),
            other => Self::transient(format!("{doing}: {other}")),
        }
    }

    pub(crate) fn io(doing: &str, error: &io::Error) -> Self {
        Self::transient(format!("{doing}: {error}"))
    }
}

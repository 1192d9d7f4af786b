//! Why a charm could not be had, in words for people.

use std::io;
use std::time::Duration;

/// Why a store did not give what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be used as it is set up.
    #[error("{url:?} cannot be used as a charm store: {reason}")]
    SetUp {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// There is no answer.
    #[error("cannot reach the charm store at {url}: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// There is none in time.
    #[error("the charm store at {url} did not answer within {} s", after.as_secs())]
    Slow {
        /// The address.
        url: String,
        /// After how long.
        after: Duration,
    },
    /// There is no such charm, or none that fits.
    #[error("{0}")]
    NotFound(String),
    /// The store refuses.
    #[error("the charm store at {url} refuses: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer makes no sense.
    #[error("the charm store at {url} gave an answer that is not understood: {reason}")]
    Odd {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// What it offers is too large.
    #[error("{what} has {size} bytes, and {most} are taken at most")]
    TooLarge {
        /// What.
        what: String,
        /// Bytes it has, as far as was read.
        size: u64,
        /// Bytes that are taken.
        most: u64,
    },
}

impl SourceError {
    /// Whether trying again may help, now or soon.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Slow { .. })
    }
}

/// Why a directory is no charm.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// The system said no.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// It holds what no charm may.
    #[error("{0}")]
    Odd(String),
}

impl DirError {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

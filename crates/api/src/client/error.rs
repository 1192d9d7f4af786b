//! What can go wrong on the client's side.

use crate::problem::{Class, Problem};

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with a problem, which is kept whole.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The server could not be reached, or the connection broke.
    #[error("cannot reach {server}: check that the controller runs and that its address is right")]
    Unreachable {
        /// The server's address.
        server: String,
        /// How it failed.
        #[source]
        source: reqwest::Error,
    },
    /// The server is not the one that is trusted.
    #[error("the certificate of {server} is not taken: {reason}")]
    Untrusted {
        /// The server's address.
        server: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server took too long.
    #[error("timed out waiting for {server}")]
    TimedOut {
        /// The server's address.
        server: String,
    },
    /// The server answered what this client does not understand.
    #[error("unexpected answer of {server} to {request}: {reason}")]
    Unexpected {
        /// The server's address.
        server: String,
        /// The method and the path.
        request: String,
        /// What was wrong with it.
        reason: String,
    },
    /// The client was set up wrongly.
    #[error("cannot make a client: {0}")]
    SetUp(String),
    /// A stream broke. It may be resumed.
    #[error("the stream of {server} broke: {reason}")]
    StreamBroke {
        /// The server's address.
        server: String,
        /// How.
        reason: String,
    },
}

impl ClientError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Problem(problem) => problem.class(),
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::StreamBroke { .. } => {
                Class::Transient
            }
            Self::Unexpected { .. } => Class::Bug,
            Self::SetUp(_) | Self::Untrusted { .. } => Class::User,
        }
    }

    /// The problem, if the server named one.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }
}

//! What can go wrong on the machine, and how it is told.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};

use lazuli_runner::frames::FrameError;

/// A failure of the machine-side program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or directory could not be used.
    #[error("failed to {doing} {}", path.display())]
    File {
        /// What was tried, such as `write`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Something else of the system failed.
    #[error("failed to {doing}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A stored document is not understood.
    #[error("failed to understand {}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The stream of frames failed.
    #[error("failed to exchange frames")]
    Frame(#[from] FrameError),
    /// Input that is refused; the text says why and what to do.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// For `map_err`: names what was done to which path.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            doing,
            path,
            source,
        }
    }

    /// For `map_err`: names what was done.
    pub(crate) fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            doing,
            source: source.into(),
        }
    }
}

/// An error with all its causes on one line.
pub(crate) fn describe(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

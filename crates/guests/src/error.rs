//! What can go wrong with guests.

use std::io;
use std::path::{Path, PathBuf};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with guests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller is not root.
    #[error("guests need root: namespaces, mounts and nftables; run this as root")]
    NotRoot,
    /// A program of the machine is missing.
    #[error("`{tool}` is missing; install it: apt-get install {package}")]
    Tool {
        /// The program.
        tool: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// The guests' init is not where it should be.
    #[error(
        "the guests' init is not at {}; build it with scripts/build, or set LAZULI_GUEST_INIT", .0.display()
    )]
    NoInit(PathBuf),
    /// Someone else manages the fabric.
    #[error("the fabric in {} is managed by another process; end that one first", .0.display())]
    Busy(PathBuf),
    /// Something is asked for that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// There is no such guest or network.
    #[error("no {kind} named {name:?} in this fabric")]
    Unknown {
        /// `guest` or `virtual network`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A name or an address is taken.
    #[error("{0}")]
    Conflict(String),
    /// A file or a system call failed.
    #[error("cannot {what}")]
    Io {
        /// What was attempted, on what.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A program of the machine failed.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        output: String,
    },
    /// A guest did not start.
    #[error("guest {name:?} did not start: {reason}")]
    Start {
        /// The guest.
        name: String,
        /// What its launcher said.
        reason: String,
    },
    /// A guest did not end in time.
    #[error("guest {name:?} did not end within {seconds} s")]
    Stop {
        /// The guest.
        name: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A file of ours cannot be read.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Error {
    /// An `Io` about a path, for `map_err`.
    pub(crate) fn path(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let what = format!("{what} {}", path.display());
        move |source| Self::Io { what, source }
    }

    /// An `Io`, for `map_err`; takes nix's errors too.
    pub(crate) fn io<E: Into<io::Error>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |source| Self::Io {
            what,
            source: source.into(),
        }
    }
}

//! What a tool's process and the supervisor say to each other.
//!
//! The process parses nothing: it sends what it was called with, reads a file
//! when asked to, and does as it is told.

use serde::{Deserialize, Serialize};

/// The longest request, in bytes: what Linux admits as arguments, quoted.
pub(crate) const REQUEST_MAX: usize = 8 << 20;

/// The most of a file or of standard input that a tool takes, in bytes. Any
/// bytes of it fit a frame.
pub(crate) const INPUT_MAX: u64 = 4 << 20;

/// A call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToolRequest {
    /// `JUJU_CONTEXT_ID`.
    pub(crate) context: String,
    /// The tool's name.
    pub(crate) tool: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
}

/// What to do next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToolReply {
    /// Print and exit.
    Done {
        /// Exit code.
        code: u8,
        /// For standard output, or for the file.
        stdout: String,
        /// For standard error.
        stderr: String,
        /// Where the output goes instead of standard output.
        file: Option<String>,
    },
    /// Read this file, or standard input, and send a [`ToolInput`].
    Need {
        /// The file; none is standard input.
        file: Option<String>,
    },
}

/// What was read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ToolInput {
    /// The text, or why it could not be read.
    pub(crate) text: Result<String, String>,
}

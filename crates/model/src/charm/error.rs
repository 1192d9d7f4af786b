//! Why a charm is refused.

use std::fmt;

use crate::yaml::YamlError;

/// Why a charm is refused: `./my-charm: metadata.yaml:12: ...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharmError {
    /// What the caller called the charm; may be empty.
    pub charm: String,
    /// The file in it.
    pub file: String,
    /// The line, from 1, where the fault has one.
    pub line: Option<u32>,
    /// What is wrong.
    pub reason: String,
}

impl CharmError {
    pub(super) fn in_yaml(charm: &str, error: YamlError) -> Self {
        let line = Some(error.line).filter(|line| *line > 0);
        Self {
            charm: charm.to_owned(),
            file: error.file,
            line,
            reason: error.reason,
        }
    }
}

impl fmt::Display for CharmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.charm.is_empty() {
            write!(f, "{}: ", self.charm)?;
        }
        match self.line {
            None => write!(f, "{}: {}", self.file, self.reason),
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for CharmError {}

//! Errors with a place.

use std::fmt;

/// Why a text is not the YAML that was wanted: `metadata.yaml:12: duplicate key "name", first on line 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlError {
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// The line, from 1; 0 where there is no place.
    pub line: u32,
    /// The column, from 1; 0 where there is no place.
    pub column: u32,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for YamlError {}

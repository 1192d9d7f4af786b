//! Commands that programs on the machine itself ask for (`juju-exec`).
//!
//! The machine wishes for a run, the host asks for it like for any other, or
//! declines; so what a command may see and write is the controller's.

use serde::{Deserialize, Serialize};

use super::{Printed, RunId};

/// Sequences from here on, and below those of tasks, are numbers of wishes.
const WISHES: u64 = 1 << 61;

/// What a program on the machine wants to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalExec {
    /// The unit's name, such as `mysql/0`.
    pub unit: String,
    /// A script for bash.
    pub command: String,
    /// The relation that it is about, by number.
    pub relation: Option<u64>,
    /// The remote unit that it is about; empty for none.
    pub remote_unit: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalDone {
    /// Why it did not run, for people.
    pub refused: Option<String>,
    /// The exit code; 128 and more for signals.
    pub code: u8,
    /// What it printed to standard output.
    pub stdout: Printed,
    /// What it printed to standard error.
    pub stderr: Printed,
}

impl RunId {
    /// The run of a wish; the machine chooses numbers that nobody else does.
    #[must_use]
    pub fn of_wish(unit: String, number: u64) -> Self {
        Self {
            unit,
            seq: WISHES | (number & (WISHES - 1)),
        }
    }

    /// Whether it is the run of a wish.
    #[must_use]
    pub fn is_wish(&self) -> bool {
        self.task().is_none() && self.seq & WISHES != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_neither_tasks_nor_hooks() {
        let wish = RunId::of_wish("u".to_owned(), u64::MAX);
        assert!(wish.is_wish());
        assert_eq!(wish.task(), None);
        assert!(!RunId::of_task("u".to_owned(), 1).is_wish());
        let hook = RunId {
            unit: "u".to_owned(),
            seq: 1,
        };
        assert!(!hook.is_wish());
    }
}

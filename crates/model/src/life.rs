//! Life: removal is a state that the planner drives to its end.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an entity is in its life (Juju's three words).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Wanted.
    #[default]
    Alive,
    /// To be removed; it still has things to do.
    Dying,
    /// Nothing is left to do; its rows go next.
    Dead,
}

impl Life {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dying => "dying",
            Self::Dead => "dead",
        }
    }

    /// Whether it is wanted.
    #[must_use]
    pub fn is_alive(self) -> bool {
        self == Self::Alive
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

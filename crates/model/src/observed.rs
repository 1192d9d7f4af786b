//! Observations have three values.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What is known of something outside. A timed-out write makes it
/// [`Observed::Unknown`], never [`Observed::Absent`]; one 404, or a list that
/// lacks it, does not make it absent either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It certainly does not exist.
    #[default]
    Absent,
    /// It may or may not exist.
    Unknown {
        /// Since when.
        #[serde(with = "time::serde::rfc3339")]
        since: OffsetDateTime,
    },
    /// It existed, with this value.
    Known {
        /// The value.
        value: T,
        /// When it was seen.
        #[serde(with = "time::serde::rfc3339")]
        at: OffsetDateTime,
    },
}

impl<T> Observed<T> {
    /// The value, when there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Absent | Self::Unknown { .. } => None,
        }
    }
}

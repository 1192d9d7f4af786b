//! Resources of charms, on their way to the machine.

use serde::{Deserialize, Serialize};

/// A resource that a unit may get. The host puts it on the machine by its
/// hash before it answers [`super::Question::Resource`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceRef {
    /// The name of the file as the charm finds it.
    pub filename: String,
    /// Hex sha-256 of the content.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

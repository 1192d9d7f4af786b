//! What a cloud offers.

use serde::{Deserialize, Serialize};

/// A size that the cloud offers in a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its name, such as `Standard_B2s`.
    pub size: String,
    /// Juju's word: amd64, arm64.
    pub arch: String,
    /// Processors.
    pub cores: u32,
    /// Memory in MiB.
    pub mem: u64,
    /// Price per hour, in millionths of the currency's unit; none when the
    /// price is not known.
    pub price_micros: Option<u64>,
    /// The quota family, such as `standardBSFamily`.
    pub family: String,
}

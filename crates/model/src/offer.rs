//! What a cloud offers.

use std::fmt;

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
    /// Network interfaces that it can have.
    pub interfaces: u32,
    /// The zones of the region that it can be had in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Price per hour, in millionths of the currency's unit; none when the
    /// price is not known.
    pub price_micros: Option<u64>,
    /// The quota family, such as `standardBSFamily`.
    pub family: String,
    /// The subscription's limits that a machine of this size counts against;
    /// empty while they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

/// A limit of a subscription, as it bears on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Such as `standardBSFamily` or `cores`.
    pub name: String,
    /// What is counted, such as `cores`.
    pub unit: String,
    /// Used now.
    pub used: u64,
    /// At most.
    pub limit: u64,
    /// What the machine needs.
    pub needs: u64,
    /// Where the limit holds, for the command that raises it.
    pub scope: String,
}

impl Limit {
    /// Whether the machine fits in.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used.saturating_add(self.needs) <= self.limit
    }
}

/// What is used, what is missing, and the command that helps.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            unit,
            used,
            limit,
            needs,
            scope,
        } = self;
        let wanted = used.saturating_add(*needs);
        write!(
            f,
            "quota: {name} has {used} of {limit} {unit}, this needs {needs}: \
             az quota update --resource-name {name} --scope {scope} --limit-object value={wanted}"
        )
    }
}

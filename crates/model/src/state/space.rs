//! Spaces: the subnets of a model's network, under names that endpoints are
//! bound to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Application, Machine, MachineSource, MachineState, Model};
use crate::charm::Charm;
use crate::range::Range;

/// The space that every model has (Juju).
pub const ALPHA: &str = "alpha";
/// The subnet that every model's network has, by its name at the cloud.
pub const DEFAULT_SUBNET: &str = "default";

/// A space.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Its number, by which Juju's commands call it; [`ALPHA`] has 0.
    pub number: u32,
    /// Its subnets: range, such as `10.64.0.0/19`, to name at the cloud.
    pub subnets: BTreeMap<String, String>,
}

/// A network interface of a machine, as the cloud made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineInterface {
    /// Its private address.
    pub address: IpAddr,
    /// Its hardware address, lower case with colons.
    pub mac: Option<String>,
}

/// An address of a machine, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<'a> {
    /// The device, such as `eth0`.
    pub device: String,
    /// The hardware address; empty if it is not known.
    pub mac: &'a str,
    /// The address.
    pub address: IpAddr,
    /// Its subnet and the space of that, where it is in the model's network.
    pub subnet: Option<(Range, &'a str)>,
}

impl Model {
    /// All spaces of the model. A model without any of its users' has one, with
    /// the first half of its network: the rest is for subnets to come.
    #[must_use]
    pub fn all_spaces(&self) -> BTreeMap<String, Space> {
        if !self.spaces.is_empty() {
            return self.spaces.clone();
        }
        let range = self.address_range.parse::<Range>();
        let half = range.map_or_else(
            |_| self.address_range.clone(),
            |range| range.first_half().to_string(),
        );
        let alpha = Space {
            number: 0,
            subnets: BTreeMap::from([(half, DEFAULT_SUBNET.to_owned())]),
        };
        BTreeMap::from([(ALPHA.to_owned(), alpha)])
    }

    /// The space of applications and machines to come that are not bound to
    /// another (Juju's `default-space`).
    #[must_use]
    pub fn default_space(&self) -> &str {
        let set = self.config.get("default-space");
        set.filter(|name| !name.is_empty())
            .map_or(ALPHA, String::as_str)
    }
}

/// The subnets of a model, to look addresses up in.
#[derive(Clone, Debug, Default)]
pub struct Subnets(Vec<(Range, String)>);

impl Subnets {
    /// Those of a model.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let mut all = Vec::new();
        for (name, space) in model.all_spaces() {
            for range in space.subnets.keys().filter_map(|text| text.parse().ok()) {
                all.push((range, name.clone()));
            }
        }
        Self(all)
    }

    /// The subnet that an address is in, and its space.
    #[must_use]
    pub fn find(&self, address: IpAddr) -> Option<(Range, &str)> {
        let found = self.0.iter().find(|(range, _)| range.contains(address))?;
        Some((found.0, &found.1))
    }
}

impl Application {
    /// The space that an endpoint or an extra binding is bound to.
    #[must_use]
    pub fn space_of(&self, endpoint: &str) -> &str {
        self.bindings
            .get(endpoint)
            .or_else(|| self.bindings.get(""))
            .map_or(ALPHA, String::as_str)
    }

    /// The spaces that a machine for this application has to be in.
    #[must_use]
    pub fn bound_spaces(&self, charm: &Charm) -> BTreeSet<String> {
        let declared = charm.meta.endpoints.keys();
        let declared = declared.chain(&charm.meta.extra_bindings);
        declared
            .map(|name| self.space_of(name.as_str()))
            .chain([self.space_of("")])
            .map(str::to_owned)
            .collect()
    }
}

impl Machine {
    /// The spaces that it has an interface in; of a machine that was enlisted
    /// nothing is known.
    #[must_use]
    pub fn spaces(&self) -> Option<Vec<&str>> {
        match &self.source {
            MachineSource::Manual { .. } => None,
            MachineSource::Cloud { .. } if self.spaces.is_empty() => Some(vec![ALPHA]),
            MachineSource::Cloud { .. } => Some(self.spaces.iter().map(String::as_str).collect()),
        }
    }
}

impl MachineState {
    /// The machine's interfaces with where they are, the primary one first.
    #[must_use]
    pub fn located<'a>(&'a self, subnets: &'a Subnets) -> Vec<Located<'a>> {
        let primary = self.address.map(|address| (address, self.mac.as_deref()));
        let others = self.interfaces.iter();
        let others = others.map(|one| (one.address, one.mac.as_deref()));
        primary
            .into_iter()
            .chain(others)
            .enumerate()
            .map(|(number, (address, mac))| Located {
                device: format!("eth{number}"),
                mac: mac.unwrap_or_default(),
                address,
                subnet: subnets.find(address),
            })
            .collect()
    }

    /// The interfaces that a space has on the machine. An address outside of
    /// the model's network counts for every space: nothing better is known of
    /// a machine that was enlisted.
    #[must_use]
    pub fn in_space<'a>(&'a self, subnets: &'a Subnets, space: &str) -> Vec<Located<'a>> {
        let mut located = self.located(subnets);
        located.retain(|one| one.subnet.is_none_or(|(_, name)| name == space));
        located
    }
}

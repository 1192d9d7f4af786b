//! Network security rules as Azure has them, typed.

use serde::{Deserialize, Serialize};

use crate::net::Net;

/// Which way a rule looks, seen from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the guest.
    Inbound,
    /// From the guest.
    Outbound,
}

/// The protocol a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `*`.
    Any,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

/// An address prefix or service tag of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefix {
    /// `*`.
    Any,
    /// The tag `Internet`: everything outside the virtual network.
    Internet,
    /// The tag `VirtualNetwork`: the network's own ranges and, where the
    /// network is peered with the controller's (`VnetSpec::direct`), the
    /// controller's private address.
    VirtualNetwork,
    /// The tag `AzureLoadBalancer`. No load balancer exists here: matches nothing.
    AzureLoadBalancer,
    /// A range of addresses.
    Net(Net),
}

/// A range of ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ports {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl Ports {
    /// One port.
    #[must_use]
    pub const fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

/// What a matching rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Let it pass.
    Allow,
    /// Drop it silently.
    Deny,
}

/// One security rule. Of the rules that match a new connection, the one with
/// the lowest priority number decides. Empty lists mean `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// Which way.
    pub direction: Direction,
    /// 100 to 4096; the lowest number wins.
    pub priority: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// Where from.
    #[serde(default)]
    pub sources: Vec<Prefix>,
    /// Ports at the source; only with TCP and UDP (`Any` means both then).
    #[serde(default)]
    pub source_ports: Vec<Ports>,
    /// Where to; inbound these are private addresses, as in Azure.
    #[serde(default)]
    pub destinations: Vec<Prefix>,
    /// Ports at the destination; only with TCP and UDP (`Any` means both then).
    #[serde(default)]
    pub destination_ports: Vec<Ports>,
    /// What it decides.
    pub access: Access,
}

/// The rules of one network security group, without Azure's default rules
/// (`AllowVnetInBound`, `AllowAzureLoadBalancerInBound`, `DenyAllInBound`,
/// `AllowVnetOutBound`, `AllowInternetOutBound`, `DenyAllOutBound`): these
/// always come last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecurityGroup {
    /// The rules, in any order.
    pub rules: Vec<Rule>,
}

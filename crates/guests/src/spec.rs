//! What callers ask for, and what they are told.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::net::Net;
use crate::rules::SecurityGroup;

/// The address at which the controller, in the fabric namespace, is seen by
/// guests that it reaches at their private addresses (a peered network).
pub const CONTROLLER_PRIVATE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The address at which the controller, in the fabric namespace, is seen by
/// guests that it reaches at their public addresses.
pub const CONTROLLER_PUBLIC: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// The addresses that live in the namespace `internet`: each may be bound to
/// there. [`OUTSIDE`] is the one used unless a socket says otherwise.
pub const OUTSIDE_RANGE: &str = "198.51.100.0/24";

/// Where requests from outside come from.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Where guests find the package source: outside, so that egress decides.
pub const PACKAGES: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);

/// The port of the package source.
pub const PACKAGES_PORT: u16 = 3142;

/// A virtual network: one router with its own address ranges, which may
/// overlap with those of other networks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VnetSpec {
    /// Unique in the fabric: letters, digits, `-`, `_`, `.`, at most 100.
    pub name: String,
    /// The address space.
    pub ranges: Vec<Net>,
    /// Whether the fabric namespace (the controller's network) is peered with
    /// it, so that private addresses are reachable from there. Where ranges of
    /// several direct networks overlap, the first one has the route.
    pub direct: bool,
    /// The NAT gateway's public address, for guests with [`Egress::Nat`];
    /// one is chosen from 198.18.0.0/15 if absent.
    #[serde(default)]
    pub nat_address: Option<Ipv4Addr>,
}

/// Which process is process 1 of a guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    /// A tiny init that starts `sshd -i` per connection: 0.5 MB a guest.
    #[default]
    Lean,
    /// systemd: 11 MB a guest; `systemctl` works.
    Full,
}

/// Whether and how a guest gets out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Egress {
    /// Not at all: packets to the outside are dropped, as on Azure's new networks.
    #[default]
    None,
    /// Through the network's NAT gateway.
    Nat,
    /// From its own public address; without one this is [`Egress::None`].
    Public,
}

/// The admin account of a VM's `osProfile`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// `adminUsername`.
    pub name: String,
    /// Lines for `authorized_keys`.
    pub ssh_keys: Vec<String>,
}

/// What the network lets a guest do; may be changed at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// 1:1 NAT in both directions.
    #[serde(default)]
    pub public_address: Option<Ipv4Addr>,
    /// The way out.
    #[serde(default)]
    pub egress: Egress,
    /// The security groups in force (of the subnet, of the NIC): each of them
    /// must allow a connection. Without any, the virtual network may connect
    /// and the outside may not (a standard public address is closed by default).
    #[serde(default)]
    pub groups: Vec<SecurityGroup>,
    /// What goes for the other interfaces, in their order.
    #[serde(default)]
    pub others: Vec<InterfacePolicy>,
}

/// What the network lets an interface do that is not the primary one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfacePolicy {
    /// The way out of what is sent from its address.
    #[serde(default)]
    pub egress: Egress,
    /// As [`NetworkPolicy::groups`].
    #[serde(default)]
    pub groups: Vec<SecurityGroup>,
}

/// A network interface beside the primary one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its private address with the prefix length of its subnet.
    pub address: Net,
    /// Its hardware address; made from the private address if absent.
    #[serde(default)]
    pub mac: Option<[u8; 6]>,
}

/// A guest to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestSpec {
    /// Unique in the fabric: letters, digits, `-`, `_`, `.`, at most 100.
    pub name: String,
    /// The name of its virtual network.
    pub vnet: String,
    /// Its private address with the prefix length of its subnet.
    pub address: Net,
    /// `eth0`'s hardware address; made from the private address if absent.
    #[serde(default)]
    pub mac: Option<[u8; 6]>,
    /// `eth1` and so on. As in Azure the guest's default route is `eth0`'s, and
    /// what is sent from one's address over another is dropped: routes for
    /// them are the guest's own business.
    #[serde(default)]
    pub interfaces: Vec<Interface>,
    /// What process 1 is.
    #[serde(default)]
    pub flavour: Flavour,
    /// The host name (`computerName`).
    pub hostname: String,
    /// cloud-init's instance id (Azure: `vmId`): first-boot work is done once
    /// for each.
    pub instance_id: String,
    /// The admin account.
    #[serde(default)]
    pub admin: Option<Admin>,
    /// Decoded custom data; empty for none. At most 64 KiB, as in Azure.
    #[serde(default)]
    pub custom_data: Vec<u8>,
    /// The network policy to begin with.
    #[serde(default)]
    pub policy: NetworkPolicy,
}

/// What a guest is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Its init lives.
    On,
    /// Its init is gone; its files are kept.
    Off,
}

/// A guest as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestInfo {
    /// Its name.
    pub name: String,
    /// Its virtual network.
    pub vnet: String,
    /// Its private address.
    pub address: Ipv4Addr,
    /// What process 1 is.
    pub flavour: Flavour,
    /// Whether it runs.
    pub power: Power,
    /// Process 1's id on this machine, for information: it may be stale.
    pub pid: Option<i32>,
    /// Whether the last word of its owner was "on": `resume` starts those.
    pub wanted: Power,
    /// The network policy in force.
    pub policy: NetworkPolicy,
}

/// A namespace of the fabric that others may enter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace<'a> {
    /// Where the controller opens its sockets.
    Fabric,
    /// The outside.
    Internet,
    /// The router of a virtual network.
    Vnet(&'a str),
}

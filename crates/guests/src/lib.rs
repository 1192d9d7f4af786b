//! Real Linux hosts ("guests") on this machine, in namespaces.
//!
//! A [`Fabric`] is a set of network namespaces of its own: one for the
//! controller, one for the outside, one router for each virtual network. A
//! guest is a set of namespaces, an overlay over a shared base, and a real
//! OpenSSH. Guests outlive the process that started them; the next one that
//! opens the fabric adopts them.
//!
//! [`boot`] and [`netlink`] are what this library shares with `guest-init`,
//! process 1 of every guest.

mod base;
pub mod boot;
mod cgroups;
mod custom_data;
mod error;
mod fabric;
mod firewall;
mod net;
pub mod netlink;
mod ns;
mod packages;
mod process;
mod rules;
mod spec;
mod tools;

pub use base::{Base, cache_folder};
pub use error::{Error, Result};
pub use fabric::{AttachedDisk, Fabric, FabricOptions, Stop, leftovers};
pub use net::{Net, NetError};
pub use packages::{PackageOptions, PackageSource};
pub use rules::{Access, Direction, Ports, Prefix, Protocol, Rule, SecurityGroup};
pub use spec::{
    Admin, CONTROLLER_PRIVATE, CONTROLLER_PUBLIC, Egress, Flavour, GuestInfo, GuestSpec, Interface,
    InterfacePolicy, Namespace, NetworkPolicy, OUTSIDE, OUTSIDE_RANGE, PACKAGES, PACKAGES_PORT,
    Power, VnetSpec,
};
pub use tools::{ensure_root, ensure_tools};

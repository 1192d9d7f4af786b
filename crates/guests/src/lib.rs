//! Real Linux hosts ("guests") on this machine, in namespaces.
//!
//! A fabric is a set of network namespaces of its own: one for the
//! controller, one for the outside, one router for each virtual network. A
//! guest is a set of namespaces, an overlay over a shared base, and a real
//! OpenSSH. Guests outlive the process that started them; the next one that
//! opens the fabric adopts them.

mod error;
mod net;
mod rules;
mod spec;

pub use error::{Error, Result};
pub use net::{Net, NetError};
pub use rules::{Access, Direction, Ports, Prefix, Protocol, Rule, SecurityGroup};
pub use spec::{
    Admin, CONTROLLER_PRIVATE, CONTROLLER_PUBLIC, Egress, Flavour, GuestInfo, GuestSpec, Namespace,
    NetworkPolicy, OUTSIDE, OUTSIDE_RANGE, PACKAGES, PACKAGES_PORT, Power, VnetSpec,
};

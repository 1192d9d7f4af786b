//! A private set of networks and the guests in them.
//!
//! The fabric's directory is the truth: a file per virtual network, a
//! directory per guest, namespaces pinned beside them. A guest lives exactly
//! while the lock in its directory is held. So nothing here has to survive
//! the process: opening reads the directory and puts right what is missing.
//!
//! Locks are taken in this order: a guest's operation, a router's rules, the
//! registry, the fabric's own links. The registry is never held over a
//! process or a wait.

mod disks;
mod guests;
mod links;
mod liveness;
mod open;
mod power;
mod records;
mod reports;
mod teardown;
mod vnets;

pub use disks::AttachedDisk;
pub use open::{Fabric, FabricOptions};
pub use power::Stop;
pub use teardown::leftovers;

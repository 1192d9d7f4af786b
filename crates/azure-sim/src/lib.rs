//! The ARM simulator: Azure Resource Manager on this machine.
//!
//! The resource manager is a set of functions over a state in memory (`arm`,
//! `state`), which an append log makes durable (`store`). Long-running
//! operations are rows of that state, carried out by tasks (`work`) on the
//! machines behind the virtual machines (`hosts`): real guests, or nothing.
//! `http` is the front door with its tokens and token buckets; `control`
//! injects faults and shows what is there.

mod arm;
mod builder;
mod catalog;
mod control;
mod data_dir;
mod engine;
mod error;
mod faults;
mod follow;
mod hosts;
mod http;
mod ids;
mod latency;
mod network;
mod operation;
mod resource;
mod serve;
mod settings;
mod state;
mod store;
mod tls;
mod tuning;
mod work;

pub use data_dir::{DataDir, Endpoint};
pub use error::Error;
pub use hosts::{GuestHosts, HostDisk, HostState, Hosts, HostsError, MemoryHosts, Namespaces};
pub use latency::Latency;
pub use serve::Simulator;
pub use settings::{Principal, Settings};

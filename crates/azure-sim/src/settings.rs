//! What the simulator is told at its start.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use lazuli_guests::{Flavour, Net};

use crate::latency::Latency;

/// A service principal that may log in.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// The application (client) id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Principal")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The settings of one simulator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory.
    pub data: PathBuf,
    /// Where to listen with TLS; port 0 for any.
    pub listen: SocketAddr,
    /// Where to listen without.
    pub http_listen: Option<SocketAddr>,
    /// What Canonical's images become.
    pub default_flavour: Flavour,
    /// How long operations take.
    pub latency: Latency,
    /// Of ids and latencies.
    pub seed: u64,
    /// Whether the token buckets of Azure's published figures are in force.
    pub throttle: bool,
    /// Items per page of a list, at least 1.
    pub page_size: usize,
    /// The subscriptions' ids; the first one is told in `endpoint.json`.
    pub subscriptions: Vec<String>,
    /// The tenant's id.
    pub tenant: String,
    /// Who may log in; the first one is told in `endpoint.json`.
    pub principals: Vec<Principal>,
    /// How long a token is good, in seconds.
    pub token_lifetime: u64,
    /// Quotas by name (`cores`, `standardDSv5Family`, `PublicIPAddresses`).
    pub quotas: BTreeMap<String, u64>,
    /// Where public addresses come from.
    pub public_range: Net,
    /// Whether the controller's network is peered with all virtual networks.
    pub direct: bool,
    /// Whether guests go on running when the simulator ends.
    pub keep_guests: bool,
    /// Whether the state log is synced to disk.
    pub sync: bool,
}

/// The quota of what has no other: Azure's own are lower, and a test that
/// wants them sets them.
pub(crate) const DEFAULT_CORES: u64 = 10_000;

/// Default quotas of the network provider: (name, for people, limit).
pub(crate) const NETWORK_QUOTAS: [(&str, &str, u64); 5] = [
    ("VirtualNetworks", "Virtual Networks", 1_000),
    ("PublicIPAddresses", "Public IP Addresses", 1_000),
    ("NetworkInterfaces", "Network Interfaces", 65_536),
    ("NetworkSecurityGroups", "Network Security Groups", 5_000),
    ("NatGateways", "Nat Gateways", 1_000),
];

impl Settings {
    /// The defaults, with the data in `data`.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self {
            data,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            http_listen: None,
            default_flavour: Flavour::Lean,
            latency: Latency::None,
            seed: 0,
            throttle: true,
            page_size: 200,
            subscriptions: vec!["5ea1ab1e-0000-4000-8000-000000000001".to_owned()],
            tenant: "5ea1ab1e-0000-4000-8000-00000000000a".to_owned(),
            principals: vec![Principal {
                id: "5ea1ab1e-0000-4000-8000-0000000000c1".to_owned(),
                secret: "simulated-secret".to_owned(),
            }],
            token_lifetime: 3600,
            quotas: BTreeMap::new(),
            public_range: Net {
                address: std::net::Ipv4Addr::new(20, 50, 0, 0),
                prefix: 16,
            },
            direct: true,
            keep_guests: false,
            sync: true,
        }
    }
}

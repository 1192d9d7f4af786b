//! IPv4 addresses with a prefix length.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An address and the length of its network's prefix, written `10.0.0.4/24`.
/// As a prefix only the network bits count; as an interface address all do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Net {
    /// The address.
    pub address: Ipv4Addr,
    /// How many leading bits name the network: 0 to 32.
    pub prefix: u8,
}

impl Net {
    /// An address with a prefix length; `None` if `prefix` is above 32.
    #[must_use]
    pub const fn new(address: Ipv4Addr, prefix: u8) -> Option<Self> {
        if prefix > 32 {
            return None;
        }
        Some(Self { address, prefix })
    }

    /// A single address.
    #[must_use]
    pub const fn host(address: Ipv4Addr) -> Self {
        Self {
            address,
            prefix: 32,
        }
    }

    /// The same network with its host bits cleared.
    #[must_use]
    pub fn network(self) -> Self {
        Self {
            address: Ipv4Addr::from_bits(self.address.to_bits() & self.mask()),
            prefix: self.prefix,
        }
    }

    /// The first address after the network's own: Azure's default gateway.
    #[must_use]
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network().address.to_bits().wrapping_add(1))
    }

    /// Whether `address` is in this network.
    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask() == self.network().address.to_bits()
    }

    /// Whether the two networks have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.contains(other.network().address) || other.contains(self.network().address)
    }

    fn mask(self) -> u32 {
        u32::MAX
            .checked_shl(32 - u32::from(self.prefix))
            .unwrap_or(0)
    }
}

/// A text that is not `a.b.c.d/n` or `a.b.c.d`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv4 network (expected such as 10.0.0.0/16)")]
pub struct NetError(String);

impl FromStr for Net {
    type Err = NetError;

    fn from_str(text: &str) -> Result<Self, NetError> {
        let bad = || NetError(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, prefix.parse().map_err(|_| bad())?),
            None => (text, 32),
        };
        let address = address.parse().map_err(|_| bad())?;
        Self::new(address, prefix).ok_or_else(bad)
    }
}

impl TryFrom<String> for Net {
    type Error = NetError;

    fn try_from(text: String) -> Result<Self, NetError> {
        text.parse()
    }
}

impl From<Net> for String {
    fn from(net: Net) -> Self {
        net.to_string()
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    #[test]
    fn reads_and_writes() {
        assert_eq!(net("10.0.0.4/24").to_string(), "10.0.0.4/24");
        assert_eq!(net("10.0.0.4").prefix, 32);
        assert!("10.0.0.4/33".parse::<Net>().is_err());
        assert!("10.0.0/8".parse::<Net>().is_err());
    }

    #[test]
    fn knows_its_network() {
        assert_eq!(net("10.0.1.4/24").network(), net("10.0.1.0/24"));
        assert_eq!(net("10.0.1.4/24").gateway().to_string(), "10.0.1.1");
        assert!(net("0.0.0.0/0").contains(Ipv4Addr::new(203, 0, 113, 9)));
        assert!(net("10.0.0.0/8").overlaps(net("10.64.0.0/18")));
        assert!(!net("10.0.0.0/18").overlaps(net("10.64.0.0/18")));
    }
}

//! Port ranges as charms open them: `80`, `80/tcp`, `80-90/udp`, `icmp`.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use crate::text::{excerpt, serde_as_text};

/// A protocol that ports are opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// ICMP, which has no ports.
    Icmp,
    /// TCP, the default.
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// The protocol in lower case, as Juju prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// A text that is not a port range. The texts are Juju's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Neither tcp, udp nor icmp.
    #[error("invalid protocol {0:?}, expected \"tcp\", \"udp\", or \"icmp\"")]
    Protocol(String),
    /// Not a number.
    #[error("invalid port {0:?}: must be a number, such as 80, 80/tcp or 8000-8010/udp")]
    Port(String),
    /// A number beyond 65535.
    #[error("port range bounds must be between 0 and 65535, got {from}-{to}")]
    Bounds {
        /// The lower bound as given.
        from: i64,
        /// The upper bound as given.
        to: i64,
    },
    /// The lower bound is above the upper one.
    #[error("invalid port range {from}-{to}/{}", .protocol.as_str())]
    Reversed {
        /// The lower bound as given.
        from: i64,
        /// The upper bound as given.
        to: i64,
        /// The protocol.
        protocol: Protocol,
    },
    /// `80/icmp`.
    #[error("protocol \"icmp\" doesn't support any ports; got \"{from}-{to}\"")]
    IcmpPorts {
        /// The lower bound as given.
        from: i64,
        /// The upper bound as given.
        to: i64,
    },
}

/// A range of ports of one protocol; a single port is a range of one. ICMP has no ports (both bounds are 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    protocol: Protocol,
    from: u16,
    to: u16,
}

impl PortRange {
    /// The range `from..=to` of TCP or UDP.
    pub fn new(from: u16, to: u16, protocol: Protocol) -> Result<Self, PortError> {
        let (low, high) = (i64::from(from), i64::from(to));
        if protocol == Protocol::Icmp {
            return Err(PortError::IcmpPorts {
                from: low,
                to: high,
            });
        }
        if from > to {
            return Err(PortError::Reversed {
                from: low,
                to: high,
                protocol,
            });
        }
        Ok(Self { protocol, from, to })
    }

    /// All of ICMP.
    pub fn icmp() -> Self {
        Self {
            protocol: Protocol::Icmp,
            from: 0,
            to: 0,
        }
    }

    /// The protocol.
    pub fn protocol(self) -> Protocol {
        self.protocol
    }

    /// The first and the last port, or `None` for ICMP.
    pub fn ports(self) -> Option<(u16, u16)> {
        (self.protocol != Protocol::Icmp).then_some((self.from, self.to))
    }

    /// Whether the two share a port of one protocol. ICMP overlaps ICMP.
    pub fn overlaps(self, other: Self) -> bool {
        self.protocol == other.protocol && self.from <= other.to && other.from <= self.to
    }

    /// Whether opening `self` must fail because a unit of the machine holds `other`: they overlap, and are either
    /// different ranges or the same range of another unit.
    pub fn conflicts_with(self, other: Self, same_unit: bool) -> bool {
        self.overlaps(other) && !(same_unit && self == other)
    }
}

impl FromStr for PortRange {
    type Err = PortError;

    /// Reads what `open-port` takes, in any case.
    fn from_str(text: &str) -> Result<Self, PortError> {
        let text = text.to_ascii_lowercase();
        let (ports, protocol) = text
            .split_once('/')
            .map_or((text.as_str(), None), |(ports, protocol)| {
                (ports, Some(protocol))
            });
        if ports == "icmp" {
            return Ok(Self::icmp());
        }
        let (from, to) = match ports.split_once('-') {
            None => (port(ports)?, port(ports)?),
            Some((from, to)) => (port(from)?, port(to)?),
        };
        let protocol = match protocol {
            None | Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            Some("icmp") => return Err(PortError::IcmpPorts { from, to }),
            Some(other) => return Err(PortError::Protocol(excerpt(other))),
        };
        if from > to {
            return Err(PortError::Reversed { from, to, protocol });
        }
        match (u16::try_from(from), u16::try_from(to)) {
            (Ok(from), Ok(to)) => Self::new(from, to, protocol),
            _ => Err(PortError::Bounds { from, to }),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.as_str();
        match self.ports() {
            None => f.pad(protocol),
            Some((from, to)) if from == to => f.pad(&format!("{from}/{protocol}")),
            Some((from, to)) => f.pad(&format!("{from}-{to}/{protocol}")),
        }
    }
}

serde_as_text!(PortRange);

/// The ports of a unit in the table of `status`: `80,443,9000-9002/tcp 53/udp icmp`.
///
/// As in Juju: protocols in the order tcp, udp, icmp; single ports before ranges; ports that follow each other are
/// joined, though not over a change in the number of digits (`9,10/tcp`).
pub fn compressed(ports: &[PortRange]) -> String {
    let mut out = String::new();
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let listed = joined(ports, protocol);
        if !listed.is_empty() {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{}/{}", listed.join(","), protocol.as_str());
        }
    }
    if ports.iter().any(|range| range.protocol == Protocol::Icmp) {
        out.push_str(if out.is_empty() { "icmp" } else { " icmp" });
    }
    out
}

fn joined(ports: &[PortRange], protocol: Protocol) -> Vec<String> {
    let mut ranges: Vec<(u16, u16)> = ports
        .iter()
        .filter(|range| range.protocol == protocol)
        .filter_map(|range| range.ports())
        .collect();
    ranges.sort_unstable();
    ranges.dedup();
    let (singles, wide): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|(from, to)| from == to);
    let mut groups: Vec<(u16, u16)> = Vec::new();
    for (port, _) in singles {
        match groups.last_mut() {
            Some((_, last)) if port > 1 && port - 1 == *last && digits(port) == digits(*last) => {
                *last = port;
            }
            _ => groups.push((port, port)),
        }
    }
    let text = |(from, to)| {
        if from == to {
            format!("{from}")
        } else {
            format!("{from}-{to}")
        }
    };
    let mut wide: Vec<String> = wide.into_iter().map(text).collect();
    wide.sort_by_key(String::len);
    groups.into_iter().map(text).chain(wide).collect()
}

fn digits(port: u16) -> u32 {
    port.checked_ilog10().unwrap_or(0)
}

fn port(text: &str) -> Result<i64, PortError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or_else(|| PortError::Port(excerpt(text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> PortRange {
        text.parse().unwrap()
    }

    #[test]
    fn forms_of_open_port() {
        for (given, printed) in [
            ("80", "80/tcp"),
            ("80/TCP", "80/tcp"),
            ("53/udp", "53/udp"),
            ("80-90", "80-90/tcp"),
            ("80-80/udp", "80/udp"),
            ("ICMP", "icmp"),
            ("0-65535/udp", "0-65535/udp"),
        ] {
            assert_eq!(range(given).to_string(), printed);
        }
    }

    #[test]
    fn errors_are_jujus() {
        for (given, text) in [
            (
                "80/sctp",
                "invalid protocol \"sctp\", expected \"tcp\", \"udp\", or \"icmp\"",
            ),
            (
                "80/",
                "invalid protocol \"\", expected \"tcp\", \"udp\", or \"icmp\"",
            ),
            (
                "0-65536",
                "port range bounds must be between 0 and 65535, got 0-65536",
            ),
            ("90-80", "invalid port range 90-80/tcp"),
            (
                "80/icmp",
                "protocol \"icmp\" doesn't support any ports; got \"80-80\"",
            ),
            (
                "web",
                "invalid port \"web\": must be a number, such as 80, 80/tcp or 8000-8010/udp",
            ),
            (
                "",
                "invalid port \"\": must be a number, such as 80, 80/tcp or 8000-8010/udp",
            ),
        ] {
            assert_eq!(given.parse::<PortRange>().unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn overlaps_are_of_one_protocol() {
        assert!(range("80-90").overlaps(range("85")));
        assert!(!range("80-90").overlaps(range("91")));
        assert!(!range("53/tcp").overlaps(range("53/udp")));
        assert!(
            !range("80").conflicts_with(range("80"), true),
            "opening again is no conflict"
        );
        assert!(range("80").conflicts_with(range("80"), false));
        assert!(range("80-81").conflicts_with(range("80"), true));
    }

    #[test]
    fn compressed_as_in_the_table() {
        let show =
            |texts: &[&str]| compressed(&texts.iter().map(|text| range(text)).collect::<Vec<_>>());
        assert_eq!(show(&["80", "443", "53/udp"]), "80,443/tcp 53/udp");
        assert_eq!(show(&["9000", "9002", "9001", "80"]), "80,9000-9002/tcp");
        assert_eq!(
            show(&["8000-8010", "icmp", "81", "80"]),
            "80-81,8000-8010/tcp icmp"
        );
        assert_eq!(show(&["9", "10"]), "9,10/tcp");
        assert_eq!(show(&[]), "");
    }

    proptest! {
        #[test]
        fn round_trip(a: u16, b: u16, udp: bool) {
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            let range = PortRange::new(a.min(b), a.max(b), protocol).unwrap();
            prop_assert_eq!(range.to_string().parse::<PortRange>().unwrap(), range);
            let json = serde_json::to_string(&range).unwrap();
            prop_assert_eq!(serde_json::from_str::<PortRange>(&json).unwrap(), range);
        }

        #[test]
        fn no_text_is_fatal(text in "\\PC*") {
            let _ = text.parse::<PortRange>();
        }
    }
}

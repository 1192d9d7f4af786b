//! Addresses at which no machine of a model can be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Azure's own services, from inside each machine (DNS, health probes).
const WIRE_SERVER: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
/// The metadata service of other clouds, over IPv6.
const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Why no machine of a model can be at an address, if it cannot: what a user
/// enlists there would be the controller's own host or its cloud's services,
/// which a tunnel to the machine must never reach.
#[must_use]
pub fn unusable(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        any if any.is_unspecified() => Some("it is no host's address"),
        any if any.is_loopback() => Some("it is the controller's own host"),
        any if any.is_multicast() => Some("it is a group of hosts"),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("it is every host's address"),
        IpAddr::V4(v4) if v4.is_link_local() => {
            Some("it is link-local, where clouds have their metadata service")
        }
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("it is link-local"),
        IpAddr::V4(WIRE_SERVER) | IpAddr::V6(METADATA) => {
            Some("it is a service of the cloud's own")
        }
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("it is no host's address"),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controllers_host_and_the_clouds_services_are_no_machines() {
        let refused = [
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.169.254",
            "fe80::1",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "fd00:ec2::254",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ];
        for address in refused {
            assert!(unusable(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in [
            "10.0.0.4",
            "192.168.1.2",
            "20.1.2.3",
            "fd12::7",
            "2001:db8::1",
        ] {
            assert_eq!(unusable(address.parse().unwrap()), None, "{address}");
        }
    }
}

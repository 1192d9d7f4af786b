//! What must be in force in a router.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::net::Net;
use crate::rules::SecurityGroup;
use crate::spec::{CONTROLLER_PRIVATE, Egress};

use super::groups::{self, Side};

/// A router and its guests.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    pub(crate) ranges: Vec<Net>,
    pub(crate) direct: bool,
    pub(crate) nat_address: Ipv4Addr,
    pub(crate) guests: Vec<GuestRules>,
}

/// What a router knows of a guest.
#[derive(Clone, Debug)]
pub(crate) struct GuestRules {
    pub(crate) address: Ipv4Addr,
    pub(crate) public: Option<Ipv4Addr>,
    pub(crate) egress: Egress,
    pub(crate) groups: Vec<SecurityGroup>,
}

/// The variable part of the rules: elements by set, rules by chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) sets: BTreeMap<&'static str, BTreeSet<String>>,
    pub(crate) chains: BTreeMap<String, Vec<String>>,
}

/// The fixed part: what a packet meets, in this order.
///
/// The wire to the fabric is called `up`. Bit 1 of the mark says that the source is in the virtual network, bit 2
/// the destination; neither is so for what came through a public address.
pub(super) const FIXED: &str = r#"
table ip lazuli {
  set ranges { type ipv4_addr; flags interval; }
  set virtual { type ipv4_addr; flags interval; }
  set controller { type ipv4_addr; }
  set guests { type ipv4_addr; }
  set egress { type ipv4_addr; }
  set nat { type ipv4_addr; }
  map nat_gateway { type ipv4_addr : ipv4_addr; flags interval; }
  map public_in { type ipv4_addr : ipv4_addr; }
  map public_out { type ipv4_addr : ipv4_addr; }
  map inbound { type ipv4_addr : verdict; }
  map outbound { type ipv4_addr : verdict; }
  set private {
    type ipv4_addr; flags interval;
    elements = { 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, 192.0.2.0/24, 169.254.0.0/16 }
  }

  chain prerouting {
    type nat hook prerouting priority dstnat;
    dnat to ip daddr map @public_in
  }
  chain postrouting {
    type nat hook postrouting priority srcnat;
    oifname != "up" iifname "up" accept
    oifname != "up" ct status dnat snat to ip saddr map @public_out
    oifname != "up" accept
    ip daddr @controller accept
    ip saddr @nat snat to ip saddr map @nat_gateway
    snat to ip saddr map @public_out
  }
  chain input {
    type filter hook input priority filter; policy drop;
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state invalid drop
    meta mark set 0
    ct status dnat goto verdicts
    iifname "up" ip saddr != @controller drop
    ip saddr @virtual meta mark set meta mark or 1
    ip daddr @virtual meta mark set meta mark or 2
    goto verdicts
  }
  chain verdicts {
    iifname != "up" ip saddr != @guests drop
    iifname != "up" ip saddr vmap @outbound
    oifname "up" goto leave
    ip daddr != @guests drop
    ip daddr vmap @inbound
    accept
  }
  chain leave {
    ip daddr @controller accept
    ip daddr @ranges drop
    ip daddr @private drop
    ip saddr @egress accept
  }
}
"#;

impl Router {
    /// The sets and chains that follow from the guests.
    pub(crate) fn render(&self) -> Rendered {
        let mut rendered = Rendered::default();
        let ranges = groups::disjoint(&self.ranges);
        rendered.extend("ranges", &ranges);
        rendered.extend("virtual", &ranges);
        rendered.add("nat_gateway", format!("0.0.0.0/0 : {}", self.nat_address));
        if self.direct {
            rendered.add("virtual", format!("{CONTROLLER_PRIVATE}"));
            rendered.add("controller", format!("{CONTROLLER_PRIVATE}"));
        }
        for guest in &self.guests {
            rendered.guest(guest);
        }
        rendered
    }
}

impl Rendered {
    fn guest(&mut self, guest: &GuestRules) {
        let address = guest.address;
        self.add("guests", address.to_string());
        if let Some(public) = guest.public {
            self.add("public_in", format!("{public} : {address}"));
            self.add("public_out", format!("{address} : {public}"));
        }
        match (guest.egress, guest.public) {
            (Egress::None, _) | (Egress::Public, None) => {}
            (Egress::Nat, _) => {
                self.add("egress", address.to_string());
                self.add("nat", address.to_string());
            }
            (Egress::Public, Some(_)) => self.add("egress", address.to_string()),
        }
        for (set, side) in [("inbound", Side::Inbound), ("outbound", Side::Outbound)] {
            if let Some(chain) = groups::compile(&guest.groups, side, &mut self.chains) {
                self.add(set, format!("{address} : jump {chain}"));
            }
        }
    }

    fn add(&mut self, set: &'static str, element: String) {
        self.sets.entry(set).or_default().insert(element);
    }

    fn extend(&mut self, set: &'static str, nets: &[Net]) {
        for net in nets {
            self.add(set, net.to_string());
        }
    }
}

//! The namespaces `fabric` and `internet`, and the fabric's routes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::error::{Error, Result};
use crate::net::Net;
use crate::netlink::{End, LOOPBACK, Netlink, Place, Request, Via};
use crate::ns;
use crate::spec::{
    CONTROLLER_PRIVATE, CONTROLLER_PUBLIC, Namespace, OUTSIDE, OUTSIDE_RANGE, PACKAGES,
};

use super::open::namespace_path;
use super::records::Vnet;

/// The index of a namespace's own way out, and of what it calls so.
const UPLINK_INDEX: u32 = 2;
/// Wires to virtual networks have this plus the network's number.
const VNET_INDEX: u32 = 100;
/// Wires between namespaces all have this hardware address.
const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const EVERYWHERE: Net = Net {
    address: Ipv4Addr::UNSPECIFIED,
    prefix: 0,
};

/// The fabric namespace's links and routes.
#[derive(Debug)]
pub(super) struct Links {
    netlink: Netlink,
    /// Routes to private ranges, as far as this process made them.
    direct: BTreeMap<Net, u32>,
}

impl Links {
    /// Makes the two namespaces and the wire between them if they are missing.
    pub(super) fn ensure(dir: &Path) -> Result<Self> {
        let fabric = namespace_path(dir, Namespace::Fabric);
        let internet = namespace_path(dir, Namespace::Internet);
        if !ns::is_pinned(&fabric) {
            ns::pin(&fabric, prepare_fabric)?;
        }
        if !ns::is_pinned(&internet) {
            ns::pin(&internet, prepare_internet)?;
        }
        let mut netlink = ns::inside(&fabric, Netlink::open)?;
        let here = End {
            name: "internet",
            index: UPLINK_INDEX,
        };
        wire(&mut netlink, here, "fabric", &internet)?;
        way_out(&internet, Some(OUTSIDE))?;
        let source = Some(CONTROLLER_PUBLIC);
        let index = UPLINK_INDEX;
        netlink
            .run(&[Request::route(outside(), Via::Link { index, source })])
            .map_err(Error::io("connect the fabric with the outside"))?;
        Ok(Self {
            netlink,
            direct: BTreeMap::new(),
        })
    }

    /// Makes a network's router and its wire if they are missing.
    pub(super) fn ensure_router(&mut self, dir: &Path, vnet: &Vnet) -> Result<()> {
        let path = namespace_path(dir, Namespace::Vnet(&vnet.name));
        if !ns::is_pinned(&path) {
            ns::pin(&path, prepare_router)?;
        }
        let name = wire_name(vnet);
        let here = End {
            name: &name,
            index: VNET_INDEX + vnet.index,
        };
        wire(&mut self.netlink, here, "up", &path)?;
        way_out(&path, None)?;
        self.publish(vnet, &[vnet.nat_address], &[])
    }

    /// Ends a network's wire and router.
    pub(super) fn remove_router(&mut self, dir: &Path, vnet: &Vnet) -> Result<()> {
        self.netlink
            .run(&[Request::cut(&wire_name(vnet))])
            .map_err(Error::io(format!("disconnect the network {}", vnet.name)))?;
        let link = VNET_INDEX + vnet.index;
        self.direct.retain(|_, index| *index != link);
        ns::unpin(&namespace_path(dir, Namespace::Vnet(&vnet.name)))
    }

    /// Leads public addresses to a network, and no longer leads others there.
    pub(super) fn publish(
        &mut self,
        vnet: &Vnet,
        new: &[Ipv4Addr],
        old: &[Ipv4Addr],
    ) -> Result<()> {
        let via = Via::Link {
            index: VNET_INDEX + vnet.index,
            source: Some(CONTROLLER_PUBLIC),
        };
        let mut requests = Vec::new();
        for address in old {
            requests.push(Request::unroute(Net::host(*address), via));
        }
        for address in new {
            requests.push(Request::route(Net::host(*address), via));
        }
        self.netlink
            .run(&requests)
            .map_err(Error::io(format!("publish addresses of {}", vnet.name)))
    }

    /// Makes the controller's routes to private ranges be these.
    pub(super) fn route_direct(&mut self, wanted: &[(Net, u32)]) -> Result<()> {
        let wanted: BTreeMap<Net, u32> = wanted
            .iter()
            .map(|(net, vnet)| (net.network(), VNET_INDEX + vnet))
            .collect();
        let source = Some(CONTROLLER_PRIVATE);
        let mut requests = Vec::new();
        for (net, index) in &self.direct {
            if wanted.get(net) != Some(index) {
                let index = *index;
                requests.push(Request::unroute(*net, Via::Link { index, source }));
            }
        }
        for (net, index) in &wanted {
            if self.direct.get(net) != Some(index) {
                let index = *index;
                requests.push(Request::route(*net, Via::Link { index, source }));
            }
        }
        self.netlink
            .run(&requests)
            .map_err(Error::io("route to the networks' private ranges"))?;
        self.direct = wanted;
        Ok(())
    }
}

/// Replaces a router's dead ends: addresses of the network that no guest has.
pub(super) fn dead_ends(path: &Path, new: &[Net], old: &[Net]) -> Result<()> {
    let mut requests = Vec::new();
    for net in old.iter().filter(|net| !new.contains(net)) {
        requests.push(Request::unroute(net.network(), Via::Blackhole));
    }
    for net in new {
        requests.push(Request::route(net.network(), Via::Blackhole));
    }
    ns::inside(path, || Netlink::open()?.run(&requests))
}

/// Makes a wire from the fabric into a namespace, unless it is there.
fn wire(netlink: &mut Netlink, here: End<'_>, there: &str, path: &Path) -> Result<()> {
    let namespace = File::open(path).map_err(Error::path("open", path))?.into();
    let there = End {
        name: there,
        index: UPLINK_INDEX,
    };
    match netlink.run(&[Request::wire(here, there, Place::Open(&namespace), MAC)]) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Ok(()) => Ok(()),
        Err(error) => Err(Error::io(format!("connect {}", path.display()))(error)),
    }
}

/// Leads everything from a namespace to the fabric.
fn way_out(path: &Path, source: Option<Ipv4Addr>) -> Result<()> {
    let index = UPLINK_INDEX;
    ns::inside(path, || {
        Netlink::open()?.run(&[
            Request::up(index),
            Request::route(EVERYWHERE, Via::Link { index, source }),
        ])
    })
}

fn wire_name(vnet: &Vnet) -> String {
    format!("v{}", vnet.index)
}

fn outside() -> Net {
    let net = OUTSIDE_RANGE.parse().unwrap_or(Net::host(OUTSIDE));
    debug_assert!(net.prefix < 32, "the constant is a network");
    net
}

fn prepare_fabric() -> io::Result<()> {
    sysctl("ipv4/ip_forward", "1")?;
    quiet()?;
    Netlink::open()?.run(&[
        Request::up(LOOPBACK),
        Request::address(LOOPBACK, Net::host(CONTROLLER_PRIVATE)),
        Request::address(LOOPBACK, Net::host(CONTROLLER_PUBLIC)),
    ])
}

fn prepare_internet() -> io::Result<()> {
    quiet()?;
    Netlink::open()?.run(&[
        Request::up(LOOPBACK),
        Request::address(LOOPBACK, Net::host(OUTSIDE)),
        Request::address(LOOPBACK, Net::host(PACKAGES)),
        Request::route(outside(), Via::Local),
    ])
}

fn prepare_router() -> io::Result<()> {
    sysctl("ipv4/ip_forward", "1")?;
    // Strict: a guest cannot send in another's name.
    sysctl("ipv4/conf/default/rp_filter", "1")?;
    quiet()?;
    Netlink::open()?.run(&[Request::up(LOOPBACK)])
}

/// No IPv6 on wires, where it would only chatter.
fn quiet() -> io::Result<()> {
    match sysctl("ipv6/conf/default/disable_ipv6", "1") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn sysctl(name: &str, value: &str) -> io::Result<()> {
    fs::write(Path::new("/proc/sys/net").join(name), value)
}

//! The few rtnetlink requests that wires and routes need.
//!
//! `ip` costs a process for each call, and a guest would need four. Here all
//! requests to one namespace go out in one buffer, over a socket that was
//! opened there and remembers it.

use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, sendmsg,
    socket,
};

use crate::net::Net;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_EXCL: u16 = 0x200;
const NLMSG_ERROR: u16 = 2;
const HEADER: usize = 16;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;

const AF_INET: u8 = 2;
const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 0x80;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_PID: u16 = 19;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const RT_TABLE_MAIN: u8 = 254;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_STATIC: u8 = 4;
const RTNH_F_ONLINK: u32 = 4;
const SCOPE_UNIVERSE: u8 = 0;
const SCOPE_LINK: u8 = 253;
const SCOPE_HOST: u8 = 254;
const RTN_UNICAST: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RTN_BLACKHOLE: u8 = 6;

/// The index of `lo` in every namespace.
pub const LOOPBACK: u32 = 1;

/// One request, not yet sent.
#[derive(Debug)]
pub struct Request {
    kind: u16,
    flags: u16,
    body: Vec<u8>,
    what: String,
    absent_is_fine: bool,
}

/// One end of a wire.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Its name, at most 15 bytes.
    pub name: &'a str,
    /// Its index: chosen, so that no answer has to be read.
    pub index: u32,
}

/// Where the other end of a wire goes.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// The namespace of a process.
    Process(u32),
    /// An open namespace.
    Open(&'a OwnedFd),
}

/// Where a route leads.
#[derive(Clone, Copy, Debug)]
pub enum Via {
    /// Onto a link, with the source address to prefer.
    Link {
        /// The link.
        index: u32,
        /// Packets that begin here carry it.
        source: Option<Ipv4Addr>,
    },
    /// A gateway that is taken to be on the link.
    Gateway {
        /// The link.
        index: u32,
        /// The gateway.
        gateway: Ipv4Addr,
    },
    /// To this namespace itself.
    Local,
    /// Nowhere.
    Blackhole,
}

impl Request {
    /// A wire: a veth pair without ARP, with one hardware address. This end
    /// is up; a veth cannot be brought up before it has a peer, so that end
    /// needs an [`up`](Self::up) of its own.
    #[must_use]
    pub fn wire(here: End<'_>, there: End<'_>, place: Place<'_>, mac: [u8; 6]) -> Self {
        let mut peer = link_message(there.index, IFF_NOARP);
        attribute(&mut peer, IFLA_IFNAME, &zero_ended(there.name));
        attribute(&mut peer, IFLA_ADDRESS, &mac);
        match place {
            Place::Process(pid) => attribute(&mut peer, IFLA_NET_NS_PID, &pid.to_ne_bytes()),
            Place::Open(fd) => {
                attribute(&mut peer, IFLA_NET_NS_FD, &fd.as_raw_fd().to_ne_bytes());
            }
        }
        let mut data = Vec::new();
        attribute(&mut data, VETH_INFO_PEER, &peer);
        let mut info = Vec::new();
        attribute(&mut info, IFLA_INFO_KIND, b"veth");
        attribute(&mut info, IFLA_INFO_DATA, &data);
        let mut body = link_message(here.index, IFF_UP | IFF_NOARP);
        attribute(&mut body, IFLA_IFNAME, &zero_ended(here.name));
        attribute(&mut body, IFLA_ADDRESS, &mac);
        attribute(&mut body, IFLA_LINKINFO, &info);
        Self {
            kind: RTM_NEWLINK,
            flags: NLM_F_CREATE | NLM_F_EXCL,
            body,
            what: format!("add the wire {}", here.name),
            absent_is_fine: false,
        }
    }

    /// Ends a wire, both ends of it; one that is absent is fine.
    #[must_use]
    pub fn cut(name: &str) -> Self {
        let mut body = link_message(0, 0);
        attribute(&mut body, IFLA_IFNAME, &zero_ended(name));
        Self {
            kind: RTM_DELLINK,
            flags: 0,
            body,
            what: format!("remove the wire {name}"),
            absent_is_fine: true,
        }
    }

    /// Brings a link up.
    #[must_use]
    pub fn up(index: u32) -> Self {
        Self {
            kind: RTM_NEWLINK,
            flags: 0,
            body: link_message(index, IFF_UP),
            what: format!("bring link {index} up"),
            absent_is_fine: false,
        }
    }

    /// Gives a link an address; the prefix makes a route of its own.
    #[must_use]
    pub fn address(index: u32, net: Net) -> Self {
        let mut body = vec![AF_INET, net.prefix, 0, SCOPE_UNIVERSE];
        body.extend_from_slice(&index.to_ne_bytes());
        attribute(&mut body, IFA_LOCAL, &net.address.octets());
        attribute(&mut body, IFA_ADDRESS, &net.address.octets());
        Self {
            kind: RTM_NEWADDR,
            flags: NLM_F_CREATE | NLM_F_REPLACE,
            body,
            what: format!("add the address {net}"),
            absent_is_fine: false,
        }
    }

    /// Adds or replaces a route.
    #[must_use]
    pub fn route(to: Net, via: Via) -> Self {
        Self {
            kind: RTM_NEWROUTE,
            flags: NLM_F_CREATE | NLM_F_REPLACE,
            body: route_message(to, via),
            what: format!("add the route to {to}"),
            absent_is_fine: false,
        }
    }

    /// Removes a route; one that is absent is fine.
    #[must_use]
    pub fn unroute(to: Net, via: Via) -> Self {
        Self {
            kind: RTM_DELROUTE,
            flags: 0,
            body: route_message(to, via),
            what: format!("remove the route to {to}"),
            absent_is_fine: true,
        }
    }
}

/// A socket to the kernel's routing tables of one namespace.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// Opens one in the calling thread's namespace; it stays there.
    ///
    /// # Errors
    /// The system call's.
    pub fn open() -> io::Result<Self> {
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// Carries requests out, in order; stops at none, returns the first error.
    ///
    /// # Errors
    /// What the kernel said, with what was attempted.
    pub fn run(&mut self, requests: &[Request]) -> io::Result<()> {
        // The kernel's answers wait in the receive buffer (200 kB): 64 at a time fit.
        for batch in requests.chunks(64) {
            self.run_batch(batch)?;
        }
        Ok(())
    }

    fn run_batch(&mut self, batch: &[Request]) -> io::Result<()> {
        let first = self.sequence.wrapping_add(1);
        let mut buffer = Vec::with_capacity(256 * batch.len());
        for request in batch {
            self.sequence = self.sequence.wrapping_add(1);
            request.write(self.sequence, &mut buffer);
        }
        sendmsg::<NetlinkAddr>(
            self.socket.as_raw_fd(),
            &[IoSlice::new(&buffer)],
            &[],
            MsgFlags::empty(),
            None,
        )?;
        let mut failed = None;
        let mut open = batch.len();
        let mut answer = vec![0_u8; 16 * 1024];
        while open > 0 {
            let length = recv(self.socket.as_raw_fd(), &mut answer, MsgFlags::empty())?;
            for (sequence, code) in acknowledgements(&answer[..length]) {
                let place = sequence.wrapping_sub(first) as usize;
                let Some(request) = batch.get(place) else {
                    continue;
                };
                open -= 1;
                if let Some(error) = request.error(code) {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Request {
    fn write(&self, sequence: u32, buffer: &mut Vec<u8>) {
        let length = HEADER + self.body.len();
        buffer.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        buffer.extend_from_slice(&self.kind.to_ne_bytes());
        buffer.extend_from_slice(&(self.flags | NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
        buffer.extend_from_slice(&sequence.to_ne_bytes());
        buffer.extend_from_slice(&0_u32.to_ne_bytes());
        buffer.extend_from_slice(&self.body);
        pad(buffer);
    }

    fn error(&self, code: i32) -> Option<io::Error> {
        const ESRCH: i32 = 3;
        const ENODEV: i32 = 19;
        if code == 0 || (self.absent_is_fine && (code == -ENODEV || code == -ESRCH)) {
            return None;
        }
        let cause = io::Error::from_raw_os_error(-code);
        Some(io::Error::new(
            cause.kind(),
            format!("cannot {}: {cause}", self.what),
        ))
    }
}

/// The (sequence, code) pairs of a buffer of answers.
fn acknowledgements(mut buffer: &[u8]) -> Vec<(u32, i32)> {
    let mut found = Vec::new();
    while buffer.len() >= HEADER {
        let length = word(buffer, 0) as usize;
        let kind = u16::from_ne_bytes([buffer[4], buffer[5]]);
        if length < HEADER || length > buffer.len() {
            break;
        }
        if kind == NLMSG_ERROR && length >= HEADER + 4 {
            found.push((word(buffer, 8), word(buffer, HEADER).cast_signed()));
        }
        buffer = &buffer[length.next_multiple_of(4).min(buffer.len())..];
    }
    found
}

fn word(buffer: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([buffer[at], buffer[at + 1], buffer[at + 2], buffer[at + 3]])
}

fn link_message(index: u32, flags: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend_from_slice(&index.to_ne_bytes());
    body.extend_from_slice(&flags.to_ne_bytes());
    body.extend_from_slice(&flags.to_ne_bytes());
    body
}

fn route_message(to: Net, via: Via) -> Vec<u8> {
    let (table, scope, kind) = match via {
        Via::Link { .. } => (RT_TABLE_MAIN, SCOPE_LINK, RTN_UNICAST),
        Via::Gateway { .. } => (RT_TABLE_MAIN, SCOPE_UNIVERSE, RTN_UNICAST),
        Via::Local => (RT_TABLE_LOCAL, SCOPE_HOST, RTN_LOCAL),
        Via::Blackhole => (RT_TABLE_MAIN, SCOPE_UNIVERSE, RTN_BLACKHOLE),
    };
    let flags = match via {
        Via::Gateway { .. } => RTNH_F_ONLINK,
        Via::Link { .. } | Via::Local | Via::Blackhole => 0,
    };
    let network = to.network();
    let mut body = vec![AF_INET, to.prefix, 0, 0, table, RTPROT_STATIC, scope, kind];
    body.extend_from_slice(&flags.to_ne_bytes());
    attribute(&mut body, RTA_DST, &network.address.octets());
    match via {
        Via::Link { index, source } => {
            attribute(&mut body, RTA_OIF, &index.to_ne_bytes());
            if let Some(source) = source {
                attribute(&mut body, RTA_PREFSRC, &source.octets());
            }
        }
        Via::Gateway { index, gateway } => {
            attribute(&mut body, RTA_OIF, &index.to_ne_bytes());
            attribute(&mut body, RTA_GATEWAY, &gateway.octets());
        }
        Via::Local => attribute(&mut body, RTA_OIF, &LOOPBACK.to_ne_bytes()),
        Via::Blackhole => {}
    }
    body
}

fn attribute(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(value);
    pad(buffer);
}

fn pad(buffer: &mut Vec<u8>) {
    buffer.resize(buffer.len().next_multiple_of(4), 0);
}

fn zero_ended(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

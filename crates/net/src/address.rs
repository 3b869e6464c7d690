//! Addresses: which kind of path one is, and where this node itself can be reached.

use crate::side::Doors;
use hedgerow_wire::node::MAX_ADDRESSES;
use iroh::{Endpoint, TransportAddr, endpoint::Connection};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How packets to a peer travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// Inside this machine or the local network.
    Lan,
    /// Over the internet, without help.
    Direct,
    /// Over another peer that forwards.
    Relay,
}

impl PathKind {
    /// Of a way to an address, without help.
    pub(crate) fn of(ip: IpAddr) -> Self {
        if is_local(ip) { Self::Lan } else { Self::Direct }
    }
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            PathKind::Lan => "lan",
            PathKind::Direct => "direct",
            PathKind::Relay => "relay",
        }
    }
}

/// Loopback, private or link-local (RFC 1918, 3927, 4193, 4291).
pub(crate) fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The path in use: its kind, its address unless it is relayed or leads through one of the `doors`, and its round-trip
/// time in milliseconds.
pub(crate) fn path_of(conn: &Connection, doors: &Doors) -> (PathKind, Option<SocketAddr>, Option<f64>) {
    let paths = conn.paths();
    let Some(path) = paths
        .iter()
        .find(|path| path.is_selected())
        .or_else(|| paths.iter().next())
    else {
        return (PathKind::Direct, None, None);
    };
    let rtt = Some(path.rtt().as_secs_f64() * 1000.0);
    match path.remote_addr() {
        TransportAddr::Ip(addr) => {
            let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
            if doors.behind(addr).is_some() {
                return (PathKind::Direct, None, rtt);
            }
            (PathKind::of(addr.ip()), Some(addr), rtt)
        }
        _ => (PathKind::Relay, None, rtt),
    }
}

/// An address that another machine, or another program of this one, could use. Link-local IPv6 addresses need a
/// scope that means nothing elsewhere.
fn is_usable(addr: &SocketAddr) -> bool {
    let unusable = match addr.ip() {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local(),
    };
    addr.port() != 0 && !unusable
}

/// Where this node may be reached now, loopback last so that two nodes on one machine always meet.
pub(crate) fn own_addresses(endpoint: &Endpoint) -> Vec<SocketAddr> {
    let mut loopback = Vec::new();
    for socket in endpoint.bound_sockets() {
        let ip = match socket.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() || ip.is_loopback() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() || ip.is_loopback() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            _ => continue,
        };
        merge(&mut loopback, [SocketAddr::new(ip, socket.port())]);
    }
    let mut addresses: Vec<_> = endpoint
        .addr()
        .ip_addrs()
        .copied()
        .filter(|addr| !addr.ip().is_loopback())
        .collect();
    addresses.retain(is_usable);
    addresses.truncate(MAX_ADDRESSES - 2);
    merge(&mut addresses, loopback);
    addresses
}

/// Adds `more` behind `addresses`, without doubles, useless ones, or more than [`MAX_ADDRESSES`] in all.
pub(crate) fn merge(addresses: &mut Vec<SocketAddr>, more: impl IntoIterator<Item = SocketAddr>) {
    for addr in more {
        let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
        if addresses.len() < MAX_ADDRESSES && is_usable(&addr) && !addresses.contains(&addr) {
            addresses.push(addr);
        }
    }
}

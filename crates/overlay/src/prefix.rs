//! Networks as a measure of how many peers somebody may pretend to be: addresses cost money, ids cost nothing.

use core::net::{IpAddr, SocketAddr};

/// Where a peer comes from, as coarse as one party usually owns: /24 of IPv4, /48 of IPv6.
///
/// Loopback, private and link-local addresses count in full, with their port: nobody far away owns a share of them, and
/// in a house all peers have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prefix([u8; 18]);

impl Prefix {
    /// The prefix of an address that a peer was seen at.
    pub fn of(address: &SocketAddr) -> Self {
        let mut bytes = [0; 18];
        let ip = address.ip().to_canonical();
        let (octets, keep): (&[u8], usize) = match &ip {
            IpAddr::V4(v4) => (
                &v4.octets(),
                if v4.is_loopback() || v4.is_private() || v4.is_link_local() {
                    4
                } else {
                    3
                },
            ),
            IpAddr::V6(v6) => {
                let near = v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local();
                (&v6.octets(), if near { 16 } else { 6 })
            }
        };
        let whole = keep == octets.len();
        let port = if whole { address.port().to_be_bytes() } else { [0; 2] };
        let mut all = octets.iter().take(keep).chain(&port);
        // The kind comes first, so that no IPv4 prefix equals one of IPv6.
        let kind = if octets.len() == 4 { 4 } else { 6 };
        bytes
            .iter_mut()
            .zip(core::iter::once(&kind).chain(&mut all))
            .for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// The prefix of a peer that was reached over another one: it counts as the relay's. `relay` is any bytes that
    /// name the relay.
    pub fn behind(relay: &[u8; 32]) -> Self {
        let mut bytes = [0; 18];
        bytes.iter_mut().skip(1).zip(relay).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }

    /// Bytes that are the same for peers that count as of one network.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

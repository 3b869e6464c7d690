//! Which addresses belong to the public internet (IANA's special-purpose registries, RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet: not this machine, not its network, nothing reserved, and no way
/// around that by an address inside an address.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 168, _)
            | (192, 175, 48)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // NAT64: leads to the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        // 6to4, too.
        [0x2002, high, low, ..] => inner(high, low),
        // Teredo, benchmarks, ORCHID and other things that are no hosts; documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // What is not handed out yet, local, multicast, mapped and compatible is outside of this.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

/// Whether `there` is `here`, or on the same link by the usual sizes of networks.
pub(super) fn is_neighbour(here: IpAddr, there: IpAddr) -> bool {
    match (here, there) {
        (IpAddr::V4(here), IpAddr::V4(there)) => {
            let (h, t) = (here.octets(), there.octets());
            here == there || (is_public_v4(here) && h[..3] == t[..3])
        }
        (IpAddr::V6(here), IpAddr::V6(there)) => here.segments()[..4] == there.segments()[..4],
        _ => false,
    }
}

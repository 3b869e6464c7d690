//! Where a relay is and whose it is, and its name for the engine: a host that says both, so that the one place where the
//! engine asks whether a certificate is right (it knows the host only) needs no table, and no name is ever looked up.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hedgerow_base::NodeId;
use iroh::RelayUrl;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// The end of every such host. It exists nowhere (RFC 2606).
const SUFFIX: &str = ".relay.invalid";
/// Stands for the key when nobody said whose relay it is.
const ANYBODY: &str = "anybody";

const UNKNOWN: NodeId = NodeId([0; 32]);

/// A relay: its address (TCP), and the node whose key it must prove.
///
/// As a text it is `address#node`, or the address alone while the node is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RelayAt {
    /// Where it is.
    pub at: SocketAddr,
    /// Whose it is. Without it the way is sealed all the same, but somebody on the way could play the relay.
    pub node: Option<NodeId>,
}

impl RelayAt {
    /// The relay of a node.
    pub const fn of(node: NodeId, at: SocketAddr) -> Self {
        Self { at, node: Some(node) }
    }

    /// Addresses and nodes, each in a list of its own, as frames carry them; a node that is not known is all zeros.
    pub(crate) fn to_wire(relays: &[Self]) -> (Vec<SocketAddr>, Vec<NodeId>) {
        let nodes = match relays.iter().any(|relay| relay.node.is_some()) {
            true => relays.iter().map(|relay| relay.node.unwrap_or(UNKNOWN)).collect(),
            false => Vec::new(),
        };
        (relays.iter().map(|relay| relay.at).collect(), nodes)
    }

    pub(crate) fn from_wire(relays: &[SocketAddr], nodes: &[NodeId]) -> Vec<Self> {
        let node = |n: usize| nodes.get(n).copied().filter(|node| *node != UNKNOWN);
        let relays = relays.iter().enumerate();
        relays.map(|(n, at)| Self { at: *at, node: node(n) }).collect()
    }

    pub(crate) fn url(&self) -> Option<RelayUrl> {
        let key = match &self.node {
            Some(node) => BASE32_NOPAD.encode(node.as_bytes()).to_ascii_lowercase(),
            None => ANYBODY.into(),
        };
        let ip = match self.at.ip() {
            IpAddr::V4(ip) => HEXLOWER.encode(&ip.octets()),
            IpAddr::V6(ip) => HEXLOWER.encode(&ip.octets()),
        };
        format!("https://{key}.{ip}{SUFFIX}:{}", self.at.port()).parse().ok()
    }

    pub(crate) fn from_url(url: &RelayUrl) -> Option<Self> {
        let (node, ip) = parse_host(url.host_str()?)?;
        let at = SocketAddr::new(ip, url.port_or_known_default()?);
        Some(Self { at, node })
    }
}

/// The key and the address that a host says.
pub(super) fn parse_host(host: &str) -> Option<(Option<NodeId>, IpAddr)> {
    let (key, ip) = host.trim_end_matches('.').strip_suffix(SUFFIX)?.split_once('.')?;
    let ip = HEXLOWER.decode(ip.as_bytes()).ok()?;
    let ip = match (<[u8; 4]>::try_from(ip.as_slice()), <[u8; 16]>::try_from(ip.as_slice())) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => IpAddr::from(v6),
        _ => return None,
    };
    if key == ANYBODY {
        return Some((None, ip));
    }
    let key = BASE32_NOPAD.decode(key.to_ascii_uppercase().as_bytes()).ok()?;
    Some((Some(NodeId(key.try_into().ok()?)), ip))
}

impl From<SocketAddr> for RelayAt {
    fn from(at: SocketAddr) -> Self {
        Self { at, node: None }
    }
}

impl fmt::Display for RelayAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(node) => write!(f, "{}#{node}", self.at),
            None => write!(f, "{}", self.at),
        }
    }
}

/// Not the text of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a relay: give it as ADDRESS:PORT, or ADDRESS:PORT#NODE")]
pub struct NotARelay;

impl FromStr for RelayAt {
    type Err = NotARelay;
    fn from_str(text: &str) -> Result<Self, NotARelay> {
        let (at, node) = match text.split_once('#') {
            Some((at, node)) => (at, Some(node.parse().map_err(|_| NotARelay)?)),
            None => (text, None),
        };
        let at = at.parse().map_err(|_| NotARelay)?;
        Ok(Self { at, node })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_survives_its_url_and_its_text() {
        for at in [
            "203.0.113.7:4401",
            "203.0.113.7:443",
            "203.0.113.7:80",
            "[2001:db8::1]:9",
        ] {
            let at: SocketAddr = at.parse().unwrap();
            for relay in [RelayAt::of(NodeId([0xab; 32]), at), RelayAt::from(at)] {
                assert_eq!(relay.url().as_ref().and_then(RelayAt::from_url), Some(relay));
                assert_eq!(relay.to_string().parse(), Ok(relay));
            }
        }
    }

    #[test]
    fn other_urls_are_no_relays() {
        for url in [
            "https://example.org",
            "http://203.0.113.7:80",
            "https://anybody.zz.relay.invalid",
            "https://abc.cb007107.relay.invalid",
            "https://anybody.cb0071.relay.invalid",
        ] {
            assert_eq!(RelayAt::from_url(&url.parse().unwrap()), None, "{url}");
        }
        for text in ["", "203.0.113.7", "203.0.113.7:1#", "203.0.113.7:1#abc", "x:1"] {
            assert_eq!(text.parse::<RelayAt>(), Err(NotARelay), "{text}");
        }
    }
}

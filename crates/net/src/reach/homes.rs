//! Over which relays this node is reached, and whose they are.

use super::State;
use crate::{link::Link, net::Inner, queue::lock, relay::Relay};
use hedgerow_base::NodeId;
use hedgerow_wire::reach::MAX_RELAYS;
use iroh::{Endpoint, RelayUrl, Watcher as _};
use std::net::SocketAddr;

pub(crate) fn url_of(relay: SocketAddr) -> Option<RelayUrl> {
    format!("http://{relay}").parse().ok()
}

pub(crate) fn addr_of(url: &RelayUrl) -> Option<SocketAddr> {
    let host = url.host_str()?.trim_matches(['[', ']']);
    Some(SocketAddr::new(host.parse().ok()?, url.port_or_known_default()?))
}

/// Relays over which this node can be reached now; when it sleeps, the one of the home that wakes it.
pub(crate) fn homes(net: &Inner, endpoint: &Endpoint) -> Vec<SocketAddr> {
    let (asleep, stand_in) = {
        let park = lock(&net.park);
        (park.asleep_at(), park.stand_in())
    };
    if let Some(home) = asleep {
        return vec![home];
    }
    endpoint
        .addr()
        .relay_urls()
        .filter_map(addr_of)
        .filter(|relay| Some(*relay) != stand_in)
        .take(MAX_RELAYS)
        .collect()
}

/// Whether the connection to one of the relays stands.
pub(crate) fn is_at_home(endpoint: &Endpoint, home: SocketAddr) -> bool {
    let status = endpoint.home_relay_status().get();
    status
        .iter()
        .any(|relay| relay.is_connected() && addr_of(relay.url()) == Some(home))
}

impl Inner {
    /// Over which relays this node is reached; none when it has shut down.
    pub(crate) fn homes(&self) -> Vec<SocketAddr> {
        self.endpoint()
            .map(|endpoint| homes(self, &endpoint))
            .unwrap_or_default()
    }
}

impl State {
    /// This node relays, and whether another one is at its relay.
    pub(crate) fn own_relay(&self) -> Option<(SocketAddr, &Relay)> {
        self.relay.as_ref().map(|(addr, relay)| (*addr, relay))
    }
    /// The relays that this node uses, or would if it did not sleep.
    pub(crate) fn relays_in_use(&self) -> Vec<SocketAddr> {
        self.in_use.iter().copied().collect()
    }
    /// Whose relay one is.
    pub(crate) fn owner(&self, relay: &SocketAddr) -> Option<NodeId> {
        self.owners.get(relay).copied()
    }
    /// The relay that a connected peer offers.
    pub(crate) fn relay_of(&self, link: &Link) -> Option<SocketAddr> {
        let said = self.said.get(&link.node).filter(|said| said.link == link.id)?;
        said.reach.serves.first().copied()
    }
}

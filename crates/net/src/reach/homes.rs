//! Homes: relays over which a node that cannot be reached can be reached. The engine keeps a connection to one of them;
//! the others are told to peers too, since this node moves there when the first one goes.

use super::State;
use crate::{
    address::path_of,
    link::Link,
    net::Inner,
    queue::lock,
    relay::{Relay, RelayAt},
};
use futures_util::StreamExt as _;
use hedgerow_base::NodeId;
use hedgerow_wire::reach::MAX_RELAYS;
use iroh::{Endpoint, RelayConfig, Watcher as _, endpoint::RelayStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

/// How long a home may be silent before this node moves: one try of the engine to connect again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a relay that did not answer is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// Nearer by less than this is not nearer.
const SAME_MS: u64 = 20;
/// How far a relay is taken to be to which there is no connection.
const UNKNOWN_MS: u64 = 1000;

/// A relay that could be a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    relay: RelayAt,
    /// To the node that relays there.
    rtt_ms: u64,
}

/// A part of the internet that may fail as one: 16 bits of an IPv4 address, 32 of an IPv6 address.
fn network(ip: IpAddr) -> u32 {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_bits() >> 16,
        IpAddr::V6(ip) => u32::try_from(ip.to_bits() >> 96).unwrap_or_default(),
    }
}

/// The best homes: those in use stay, near ones come first, and no two are in one network while there are others.
pub(super) fn pick(offers: &[Offer], in_use: &BTreeSet<RelayAt>) -> Vec<RelayAt> {
    let mut left = offers.to_vec();
    left.sort_by_key(|offer| (!in_use.contains(&offer.relay), offer.rtt_ms / SAME_MS, offer.relay));
    let mut picked: Vec<RelayAt> = Vec::new();
    while picked.len() < MAX_RELAYS && !left.is_empty() {
        let known: BTreeSet<u32> = picked.iter().map(|relay| network(relay.at.ip())).collect();
        let elsewhere = left
            .iter()
            .position(|offer| in_use.contains(&offer.relay) || !known.contains(&network(offer.relay.at.ip())));
        picked.push(left.remove(elsewhere.unwrap_or(0)).relay);
    }
    picked
}

/// What peers offer, also those that are parked; while nobody does, what the DHT names.
fn offers(state: &State, links: &[Arc<Link>], parked: &BTreeSet<NodeId>, rtt_ms: impl Fn(&Link) -> u64) -> Vec<Offer> {
    let connected = links.iter().filter_map(|link| {
        let relay = state.relay_of(link)?;
        let rtt_ms = rtt_ms(link);
        Some(Offer { relay, rtt_ms })
    });
    let far = |relay| Offer {
        relay,
        rtt_ms: UNKNOWN_MS,
    };
    // A peer that is parked still serves.
    let owners = state.owners.iter().filter(|(_, owner)| parked.contains(owner));
    let resting = owners.map(|(at, owner)| far(RelayAt::of(*owner, *at)));
    let silent = |offer: &Offer| state.left_alone.contains_key(&offer.relay);
    let offers: Vec<Offer> = connected.chain(resting).filter(|offer| !silent(offer)).collect();
    if !offers.is_empty() {
        return offers;
    }
    let found = state.found.iter().map(|at| far(state.known_as((*at).into())));
    found.filter(|offer| !silent(offer)).collect()
}

/// Whether the connection to one of the relays stands.
pub(crate) fn is_at_home(endpoint: &Endpoint, home: RelayAt) -> bool {
    let status = endpoint.home_relay_status().get();
    status
        .iter()
        .any(|relay| relay.is_connected() && RelayAt::from_url(relay.url()) == Some(home))
}

impl State {
    /// This node relays, and whether another one is at its relay.
    pub(crate) fn own_relay(&self) -> Option<(SocketAddr, &Relay)> {
        self.relay.as_ref().map(|(addr, relay)| (*addr, relay))
    }
    /// The relays that this node uses, or would if it did not sleep.
    pub(crate) fn relays_in_use(&self) -> Vec<RelayAt> {
        self.in_use.iter().copied().collect()
    }
    /// Whose relay one is.
    pub(crate) fn owner(&self, relay: &RelayAt) -> Option<NodeId> {
        relay.node.or_else(|| self.owners.get(&relay.at).copied())
    }
    /// With the key that it must prove, if a peer said that it relays there.
    pub(crate) fn known_as(&self, relay: RelayAt) -> RelayAt {
        RelayAt {
            node: self.owner(&relay),
            ..relay
        }
    }
    /// The relay that a connected peer offers.
    pub(crate) fn relay_of(&self, link: &Link) -> Option<RelayAt> {
        let said = self.said.get(&link.node).filter(|said| said.link == link.id)?;
        Some(RelayAt::of(link.node, *said.reach.serves.first()?))
    }
}

impl Inner {
    /// As [`Inner::homes`]; none while the network is not open.
    pub(crate) fn all_homes(&self) -> Vec<RelayAt> {
        self.endpoint()
            .map(|endpoint| self.homes(&endpoint))
            .unwrap_or_default()
    }

    /// Relays over which this node can be reached: the one in use, then those where it would go. When it sleeps, the
    /// one of the home that wakes it.
    pub(crate) fn homes(&self, endpoint: &Endpoint) -> Vec<RelayAt> {
        let (asleep, stand_in) = {
            let park = lock(&self.park);
            (park.asleep_at(), park.stand_in())
        };
        if let Some(home) = asleep {
            return vec![home];
        }
        let mut homes: Vec<RelayAt> = endpoint.addr().relay_urls().filter_map(RelayAt::from_url).collect();
        homes.retain(|relay| Some(*relay) != stand_in);
        if !homes.is_empty() {
            let state = lock(&self.reach);
            let others = state.in_use.iter().filter(|relay| !homes.contains(relay));
            let others: Vec<RelayAt> = others.copied().collect();
            homes.extend(others);
        }
        homes.truncate(MAX_RELAYS);
        homes
    }
}

/// Tells the engine which relays to choose a home from: those of connected peers, or this node's own, so that also
/// those whose network carries no UDP can reach it. While the node sleeps it is a stand-in.
pub(super) async fn choose(net: &Inner, endpoint: &Endpoint) {
    let links = net.links();
    let rtts: BTreeMap<u64, u64> = links
        .iter()
        .map(|link| {
            (
                link.id,
                path_of(&link.conn, &net.doors).2.unwrap_or(UNKNOWN_MS as f64) as u64,
            )
        })
        .collect();
    let stand_in = lock(&net.park).stand_in();
    let parked: BTreeSet<NodeId> = lock(&net.table).parked().collect();
    let (add, remove) = {
        let mut state = lock(&net.reach);
        let now = Instant::now();
        state.left_alone.retain(|_, until| *until > now);
        let good: BTreeSet<RelayAt> = match state.serves() {
            // A mapped address may be out of reach from inside: many routers lead nobody back in.
            Some(own) if state.mapping.relay() != Some(own) => BTreeSet::from([RelayAt::of(net.node(), own)]),
            _ => {
                let rtt = |link: &Link| rtts.get(&link.id).copied().unwrap_or(UNKNOWN_MS);
                pick(&offers(&state, &links, &parked, rtt), &state.in_use)
                    .into_iter()
                    .collect()
            }
        };
        // A relay whose peer is away for a moment may still serve: it goes only when there is another one.
        if !good.is_empty() {
            state.in_use = good;
        }
        let wanted = match stand_in {
            Some(stand_in) => BTreeSet::from([stand_in]),
            None => state.in_use.clone(),
        };
        let add: Vec<_> = wanted.difference(&state.told).copied().collect();
        let remove: Vec<_> = state.told.difference(&wanted).copied().collect();
        state.told = wanted;
        (add, remove)
    };
    for url in remove.iter().filter_map(RelayAt::url) {
        endpoint.remove_relay(&url).await;
    }
    for relay in add {
        if let Some(url) = relay.url() {
            info!(relay = %relay.at, "a home for this node");
            let config = RelayConfig::new(url.clone(), None);
            endpoint.insert_relay(url, Arc::new(config)).await;
        }
    }
}

/// Moves away from a home that does not answer, as long as there is another one.
pub(super) async fn watch(net: Arc<Inner>, endpoint: Endpoint) {
    let mut homes = endpoint.home_relay_status().stream();
    let mut status = endpoint.home_relay_status();
    while homes.next().await.is_some() {
        let silent = |list: Vec<RelayStatus>| {
            let down = list.into_iter().find(|home| !home.is_connected())?;
            RelayAt::from_url(down.url())
        };
        let Some(home) = silent(status.get()) else { continue };
        // Whatever changes, it is the same home that must be silent for so long.
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && silent(status.get()) == Some(home) {
            let _ = timeout(PATIENCE, status.updated()).await;
        }
        if silent(status.get()) != Some(home) {
            continue;
        }
        let others = {
            let state = lock(&net.reach);
            let is_one = state.in_use.contains(&home) && state.told.contains(&home);
            is_one && state.in_use.iter().any(|relay| *relay != home)
        };
        if !others {
            // The only one: the engine goes on trying.
            sleep(PATIENCE).await;
            continue;
        }
        info!(relay = %home.at, "this home does not answer; moving");
        {
            let mut state = lock(&net.reach);
            state.in_use.remove(&home);
            state.told.remove(&home);
            state.left_alone.insert(home, Instant::now() + LEFT_ALONE);
        }
        if let Some(url) = home.url() {
            endpoint.remove_relay(&url).await;
        }
        net.wake_reach.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(at: &str, rtt_ms: u64) -> Offer {
        let relay = RelayAt::of(NodeId([1; 32]), at.parse().unwrap());
        Offer { relay, rtt_ms }
    }

    fn ats(relays: &[RelayAt]) -> Vec<String> {
        relays.iter().map(|relay| relay.at.to_string()).collect()
    }

    #[test]
    fn homes_are_near_and_in_different_networks() {
        let offers = [
            offer("20.1.0.1:1", 30),
            offer("20.1.0.2:1", 31),
            offer("20.2.0.1:1", 90),
            offer("20.3.0.1:1", 500),
            offer("[2001:db8::1]:1", 200),
        ];
        let picked = pick(&offers, &BTreeSet::new());
        assert_eq!(ats(&picked), ["20.1.0.1:1", "20.2.0.1:1", "[2001:db8::1]:1"]);
        assert_eq!(
            pick(&offers[..2], &BTreeSet::new()).len(),
            2,
            "better two in one network than one"
        );
    }

    #[test]
    fn homes_in_use_stay_while_they_are_offered() {
        let far = offer("20.9.0.1:1", 900);
        let mut offers = vec![
            far,
            offer("20.1.0.1:1", 1),
            offer("20.2.0.1:1", 2),
            offer("20.3.0.1:1", 3),
        ];
        let in_use = BTreeSet::from([far.relay]);
        let picked = pick(&offers, &in_use);
        assert_eq!(ats(&picked), ["20.9.0.1:1", "20.1.0.1:1", "20.2.0.1:1"]);
        let in_use = picked.into_iter().collect();
        assert_eq!(pick(&offers, &in_use).into_iter().collect::<BTreeSet<_>>(), in_use);
        offers.remove(0);
        assert_eq!(ats(&pick(&offers, &in_use)), ["20.1.0.1:1", "20.2.0.1:1", "20.3.0.1:1"]);
    }
}

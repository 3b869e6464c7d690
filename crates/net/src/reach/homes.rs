//! Homes: relays over which a node that cannot be reached can be reached. The engine keeps a connection to one of them;
//! the others are told to peers too, since this node moves there when the first one goes.

use super::State;
use crate::{
    address::path_of,
    event::Why,
    link::Link,
    net::Inner,
    queue::lock,
    relay::{Relay, RelayAt},
};
use hedgerow_base::NodeId;
use hedgerow_wire::{node::CloseCode, reach::MAX_RELAYS};
use iroh::{Endpoint, RelayConfig, TransportAddr, Watcher as _, endpoint::RelayStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

/// How long a home may be silent before this node moves: one try of the engine to connect again.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a relay that did not answer is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(60);
/// Nearer by less than this is not nearer.
const SAME_MS: u64 = 20;
/// Most relays of those who are no peers that are looked at; which they are is up to others.
const MOST_STRANGERS: usize = 64;
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
pub(super) fn network(ip: IpAddr) -> u32 {
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

/// What peers offer, also those that are parked; while nobody does, what the DHT names, and where peers are at home.
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
    let silent = |offer: &Offer| state.left_alone.keys().any(|relay| relay.at == offer.relay.at);
    let offers: Vec<Offer> = connected.chain(resting).filter(|offer| !silent(offer)).collect();
    if !offers.is_empty() {
        return offers;
    }
    let found = state.found.iter().map(|at| far(state.known_as((*at).into())));
    let theirs = state.relays_of.values().flatten().copied().map(far);
    let offers: BTreeMap<SocketAddr, Offer> = theirs
        .chain(found)
        .filter(|offer| !silent(offer))
        .map(|offer| (offer.relay.at, offer))
        .collect();
    offers.into_values().take(MOST_STRANGERS).collect()
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

/// The homes that the engine has lost; all that it may choose from while it finds none. None while one stands.
fn silent(status: &[RelayStatus], told: &BTreeSet<RelayAt>) -> BTreeSet<RelayAt> {
    if status.iter().any(RelayStatus::is_connected) {
        return BTreeSet::new();
    }
    // It goes on naming one that it was told to leave, until it finds another.
    let named = status.iter().filter_map(|home| RelayAt::from_url(home.url()));
    let down: BTreeSet<RelayAt> = named.filter(|home| told.contains(home)).collect();
    if down.is_empty() { told.clone() } else { down }
}

/// Moves away from homes that do not answer, as long as there are others.
pub(super) async fn watch(net: Arc<Inner>, endpoint: Endpoint) {
    let mut status = endpoint.home_relay_status();
    let down = |list: &[RelayStatus]| silent(list, &lock(&net.reach).told);
    loop {
        let lost = down(&status.get());
        let begin = Instant::now();
        // Whatever changes, it is the same homes that must be silent for so long.
        while begin.elapsed() < PATIENCE && down(&status.get()) == lost {
            let change = match status.get().iter().any(RelayStatus::is_connected) {
                true => status.updated().await,
                false => timeout(PATIENCE, status.updated()).await.unwrap_or(Ok(Vec::new())),
            };
            if change.is_err() {
                return;
            }
        }
        if !lost.is_empty() && down(&status.get()) == lost {
            move_from(&net, &endpoint, &lost).await;
        }
    }
}

/// Leaves homes alone for a while, unless there is no other one: then the engine goes on trying.
pub(super) async fn move_from(net: &Inner, endpoint: &Endpoint, lost: &BTreeSet<RelayAt>) {
    let links = net.links();
    let parked: BTreeSet<NodeId> = lock(&net.table).parked().collect();
    let moves = {
        let mut state = lock(&net.reach);
        let known = lost.is_subset(&state.in_use);
        let until = Instant::now() + LEFT_ALONE;
        let before = state.left_alone.clone();
        state.left_alone.extend(lost.iter().map(|home| (*home, until)));
        let others = !state.in_use.is_subset(lost) || !offers(&state, &links, &parked, |_| UNKNOWN_MS).is_empty();
        if known && others {
            state.in_use.retain(|home| !lost.contains(home));
            state.told.retain(|home| !lost.contains(home));
        } else {
            state.left_alone = before;
        }
        (known && others).then(|| state.left_alone.keys().map(|relay| relay.at).collect())
    };
    let Some(gone) = moves else {
        debug!(?lost, "homes do not answer, and no other relay is known");
        return;
    };
    for home in lost {
        info!(relay = %home.at, "this home does not answer; moving");
        if let Some(url) = home.url() {
            endpoint.remove_relay(&url).await;
        }
    }
    leave(&links, &gone);
    net.wake_reach.notify_one();
}

/// Ends the connections that only relays carried which are gone. They are dialled anew, over the homes of the peers: these
/// know nothing of it yet, since to them it was only the way to this node.
fn leave(links: &[Arc<Link>], gone: &BTreeSet<SocketAddr>) {
    let carried = |link: &&Arc<Link>| {
        let paths = link.conn.paths();
        let over = |addr: &TransportAddr| match addr {
            TransportAddr::Relay(url) => RelayAt::from_url(url).is_some_and(|relay| gone.contains(&relay.at)),
            _ => false,
        };
        !paths.is_empty() && paths.iter().all(|path| over(path.remote_addr()))
    };
    for link in links.iter().filter(carried) {
        link.close(CloseCode::Shutdown, Why::Stranded);
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

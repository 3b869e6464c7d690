//! Homes: relays over which a node that cannot be reached can be reached. The engine keeps a connection to one of them;
//! the others are told to peers too, since this node moves there when the first one goes.

use super::State;
use crate::{address::path_of, link::Link, net::Inner, queue::lock, relay::RelayAt};
use futures_util::StreamExt as _;
use hedgerow_wire::reach::MAX_RELAYS;
use iroh::{Endpoint, RelayConfig, Watcher as _, endpoint::RelayStatus};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
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

/// What connected peers offer.
fn offers(state: &State, links: &[Arc<Link>], rtt_ms: impl Fn(&Link) -> u64, now: Instant) -> Vec<Offer> {
    let offered = links.iter().filter_map(|link| {
        let said = state.said.get(&link.node).filter(|said| said.link == link.id)?;
        let relay = RelayAt::of(link.node, *said.reach.serves.first()?);
        let alone = state.left_alone.get(&relay).is_some_and(|until| *until > now);
        (!alone).then(|| Offer {
            relay,
            rtt_ms: rtt_ms(link),
        })
    });
    offered.collect()
}

impl Inner {
    /// As [`Inner::homes`]; none while the network is not open.
    pub(crate) fn all_homes(&self) -> Vec<RelayAt> {
        self.endpoint()
            .map(|endpoint| self.homes(&endpoint))
            .unwrap_or_default()
    }

    /// Relays over which this node can be reached: the one in use, then those where it would go.
    pub(crate) fn homes(&self, endpoint: &Endpoint) -> Vec<RelayAt> {
        let mut homes: Vec<RelayAt> = endpoint.addr().relay_urls().filter_map(RelayAt::from_url).collect();
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
/// those whose network carries no UDP can reach it.
pub(super) async fn choose(net: &Inner, endpoint: &Endpoint) {
    let links = net.links();
    let rtts: BTreeMap<u64, u64> = links
        .iter()
        .map(|link| (link.id, path_of(&link.conn, &net.doors).2.unwrap_or(1000.0) as u64))
        .collect();
    let (add, remove) = {
        let mut state = lock(&net.reach);
        let now = Instant::now();
        state.left_alone.retain(|_, until| *until > now);
        let good: BTreeSet<RelayAt> = match state.serves() {
            // A mapped address may be out of reach from inside: many routers lead nobody back in.
            Some(own) if state.mapping.relay() != Some(own) => BTreeSet::from([RelayAt::of(net.node(), own)]),
            _ => {
                let rtt = |link: &Link| rtts.get(&link.id).copied().unwrap_or(1000);
                pick(&offers(&state, &links, rtt, now), &state.in_use)
                    .into_iter()
                    .collect()
            }
        };
        let add: Vec<_> = good.difference(&state.in_use).copied().collect();
        // A relay whose peer is away for a moment may still serve: it goes only when there is another one.
        let remove: Vec<_> = match good.is_empty() {
            true => Vec::new(),
            false => state.in_use.difference(&good).copied().collect(),
        };
        state.in_use.extend(&add);
        state.in_use.retain(|relay| !remove.contains(relay));
        (add, remove)
    };
    for relay in add {
        if let Some(url) = relay.url() {
            info!(relay = %relay.at, "a home for this node");
            let config = RelayConfig::new(url.clone(), None);
            endpoint.insert_relay(url, Arc::new(config)).await;
        }
    }
    for url in remove.iter().filter_map(RelayAt::url) {
        endpoint.remove_relay(&url).await;
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
        let others = lock(&net.reach).in_use.iter().filter(|relay| **relay != home).count();
        if others == 0 {
            // The only one: the engine goes on trying.
            sleep(PATIENCE).await;
            continue;
        }
        info!(relay = %home.at, "this home does not answer; moving");
        {
            let mut state = lock(&net.reach);
            state.in_use.remove(&home);
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
    use hedgerow_base::NodeId;

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

//! Whether this node relays for others: it can be reached, the person has not said no, the month's bytes are not used
//! up, and it is not about to go again.

use super::{ANSWER, homes::network, own_ips};
use crate::{
    address::{is_local, path_of},
    net::{Inner, Net},
    queue::lock,
    relay::{MonthUse, Relay, RelayLimits, month_of},
    side::random,
};
use hedgerow_base::NodeId;
use hedgerow_wire::reach::{MAX_REACH, ReachRequest, Tried};
use iroh::Endpoint;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

/// After a peer could not reach this node, how long until it is tried again.
const RETRY: Duration = Duration::from_secs(600);
/// Most peers who are asked to try.
const MOST_TRIERS: usize = 7;
/// A node that has run for so long is likely to stay: most visits to a machine are shorter. A relay that goes costs
/// each of its clients a move.
const STABLE: Duration = Duration::from_secs(300);
/// While fewer than this many peers relay, a node does not wait to be stable: a place for a while is better than none.
const ENOUGH: usize = 8;

impl Inner {
    /// Whether the person lets this node relay at all.
    pub(crate) fn may_serve(&self) -> bool {
        self.serve && self.wants_to_serve.load(Ordering::Relaxed)
    }

    /// Takes over what the person set.
    pub(crate) fn set_serving(&self, on: bool, limits: RelayLimits) {
        lock(&self.quota).set_limits(limits);
        self.wants_to_serve.store(on, Ordering::Relaxed);
        lock(&self.reach).retry_serving = None;
        self.wake_reach.notify_one();
    }

    /// Ends the connections of a node to the relay.
    pub(crate) fn expel(&self, node: &NodeId) {
        if let Some((_, relay)) = &lock(&self.reach).relay {
            relay.expel(node);
        }
    }
}

impl Net {
    /// Whether and how much this node relays for others from now on.
    pub fn set_serving(&self, on: bool, limits: RelayLimits) {
        self.inner().set_serving(on, limits);
    }

    /// What was relayed this month.
    pub fn relayed(&self) -> MonthUse {
        lock(&self.inner().quota).month()
    }

    /// Whether it relays for others now.
    pub fn reach_serves(&self) -> bool {
        lock(&self.inner().reach).serves().is_some()
    }
}

/// Starts or ends relaying for others.
pub(super) async fn consider(net: &Arc<Inner>, endpoint: &Endpoint) {
    let spent = {
        let mut quota = lock(&net.quota);
        quota.roll(month_of(crate::trace::now_ms()));
        quota.is_spent()
    };
    // Through a router it ends with the mapping.
    let gone = {
        let state = lock(&net.reach);
        state.serves_mapped && state.serves() != state.mapping.relay()
    };
    if !net.may_serve() || spent || gone {
        if lock(&net.reach).relay.is_some() {
            info!(spent, gone, "no longer relaying for others");
            net.stop_relay().await;
            net.wake_reach.notify_one();
        }
        return;
    }
    let candidate = {
        let state = lock(&net.reach);
        let own = own_ips(endpoint, &state.external);
        let others = state.said.values().filter(|said| !said.reach.serves.is_empty()).count();
        if state.relay.is_some()
            || state.retry_serving.is_some_and(|at| at > Instant::now())
            || (others >= ENOUGH && net.begin.elapsed() < STABLE)
        {
            return;
        }
        let mut seen = state.said.values().flat_map(|said| &said.reach.observed);
        let own = seen.find(|addr| own.contains(&addr.ip()) && !is_local(addr.ip()));
        own.map(|addr| (*addr, addr.port(), false))
            .or_else(|| Some((state.mapping.relay()?, net.engine_port()?, true)))
    };
    let Some((addr, port, mapped)) = candidate else { return };
    let listen = match addr.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => addr.ip(),
    };
    let relay = match start(net, SocketAddr::new(listen, port)).await {
        Ok(relay) => relay,
        Err(error) => {
            debug!(%addr, error, "cannot relay here");
            lock(&net.reach).retry_serving = Some(Instant::now() + RETRY);
            return;
        }
    };
    if reached_by_peers(net, addr.port()).await {
        info!(%addr, "relaying for others");
        {
            let mut state = lock(&net.reach);
            state.relay = Some((addr, relay));
            state.serves_mapped = mapped;
        }
        net.wake_reach.notify_one();
        net.lookup.wake.notify_one();
    } else {
        relay.stop().await;
        lock(&net.reach).retry_serving = Some(Instant::now() + RETRY);
    }
}

async fn start(net: &Arc<Inner>, listen: SocketAddr) -> Result<Relay, String> {
    let weak = Arc::downgrade(net);
    let barred = move |node: &NodeId| {
        let net = weak.upgrade();
        net.is_none_or(|net| lock(&net.table).blocked.contains(node))
    };
    Relay::start(listen, &net.secret, net.quota.clone(), net.begin, Arc::new(barred)).await
}

/// Some of those who could try, in an order that nobody can choose, and those in different networks first: who has many
/// ids in one place, or ids that come first, is not all who are asked.
fn triers<T>(peers: Vec<(T, Option<IpAddr>)>, mut random: impl FnMut() -> u64) -> Vec<T> {
    let mut peers: Vec<_> = peers.into_iter().map(|peer| (random(), peer)).collect();
    peers.sort_by_key(|(place, _)| *place);
    let mut networks = BTreeSet::new();
    let (first, rest): (Vec<_>, Vec<_>) = peers
        .into_iter()
        .map(|(_, peer)| peer)
        .partition(|(_, ip)| ip.is_some_and(|ip| networks.insert(network(ip))));
    let all = first.into_iter().chain(rest);
    all.take(MOST_TRIERS).map(|(peer, _)| peer).collect()
}

/// Whether most of those who tried came in. Nothing if nobody tried.
pub(super) fn most(tried: &[Tried]) -> Option<bool> {
    let reached = tried.iter().filter(|tried| tried.reached).count();
    (!tried.is_empty()).then_some(reached * 2 > tried.len())
}

/// Asks some peers to try to reach this node; the answers of those who tried.
pub(super) async fn tried_by_peers(net: &Inner, request: &ReachRequest) -> Vec<Tried> {
    let header = request.to_bytes();
    let peers = net.links().into_iter().map(|link| {
        let ip = path_of(&link.conn, &net.doors).1.map(|addr| addr.ip());
        (link, ip)
    });
    let tries = triers(peers.collect(), || u64::from_be_bytes(random()))
        .into_iter()
        .map(|link| {
            let header = &header;
            async move {
                let asked = async {
                    let (_send, mut recv) = link.open_request(header).await.ok()?;
                    let frame = recv.read_frame(MAX_REACH).await.ok()??;
                    Tried::from_bytes(&frame).ok()
                };
                timeout(ANSWER, asked).await.ok().flatten()
            }
        });
    let answers = futures_util::future::join_all(tries).await;
    answers.into_iter().flatten().collect()
}

/// Whether most of those peers who tried could open a connection. They have never been called from that port, so no
/// router and no firewall lets them in for that.
async fn reached_by_peers(net: &Arc<Inner>, port: u16) -> bool {
    let tried = tried_by_peers(net, &ReachRequest::Try { port }).await;
    debug!(port, ?tried, "peers tried to reach this node");
    most(&tried) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minority_that_lies_does_not_change_the_verdict() {
        let of = |yes: usize, no: usize| {
            let tried: Vec<Tried> = (0..yes + no).map(|at| Tried { reached: at < yes }).collect();
            most(&tried)
        };
        assert_eq!((of(4, 3), of(3, 4)), (Some(true), Some(false)));
        assert_eq!((of(2, 1), of(1, 2)), (Some(true), Some(false)));
        assert_eq!(of(2, 2), Some(false), "relaying where nobody gets in helps nobody");
        assert_eq!(of(0, 0), None);
    }

    #[test]
    fn who_has_many_ids_in_one_network_is_not_all_who_are_asked() {
        let liars = (0..20u8).map(|n| (true, Some(IpAddr::from([203, 0, 113, n]))));
        let honest = (0..6u8).map(|n| (false, Some(IpAddr::from([20, n, 0, 1]))));
        let peers: Vec<_> = liars.chain(honest).collect();
        for seed in 0..100u64 {
            let mut random = seed;
            let asked = triers(peers.clone(), || {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random >> 33
            });
            assert_eq!(asked.len(), MOST_TRIERS);
            assert_eq!(asked.iter().filter(|lies| **lies).count(), 1, "seed {seed}");
        }
        let places = vec![(1, None), (2, None), (3, Some(IpAddr::from([20, 0, 0, 1])))];
        assert_eq!(
            triers(places, || 0),
            [3, 1, 2],
            "those whose address is not known come last"
        );
    }
}

//! How this node can be reached, found out with the help of peers (O6); and helping them to find out. Ordinary peers
//! say where they see each other; who turns out to be reachable relays for those who are not.

mod homes;

pub(crate) use homes::{addr_of, homes, is_at_home, url_of};

use crate::{
    address::{is_local, path_of},
    link::Link,
    net::Inner,
    park,
    queue::lock,
    relay::Relay,
    request::RequestSend,
    side,
};
use futures_util::StreamExt as _;
use hedgerow_base::NodeId;
use hedgerow_traverse::nat::Nat;
use hedgerow_wire::reach::{MAX_REACH, MAX_RELAYS, Ports, Reach, ReachRequest, Tried};
use iroh::{Endpoint, RelayConfig, TransportAddr, Watcher as _, endpoint::Connection};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tracing::{debug, info};

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often connected peers are asked again though nothing changed.
const AGAIN: Duration = Duration::from_secs(300);
/// How often they are asked again because a direct path broke.
const DOUBT: Duration = Duration::from_secs(5);
/// After a peer could not reach this node, how long until it is tried again.
const RETRY_SERVING: Duration = Duration::from_secs(600);
/// How long an attempt to reach a peer takes at most, and how often a peer may ask for one.
const TRY: Duration = Duration::from_secs(3);
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Most peers who are asked to try.
const MOST_TRIERS: usize = 7;
/// How often a peer may tell something about itself in that time; more is not answered.
const MOST_TELLS: u32 = 30;
const TELLS_TIME: Duration = Duration::from_secs(60);
/// Most addresses at which peers see this node that are passed on.
const MOST_EXTERNAL: usize = 4;
/// Most nodes whose relays are remembered.
const MOST_REMEMBERED: usize = 1024;
/// Most relays of strangers that are tried while no peer offers one.
pub(crate) const MOST_FOUND: usize = 3;

/// What a connected peer said.
#[derive(Clone, Debug)]
struct Said {
    link: u64,
    reach: Reach,
    /// The last thing that was told to it, and when.
    told: Reach,
    at: Instant,
}

/// What is known about reaching this node and others.
#[derive(Default)]
pub(crate) struct State {
    said: BTreeMap<NodeId, Said>,
    /// Peers that are being asked now.
    asking: BTreeSet<NodeId>,
    /// Relays over which a node can be reached, as it said or as its ticket says.
    relays_of: BTreeMap<NodeId, Vec<SocketAddr>>,
    /// Relays that this node uses, unless it sleeps.
    in_use: BTreeSet<SocketAddr>,
    /// Relays that the engine was told of.
    told: BTreeSet<SocketAddr>,
    /// Whose relay that is.
    owners: BTreeMap<SocketAddr, NodeId>,
    /// Addresses of this node that the engine was told of.
    external: BTreeSet<SocketAddr>,
    relay: Option<(SocketAddr, Relay)>,
    retry_serving: Option<Instant>,
    /// Relays that announced themselves in the DHT: used while no peer offers one.
    found: BTreeSet<SocketAddr>,
    /// When each peer last asked to be tried.
    tried: BTreeMap<NodeId, Instant>,
    /// When the answers of peers were last doubted.
    doubted: Option<Instant>,
    /// How often each peer has told something lately, and since when that is counted.
    tells: BTreeMap<NodeId, (Instant, u32)>,
}

/// How this node can be reached, as peers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReachReport {
    /// Where each connected peer sees this node.
    pub observed: Vec<(NodeId, SocketAddr)>,
    /// Addresses of this machine's own interfaces.
    pub interfaces: Vec<SocketAddr>,
    /// It relays for others here.
    pub serves: Option<SocketAddr>,
    /// How many nodes use that now.
    pub clients: usize,
    /// Relays over which it can be reached.
    pub homes: Vec<SocketAddr>,
    /// Relays that it could use.
    pub relays: Vec<SocketAddr>,
    /// What the router does.
    pub nat: Nat,
}

impl State {
    /// Whether a peer may tell something now: its words are stored, so there is an end to them.
    fn may_tell(&mut self, peer: NodeId, now: Instant) -> bool {
        self.tells
            .retain(|_, (since, _)| now.duration_since(*since) < TELLS_TIME);
        let (_, count) = self.tells.entry(peer).or_insert((now, 0));
        *count = count.saturating_add(1);
        *count <= MOST_TELLS
    }
    pub(crate) fn relays_of(&self, node: &NodeId) -> Vec<SocketAddr> {
        self.relays_of.get(node).cloned().unwrap_or_default()
    }
    /// A direct path broke: perhaps this node is seen elsewhere now, so peers are asked again. Whether it is time for that.
    pub(crate) fn doubt(&mut self, now: Instant) -> bool {
        let due = self.doubted.is_none_or(|at| now.duration_since(at) >= DOUBT);
        if due {
            self.doubted = Some(now);
            for said in self.said.values_mut() {
                said.told = Reach::default();
            }
        }
        due
    }
    /// Where this node relays for others.
    pub(crate) fn serves(&self) -> Option<SocketAddr> {
        self.relay.as_ref().map(|(addr, _)| *addr)
    }
    /// Where the side socket of a connected peer is.
    pub(crate) fn side_of(&self, link: &Link) -> Option<SocketAddr> {
        let said = self.said.get(&link.node).filter(|said| said.link == link.id)?;
        said.reach.side.first().copied()
    }
    /// Where a connected peer wants this node's meetings to be seen.
    pub(crate) fn witness_of(&self, link: &Link) -> Option<SocketAddr> {
        let said = self.said.get(&link.node).filter(|said| said.link == link.id)?;
        said.reach.witness.first().copied()
    }
    /// How the router of a connected peer chooses ports.
    pub(crate) fn ports_of(&self, link: &Link) -> Option<Ports> {
        self.said
            .get(&link.node)
            .filter(|said| said.link == link.id)?
            .reach
            .ports
    }
    /// The node that relays at an address: a connected peer that says so, or this one.
    pub(crate) fn relay_at(&self, address: SocketAddr, me: NodeId) -> Option<NodeId> {
        if self.relay.as_ref().is_some_and(|(own, _)| *own == address) {
            return Some(me);
        }
        let mut peers = self.said.iter();
        peers
            .find(|(_, said)| said.reach.serves.contains(&address))
            .map(|(node, _)| *node)
    }
    /// Remembers over which relays a node can be reached; none forgets it.
    pub(crate) fn remember(&mut self, node: NodeId, relays: &[SocketAddr]) -> bool {
        let relays: Vec<SocketAddr> = relays.iter().copied().take(MAX_RELAYS).collect();
        if self.relays_of(&node) == relays {
            return false;
        }
        if relays.is_empty() {
            self.relays_of.remove(&node);
        } else if self.relays_of.len() < MOST_REMEMBERED || self.relays_of.contains_key(&node) {
            self.relays_of.insert(node, relays);
        }
        true
    }
}

/// The relay that carries a connection now, if one does.
fn relay_in_use(conn: &Connection) -> Option<SocketAddr> {
    let paths = conn.paths();
    let path = paths
        .iter()
        .find(|path| path.is_selected())
        .or_else(|| paths.iter().next())?;
    match path.remote_addr() {
        TransportAddr::Relay(url) => addr_of(url),
        _ => None,
    }
}

/// Addresses of this machine's own interfaces; the engine's list has those that it was told of, too.
fn own_ips(endpoint: &Endpoint, told: &BTreeSet<SocketAddr>) -> BTreeSet<IpAddr> {
    let all = endpoint.addr();
    let own = all.ip_addrs().filter(|addr| !told.contains(addr));
    own.map(|addr| addr.ip().to_canonical()).collect()
}

impl Inner {
    fn mine(&self, endpoint: &Endpoint) -> Reach {
        let serves = lock(&self.reach).serves();
        Reach {
            serves: serves.into_iter().collect(),
            homes: homes(self, endpoint),
            observed: Vec::new(),
            name: self.name(),
            side: self.side_of(serves).into_iter().collect(),
            witness: self.witness(serves).into_iter().collect(),
            ports: lock(&self.side).nat().ports(),
        }
    }

    pub(crate) fn reach_report(&self) -> ReachReport {
        let Some(endpoint) = self.endpoint() else {
            return ReachReport::default();
        };
        let nat = lock(&self.side).nat();
        let homes = homes(self, &endpoint);
        let state = lock(&self.reach);
        let observed = state
            .said
            .iter()
            .filter_map(|(node, said)| Some((*node, *said.reach.observed.first()?)));
        ReachReport {
            observed: observed.collect(),
            interfaces: endpoint
                .addr()
                .ip_addrs()
                .filter(|addr| !state.external.contains(addr) && !addr.ip().is_loopback())
                .copied()
                .collect(),
            serves: state.relay.as_ref().map(|(addr, _)| *addr),
            clients: state.relay.as_ref().map_or(0, |(_, relay)| relay.clients()),
            homes,
            relays: state.in_use.iter().copied().collect(),
            nat,
        }
    }

    /// Ends the relay.
    pub(crate) async fn stop_relay(&self) {
        let relay = lock(&self.reach).relay.take();
        if let Some((_, relay)) = relay {
            relay.stop().await;
        }
    }

    /// Where this node relays for others, and whether it has no way in at all.
    pub(crate) fn relays_state(&self) -> (Option<SocketAddr>, bool) {
        let state = lock(&self.reach);
        let serves = state.relay.as_ref().map(|(addr, _)| *addr);
        (serves, serves.is_none() && state.in_use.is_empty())
    }

    /// A lookup found relays, for a node that has none.
    pub(crate) fn found_relays(&self, relays: Vec<SocketAddr>) {
        lock(&self.reach).found = relays.into_iter().take(MOST_FOUND).collect();
        self.wake_reach.notify_one();
    }
}

/// Asks peers, and acts on what they say, for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>, endpoint: Endpoint, serve: bool) {
    let mut addresses = endpoint.watch_addr().stream();
    loop {
        let mine = net.mine(&endpoint);
        ask_peers(&net, &mine);
        use_external(&net, &endpoint).await;
        use_relays(&net, &endpoint).await;
        if serve {
            consider_serving(&net, &endpoint).await;
        }
        tokio::select! {
            () = net.wake_reach.notified() => {}
            change = addresses.next() => if change.is_none() { return },
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

fn ask_peers(net: &Arc<Inner>, mine: &Reach) {
    let links = net.links();
    let mut state = lock(&net.reach);
    state
        .said
        .retain(|node, said| links.iter().any(|link| link.node == *node && link.id == said.link));
    for link in links {
        let known = state.said.get(&link.node);
        let fresh = known.is_some_and(|said| said.told == *mine && said.at.elapsed() < AGAIN);
        if !fresh && state.asking.insert(link.node) {
            net.spawn(ask(net.clone(), link, mine.clone()));
        }
    }
}

async fn ask(net: Arc<Inner>, link: Arc<Link>, mine: Reach) {
    let asked = async {
        let header = ReachRequest::Tell { reach: mine.clone() }.to_bytes();
        let (_send, mut recv) = link.open_request(&header).await.ok()?;
        let frame = recv.read_frame(MAX_REACH).await.ok()??;
        Reach::from_bytes(&frame).ok()
    };
    let answer = timeout(ANSWER, asked).await.ok().flatten();
    lock(&net.reach).asking.remove(&link.node);
    // A peer of an older version does not know the question; it is asked again later.
    hear(&net, &link, answer.unwrap_or_default(), Some(mine)).await;
}

/// Takes in what a peer says of itself. A relay counts only under the address that its packets come from.
async fn hear(net: &Arc<Inner>, link: &Link, mut reach: Reach, told: Option<Reach>) {
    let from = path_of(&link.conn, &net.doors).1.map(|addr| addr.ip());
    let over = relay_in_use(&link.conn);
    reach
        .serves
        .retain(|relay| Some(relay.ip()) == from || Some(*relay) == over);
    // A side socket is at the address of the peer, or of the relay that this very connection uses.
    reach
        .side
        .retain(|side| Some(side.ip()) == from || Some(side.ip()) == over.map(|relay| relay.ip()));
    reach.observed.retain(|addr| !addr.ip().is_loopback());
    let homes = reach.homes.clone();
    if told.is_none() || reach.name.is_some() {
        link.rename(net, reach.name.clone()).await;
    }
    let moved = {
        let mut state = lock(&net.reach);
        let known = state.said.get(&link.node).filter(|said| said.link == link.id).cloned();
        if told.is_none() {
            // Only an answer says where this node is seen.
            reach.observed = known
                .as_ref()
                .map(|said| said.reach.observed.clone())
                .unwrap_or_default();
        }
        let (told, at) = match (told, known) {
            (Some(told), _) => (told, Instant::now()),
            (None, Some(known)) => (known.told, known.at),
            (None, None) => (Reach::default(), Instant::now() - AGAIN),
        };
        let said = Said {
            link: link.id,
            reach,
            told,
            at,
        };
        for relay in &said.reach.serves {
            if state.owners.len() < MOST_REMEMBERED || state.owners.contains_key(relay) {
                state.owners.insert(*relay, link.node);
            }
        }
        state.said.insert(link.node, said);
        state.remember(link.node, &homes)
    };
    if moved {
        net.learn(link).await;
    }
    net.wake_reach.notify_one();
}

/// Answers a peer's question.
pub(crate) async fn answer(net: Arc<Inner>, link: Arc<Link>, request: ReachRequest, mut send: RequestSend) {
    let Some(endpoint) = net.endpoint() else { return };
    let answer = match request {
        ReachRequest::Tell { reach } => {
            if !lock(&net.reach).may_tell(link.node, Instant::now()) {
                return;
            }
            hear(&net, &link, reach, None).await;
            let observed = path_of(&link.conn, &net.doors).1.into_iter().collect();
            Reach {
                observed,
                ..net.mine(&endpoint)
            }
            .to_bytes()
        }
        ReachRequest::Try { port } => match try_to_reach(&net, &link, port).await {
            Some(reached) => Tried { reached }.to_bytes(),
            None => return,
        },
        ReachRequest::Helpers => side::answer_helpers(&net, &link).to_bytes(),
        ReachRequest::Seen { token } => side::answer_seen(&net, token).to_bytes(),
        ReachRequest::Knock { token } => side::answer_knock(&net, &link, token).await.to_bytes(),
        ReachRequest::KnockAt { at, token } => side::answer_knock_at(&net, &link, &at, token).await.to_bytes(),
        ReachRequest::Meet { meeting, spot } => side::answer_meet(&net, &link, meeting, spot).await.to_bytes(),
        ReachRequest::Park { door } => park::answer_park(&net, &link, door).await.to_bytes(),
        ReachRequest::Sleep { pass_key } => park::answer_sleep(&net, &link, pass_key).to_bytes(),
    };
    if send.write_frame(&answer).await.is_ok() {
        send.finish();
    }
}

/// One TCP connection to where the asker's own packets come from: no more goes out than came in. Nothing if it is not
/// tried.
async fn try_to_reach(net: &Inner, link: &Link, port: u16) -> Option<bool> {
    let from = path_of(&link.conn, &net.doors).1?;
    {
        let mut state = lock(&net.reach);
        let now = Instant::now();
        state.tried.retain(|_, at| now.duration_since(*at) < TRY_AGAIN);
        if state.tried.insert(link.node, now).is_some() {
            return None;
        }
    }
    let connected = timeout(TRY, TcpStream::connect(SocketAddr::new(from.ip(), port))).await;
    Some(matches!(connected, Ok(Ok(_))))
}

/// Tells the engine at which addresses peers see this node, for meeting others half-way.
async fn use_external(net: &Inner, endpoint: &Endpoint) {
    let (add, remove) = {
        let mut state = lock(&net.reach);
        let own = own_ips(endpoint, &state.external);
        let mut seen: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for addr in state.said.values().flat_map(|said| &said.reach.observed) {
            if !own.contains(&addr.ip()) && !is_local(addr.ip()) {
                *seen.entry(*addr).or_default() += 1;
            }
        }
        let peers = state.said.len();
        let mut good: Vec<_> = seen.into_iter().filter(|(_, count)| *count > 1 || peers < 3).collect();
        good.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let good: BTreeSet<SocketAddr> = good.into_iter().take(MOST_EXTERNAL).map(|(addr, _)| addr).collect();
        let add: Vec<_> = good.difference(&state.external).copied().collect();
        // While nobody says anything, what was true a moment ago is the best guess.
        let remove: Vec<_> = match good.is_empty() {
            true => Vec::new(),
            false => state.external.difference(&good).copied().collect(),
        };
        state.external.extend(&add);
        state.external.retain(|addr| !remove.contains(addr));
        (add, remove)
    };
    for addr in add {
        debug!(%addr, "peers see this node here");
        endpoint.add_external_addr(addr).await;
    }
    for addr in remove {
        endpoint.remove_external_addr(&addr).await;
    }
}

/// Tells the engine which relays to keep a connection to: those of connected peers, or this node's own, so that also
/// those whose network carries no UDP can reach it.
async fn use_relays(net: &Inner, endpoint: &Endpoint) {
    let stand_in = lock(&net.park).stand_in();
    let parked: BTreeSet<NodeId> = lock(&net.table).parked().collect();
    let (add, remove) = {
        let mut state = lock(&net.reach);
        let own = state.relay.as_ref().map(|(addr, _)| *addr);
        let offered: BTreeSet<SocketAddr> = match own {
            Some(own) => BTreeSet::from([own]),
            None => {
                let mut peers: BTreeSet<_> = state
                    .said
                    .values()
                    .flat_map(|said| &said.reach.serves)
                    .copied()
                    .collect();
                // A peer that is parked still serves.
                let owners = state.owners.iter().filter(|(_, owner)| parked.contains(owner));
                peers.extend(owners.map(|(relay, _)| *relay));
                if peers.is_empty() { state.found.clone() } else { peers }
            }
        };
        // Those in use stay as long as they are offered: homes should not wander.
        let mut good: BTreeSet<SocketAddr> = state.in_use.intersection(&offered).copied().collect();
        good.extend(offered.iter().take(MAX_RELAYS));
        while good.len() > MAX_RELAYS {
            good.pop_last();
        }
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
    for url in remove.into_iter().filter_map(url_of) {
        endpoint.remove_relay(&url).await;
    }
    for url in add.into_iter().filter_map(url_of) {
        info!(relay = %url, "a home for this node");
        endpoint
            .insert_relay(url.clone(), Arc::new(RelayConfig::new(url, None)))
            .await;
    }
}

/// Relays for others once a peer sees this node under an address of its own, and could reach it there.
async fn consider_serving(net: &Arc<Inner>, endpoint: &Endpoint) {
    let candidate = {
        let state = lock(&net.reach);
        let own = own_ips(endpoint, &state.external);
        if state.relay.is_some() || state.retry_serving.is_some_and(|at| at > Instant::now()) {
            return;
        }
        let mut seen = state.said.values().flat_map(|said| &said.reach.observed);
        seen.find(|addr| own.contains(&addr.ip()) && !is_local(addr.ip()))
            .copied()
    };
    let Some(addr) = candidate else { return };
    let listen = match addr.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => addr.ip(),
    };
    let relay = match Relay::start(SocketAddr::new(listen, addr.port())).await {
        Ok(relay) => relay,
        Err(error) => {
            debug!(%addr, error, "cannot relay here");
            lock(&net.reach).retry_serving = Some(Instant::now() + RETRY_SERVING);
            return;
        }
    };
    if reached_by_peers(net, addr.port()).await {
        info!(%addr, "relaying for others");
        lock(&net.reach).relay = Some((addr, relay));
        net.wake_reach.notify_one();
        net.lookup.wake.notify_one();
    } else {
        relay.stop().await;
        lock(&net.reach).retry_serving = Some(Instant::now() + RETRY_SERVING);
    }
}

/// Whether most of those peers who tried could open a connection. They have never been called from that port, so no
/// router and no firewall lets them in for that.
async fn reached_by_peers(net: &Arc<Inner>, port: u16) -> bool {
    let tries = net.links().into_iter().take(MOST_TRIERS).map(|link| async move {
        let asked = async {
            let header = ReachRequest::Try { port }.to_bytes();
            let (_send, mut recv) = link.open_request(&header).await.ok()?;
            let frame = recv.read_frame(MAX_REACH).await.ok()??;
            Tried::from_bytes(&frame).ok()
        };
        timeout(ANSWER, asked).await.ok().flatten()
    });
    let tried: Vec<Tried> = futures_util::future::join_all(tries)
        .await
        .into_iter()
        .flatten()
        .collect();
    let reached = tried.iter().filter(|tried| tried.reached).count();
    debug!(port, reached, of = tried.len(), "peers tried to reach this node");
    reached * 2 > tried.len()
}

#[cfg(test)]
mod tests;

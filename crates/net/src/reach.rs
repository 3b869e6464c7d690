//! How this node can be reached, found out with the help of peers (O6); and helping them to find out. Ordinary peers
//! say where they see each other; who turns out to be reachable relays for those who are not.

use crate::{
    address::path_of,
    link::Link,
    net::Inner,
    park,
    queue::lock,
    relay::{Relay, RelayAt, RelayUse, used, whose},
    request::RequestSend,
    side,
};
use futures_util::StreamExt as _;
use hedgerow_base::NodeId;
use hedgerow_traverse::nat::Nat;
use hedgerow_wire::reach::{MAX_REACH, MAX_RELAYS, Ports, Reach, ReachRequest, Tried};
use iroh::{Endpoint, TransportAddr, Watcher as _, endpoint::Connection};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tracing::debug;

mod doubt;
mod homes;
mod mapping;
mod portal;
mod probe;
mod seen;
mod serving;

pub(crate) use homes::is_at_home;
pub use mapping::{Mapping, MappingState};

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often connected peers are asked again though nothing changed.
const AGAIN: Duration = Duration::from_secs(300);
/// How often they are asked again because a direct path broke.
const DOUBT: Duration = Duration::from_secs(5);
/// How long an attempt to reach a peer takes at most, and how often a peer may ask for one.
const TRY: Duration = Duration::from_secs(3);
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// How often a peer may tell something about itself in that time; more is not answered.
const MOST_TELLS: u32 = 30;
const TELLS_TIME: Duration = Duration::from_secs(60);
/// Most nodes whose relays are remembered.
const MOST_REMEMBERED: usize = 1024;
/// How long a relay that was found has to prove whose it is.
const PROOF: Duration = Duration::from_secs(4);
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
    relays_of: BTreeMap<NodeId, Vec<RelayAt>>,
    /// Relays that this node uses, unless it sleeps.
    in_use: BTreeSet<RelayAt>,
    /// Relays that the engine was told of.
    told: BTreeSet<RelayAt>,
    /// Whose relay that is.
    owners: BTreeMap<SocketAddr, NodeId>,
    /// Relays that did not answer, and until when they are left alone.
    left_alone: BTreeMap<RelayAt, Instant>,
    /// Since when peers say where they see this node.
    seen_since: Option<Instant>,
    /// Addresses of this node that the engine was told of.
    external: BTreeSet<SocketAddr>,
    /// What the router gave.
    mapping: Mapping,
    /// Something answers in the place of peers.
    portal: bool,
    relay: Option<(SocketAddr, Relay)>,
    /// It is reached through the router.
    serves_mapped: bool,
    retry_serving: Option<Instant>,
    /// Relays that announced themselves in the DHT: used while no peer offers one.
    found: BTreeSet<SocketAddr>,
    /// When each peer last asked to be tried, over TCP or over UDP.
    tried: BTreeMap<(NodeId, bool), Instant>,
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
    /// What the router gave when it was asked to let others in.
    pub mapping: Mapping,
    /// Whether it would, if it could be reached.
    pub may_serve: bool,
    /// How much it relays, may and did.
    pub relay: Option<RelayUse>,
    /// Relays over which it can be reached, the one in use first.
    pub homes: Vec<SocketAddr>,
    /// Relays that it could use.
    pub relays: Vec<SocketAddr>,
    /// What the router does.
    pub nat: Nat,
    /// How many known peers have not answered.
    pub unanswered: usize,
    /// Something on the way answers in their place, perhaps a page for logging in.
    pub portal: bool,
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
    pub(crate) fn relays_of(&self, node: &NodeId) -> Vec<RelayAt> {
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
    /// Where the router lets UDP in to the side socket, if this node relays through it.
    pub(crate) fn side_mapped(&self) -> Option<Option<SocketAddr>> {
        self.serves_mapped.then_some(self.mapping.side.map(SocketAddr::V4))
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
    pub(crate) fn remember(&mut self, node: NodeId, relays: &[RelayAt]) -> bool {
        let relays: Vec<RelayAt> = relays.iter().copied().take(MAX_RELAYS).collect();
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
        TransportAddr::Relay(url) => RelayAt::from_url(url).map(|relay| relay.at),
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
        let (homes, home_nodes) = RelayAt::to_wire(&self.homes(endpoint));
        Reach {
            serves: serves.into_iter().collect(),
            homes,
            home_nodes,
            observed: Vec::new(),
            name: self.name(),
            side: self.side_of(serves).into_iter().collect(),
            witness: self.witness(serves).into_iter().collect(),
            ports: lock(&self.side).ports(),
        }
    }

    pub(crate) fn reach_report(&self) -> ReachReport {
        let Some(endpoint) = self.endpoint() else {
            return ReachReport::default();
        };
        let nat = lock(&self.side).nat();
        let homes = self.homes(&endpoint);
        let unanswered = lock(&self.table).unanswered(0).0;
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
            serves: state.serves(),
            mapping: state.mapping,
            may_serve: self.may_serve(),
            relay: Some(used(&self.quota, self.begin)),
            homes: homes.into_iter().map(|relay| relay.at).collect(),
            relays: state.in_use.iter().map(|relay| relay.at).collect(),
            nat,
            unanswered,
            portal: state.portal,
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

    /// A lookup found relays, for a node that has none. Those that prove whose they are become homes, and their nodes
    /// peers: over them this node learns what its router does, and is told of others.
    pub(crate) async fn found_relays(&self, relays: Vec<SocketAddr>) {
        let asked = relays.into_iter().take(MOST_FOUND);
        let asked = asked.map(|at| async move { Some((at, whose(at, PROOF).await?)) });
        let proven = futures_util::future::join_all(asked).await.into_iter().flatten();
        let proven: Vec<(SocketAddr, NodeId)> = proven.filter(|(_, node)| *node != self.node()).collect();
        {
            let mut state = lock(&self.reach);
            state.found = proven.iter().map(|(at, _)| *at).collect();
            if state.owners.len() < MOST_REMEMBERED {
                state.owners.extend(proven.iter().copied());
            }
        }
        for (at, node) in proven {
            debug!(%at, peer = %node.short(), "a relay that was found");
            lock(&self.table).remember(node, &[at], Instant::now());
        }
        self.wake_dialler.notify_one();
        self.wake_reach.notify_one();
    }
}

/// Asks peers, and acts on what they say, for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>, endpoint: Endpoint) {
    net.spawn(homes::watch(net.clone(), endpoint.clone()));
    net.spawn(doubt::watch(net.clone(), endpoint.clone()));
    net.spawn(portal::watch(net.clone()));
    net.spawn(mapping::run(net.clone(), endpoint.clone()));
    let mut addresses = endpoint.watch_addr().stream();
    loop {
        let mine = net.mine(&endpoint);
        ask_peers(&net, &mine);
        seen::pass_on(&net, &endpoint).await;
        homes::choose(&net, &endpoint).await;
        serving::consider(&net, &endpoint).await;
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
    let homes = RelayAt::from_wire(&reach.homes, &reach.home_nodes);
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
        ReachRequest::Try { port } => match probe::tcp(&net, &link, port).await {
            Some(reached) => Tried { reached }.to_bytes(),
            None => return,
        },
        ReachRequest::TryUdp { port } => match probe::udp(&net, &link, port).await {
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

#[cfg(test)]
mod tests;

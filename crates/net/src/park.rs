//! Doing without connections that nobody uses ([`hedgerow_traverse::park`]). Both sides agree to end a connection; a
//! node that has none left leaves its relay too, and keeps only a beat towards its home ([`sleeper`]). Who wants to
//! speak to it has it woken by the home ([`wake`]).

mod handle;
mod sleeper;
mod wake;

pub(crate) use wake::call;

use crate::{
    address::{PathKind, path_of},
    event::Why,
    link::Link,
    net::Inner,
    queue::lock,
    reach,
    relay::RelayAt,
    side::random,
};
use hedgerow_base::NodeId;
use hedgerow_traverse::park::{
    self,
    home::{Datagram, Home},
    idle::{Facts, Idle},
};
use hedgerow_wire::{
    node::CloseCode,
    park::{Park, Pass},
    reach::{Door, MAX_REACH, MAX_RELAYS, ReachRequest, Rest, Slept},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep, sleep_until, timeout},
};
use tracing::debug;

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often connections are looked at, at most and at least; a twelfth of the time after which they are parked.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_LEAST: Duration = Duration::from_millis(20);
/// Most peers whose passes are kept.
const MOST_PASSES: usize = 1024;
/// How long it may take until a called peer's connection is ready for requests.
const RETURN: Duration = Duration::from_secs(15);

/// What is parked, and who sleeps here.
pub(crate) struct State {
    epoch: Instant,
    /// After so long without use a connection is parked; never if there is none.
    quiet: Option<Duration>,
    /// Nodes that sleep here.
    home: Home,
    idle: BTreeMap<u64, Idle>,
    asking: BTreeSet<u64>,
    /// Peers that are not parked.
    held: BTreeSet<NodeId>,
    /// Makes what peers show when they call this node.
    pass_key: park::Key,
    /// What peers gave to this node for calling them.
    passes: BTreeMap<NodeId, Pass>,
    /// Over which relays parked peers can call this node.
    told: BTreeMap<NodeId, Vec<RelayAt>>,
    sleeper: sleeper::State,
}

/// What idling costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParkReport {
    /// Connections are parked at all.
    pub enabled: bool,
    /// Peers that are there, but without a connection.
    pub parked: usize,
    /// This node has left its relay too.
    pub asleep: bool,
    /// The home that wakes it.
    pub home: Option<NodeId>,
    /// Seconds between beats for that home.
    pub beat_s: Option<f64>,
    /// What the beats cost, headers included, in bytes per hour.
    pub bytes_per_hour: Option<f64>,
    /// Nodes that sleep here.
    pub sleepers: usize,
}

impl State {
    pub(crate) fn new(quiet: Option<Duration>) -> Self {
        Self {
            epoch: Instant::now(),
            quiet,
            home: Home::new(random()),
            idle: BTreeMap::new(),
            asking: BTreeSet::new(),
            held: BTreeSet::new(),
            pass_key: random(),
            passes: BTreeMap::new(),
            told: BTreeMap::new(),
            sleeper: sleeper::State::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, ms: u64) -> Instant {
        self.epoch + Duration::from_millis(ms)
    }

    pub(crate) fn hold(&mut self, nodes: BTreeSet<NodeId>) {
        self.held = nodes;
    }

    /// Over which relay this node can be reached once it is woken, if it sleeps.
    pub(crate) fn asleep_at(&self) -> Option<RelayAt> {
        self.sleeper.asleep_at()
    }

    /// The relay on this machine that the engine uses while the node sleeps.
    pub(crate) fn stand_in(&self) -> Option<RelayAt> {
        self.sleeper.stand_in()
    }

    fn quiet_ms(&self) -> u64 {
        self.quiet
            .map_or(u64::MAX, |quiet| u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX))
    }

    fn idle_of(&mut self, link: &Link) -> &mut Idle {
        let quiet = self.quiet_ms();
        self.idle.entry(link.id).or_insert_with(|| Idle::new(quiet))
    }

    /// Remembers how to call a peer.
    fn learn(&mut self, peer: NodeId, door: &Door, told: Vec<RelayAt>) {
        if self.passes.len() >= MOST_PASSES && !self.passes.contains_key(&peer) {
            return;
        }
        self.passes.insert(peer, door.pass);
        self.told.insert(peer, told);
    }
}

impl Inner {
    fn now_ms(&self) -> u64 {
        lock(&self.park).now_ms()
    }

    /// Where this node can be called, the best first.
    fn doors_of_mine(&self) -> Vec<RelayAt> {
        let Some(endpoint) = self.endpoint() else {
            return Vec::new();
        };
        let mut homes = self.homes(&endpoint);
        let state = lock(&self.reach);
        if state.own_relay().is_none() {
            for relay in state.relays_in_use() {
                if !homes.contains(&relay) {
                    homes.push(relay);
                }
            }
        }
        homes.truncate(MAX_RELAYS);
        homes
    }

    /// How a peer can call this node, and over which relays that is.
    fn door_for(&self, peer: &NodeId) -> (Door, Vec<RelayAt>) {
        let relays = self.doors_of_mine();
        let (homes, home_nodes) = RelayAt::to_wire(&relays);
        let pass = park::pass(&lock(&self.park).pass_key, peer);
        let door = Door {
            homes,
            pass,
            home_nodes,
        };
        (door, relays)
    }

    /// Whether this node relays for others, so that anybody reaches it.
    fn is_open(&self) -> bool {
        lock(&self.reach).own_relay().is_some()
    }

    /// Whether an address is one of this machine.
    fn is_own(&self, ip: IpAddr) -> bool {
        let own = |endpoint: iroh::Endpoint| endpoint.addr().ip_addrs().any(|addr| addr.ip().to_canonical() == ip);
        ip.is_loopback() || self.endpoint().is_some_and(own)
    }

    /// Whether the peer of a link could call this node without it.
    fn is_callable(&self, link: &Link) -> bool {
        let (kind, address, _) = path_of(&link.conn, &self.doors);
        if address.is_some_and(|address| self.is_own(address.ip())) || self.is_open() {
            return true;
        }
        if sleeper::is_home(self, link) {
            // The home is left last, when it knows how to wake this node.
            return lock(&self.park).sleeper.is_ready();
        }
        let asleep = lock(&self.park).asleep_at().is_some();
        let at_home = || {
            let endpoint = self.endpoint()?;
            let home = self.homes(&endpoint).first().copied()?;
            Some(reach::is_at_home(&endpoint, home))
        };
        // On the local network it has shown that it can, if it began.
        let began = kind == PathKind::Lan && !link.dialled_by_me;
        began || (asleep && lock(&self.park).sleeper.is_ready()) || (!asleep && at_home() == Some(true))
    }

    fn facts(&self, link: &Link) -> Facts {
        let callable = self.is_callable(link);
        let state = lock(&self.park);
        Facts {
            unused_ms: u64::try_from(link.usage.unused().as_millis()).unwrap_or(u64::MAX),
            held: state.held.contains(&link.node) || link.usage.is_held() || state.quiet.is_none(),
            callable,
            dialled: link.dialled_by_me,
        }
    }

    /// The connection to a parked peer, once it is back.
    pub(crate) async fn returned(self: &Arc<Self>, node: &NodeId) -> Option<Arc<Link>> {
        let (waiter, answer) = tokio::sync::oneshot::channel();
        {
            let mut table = lock(&self.table);
            let parked = table.parked().any(|parked| parked == *node);
            if !parked {
                return None;
            }
            table.ask(*node, &[], true, Instant::now(), waiter);
        }
        self.wake_dialler.notify_one();
        let back = async {
            answer.await.ok()?.ok()?;
            loop {
                let link = lock(&self.table).links.get(node).cloned()?;
                if link.active.load(Ordering::Acquire) {
                    return Some(link);
                }
                sleep(LOOK_LEAST).await;
            }
        };
        timeout(RETURN, back).await.ok()?
    }

    pub(crate) fn park_report(&self) -> ParkReport {
        let parked = lock(&self.table).parked().count();
        let state = lock(&self.park);
        let now = state.now_ms();
        let mut report = state.sleeper.report(now);
        report.enabled = state.quiet.is_some();
        report.parked = parked;
        report.sleepers = state.home.len();
        report
    }
}

/// Looks after connections without use for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>) {
    let looks = async {
        // Who does not park still is a home for others.
        let Some(quiet) = lock(&net.park).quiet else {
            return std::future::pending().await;
        };
        let look = (quiet / 12).clamp(LOOK_LEAST, LOOK);
        loop {
            sleep(look).await;
            look_at_links(&net);
            sleeper::look(&net).await;
        }
    };
    let ((), ()) = tokio::join!(looks, run_home(net.clone()));
}

fn look_at_links(net: &Arc<Inner>) {
    let links = net.links();
    let now = net.now_ms();
    {
        let mut state = lock(&net.park);
        state.idle.retain(|id, _| links.iter().any(|link| link.id == *id));
    }
    for link in links.into_iter().filter(|link| link.active.load(Ordering::Acquire)) {
        let facts = net.facts(&link);
        let mut state = lock(&net.park);
        if state.idle_of(&link).asks(now, &facts) && state.asking.insert(link.id) {
            drop(state);
            net.spawn(ask_to_park(net.clone(), link));
        }
    }
}

/// One request and its answer.
async fn ask(link: &Link, request: &ReachRequest) -> Option<Vec<u8>> {
    let asked = async {
        let (_send, mut recv) = link.open_request(&request.to_bytes()).await.ok()?;
        recv.read_frame(MAX_REACH).await.ok()?
    };
    timeout(ANSWER, asked).await.ok().flatten()
}

async fn ask_to_park(net: Arc<Inner>, link: Arc<Link>) {
    let (door, told) = net.door_for(&link.node);
    let answer = ask(&link, &ReachRequest::Park { door }).await;
    let answer = answer
        .and_then(|bytes| Rest::from_bytes(&bytes).ok())
        .unwrap_or_default();
    let now = net.now_ms();
    lock(&net.park).asking.remove(&link.id);
    let Some(door) = answer.door else {
        lock(&net.park).idle_of(&link).refused(now);
        return;
    };
    learn_door(&net, &link, &door, told).await;
    // From here on whatever is said brings the connection back.
    link.usage.part();
    let facts = net.facts(&link);
    if lock(&net.park).idle_of(&link).agrees(&facts) {
        debug!(peer = %link.node.short(), "parked");
        link.close(CloseCode::Parked, Why::Parked);
    }
}

async fn learn_door(net: &Arc<Inner>, link: &Link, door: &Door, told: Vec<RelayAt>) {
    let homes = RelayAt::from_wire(&door.homes, &door.home_nodes);
    let moved = !homes.is_empty() && lock(&net.reach).remember(link.node, &homes);
    lock(&net.park).learn(link.node, door, told);
    if moved {
        net.learn(link).await;
    }
}

/// A peer wants to do without the connection.
pub(crate) async fn answer_park(net: &Arc<Inner>, link: &Arc<Link>, door: Door) -> Rest {
    let facts = net.facts(link);
    if !lock(&net.park).idle_of(link).agrees(&facts) {
        return Rest::default();
    }
    let (mine, told) = net.door_for(&link.node);
    learn_door(net, link, &door, told).await;
    link.usage.part();
    Rest { door: Some(mine) }
}

/// A peer wants to sleep here.
pub(crate) fn answer_sleep(net: &Inner, link: &Link, pass_key: [u8; 32]) -> Slept {
    let relay = lock(&net.reach).own_relay().map(|(addr, _)| addr);
    // Those who call know the relay from a ticket, and take the side socket for the port beside it.
    let beside = relay.and_then(|relay| Some(SocketAddr::new(relay.ip(), relay.port().checked_add(1)?)));
    let findable = beside.is_some() && net.side_of(relay) == beside;
    let from = path_of(&link.conn, &net.doors).1.map(|addr| addr.ip());
    let ip = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let number = u32::from_be_bytes(random());
    let mut state = lock(&net.park);
    let now = state.now_ms();
    Slept {
        session: findable
            .then(|| state.home.register(now, number, link.node, ip, &link.session, pass_key))
            .flatten(),
    }
}

/// Whether a datagram of the side socket belongs here.
pub(crate) fn is_meant(packet: &[u8]) -> bool {
    Park::is_meant(packet)
}

/// A datagram came to the side socket.
pub(crate) async fn heard(net: &Arc<Inner>, packet: &[u8], from: SocketAddr, socket: &UdpSocket) {
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    let out = {
        let presence = lock(&net.reach).own_relay().map(|(_, relay)| relay.presence());
        let here = |node: &NodeId| presence.as_ref().is_some_and(|presence| presence.has(node));
        // An old ticket may name this node's relay though another one became the home since.
        let called = match Park::from_bytes(packet) {
            Ok(Park::Call { node, .. }) => Some(node),
            _ => None,
        };
        let own = lock(&net.reach).own_relay().map(|(addr, _)| addr);
        let relays = called.map(|node| lock(&net.reach).relays_of(&node)).unwrap_or_default();
        let elsewhere = relays
            .into_iter()
            .filter(|relay| Some(relay.at) != own)
            .find_map(|relay| match relay.at {
                SocketAddr::V4(relay) => Some(relay),
                SocketAddr::V6(_) => None,
            });
        let mut state = lock(&net.park);
        let now = state.now_ms();
        state.home.heard(now, packet, from, here, |_| elsewhere)
    };
    send(socket, out).await;
    net.wake_home.notify_one();
}

async fn send(socket: &UdpSocket, datagrams: Vec<Datagram>) {
    for (to, bytes) in datagrams {
        let _ = socket.send_to(&bytes, to).await;
    }
}

/// Answers in time what sleepers have ordered for later, for as long as the network runs.
async fn run_home(net: Arc<Inner>) {
    loop {
        let due = {
            let state = lock(&net.park);
            state.home.due_ms().map(|due| state.at(due))
        };
        let wait = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = net.wake_home.notified() => {}
        }
        let out = {
            let mut state = lock(&net.park);
            let now = state.now_ms();
            state.home.tick(now)
        };
        let socket = lock(&net.side).socket();
        if let Some((socket, _)) = socket {
            send(&socket, out).await;
        }
    }
}

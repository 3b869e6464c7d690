//! The side socket: UDP beside the engine's, on which this node tells others where it sees them, finds out what its own
//! router does ([`measure`]), and opens paths through routers that the engine does not get through ([`meet`], whose paths
//! lead through a [`tunnel`]). `docs/wire/side.md` describes the datagrams.

mod filter;
mod measure;
mod meet;
mod question;
mod reflect;
mod sample;
mod tunnel;

pub(crate) use meet::{answer_meet, watch};
pub(crate) use tunnel::Doors;

use crate::{
    address::{is_local, path_of},
    link::Link,
    net::Inner,
    queue::lock,
    request::RequestRecv,
};
use hedgerow_base::NodeId;
use hedgerow_traverse::nat::Nat;
use hedgerow_wire::{
    reach::{Helpers, MAX_HELPERS, MAX_REACH, Ports, ReachRequest, Tried},
    side::{Cookie, Side, Token},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};
use tracing::debug;

/// Most side sockets that knock at one request.
const KNOCKERS: usize = 3;
/// How often one peer may have others knock in [`KNOCKS_TIME`], and how often it may have this node knock for its peers.
const MOST_KNOCKS: u32 = 30;
const MOST_KNOCKS_FOR_OTHERS: u32 = 300;
const KNOCKS_TIME: Duration = Duration::from_secs(60);
/// Most cookies that are kept.
const MOST_COOKIES: usize = 64;
/// How long a peer has to answer a question, and how long its own peers have that it asks for us.
const ANSWER: Duration = Duration::from_secs(3);
const ANSWER_OF_OTHERS: Duration = Duration::from_millis(1500);

/// What is known through the side socket.
#[derive(Default)]
pub(crate) struct State {
    /// The socket that others ask, if this machine has one to give.
    socket: Option<Arc<UdpSocket>>,
    port: Option<u16>,
    /// Where questions came from lately, so that knocks go to nobody else.
    asked: reflect::Asked,
    nat: Nat,
    /// How ports are chosen, before the rest is known: a way between two nodes need not wait for who else gets in.
    ports: Option<Ports>,
    /// The verdict stands; it may still learn the time-out.
    judged: bool,
    /// How often each peer has asked for knocks lately, and since when that is counted.
    knocks: BTreeMap<(NodeId, bool), (Instant, u32)>,
    meetings: meet::Meetings,
    /// What others gave us to show them.
    cookies: BTreeMap<IpAddr, Cookie>,
}

impl State {
    fn may_knock(&mut self, peer: NodeId, for_others: bool, now: Instant) -> bool {
        self.knocks
            .retain(|_, (since, _)| now.duration_since(*since) < KNOCKS_TIME);
        let (_, count) = self.knocks.entry((peer, for_others)).or_insert((now, 0));
        *count = count.saturating_add(1);
        *count
            <= if for_others {
                MOST_KNOCKS_FOR_OTHERS
            } else {
                MOST_KNOCKS
            }
    }

    fn cookie_of(&self, ip: IpAddr) -> Cookie {
        self.cookies.get(&ip).copied().unwrap_or_default()
    }

    fn keep_cookie(&mut self, ip: IpAddr, cookie: Cookie) {
        while self.cookies.len() >= MOST_COOKIES && !self.cookies.contains_key(&ip) {
            self.cookies.pop_first();
        }
        self.cookies.insert(ip, cookie);
    }

    /// The port of the socket that others ask.
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn nat(&self) -> Nat {
        self.nat
    }

    /// What others need to know for meeting this node.
    pub(crate) fn ports(&self) -> Option<Ports> {
        self.nat.ports().or(self.ports)
    }

    /// The socket that others ask, and its port.
    pub(crate) fn socket(&self) -> Option<(Arc<UdpSocket>, u16)> {
        Some((self.socket.clone()?, self.port?))
    }
}

/// A socket of any port.
pub(crate) async fn any_socket() -> Option<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.ok()
}

/// A number that nobody guesses.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom::fill(&mut bytes);
    bytes
}

/// Opens the socket, answers on it, and measures, for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>, listen: Ipv4Addr, preferred: Option<u16>) {
    let Some((socket, other)) = open(listen, preferred).await else {
        debug!("no side socket: this node does not help others to be reached");
        return measure::run(net).await;
    };
    let (socket, other) = (Arc::new(socket), Arc::new(other));
    {
        let mut state = lock(&net.side);
        state.port = socket.local_addr().ok().map(|addr| addr.port());
        state.socket = Some(socket.clone());
    }
    net.wake_reach.notify_one();
    net.spawn(reflect::run(net.clone(), socket, other));
    measure::run(net).await;
}

/// The socket next to the engine's port if that is free, and another.
async fn open(listen: Ipv4Addr, preferred: Option<u16>) -> Option<(UdpSocket, UdpSocket)> {
    let next = preferred.and_then(|port| port.checked_add(1));
    let first = match next {
        Some(port) => UdpSocket::bind((listen, port)).await.ok(),
        None => None,
    };
    let first = match first {
        Some(socket) => socket,
        None => UdpSocket::bind((listen, 0)).await.ok()?,
    };
    Some((first, UdpSocket::bind((listen, 0)).await.ok()?))
}

impl Inner {
    /// Where strangers may ask this node's side socket, if it serves at an address of its own.
    pub(crate) fn side_of(&self, serves: Option<SocketAddr>) -> Option<SocketAddr> {
        let port = lock(&self.side).port?;
        let ip = serves?.ip();
        if let Some(mapped) = lock(&self.reach).side_mapped() {
            return mapped;
        }
        ip.is_ipv4().then_some(SocketAddr::new(ip, port))
    }

    /// The side socket that this node trusts most to say where somebody is: its own, or that of the peer who has been
    /// connected for longest.
    pub(crate) fn witness(&self, serves: Option<SocketAddr>) -> Option<SocketAddr> {
        let oldest = || {
            let sides = self.sides(&BTreeSet::new()).into_iter();
            sides.min_by_key(|(link, _)| link.since).map(|(_, side)| side)
        };
        self.side_of(serves).or_else(oldest)
    }

    /// Side sockets of connected peers, but none of `not`.
    fn sides(&self, not: &BTreeSet<IpAddr>) -> Vec<(Arc<Link>, SocketAddr)> {
        let links = self.links();
        let state = lock(&self.reach);
        let mut sides: Vec<_> = links
            .into_iter()
            .filter_map(|link| Some((state.side_of(&link)?, link)))
            .filter(|(side, _)| !not.contains(&side.ip()))
            .map(|(side, link)| (link, side))
            .collect();
        // Nearer ones first.
        sides.sort_by_key(|(link, _)| path_of(&link.conn, &self.doors).2.unwrap_or(f64::MAX) as u64);
        sides
    }
}

/// One request and its answer.
async fn ask(link: &Link, request: &ReachRequest) -> Option<Vec<u8>> {
    ask_within(link, request, ANSWER).await
}

async fn ask_within(link: &Link, request: &ReachRequest, wait: Duration) -> Option<Vec<u8>> {
    let asked = async {
        let (_send, mut recv): (_, RequestRecv) = link.open_request(&request.to_bytes()).await.ok()?;
        recv.read_frame(MAX_REACH).await.ok()?
    };
    timeout(wait, asked).await.ok().flatten()
}

/// Which side sockets this node knows, for a peer who is not among them.
pub(crate) fn answer_helpers(net: &Inner, link: &Link) -> Helpers {
    let not = BTreeSet::from_iter(path_of(&link.conn, &net.doors).1.map(|addr| addr.ip()));
    let sides = net.sides(&not).into_iter().filter(|(other, _)| other.node != link.node);
    Helpers {
        sides: sides.map(|(_, side)| side).take(MAX_HELPERS).collect(),
    }
}

/// Where a datagram came from that showed its cookie.
pub(crate) fn answer_seen(net: &Inner, token: Token) -> Helpers {
    let at = lock(&net.side).asked.of(&token, Instant::now());
    Helpers {
        sides: at.into_iter().collect(),
    }
}

/// Has others knock where the peer's datagram came from.
pub(crate) async fn answer_knock(net: &Arc<Inner>, link: &Link, token: Token) -> Helpers {
    let at = {
        let mut state = lock(&net.side);
        let now = Instant::now();
        state
            .may_knock(link.node, false, now)
            .then(|| state.asked.of(&token, now))
            .flatten()
    };
    let Some(at) = at else {
        debug!(peer = %link.node.short(), "no knock: too often, or no datagram with that token and its cookie");
        return Helpers::default();
    };
    let others = net.sides(&BTreeSet::from([at.ip()]));
    let asked = others
        .into_iter()
        .filter(|(other, _)| other.node != link.node)
        .take(KNOCKERS)
        .map(|(other, side)| async move {
            let request = ReachRequest::KnockAt { at: vec![at], token };
            let tried = Tried::from_bytes(&ask_within(&other, &request, ANSWER_OF_OTHERS).await?).ok()?;
            tried.reached.then_some(side)
        });
    let sides = futures_util::future::join_all(asked).await;
    debug!(%at, asked = sides.len(), "asked others to knock");
    Helpers {
        sides: sides.into_iter().flatten().collect(),
    }
}

/// Knocks once: one small datagram for a whole request.
pub(crate) async fn answer_knock_at(net: &Inner, link: &Link, at: &[SocketAddr], token: Token) -> Tried {
    let not = Tried { reached: false };
    let [at] = at else { return not };
    let near = path_of(&link.conn, &net.doors)
        .1
        .is_some_and(|addr| is_local(addr.ip()));
    let fair = at.port() >= 1024 && at.is_ipv4() && (near || !is_local(at.ip())) && !at.ip().is_multicast();
    let socket = {
        let mut state = lock(&net.side);
        let may = fair && state.may_knock(link.node, true, Instant::now());
        state.socket.clone().filter(|_| may)
    };
    match socket {
        Some(socket) => Tried {
            reached: socket.send_to(&Side::Knock { token }.to_bytes(), at).await.is_ok(),
        },
        None => not,
    }
}

//! Asking the router to let others in: PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP IGD, for the engine's UDP port, the
//! same TCP port for the relay, and the side socket. What the router claims is not believed: an address that is not
//! public, or not the one under which peers see this node, does not count, and peers try the rest from outside.
//! IPv6 needs no address but a hole in the firewall (PCP and UPnP could ask for one); the library does not offer it.

use super::{
    own_ips,
    serving::{most, tried_by_peers},
};
use crate::{
    address::is_local,
    net::{Inner, Net},
    queue::lock,
};
use hedgerow_traverse::nat::Filtering;
use hedgerow_wire::reach::ReachRequest;
use iroh::Endpoint;
use portmapper::{Client, Config, Protocol};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    num::NonZeroU16,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

/// How long a router has to answer a request.
const ROUTER: Duration = Duration::from_secs(3);
/// How often a router without any of the protocols is asked again, and how often what works is tried again.
const AGAIN: Duration = Duration::from_secs(300);
/// The longest wait, when it has refused again and again.
const SELDOM: Duration = Duration::from_secs(6 * 3600);
/// How often the state is looked at: the address of this machine, the peers.
const LOOK: Duration = Duration::from_secs(2);
/// After a try from outside that failed or that nobody made.
const TRY_AGAIN: Duration = Duration::from_secs(15);
/// So many failed tries from outside are believed: then it is asked for anew.
const FAILURES: u32 = 2;

/// How asking the router went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MappingState {
    /// The person or this run does not want it.
    #[default]
    Off,
    /// This machine has a public address of its own.
    NotNeeded,
    /// The router is being asked.
    Asking,
    /// It speaks none of the protocols, or refuses.
    Refused,
    /// What it gave is no public address: another router is in between.
    Private,
    /// Peers see this node under another address than the one that it gave.
    Elsewhere,
    /// It gave one; nobody has tried it yet.
    Claimed,
    /// Peers tried it, and it leads nowhere.
    Broken,
    /// Peers came in through it.
    Works,
}

impl MappingState {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::NotNeeded => "not needed",
            Self::Asking => "asking",
            Self::Refused => "refused",
            Self::Private => "private",
            Self::Elsewhere => "elsewhere",
            Self::Claimed => "claimed",
            Self::Broken => "broken",
            Self::Works => "works",
        }
    }
}

/// What the router gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mapping {
    /// How it went.
    pub state: MappingState,
    /// `pcp`, `nat-pmp` or `upnp`.
    pub protocol: Option<&'static str>,
    /// Where it lets UDP in.
    pub outer: Option<SocketAddrV4>,
    /// Where it lets TCP in, for the relay.
    pub relay: Option<SocketAddrV4>,
    /// Where it lets UDP in to the side socket.
    pub side: Option<SocketAddrV4>,
}

impl Mapping {
    /// There is none, for a reason.
    fn without(state: MappingState) -> Self {
        Self {
            state,
            ..Self::default()
        }
    }

    /// The outer address, while it may be told to others.
    pub(super) fn told(&self) -> Option<SocketAddr> {
        let counts = matches!(self.state, MappingState::Claimed | MappingState::Works);
        self.outer.filter(|_| counts).map(SocketAddr::V4)
    }
    /// The outer address of the relay, once the mapping works.
    pub(super) fn relay(&self) -> Option<SocketAddr> {
        let works = self.state == MappingState::Works;
        self.relay.filter(|_| works).map(SocketAddr::V4)
    }
}

/// An address of the internet, as far as a router can claim one: not private, not a provider's own (RFC 6598).
fn is_public(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let nowhere = ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || a == 0 || a >= 240;
    !(is_local(IpAddr::V4(ip)) || shared || nowhere)
}

/// What to think of a claim, before anybody has tried it.
fn judged(outer: Ipv4Addr, seen: &BTreeSet<SocketAddr>) -> MappingState {
    let mut ips = seen.iter().map(SocketAddr::ip);
    match () {
        () if !is_public(outer) => MappingState::Private,
        () if !seen.is_empty() && !ips.any(|ip| ip == IpAddr::V4(outer)) => MappingState::Elsewhere,
        () => MappingState::Claimed,
    }
}

/// A mapping of one port, kept up until this is dropped.
struct Port {
    client: Client,
    outer: SocketAddrV4,
}

fn config(protocol: &str, of: Protocol) -> Config {
    Config {
        enable_upnp: protocol == "upnp",
        enable_pcp: protocol == "pcp",
        enable_nat_pmp: protocol == "nat-pmp",
        protocol: of,
    }
}

async fn map(protocol: &str, of: Protocol, port: u16) -> Option<Port> {
    let client = Client::new(config(protocol, of));
    let mut outer = client.watch_external_address();
    client.update_local_port(NonZeroU16::new(port)?);
    let given = {
        let given = timeout(ROUTER, outer.wait_for(Option::is_some)).await.ok()?.ok()?;
        (*given)?
    };
    Some(Port { client, outer: given })
}

/// Everything that one router gave.
struct Held {
    protocol: &'static str,
    local: BTreeSet<IpAddr>,
    engine: Port,
    relay: Option<Port>,
    side: Option<Port>,
}

impl Held {
    /// Asks in every language that the router knows, the most exact first.
    async fn ask(engine: u16, side: Option<u16>, local: BTreeSet<IpAddr>) -> Option<Self> {
        let known = Client::new(Config::default()).probe().await.ok()?.ok()?;
        let protocols = [("pcp", known.pcp), ("nat-pmp", known.nat_pmp), ("upnp", known.upnp)];
        for (protocol, _) in protocols.into_iter().filter(|(_, there)| *there) {
            let Some(first) = map(protocol, Protocol::Udp, engine).await else {
                debug!(protocol, "the router refuses");
                continue;
            };
            let relay = map(protocol, Protocol::Tcp, engine);
            let side = async { map(protocol, Protocol::Udp, side?).await };
            let (relay, side) = futures_util::future::join(relay, side).await;
            return Some(Self {
                protocol,
                local,
                engine: first,
                relay,
                side,
            });
        }
        None
    }

    fn mapping(&self, state: MappingState) -> Mapping {
        Mapping {
            state,
            protocol: Some(self.protocol),
            outer: Some(self.engine.outer),
            relay: self.relay.as_ref().map(|port| port.outer),
            side: self.side.as_ref().map(|port| port.outer),
        }
    }

    /// Whether the router gave another address since, or none any more.
    fn moved(&self) -> bool {
        let mut ports = std::iter::once(&self.engine).chain(&self.relay).chain(&self.side);
        ports.any(|port| *port.client.watch_external_address().borrow() != Some(port.outer))
    }

    /// Tells the router that it is no longer needed.
    fn release(&self) {
        for port in std::iter::once(&self.engine).chain(&self.relay).chain(&self.side) {
            port.client.deactivate();
        }
    }
}

impl Net {
    /// Whether routers are asked to let others in, from now on.
    pub fn set_port_mapping(&self, on: bool) {
        self.inner().wants_mapping.store(on, Ordering::Relaxed);
        self.inner().wake_mapping.notify_one();
    }
}

impl Inner {
    fn set_mapping(&self, mapping: Mapping) {
        let changed = {
            let mut state = lock(&self.reach);
            let changed = state.mapping != mapping;
            state.mapping = mapping;
            changed
        };
        if changed {
            info!(?mapping, "port mapping");
            self.wake_reach.notify_one();
        }
    }

    /// Addresses of this machine, and those under which peers see it.
    fn views(&self, endpoint: &Endpoint) -> (BTreeSet<IpAddr>, BTreeSet<SocketAddr>) {
        let state = lock(&self.reach);
        let mut own = own_ips(endpoint, &state.external);
        own.retain(IpAddr::is_ipv4);
        let seen = state.said.values().flat_map(|said| &said.reach.observed);
        let seen = seen.filter(|addr| addr.is_ipv4() && !is_local(addr.ip()));
        (own, seen.copied().collect())
    }
}

/// Whether this node has nothing to say: then a router that has refused before is not asked again.
fn is_asleep(net: &Inner) -> bool {
    lock(&net.park).asleep_at().is_some()
}

/// Asks the router, and keeps what it gives for as long as it is good.
pub(super) async fn run(net: Arc<Inner>, endpoint: Endpoint) {
    let mut held: Option<Held> = None;
    let mut ask_at = Instant::now();
    // It is asked less and less often, until this node moves to another network.
    let (mut wait, mut asked_at) = (AGAIN, BTreeSet::new());
    let (mut try_at, mut failures, mut works) = (Instant::now(), 0, false);
    loop {
        let (own, seen) = net.views(&endpoint);
        let public = own.iter().any(|ip| matches!(ip, IpAddr::V4(ip) if is_public(*ip)));
        let wanted = net.wants_mapping.load(Ordering::Relaxed);
        if held.is_none() && own != asked_at {
            (wait, ask_at, asked_at) = (AGAIN, Instant::now(), own.clone());
        }
        if held
            .as_ref()
            .is_some_and(|held| !wanted || public || held.local != own || held.moved() || failures >= FAILURES)
            && let Some(old) = held.take()
        {
            old.release();
            // The requests to forget it go out before the ones for a new one.
            sleep(Duration::from_millis(200)).await;
            ask_at = Instant::now();
            if failures >= FAILURES {
                ask_at += TRY_AGAIN;
                net.set_mapping(old.mapping(MappingState::Broken));
            }
        }
        if !wanted || public {
            net.set_mapping(Mapping::without(match wanted {
                true => MappingState::NotNeeded,
                false => MappingState::Off,
            }));
        } else if held.is_none() && Instant::now() >= ask_at && !is_asleep(&net) {
            (failures, works, try_at) = (0, false, Instant::now());
            let side = lock(&net.side).port();
            let port = endpoint
                .bound_sockets()
                .iter()
                .find(|socket| socket.is_ipv4())
                .map(SocketAddr::port);
            let Some(port) = port else { return };
            if lock(&net.reach).mapping.state != MappingState::Broken {
                net.set_mapping(Mapping::without(MappingState::Asking));
            }
            held = Held::ask(port, side, own).await;
            if held.is_none() {
                ask_at = Instant::now() + wait;
                wait = (wait * 4).min(SELDOM);
                net.set_mapping(Mapping::without(MappingState::Refused));
            }
        }
        if let Some(held) = &held {
            let judged = judged(*held.engine.outer.ip(), &seen);
            if judged == MappingState::Claimed && Instant::now() >= try_at {
                match reached(&net, held.engine.outer.port()).await {
                    Some(true) => (works, failures, try_at) = (true, 0, Instant::now() + AGAIN),
                    Some(false) => (works, failures, try_at) = (false, failures + 1, Instant::now() + TRY_AGAIN),
                    None => try_at = Instant::now() + LOOK,
                }
            }
            // A router that lets in whom this node has called would have let the peers in without a mapping.
            let certain = lock(&net.side).nat().filtering != Filtering::AddressDependent
                || !seen.contains(&SocketAddr::V4(held.engine.outer));
            let works = works && certain && judged == MappingState::Claimed;
            net.set_mapping(held.mapping(if works { MappingState::Works } else { judged }));
        }
        let _ = timeout(LOOK, net.wake_mapping.notified()).await;
    }
}

/// Whether most of those peers who tried were answered. Nothing if nobody could try.
async fn reached(net: &Arc<Inner>, port: u16) -> Option<bool> {
    let tried = tried_by_peers(net, &ReachRequest::TryUdp { port }).await;
    debug!(port, ?tried, "peers tried the mapped port");
    most(&tried)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    #[test]
    fn a_router_behind_another_router_gives_nothing_that_counts() {
        let nobody = BTreeSet::new();
        for private in [
            "192.168.1.1",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.254",
            "0.0.0.0",
            "127.0.0.1",
            "255.255.255.255",
        ] {
            assert_eq!(judged(ip(private), &nobody), MappingState::Private, "{private}");
        }
        assert_eq!(judged(ip("100.128.0.1"), &nobody), MappingState::Claimed);
    }

    #[test]
    fn a_claim_that_peers_contradict_does_not_count() {
        let seen = BTreeSet::from(["203.0.113.7:1".parse().unwrap()]);
        assert_eq!(judged(ip("203.0.113.7"), &seen), MappingState::Claimed);
        assert_eq!(judged(ip("203.0.113.8"), &seen), MappingState::Elsewhere);
    }

    #[test]
    fn only_what_may_work_is_told_and_only_what_works_relays() {
        let at = Some(SocketAddrV4::new(ip("203.0.113.7"), 9));
        let with = |state| Mapping {
            state,
            protocol: Some("pcp"),
            outer: at,
            relay: at,
            side: at,
        };
        for state in [
            MappingState::Private,
            MappingState::Elsewhere,
            MappingState::Broken,
            MappingState::Off,
        ] {
            assert_eq!((with(state).told(), with(state).relay()), (None, None), "{state:?}");
        }
        let claimed = with(MappingState::Claimed);
        assert_eq!((claimed.told(), claimed.relay()), (at.map(SocketAddr::V4), None));
        assert!(with(MappingState::Works).relay().is_some());
    }
}

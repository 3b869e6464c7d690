//! A node that nobody reaches by itself, without connections: it leaves its relay and beats for its home.

use super::{ParkReport, ask};
use crate::{
    link::Link,
    net::Inner,
    queue::lock,
    relay::{MonthUse, Quota, Relay, RelayAt, RelayLimits},
    side::any_socket,
};
use hedgerow_base::NodeId;
use hedgerow_traverse::park::{
    self,
    watch::{Heard, Watch},
};
use hedgerow_wire::{
    park::MAX_PARK,
    reach::{ReachRequest, Slept},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until},
};
use tracing::{debug, info};

/// After a home has refused, or none was there, when the next is asked.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// Parked peers are told of a new home within this time, one after the other.
const SPREAD: Duration = Duration::from_millis(300);

/// A registration at a home.
struct Registered {
    session: u32,
    watch: Watch,
    node: NodeId,
    relay: RelayAt,
}

/// Whether this node sleeps.
#[derive(Default)]
pub(super) struct State {
    registered: Option<Registered>,
    registering: bool,
    not_before: Option<Instant>,
    asleep: bool,
    /// It was woken, or lost its home: until then it stays awake.
    awake_until: Option<Instant>,
    /// A relay on the loopback interface that the engine is told of while the node sleeps.
    stand_in: Option<(RelayAt, Relay)>,
    /// This machine's addresses, to notice when it moves.
    own: BTreeSet<IpAddr>,
}

impl State {
    /// Its home can wake this node.
    pub(super) fn is_ready(&self) -> bool {
        self.registered
            .as_ref()
            .is_some_and(|registered| registered.watch.is_confirmed() && !registered.watch.is_dead())
    }

    pub(super) fn asleep_at(&self) -> Option<RelayAt> {
        self.registered
            .as_ref()
            .filter(|_| self.asleep)
            .map(|registered| registered.relay)
    }

    pub(super) fn stand_in(&self) -> Option<RelayAt> {
        self.stand_in.as_ref().filter(|_| self.asleep).map(|(addr, _)| *addr)
    }

    pub(super) fn report(&self, now_ms: u64) -> ParkReport {
        let watch = self.registered.as_ref().map(|registered| &registered.watch);
        let per_hour = |watch: &Watch| {
            let (bytes, since) = watch.cost();
            bytes as f64 * 3_600_000.0 / now_ms.saturating_sub(since).max(60_000) as f64
        };
        ParkReport {
            asleep: self.asleep,
            home: self.registered.as_ref().map(|registered| registered.node),
            beat_s: watch.map(|watch| watch.pause_ms() as f64 / 1000.0),
            bytes_per_hour: watch.map(per_hour),
            ..ParkReport::default()
        }
    }
}

/// The relay over which this node is reached first.
fn main_relay(net: &Inner) -> Option<RelayAt> {
    net.all_homes().first().copied()
}

/// Whether the peer of a link is the one over whose relay this node is reached.
pub(super) fn is_home(net: &Inner, link: &Link) -> bool {
    let main = main_relay(net).map(|relay| relay.at);
    main.is_some() && lock(&net.reach).relay_of(link).map(|relay| relay.at) == main
}

/// Registers, falls asleep, or finds that the home is gone.
pub(super) async fn look(net: &Arc<Inner>) {
    if net.is_open() {
        // Who relays for others is reachable by itself.
        let was = std::mem::take(&mut lock(&net.park).sleeper);
        if was.asleep {
            net.wake_reach.notify_one();
        }
        return;
    }
    notice_moves(net);
    let dead = {
        let state = &lock(&net.park).sleeper;
        state
            .registered
            .as_ref()
            .is_some_and(|registered| registered.watch.is_dead())
    };
    if dead {
        return lose_home(net);
    }
    let links = net.links();
    let now = Instant::now();
    let (registered, ready, may_ask, may_sleep) = {
        let state = &lock(&net.park).sleeper;
        (
            state.registered.is_some(),
            state.is_ready(),
            !state.registering && state.not_before.is_none_or(|at| at <= now),
            !state.asleep && state.awake_until.is_none_or(|at| at <= now),
        )
    };
    if registered {
        let busy = lock(&net.table)
            .known
            .values()
            .any(|known| known.dial.as_ref().is_some_and(|dial| dial.connected));
        if ready && may_sleep && links.is_empty() && !busy && all_are_told(net) {
            fall_asleep(net).await;
        }
        return;
    }
    let Some(relay) = main_relay(net).filter(|_| may_ask) else {
        return;
    };
    let quiet = lock(&net.park).quiet_ms();
    let idle = |link: &Arc<Link>| is_home(net, link) && link.usage.unused().as_millis() >= u128::from(quiet);
    match links.iter().find(|link| is_home(net, link)) {
        // Only when nothing else keeps this node awake.
        Some(link) if links.iter().all(idle) => {
            lock(&net.park).sleeper.registering = true;
            net.spawn(register(net.clone(), link.clone(), relay));
        }
        None if links.is_empty() => {
            let owner = lock(&net.reach).owner(&relay);
            lock(&net.park).sleeper.not_before = Some(now + ASK_AGAIN);
            if let Some(owner) = owner
                && lock(&net.table).call(&owner, now)
            {
                net.wake_dialler.notify_one();
            }
        }
        _ => {}
    }
}

/// Whether all parked peers know the home. Those who do not are told: they may have been parked under another.
fn all_are_told(net: &Arc<Inner>) -> bool {
    let parked: Vec<NodeId> = lock(&net.table).parked().collect();
    let unaware: Vec<NodeId> = {
        let state = lock(&net.park);
        let Some(relay) = state.sleeper.registered.as_ref().map(|registered| registered.relay) else {
            return false;
        };
        let knows = |node: &NodeId| {
            state
                .told
                .get(node)
                .is_none_or(|told| told.iter().any(|told| told.at == relay.at))
        };
        parked.into_iter().filter(|node| !knows(node)).collect()
    };
    let now = Instant::now();
    unaware.iter().for_each(|node| {
        lock(&net.table).call(node, now);
    });
    net.wake_dialler.notify_one();
    unaware.is_empty()
}

fn notice_moves(net: &Arc<Inner>) {
    let own: BTreeSet<IpAddr> = net.reach_report().interfaces.iter().map(SocketAddr::ip).collect();
    let mut state = lock(&net.park);
    let now = state.now_ms();
    if state.sleeper.own != own {
        let first = state.sleeper.own.is_empty();
        state.sleeper.own = own;
        if let Some(registered) = state.sleeper.registered.as_mut().filter(|_| !first) {
            registered.watch.moved(now);
        }
    }
}

async fn register(net: Arc<Inner>, link: Arc<Link>, relay: RelayAt) {
    let pass_key = lock(&net.park).pass_key;
    let answer = ask(&link, &ReachRequest::Sleep { pass_key }).await;
    let slept = answer
        .and_then(|bytes| Slept::from_bytes(&bytes).ok())
        .unwrap_or_default();
    let timeout_s = lock(&net.side).nat().timeout_s;
    let port = relay.at.port().checked_add(1);
    let side = port.map(|port| SocketAddr::new(relay.at.ip(), port));
    let socket = any_socket().await;
    let mut state = lock(&net.park);
    state.sleeper.registering = false;
    let (Some(session), Some(side), Some(socket)) = (slept.session, side, socket) else {
        state.sleeper.not_before = Some(Instant::now() + ASK_AGAIN);
        return;
    };
    let now = state.now_ms();
    state.sleeper.registered = Some(Registered {
        session,
        watch: Watch::new(session, park::key(&link.session, session), timeout_s, now),
        node: link.node,
        relay,
    });
    drop(state);
    debug!(home = %link.node.short(), "a home that wakes this node");
    net.spawn(beat(net.clone(), session, side, socket));
}

/// Does what the registration wants, until it ends.
async fn beat(net: Arc<Inner>, session: u32, side: SocketAddr, socket: UdpSocket) {
    let mut buffer = [0; MAX_PARK + 1];
    loop {
        let (datagram, due) = {
            let mut state = lock(&net.park);
            let now = state.now_ms();
            let Some(registered) = state.sleeper.registered.as_mut().filter(|r| r.session == session) else {
                return;
            };
            if registered.watch.is_dead() {
                return;
            }
            let datagram = registered.watch.tick(now);
            let due = registered.watch.due_ms();
            (datagram, state.at(due))
        };
        if let Some(datagram) = datagram {
            let _ = socket.send_to(&datagram, side).await;
            continue;
        }
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received.ok(),
            () = sleep_until(due) => None,
        };
        let Some((len, from)) = received.filter(|(_, from)| *from == side) else {
            tokio::task::yield_now().await;
            continue;
        };
        let heard = {
            let mut state = lock(&net.park);
            let now = state.now_ms();
            let Some(registered) = state.sleeper.registered.as_mut().filter(|r| r.session == session) else {
                return;
            };
            registered.watch.heard(now, buffer.get(..len).unwrap_or_default())
        };
        if let Heard::Called { answer, new } = heard {
            let _ = socket.send_to(&answer, from).await;
            if new {
                debug!("somebody calls");
                wake_up(&net);
            }
        }
    }
}

/// Leaves the relay. The engine stays at its last relay for ever, unless it is given another: a stand-in on this
/// machine, whose packets no network sees.
async fn fall_asleep(net: &Arc<Inner>) {
    let missing = lock(&net.park).sleeper.stand_in.is_none();
    if missing {
        let Some(relay) = start_stand_in(net).await else { return };
        let at = RelayAt::of(net.node(), relay.addr());
        lock(&net.park).sleeper.stand_in = Some((at, relay));
    }
    lock(&net.park).sleeper.asleep = true;
    info!("asleep: no connection is needed now");
    net.wake_reach.notify_one();
}

/// It serves this node alone, and what passes does not count as relayed.
async fn start_stand_in(net: &Inner) -> Option<Relay> {
    let me = net.node();
    let quota = Quota::new(RelayLimits::default(), MonthUse::default(), 0);
    let barred = Arc::new(move |node: &NodeId| *node != me);
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Relay::start(at, &net.secret, Arc::new(Mutex::new(quota)), net.begin, barred)
        .await
        .ok()
}

/// Returns to the relay, and stays there for a while.
fn wake_up(net: &Arc<Inner>) {
    let mut state = lock(&net.park);
    let quiet = state.quiet.unwrap_or_default();
    let was = std::mem::take(&mut state.sleeper.asleep);
    state.sleeper.awake_until = Some(Instant::now() + quiet);
    drop(state);
    if was {
        info!("awake");
        net.wake_reach.notify_one();
    }
}

/// The home does not answer: another one is needed, and those who are parked must hear of it.
fn lose_home(net: &Arc<Inner>) {
    info!("the home that woke this node is gone");
    lock(&net.park).sleeper.registered = None;
    wake_up(net);
    let mut at = Instant::now();
    let parked: Vec<NodeId> = lock(&net.table).parked().collect();
    for node in parked {
        lock(&net.table).call(&node, at);
        at += SPREAD;
    }
    net.wake_dialler.notify_one();
}

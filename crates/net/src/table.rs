//! Who is known, who is connected, who is dialled when, and who is kept out: every decision about connections.
//! Nothing here waits or touches a socket; the time comes from the caller.

mod due;
mod parked;

pub(crate) use parked::Parked;

use crate::{address::merge, config::NetLimits, error::ConnectError, event::Why, link::Link};
use hedgerow_base::NodeId;
use hedgerow_wire::node::CloseCode;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

/// A connection at least this old is no half of a simultaneous dial: a new one means that the old one was lost.
const SETTLED: Duration = Duration::from_secs(5);
/// First and longest time for which a peer at fault is refused, and the memory of it.
const PENALTY_MIN: Duration = Duration::from_secs(5);
const PENALTY_MAX: Duration = Duration::from_secs(600);
const MAX_PENALTIES: usize = 1024;

/// How a node came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The user gave a ticket, or it was known from an earlier run.
    Asked,
    /// It connected to us.
    Came,
    /// It was found on the local network, and no connection came about yet.
    Lan,
}

/// A dial under way.
pub(crate) struct Dial {
    pub(crate) id: u64,
    /// QUIC is connected; the hello is under way.
    pub(crate) connected: bool,
    since: Instant,
    /// Dropped to end the dial.
    _cancel: watch::Sender<()>,
}

/// What a dial task is started with.
pub(crate) struct DialOrder {
    pub(crate) id: u64,
    pub(crate) node: NodeId,
    pub(crate) addresses: Vec<SocketAddr>,
    /// It was parked: perhaps it sleeps.
    pub(crate) parked: bool,
    /// Its sender is dropped when the dial is to end.
    pub(crate) cancelled: watch::Receiver<()>,
}

pub(crate) struct Known {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) origin: Origin,
    failures: u32,
    /// When to dial; `None` for never.
    pub(crate) next: Option<Instant>,
    pub(crate) dial: Option<Dial>,
    pub(crate) parked: Parked,
    waiters: Vec<oneshot::Sender<Result<(), ConnectError>>>,
}

impl Known {
    /// Puts fresh addresses first. A dial that does not know them gives way to one that does.
    fn learn(&mut self, addresses: &[SocketAddr]) {
        let mut fresh = Vec::new();
        merge(&mut fresh, addresses.iter().copied());
        let new = fresh.iter().any(|addr| !self.addresses.contains(addr));
        if new && self.dial.as_ref().is_some_and(|dial| !dial.connected) {
            self.dial = None;
        }
        merge(&mut fresh, self.addresses.drain(..));
        self.addresses = fresh;
    }
}

#[derive(Clone, Copy)]
struct Penalty {
    count: u32,
    until: Instant,
}

pub(crate) struct Table {
    pub(crate) me: NodeId,
    pub(crate) known: BTreeMap<NodeId, Known>,
    pub(crate) links: BTreeMap<NodeId, Arc<Link>>,
    pub(crate) blocked: BTreeSet<NodeId>,
    pub(crate) closing: bool,
    penalties: BTreeMap<NodeId, Penalty>,
    dial_ids: u64,
    limits: NetLimits,
}

/// Half to all of `wait`, so that many nodes do not dial in step.
fn jittered(wait: Duration) -> Duration {
    let mut random = [0; 2];
    // Without random bytes the wait is merely not spread.
    let _ = getrandom::fill(&mut random);
    wait.mul_f64(0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
}

impl Table {
    pub(crate) fn new(me: NodeId, limits: NetLimits) -> Self {
        Self {
            me,
            known: BTreeMap::new(),
            links: BTreeMap::new(),
            blocked: BTreeSet::new(),
            closing: false,
            penalties: BTreeMap::new(),
            dial_ids: 0,
            limits,
        }
    }

    /// The entry of `node`, made if there is room; the least promising entry makes room.
    fn entry(&mut self, node: NodeId, origin: Origin) -> Option<&mut Known> {
        if !self.known.contains_key(&node) && self.known.len() >= self.limits.max_known {
            let idle = self
                .known
                .iter()
                .filter(|(id, known)| known.dial.is_none() && !self.links.contains_key(*id));
            let worst = idle.max_by_key(|(_, known)| (known.origin != Origin::Asked, known.failures));
            let worst = worst.filter(|(_, known)| known.failures > 0 || known.origin != Origin::Asked);
            let worst = worst.map(|(id, _)| *id)?;
            self.known.remove(&worst);
        }
        Some(self.known.entry(node).or_insert_with(|| Known {
            addresses: Vec::new(),
            origin,
            failures: 0,
            next: None,
            dial: None,
            parked: Parked::No,
            waiters: Vec::new(),
        }))
    }

    /// A peer from an earlier run: dialled soon.
    pub(crate) fn remember(&mut self, node: NodeId, addresses: &[SocketAddr], now: Instant) {
        if node == self.me || addresses.is_empty() || self.blocked.contains(&node) {
            return;
        }
        if let Some(known) = self.entry(node, Origin::Asked) {
            merge(&mut known.addresses, addresses.iter().copied());
            known.next = Some(now);
        }
    }

    /// The user asks for a connection; `relayed` if there is a relay to try. The answer comes through `waiter`.
    pub(crate) fn ask(
        &mut self,
        node: NodeId,
        addresses: &[SocketAddr],
        relayed: bool,
        now: Instant,
        waiter: oneshot::Sender<Result<(), ConnectError>>,
    ) {
        let refusal = if self.closing {
            Some(ConnectError::Closing)
        } else if node == self.me {
            Some(ConnectError::Myself)
        } else if self.blocked.contains(&node) {
            Some(ConnectError::Blocked)
        } else {
            None
        };
        let connected = self.links.contains_key(&node);
        let result = match (refusal, self.entry(node, Origin::Asked)) {
            (Some(error), _) => Err(error),
            (None, None) => Err(ConnectError::Full),
            (None, Some(known)) => {
                known.learn(addresses);
                known.origin = Origin::Asked;
                known.failures = 0;
                match (connected, known.addresses.is_empty() && !relayed) {
                    (true, _) => Ok(()),
                    (false, true) => Err(ConnectError::NoAddress),
                    (false, false) => {
                        known.call();
                        known.next = Some(now);
                        known.waiters.push(waiter);
                        return;
                    }
                }
            }
        };
        let _ = waiter.send(result);
    }

    /// A node announced itself on the local network; `true` when it is to be dialled now.
    pub(crate) fn discovered(&mut self, node: NodeId, addresses: Vec<SocketAddr>, now: Instant) -> bool {
        if node == self.me || addresses.is_empty() || self.blocked.contains(&node) {
            return false;
        }
        let only_lan = self.known.values().filter(|known| known.origin == Origin::Lan).count();
        if !self.known.contains_key(&node) && only_lan >= self.limits.max_lan {
            return false;
        }
        let connected = self.links.contains_key(&node);
        let Some(known) = self.entry(node, Origin::Lan) else {
            return false;
        };
        known.learn(&addresses);
        if connected || known.parked == Parked::Yes {
            return false;
        }
        // A peer that the user disconnected stays so; it has an entry whose `next` is empty.
        let wanted = known.next.is_some() || known.origin == Origin::Lan;
        if wanted {
            known.failures = 0;
            known.next = Some(now);
        }
        wanted
    }

    /// A lookup says where a node is: it is dialled there now, if it is wanted.
    pub(crate) fn found(&mut self, node: &NodeId, addresses: &[SocketAddr], now: Instant) {
        let connected = self.links.contains_key(node);
        if let Some(known) = self.known.get_mut(node) {
            known.learn(addresses);
            if !connected && known.next.is_some() {
                known.failures = 0;
                known.next = Some(now);
            }
        }
    }

    /// A node left the local network.
    pub(crate) fn vanished(&mut self, node: &NodeId) {
        let only_lan = self
            .known
            .get(node)
            .is_some_and(|known| known.origin == Origin::Lan && known.dial.is_none());
        if only_lan && !self.links.contains_key(node) {
            self.known.remove(node);
        }
    }

    /// QUIC is connected; `false` when the dial is no longer wanted.
    pub(crate) fn dial_connected(&mut self, node: &NodeId, id: u64) -> bool {
        match self.known.get_mut(node).and_then(|known| known.dial.as_mut()) {
            Some(dial) if dial.id == id => {
                dial.connected = true;
                true
            }
            _ => false,
        }
    }

    /// A dial ended without a connection.
    pub(crate) fn dial_failed(&mut self, node: &NodeId, id: u64, error: &ConnectError, now: Instant) {
        if error.is_fault() {
            self.charge(*node, now);
        }
        let limits = self.limits;
        let connected = self.links.contains_key(node);
        let Some(known) = self.known.get_mut(node) else { return };
        if known.dial.as_ref().is_none_or(|dial| dial.id != id) {
            return;
        }
        known.dial = None;
        known.parked = Parked::No;
        // The other side keeps the connection that it dialled: it is there or about to be.
        let duplicate = *error == ConnectError::Refused(CloseCode::Duplicate);
        if known.next.is_some() && !connected {
            let wait = match error {
                _ if duplicate => limits.backoff_min,
                ConnectError::Version { .. }
                | ConnectError::OtherProtocol
                | ConnectError::Refused(CloseCode::Blocked) => limits.backoff_max,
                _ => limits
                    .backoff_min
                    .saturating_mul(1 << known.failures.min(16))
                    .min(limits.backoff_max),
            };
            known.failures = known.failures.saturating_add(1);
            known.next = Some(now + jittered(wait));
        }
        if !duplicate || connected {
            let result = if connected { Ok(()) } else { Err(error.clone()) };
            for waiter in known.waiters.drain(..) {
                let _ = waiter.send(result.clone());
            }
        }
    }

    /// May the dialler that just said hello be kept? If so its link takes the place of an older one, and a dial of
    /// our own ends.
    pub(crate) fn admit_incoming(&mut self, node: &NodeId, boot: &[u8; 16], now: Instant) -> Result<(), CloseCode> {
        if self.closing {
            return Err(CloseCode::Shutdown);
        }
        if self.blocked.contains(node) || *node == self.me {
            return Err(CloseCode::Blocked);
        }
        let smaller = self.me < *node;
        if let Some(link) = self.links.get(node) {
            let lost = link.boot != *boot || !link.dialled_by_me || now.duration_since(link.since) > SETTLED;
            return if lost || !smaller {
                Ok(())
            } else {
                Err(CloseCode::Duplicate)
            };
        }
        if let Some(known) = self.known.get_mut(node)
            && let Some(dial) = &known.dial
        {
            if dial.connected && smaller {
                return Err(CloseCode::Duplicate);
            }
            known.dial = None;
        }
        let reserved = if self.known.contains_key(node) {
            0
        } else {
            self.limits.reserved_for_known
        };
        if self.links.len() >= self.limits.max_peers.saturating_sub(reserved) {
            return Err(CloseCode::Full);
        }
        Ok(())
    }

    /// May the node that answered our hello be kept?
    pub(crate) fn admit_outgoing(&mut self, node: &NodeId, id: u64) -> Result<(), ConnectError> {
        if self.closing {
            return Err(ConnectError::Closing);
        }
        if self.blocked.contains(node) {
            return Err(ConnectError::Blocked);
        }
        if !self.dial_connected(node, id) || self.links.contains_key(node) {
            return Err(ConnectError::Refused(CloseCode::Duplicate));
        }
        Ok(())
    }

    /// Puts an admitted link in its place and gives back the one that it replaces.
    pub(crate) fn insert(&mut self, link: Arc<Link>, addresses: &[SocketAddr]) -> Option<Arc<Link>> {
        let (node, since) = (link.node, link.since);
        let old = self.links.insert(node, link);
        if let Some(known) = self.entry(node, Origin::Came) {
            known.learn(addresses);
            if known.origin == Origin::Lan {
                known.origin = Origin::Came;
            }
            known.failures = 0;
            known.dial = None;
            known.parked = Parked::No;
            known.next = Some(since);
            for waiter in known.waiters.drain(..) {
                let _ = waiter.send(Ok(()));
            }
        }
        old
    }

    /// A link ended: forgets it, unless a newer one has its place, and plans the next dial.
    pub(crate) fn remove(&mut self, node: &NodeId, id: u64, why: &Why, now: Instant) {
        if self.links.get(node).is_none_or(|link| link.id != id) {
            return;
        }
        let link = self.links.remove(node);
        if *why == Why::Parked && self.park(node, link.is_some_and(|link| link.usage.must_return()), now) {
            return;
        }
        if let Why::Fault(_) = why {
            self.charge(*node, now);
        }
        let limits = self.limits;
        if let Some(known) = self.known.get_mut(node)
            && known.next.is_some()
        {
            let wait = match why {
                Why::Stranded => Duration::ZERO,
                Why::ByPeer(CloseCode::Blocked) => limits.backoff_max,
                Why::ByPeer(CloseCode::Disconnected | CloseCode::Fault | CloseCode::Full) | Why::Fault(_) => {
                    limits.backoff_min.saturating_mul(60).min(limits.backoff_max)
                }
                _ => limits.backoff_min,
            };
            known.next = Some(now + jittered(wait));
        }
    }

    /// The user no longer wants a connection to `node`: no dial until something asks for it again.
    pub(crate) fn stop(&mut self, node: &NodeId) -> Option<Arc<Link>> {
        if let Some(known) = self.known.get_mut(node) {
            known.next = None;
            known.parked = Parked::No;
            known.dial = None;
            known.waiters.clear();
        }
        self.links.get(node).cloned()
    }

    /// Counts a fault of `node` and refuses it for a while that doubles with each.
    pub(crate) fn charge(&mut self, node: NodeId, now: Instant) {
        let count = match self.penalties.get(&node) {
            Some(old) if now < old.until + PENALTY_MAX => old.count.saturating_add(1),
            _ => 1,
        };
        let wait = PENALTY_MIN.saturating_mul(1 << (count - 1).min(16)).min(PENALTY_MAX);
        if self.penalties.len() >= MAX_PENALTIES && !self.penalties.contains_key(&node) {
            let first = self
                .penalties
                .iter()
                .min_by_key(|(_, penalty)| penalty.until)
                .map(|(id, _)| *id);
            first.map(|id| self.penalties.remove(&id));
        }
        self.penalties.insert(
            node,
            Penalty {
                count,
                until: now + wait,
            },
        );
    }

    /// Is `node` to be refused before it says anything?
    pub(crate) fn refusal(&self, node: &NodeId, now: Instant) -> Option<CloseCode> {
        if self.closing {
            return Some(CloseCode::Shutdown);
        }
        if self.blocked.contains(node) {
            return Some(CloseCode::Blocked);
        }
        self.penalties
            .get(node)
            .filter(|penalty| now < penalty.until)
            .map(|_| CloseCode::Fault)
    }
}

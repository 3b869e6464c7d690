//! What is known of the peers, over all apps: connections, points, their numbers for apps.

use crate::{
    api::Effect,
    bounds::{APPS, INTENTS, PEERS, QUESTIONS_PER_S},
    bucket::{Bucket, Rate},
    chance::Chance,
    prefix::Prefix,
    score::{Fault, Payer, Score, Standing},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::SocketAddr;
use hedgerow_base::{AppId, MessageId, NodeId};
use hedgerow_wire::overlay::{OverlayFrame, Tag};

const QUESTION_RATE: Rate = Rate {
    per_s: QUESTIONS_PER_S as f64,
    burst: 4.0 * QUESTIONS_PER_S as f64,
};

/// How often a peer is charged for sending direct messages too fast: what was held up on the way is no flood.
const CHARGES: Rate = Rate { per_s: 1.0, burst: 1.0 };

/// A peer that is connected, waited for, or owes something.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) connected: bool,
    connecting: bool,
    pub(crate) prefix: Option<Prefix>,
    pub(crate) addresses: Vec<SocketAddr>,
    score: Score,
    handles: BTreeMap<u32, AppId>,
    intents: Vec<OverlayFrame>,
    questions: Bucket,
    direct: Option<Bucket>,
    charges: Bucket,
}

impl Peer {
    fn new(now_ms: u64) -> Self {
        Self {
            connected: false,
            connecting: false,
            prefix: None,
            addresses: Vec::new(),
            score: Score::default(),
            handles: BTreeMap::new(),
            intents: Vec::new(),
            questions: Bucket::full(&QUESTION_RATE, now_ms),
            direct: None,
            charges: Bucket::full(&CHARGES, now_ms),
        }
    }

    fn is_idle(&mut self, now_ms: u64) -> bool {
        !self.connected && !self.connecting && self.score.points(now_ms) == 0
    }
}

/// What happens later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Round(AppId),
    Wanted(AppId, Tag),
    Verdict(AppId, MessageId),
    Flush(AppId, NodeId),
    Grant(AppId, NodeId),
    Repair(AppId, MessageId),
    Request(AppId, u64),
    Forget(AppId),
}

/// Everything beside one swarm, while that swarm is at work.
pub(crate) struct World<'a> {
    pub(crate) now_ms: u64,
    pub(crate) me: NodeId,
    pub(crate) peers: &'a mut BTreeMap<NodeId, Peer>,
    pub(crate) chance: &'a mut Chance,
    pub(crate) timers: &'a mut BTreeSet<(u64, Timer)>,
    pub(crate) cut: &'a mut Vec<NodeId>,
    pub(crate) out: &'a mut Vec<Effect>,
}

impl World<'_> {
    /// Wakes the core `in_ms` from now.
    pub(crate) fn wake(&mut self, in_ms: u64, timer: Timer) {
        self.timers.insert((self.now_ms.saturating_add(in_ms), timer));
    }

    pub(crate) fn is_connected(&self, peer: &NodeId) -> bool {
        self.peers.get(peer).is_some_and(|known| known.connected)
    }

    /// Sends to a peer that is connected; false if it is not.
    pub(crate) fn send(&mut self, peer: NodeId, frame: OverlayFrame) -> bool {
        let connected = self.is_connected(&peer);
        if connected {
            self.out.push(Effect::Send { peer, frame });
        }
        connected
    }

    /// Sends to a peer, connecting first if needed; false if there is no room for that or the peer is cut off.
    pub(crate) fn reach(&mut self, peer: NodeId, addresses: &[SocketAddr], frame: OverlayFrame) -> bool {
        if peer == self.me || self.standing(&peer) == Standing::Cut {
            return false;
        }
        if self.send(peer, frame.clone()) {
            return true;
        }
        let Some(known) = self.peer(peer) else {
            return false;
        };
        if known.intents.len() >= INTENTS {
            return false;
        }
        known.intents.push(frame);
        if !known.connecting {
            known.connecting = true;
            let addresses = addresses.to_vec();
            self.out.push(Effect::Connect { peer, addresses });
        }
        true
    }

    /// The entry of a peer, made if there is room.
    fn peer(&mut self, peer: NodeId) -> Option<&mut Peer> {
        let now_ms = self.now_ms;
        if !self.peers.contains_key(&peer) && self.peers.len() >= PEERS {
            self.peers.retain(|_, known| !known.is_idle(now_ms));
            if self.peers.len() >= PEERS {
                // Whoever owes least is forgiven, so that no number of guilty ids keeps an innocent one out.
                let gone = self
                    .peers
                    .iter_mut()
                    .filter(|(_, known)| !known.connected && !known.connecting);
                let least = gone.map(|(node, known)| (known.score.points(now_ms), *node)).min();
                self.peers.remove(&least?.1);
            }
        }
        Some(self.peers.entry(peer).or_insert_with(|| Peer::new(now_ms)))
    }

    /// Notes a connection; false if the peer is cut off or there is no room.
    pub(crate) fn connected(&mut self, peer: NodeId, prefix: Prefix, addresses: Vec<SocketAddr>) -> bool {
        if self.standing(&peer) == Standing::Cut {
            self.cut.push(peer);
            return false;
        }
        let Some(known) = self.peer(peer) else {
            return false;
        };
        (known.connected, known.connecting) = (true, false);
        known.prefix = Some(prefix);
        known.addresses = addresses;
        known.handles.clear();
        let intents = core::mem::take(&mut known.intents);
        for frame in intents {
            self.out.push(Effect::Send { peer, frame });
        }
        true
    }

    /// Notes that a connection is gone; answers what was not sent.
    pub(crate) fn disconnected(&mut self, peer: &NodeId) -> Vec<OverlayFrame> {
        let now_ms = self.now_ms;
        let Some(known) = self.peers.get_mut(peer) else {
            return Vec::new();
        };
        (known.connected, known.connecting) = (false, false);
        known.handles.clear();
        let intents = core::mem::take(&mut known.intents);
        if known.is_idle(now_ms) {
            self.peers.remove(peer);
        }
        intents
    }

    pub(crate) fn standing(&mut self, peer: &NodeId) -> Standing {
        let now_ms = self.now_ms;
        self.peers
            .get_mut(peer)
            .map_or(Standing::Good, |known| known.score.standing(now_ms))
    }

    pub(crate) fn prefix(&self, peer: &NodeId) -> Option<Prefix> {
        self.peers.get(peer).and_then(|known| known.prefix)
    }

    /// Charges a forwarder for what it should have refused itself.
    pub(crate) fn charge(&mut self, peer: NodeId, fault: Fault) {
        let now_ms = self.now_ms;
        let Some(known) = self.peer(peer) else { return };
        let (standing, news) = known.score.charge(fault, now_ms);
        let (points, until_ms) = (known.score.points(now_ms), known.score.until_ms());
        self.out.push(Effect::Charged {
            payer: Payer::Forwarder(peer),
            fault,
            points,
            standing,
        });
        if news {
            self.out.push(Effect::Cut { peer, until_ms, fault });
            self.cut.push(peer);
        }
    }

    /// A peer says its number for an app.
    pub(crate) fn note_handle(&mut self, peer: &NodeId, handle: u32, app: AppId) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.handles.retain(|_, other| *other != app);
            if known.handles.len() < APPS {
                known.handles.insert(handle, app);
            }
        }
    }

    /// Whether one more direct message of this peer is taken.
    pub(crate) fn may_send_direct(&mut self, peer: &NodeId, rate: &Rate) -> bool {
        let now_ms = self.now_ms;
        let Some(known) = self.peers.get_mut(peer) else {
            return false;
        };
        let bucket = known.direct.get_or_insert_with(|| Bucket::full(rate, now_ms));
        let may = bucket.take(rate, now_ms);
        if !may && known.charges.take(&CHARGES, now_ms) {
            self.charge(*peer, Fault::TooFast);
        }
        may
    }

    /// Whether one more question of this peer is answered.
    pub(crate) fn may_ask(&mut self, peer: &NodeId) -> bool {
        let now_ms = self.now_ms;
        let known = self.peers.get_mut(peer);
        known.is_some_and(|known| known.questions.take(&QUESTION_RATE, now_ms))
    }
}

/// The app that a peer means by its number.
pub(crate) fn named(peers: &BTreeMap<NodeId, Peer>, peer: &NodeId, handle: u32) -> Option<AppId> {
    peers.get(peer)?.handles.get(&handle).copied()
}

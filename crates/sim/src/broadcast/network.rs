//! Peers, their places, and what travels between them on virtual time.

use super::{Plan, measure::Measure, memo::Memo};
use crate::{chance::Chance, queue::Queue};
use alloc::sync::Arc;
use core::net::SocketAddr;
use hedgerow_base::{AppId, NodeId, SecretKey};
use hedgerow_overlay::{AppConfig, Effect, Input, Outgoing, Overlay, Prefix, Rules, Running};
use hedgerow_wire::overlay::{Contact, MAX_CONTACTS, OverlayFrame};
use std::collections::BTreeMap;

/// The app of all.
pub(super) const APP: AppId = AppId([7; 32]);
/// A packet that is lost is noticed and sent again after so long, microseconds.
const AGAIN: u64 = 250_000;
/// Contacts that a new member knows.
const FIRST: usize = 8;

/// What a peer does with messages of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    /// As the core says.
    Honest,
    /// Takes and passes nothing on.
    Silent,
    /// Announces and does not give.
    Liar,
    /// Honest until relied on, then silent.
    Turncoat,
}

pub(super) struct Peer {
    pub(super) core: Overlay,
    pub(super) node: NodeId,
    pub(super) key: SecretKey,
    pub(super) conduct: Conduct,
    pub(super) online: bool,
    /// It goes away at some time, so that it is not counted.
    pub(super) fickle: bool,
    address: SocketAddr,
    place: (f64, f64),
    /// Open connections, with when the last frame that was sent over it arrives.
    connections: BTreeMap<u32, u64>,
    wakes_at: u64,
    lives: u64,
}

impl Peer {
    fn contact(&self) -> Contact {
        Contact {
            node: self.node,
            addresses: vec![self.address],
        }
    }
}

/// What happens.
pub(super) enum Event {
    Frame {
        from: u32,
        to: u32,
        frame: Box<OverlayFrame>,
    },
    Connect {
        from: u32,
        to: u32,
    },
    Wake {
        peer: u32,
    },
    Join {
        peer: u32,
    },
    Leave {
        peer: u32,
    },
    Say {
        peer: u32,
    },
    Gone {
        peer: u32,
        gone: NodeId,
    },
}

/// All of it.
pub(super) struct Network {
    pub(super) plan: Plan,
    pub(super) peers: Vec<Peer>,
    pub(super) queue: Queue<Event>,
    pub(super) chance: Chance,
    pub(super) now: u64,
    pub(super) measure: Measure,
    /// Turncoats pass nothing on.
    pub(super) turned: bool,
    index: BTreeMap<NodeId, u32>,
    hostile: Vec<u32>,
    out: Vec<Effect>,
    rules: Arc<Rules>,
    memo: Arc<Memo>,
}

impl Network {
    pub(super) fn new(plan: Plan, rules: Rules) -> Self {
        let mut chance = Chance::new(plan.seed);
        let memo = Arc::new(Memo::new());
        let mut order: Vec<usize> = (0..plan.peers).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, chance.below(at + 1));
        }
        let mut conducts = vec![Conduct::Honest; plan.peers];
        let hostile = plan.peers - plan.honest();
        let kinds = [Conduct::Silent, Conduct::Liar, Conduct::Turncoat];
        for (which, at) in order.iter().take(hostile).enumerate() {
            if let (Some(conduct), Some(kind)) = (conducts.get_mut(*at), kinds.get(which % kinds.len())) {
                *conduct = *kind;
            }
        }
        let mut peers = Vec::with_capacity(plan.peers);
        for (at, conduct) in conducts.into_iter().enumerate() {
            peers.push(Self::peer(&plan, at, conduct, &memo, &mut chance));
        }
        let fickle = (plan.honest() as f64 * plan.churn) as usize;
        for at in order.iter().rev().take(fickle) {
            if let Some(peer) = peers.get_mut(*at) {
                peer.fickle = true;
            }
        }
        let index = peers
            .iter()
            .enumerate()
            .map(|(at, peer)| (peer.node, at as u32))
            .collect();
        let hostile = peers
            .iter()
            .enumerate()
            .filter(|(_, peer)| peer.conduct != Conduct::Honest);
        let hostile = hostile.map(|(at, _)| at as u32).collect();
        Self {
            measure: Measure::new(&plan, &peers),
            plan,
            peers,
            queue: Queue::new(),
            chance,
            now: 0,
            turned: false,
            index,
            hostile,
            out: Vec::new(),
            rules: Arc::new(rules),
            memo,
        }
    }

    fn peer(plan: &Plan, at: usize, conduct: Conduct, memo: &Arc<Memo>, chance: &mut Chance) -> Peer {
        let mut seed = [0; 32];
        for part in seed.chunks_exact_mut(8) {
            part.copy_from_slice(&chance.any().to_le_bytes());
        }
        let key = SecretKey::from_seed(&seed);
        let node: NodeId = key.public().into();
        // Every honest peer has a network of its own; hostile ones may have to share some.
        let network = match conduct {
            Conduct::Honest => at,
            _ if plan.hostile_networks == 0 => at,
            _ => 0x40_0000 + chance.below(plan.hostile_networks),
        };
        let [_, a, b, c] = (network as u32).to_be_bytes();
        let host = chance.below(250) as u8 + 1;
        Peer {
            core: Overlay::new(node, &seed, Vec::new(), memo.clone()),
            node,
            key,
            conduct,
            online: false,
            fickle: false,
            address: SocketAddr::from(([20 + a, b, c, host], 4400)),
            place: (chance.share(), chance.share()),
            connections: BTreeMap::new(),
            wakes_at: u64::MAX,
            lives: 0,
        }
    }

    /// From 5 to 125 ms one way, by the distance of the places.
    fn latency(&self, from: u32, to: u32) -> u64 {
        let place = |at: u32| self.peers.get(at as usize).map_or((0.0, 0.0), |peer| peer.place);
        let (a, b) = (place(from), place(to));
        let distance = (a.0 - b.0).hypot(a.1 - b.1);
        5_000 + (distance * 85_000.0) as u64
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now / 1000
    }

    /// Runs until `until`, microseconds.
    pub(super) fn run(&mut self, until: u64) {
        while self.queue.peek().is_some_and(|at| at <= until) {
            let Some((at, event)) = self.queue.next() else { break };
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Frame { from, to, frame } => {
                // Frames are handed over as they are; this proves that their bytes say the same.
                #[cfg(test)]
                assert_eq!(OverlayFrame::decode(&frame.to_bytes()), Ok(Some((*frame).clone())));
                if self.connected(from, to) {
                    let peer = self.node(from);
                    self.measure.came(self.now, to, &frame);
                    self.step(to, Some(Input::Frame { peer, frame: *frame }));
                }
            }
            Event::Connect { from, to } => self.connect(from, to),
            Event::Wake { peer } => {
                let due = self.peers.get(peer as usize).is_some_and(|p| p.wakes_at <= self.now);
                if due {
                    if let Some(peer) = self.peers.get_mut(peer as usize) {
                        peer.wakes_at = u64::MAX;
                    }
                    self.step(peer, None);
                }
            }
            Event::Join { peer } => self.join(peer),
            Event::Leave { peer } => self.leave(peer),
            Event::Say { peer } => self.say(peer),
            Event::Gone { peer, gone } => self.step(peer, Some(Input::Disconnected { peer: gone })),
        }
    }

    pub(super) fn node(&self, at: u32) -> NodeId {
        self.peers.get(at as usize).map_or(NodeId([0; 32]), |peer| peer.node)
    }

    pub(super) fn at(&self, node: &NodeId) -> Option<u32> {
        self.index.get(node).copied()
    }

    fn connected(&self, from: u32, to: u32) -> bool {
        self.peers
            .get(from as usize)
            .is_some_and(|peer| peer.connections.contains_key(&to))
    }

    /// Lets a core take an input, or do what is due, and carries out what it says.
    pub(super) fn step(&mut self, at: u32, input: Option<Input>) {
        let now_ms = self.now_ms();
        let mut out = core::mem::take(&mut self.out);
        let Some(peer) = self.peers.get_mut(at as usize).filter(|peer| peer.online) else {
            self.out = out;
            return;
        };
        match input {
            Some(input) => peer.core.handle(now_ms, input, &mut out),
            None => peer.core.handle_timeout(now_ms, &mut out),
        }
        if let Some(due) = peer.core.poll_timeout() {
            let due = (due * 1000).max(self.now);
            if due < peer.wakes_at {
                peer.wakes_at = due;
                self.queue.plan(due, Event::Wake { peer: at });
            }
        }
        for effect in out.drain(..) {
            self.carry_out(at, effect);
        }
        self.out = out;
    }

    fn carry_out(&mut self, from: u32, effect: Effect) {
        match effect {
            Effect::Send { peer, frame } => {
                if let Some(to) = self.at(&peer) {
                    self.send(from, to, frame);
                }
            }
            Effect::Connect { peer, .. } => {
                if let Some(to) = self.at(&peer) {
                    let late = self.now + 3 * self.latency(from, to);
                    self.queue.plan(late, Event::Connect { from, to });
                }
            }
            Effect::Cut { peer, .. } => {
                if let Some(to) = self.at(&peer) {
                    self.measure.cut(&self.peers, from, to);
                    self.drop_connection(from, to);
                }
            }
            Effect::Deliver { received, .. } => self.measure.delivered(self.now, from, &received),
            Effect::Charged {
                payer, fault, standing, ..
            } => {
                self.measure
                    .charged(&self.index, &self.peers, from, payer, fault, standing);
            }
            _ => {}
        }
    }

    /// Sends a frame, unless the sender's conduct is not to.
    fn send(&mut self, from: u32, to: u32, frame: OverlayFrame) {
        let conduct = self
            .peers
            .get(from as usize)
            .map_or(Conduct::Silent, |peer| peer.conduct);
        let silent = match conduct {
            Conduct::Honest => false,
            Conduct::Silent => matches!(frame, OverlayFrame::Push { .. } | OverlayFrame::Announce { .. }),
            Conduct::Liar => matches!(frame, OverlayFrame::Push { .. }),
            Conduct::Turncoat => {
                self.turned && matches!(frame, OverlayFrame::Push { .. } | OverlayFrame::Announce { .. })
            }
        };
        if silent {
            return;
        }
        let frame = match frame {
            OverlayFrame::Contacts { app, .. } if self.plan.conspiracy && conduct != Conduct::Honest => {
                OverlayFrame::Contacts {
                    app,
                    contacts: self.accomplices(),
                }
            }
            frame => frame,
        };
        self.transmit(from, to, frame);
    }

    /// What hostile peers answer who asks for members: each other.
    fn accomplices(&mut self) -> Vec<Contact> {
        let mut contacts = Vec::new();
        while contacts.len() < MAX_CONTACTS {
            let at = self.chance.below(self.hostile.len());
            let other = self.hostile.get(at).and_then(|at| self.peers.get(*at as usize));
            let Some(other) = other else { break };
            contacts.push(other.contact());
        }
        contacts
    }

    pub(super) fn transmit(&mut self, from: u32, to: u32, frame: OverlayFrame) {
        let mut arrives = self.now + self.latency(from, to);
        while self.plan.loss > 0.0 && self.chance.share() < self.plan.loss {
            arrives += AGAIN;
        }
        let connections = self.peers.get_mut(from as usize).map(|peer| &mut peer.connections);
        let Some(last) = connections.and_then(|connections| connections.get_mut(&to)) else {
            return;
        };
        // What follows a lost packet waits for it.
        arrives = arrives.max(*last);
        *last = arrives;
        let frame = Box::new(frame);
        self.queue.plan(arrives, Event::Frame { from, to, frame });
    }

    fn connect(&mut self, from: u32, to: u32) {
        let online = |at: u32| self.peers.get(at as usize).is_some_and(|peer| peer.online);
        if !online(from) {
            return;
        }
        if !online(to) {
            let peer = self.node(to);
            return self.step(from, Some(Input::Disconnected { peer }));
        }
        for (here, there) in [(from, to), (to, from)] {
            let Some(other) = self.peers.get(there as usize) else {
                continue;
            };
            let (peer, address) = (other.node, other.address);
            let known = self.peers.get_mut(here as usize).map(|peer| &mut peer.connections);
            let is_new = known.is_some_and(|known| known.insert(there, self.now).is_none());
            if is_new {
                let prefix = Prefix::of(&address);
                let addresses = vec![address];
                let input = Input::Connected {
                    peer,
                    prefix,
                    addresses,
                };
                self.step(here, Some(input));
            }
        }
    }

    fn drop_connection(&mut self, a: u32, b: u32) {
        for (here, there) in [(a, b), (b, a)] {
            let known = self.peers.get_mut(here as usize).map(|peer| &mut peer.connections);
            if known.is_some_and(|known| known.remove(&there).is_some()) {
                let peer = self.node(there);
                // Told after what the core is doing now.
                self.queue.plan(self.now, Event::Gone { peer: here, gone: peer });
            }
        }
    }

    fn join(&mut self, at: u32) {
        let mut contacts = Vec::new();
        for _ in 0..FIRST {
            let other = self.chance.below(self.peers.len());
            contacts.extend(self.peers.get(other).map(Peer::contact));
        }
        let seed = [
            self.chance.any(),
            self.chance.any(),
            self.chance.any(),
            self.chance.any(),
        ];
        let Some(peer) = self.peers.get_mut(at as usize) else {
            return;
        };
        let mut bytes = [0; 32];
        for (to, word) in bytes.chunks_exact_mut(8).zip(seed) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        peer.core = Overlay::new(peer.node, &bytes, Vec::new(), self.memo.clone());
        peer.online = true;
        peer.wakes_at = u64::MAX;
        peer.lives += 1;
        let config = Box::new(AppConfig {
            rules: self.rules.clone(),
            validator: None,
            key: Some(peer.key.clone()),
            known: false,
            source: 1,
            first_seq: peer.lives << 32,
            fanout: self.plan.fanout,
        });
        self.step(at, Some(Input::Open { app: APP, config }));
        let running = Running::Yes;
        self.step(at, Some(Input::Running { app: APP, running }));
        self.step(at, Some(Input::Heard { app: APP, contacts }));
    }

    fn leave(&mut self, at: u32) {
        let Some(peer) = self.peers.get_mut(at as usize) else {
            return;
        };
        peer.online = false;
        let others: Vec<u32> = peer.connections.keys().copied().collect();
        for other in others {
            self.drop_connection(other, at);
        }
    }

    fn say(&mut self, at: u32) {
        let Some(peer) = self.peers.get(at as usize) else {
            return;
        };
        let mut body = vec![b'x'; self.plan.bytes];
        let number = self.measure.said(self.now, at, peer.online);
        body.iter_mut()
            .zip(number.to_le_bytes())
            .for_each(|(to, from)| *to = from);
        let message = Outgoing {
            body,
            signed: true,
            ttl_ms: 60_000,
            immediate: false,
        };
        let input = Input::Broadcast {
            app: APP,
            request: number,
            message,
        };
        self.step(at, Some(input));
    }
}

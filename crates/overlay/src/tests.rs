//! Several cores with nothing between them but a list of what is on its way.

mod bounds;
mod defence;
mod expressions;
mod faults;
mod members;
mod messages;

use crate::{
    AppConfig, Effect, Fault, Input, Outgoing, Overlay, Payer, Prefix, Received, Rules, RulesText, Running, Strict,
};
use alloc::{boxed::Box, collections::VecDeque, string::String, sync::Arc, vec, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{AppId, MessageId, NodeId, Pseudonym, SecretKey};
use hedgerow_wire::overlay::{Contact, Envelope, Header, OverlayFrame};

extern crate std;

pub(super) const APP: AppId = AppId([7; 32]);

pub(super) fn key(of: u8) -> SecretKey {
    SecretKey::from_seed(&[of; 32])
}

pub(super) fn node(of: usize) -> NodeId {
    NodeId([of as u8 + 1; 32])
}

/// Which core a node is; past all of them if it is none.
fn core_of(node: &NodeId) -> usize {
    let first = node.0[0];
    if node.0 == [first; 32] && first > 0 {
        first as usize - 1
    } else {
        usize::MAX
    }
}

pub(super) fn who(of: u8) -> Pseudonym {
    key(of).public().into()
}

pub(super) fn address(of: usize) -> SocketAddr {
    SocketAddr::from(([20, 0, of as u8, 1], 4400))
}

pub(super) fn rules(text: &str) -> Rules {
    let text: RulesText = toml::from_str(text).unwrap();
    Rules::try_from(&text).unwrap()
}

pub(super) fn config(of: usize, rules: Rules) -> Box<AppConfig> {
    Box::new(AppConfig {
        rules: Arc::new(rules),
        validator: None,
        key: Some(key(of as u8 + 1)),
        known: false,
        source: 1,
        first_seq: 1,
        fanout: 5,
    })
}

pub(super) fn say(body: &str) -> Outgoing {
    Outgoing {
        body: body.as_bytes().to_vec(),
        signed: true,
        ttl_ms: 60_000,
        immediate: false,
    }
}

/// A message as a hostile node makes it.
pub(super) fn forge(by: Option<u8>, seq: u64, body: &[u8]) -> Envelope {
    let header = Header {
        app: APP,
        from_app: None,
        to: None,
        signer: None,
        source: 5,
        seq,
        ttl_ms: 60_000,
        immediate: false,
    };
    Envelope::seal(header, body, by.map(key).as_ref())
}

pub(super) struct Net {
    pub(super) cores: Vec<Overlay>,
    pub(super) now_ms: u64,
    pub(super) told: Vec<(usize, Effect)>,
    on_the_way: VecDeque<(usize, usize, Vec<u8>)>,
    connected: Vec<(usize, usize)>,
}

impl Net {
    /// As many members as said, all of whom know the first one.
    pub(super) fn new(count: usize, rules: &Rules) -> Self {
        let mut net = Self::alone(count);
        for at in 0..count {
            net.open(at, rules);
        }
        for at in 1..count {
            let contacts = vec![Contact {
                node: node(0),
                addresses: vec![address(0)],
            }];
            net.give(at, Input::Heard { app: APP, contacts });
        }
        net.pass(60_000);
        net.told.clear();
        net
    }

    pub(super) fn alone(count: usize) -> Self {
        let core = |at| Overlay::new(node(at), &[at as u8; 32], vec!["sync/1".into()], Arc::new(Strict));
        Self {
            cores: (0..count).map(core).collect(),
            now_ms: 1_000,
            told: Vec::new(),
            on_the_way: VecDeque::new(),
            connected: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, at: usize, rules: &Rules) {
        let config = config(at, rules.clone());
        self.give(at, Input::Open { app: APP, config });
        let running = Running::Yes;
        self.give(at, Input::Running { app: APP, running });
    }

    pub(super) fn give(&mut self, at: usize, input: Input) {
        let mut out = Vec::new();
        self.cores[at].handle(self.now_ms, input, &mut out);
        self.carry_out(at, out);
        self.arrive();
    }

    fn arrive(&mut self) {
        while let Some((from, to, bytes)) = self.on_the_way.pop_front() {
            if self.connected.contains(&(from, to)) {
                let mut out = Vec::new();
                let peer = node(from);
                self.cores[to].handle(self.now_ms, Input::Bytes { peer, bytes }, &mut out);
                self.carry_out(to, out);
            }
        }
    }

    fn carry_out(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            match &effect {
                Effect::Send { peer, frame } => {
                    let to = core_of(peer);
                    if to < self.cores.len() {
                        self.on_the_way.push_back((at, to, frame.to_bytes()));
                    }
                }
                Effect::Connect { peer, .. } => {
                    let to = core_of(peer);
                    if to < self.cores.len() {
                        self.connect(at, to);
                    } else {
                        let peer = *peer;
                        self.give(at, Input::Disconnected { peer });
                    }
                }
                Effect::Cut { peer, .. } => {
                    let to = core_of(peer);
                    self.told.push((at, effect.clone()));
                    self.disconnect(at, to);
                    continue;
                }
                _ => {}
            }
            self.told.push((at, effect));
        }
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        if self.connected.contains(&(a, b)) {
            return;
        }
        self.connected.extend([(a, b), (b, a)]);
        for (here, there) in [(a, b), (b, a)] {
            let input = Input::Connected {
                peer: node(there),
                prefix: Prefix::of(&address(there)),
                addresses: vec![address(there)],
            };
            // Both know of it before anything is on its way.
            let mut out = Vec::new();
            self.cores[here].handle(self.now_ms, input, &mut out);
            self.carry_out(here, out);
        }
        self.arrive();
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        if a == usize::MAX || b == usize::MAX {
            return;
        }
        self.connected.retain(|pair| *pair != (a, b) && *pair != (b, a));
        for (here, there) in [(a, b), (b, a)] {
            let peer = node(there);
            if here < self.cores.len() {
                self.give(here, Input::Disconnected { peer });
            }
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        let until = self.now_ms + ms;
        loop {
            let due = self.cores.iter().enumerate();
            let due = due
                .filter_map(|(at, core)| core.poll_timeout().map(|ms| (ms, at)))
                .min();
            let Some((at_ms, at)) = due.filter(|(at_ms, _)| *at_ms <= until) else {
                break;
            };
            self.now_ms = self.now_ms.max(at_ms);
            let mut out = Vec::new();
            self.cores[at].handle_timeout(self.now_ms, &mut out);
            self.carry_out(at, out);
            self.arrive();
        }
        self.now_ms = until;
    }

    /// A hostile peer that is connected and linked to node 0, and does not run a core.
    pub(super) fn intruder(&mut self, at: usize) -> Intruder {
        let input = Input::Connected {
            peer: node(at),
            prefix: Prefix::of(&address(at)),
            addresses: vec![address(at)],
        };
        self.give(0, input);
        let intruder = Intruder { node: node(at) };
        let mine = self.cores[0].apps.get(&APP).map(|swarm| *swarm.config.rules.digest());
        intruder.send(self, OverlayFrame::Link(intruder.here(mine.unwrap())));
        self.told.clear();
        intruder
    }

    pub(super) fn delivered(&self, at: usize) -> Vec<String> {
        self.received(at)
            .into_iter()
            .map(|received| String::from_utf8_lossy(received.message.body()).into_owned())
            .collect()
    }

    pub(super) fn received(&self, at: usize) -> Vec<Received> {
        let of = self.told.iter().filter(|(by, _)| *by == at);
        of.filter_map(|(_, effect)| match effect {
            Effect::Deliver { received, .. } => Some((**received).clone()),
            _ => None,
        })
        .collect()
    }

    /// Who was charged by a node, for what.
    pub(super) fn charged(&self, at: usize) -> Vec<(Payer, Fault, u32)> {
        let of = self.told.iter().filter(|(by, _)| *by == at);
        of.filter_map(|(_, effect)| match effect {
            Effect::Charged {
                payer, fault, points, ..
            } => Some((*payer, *fault, *points)),
            _ => None,
        })
        .collect()
    }

    pub(super) fn cut(&self) -> Vec<(usize, NodeId)> {
        let cut = self.told.iter().filter_map(|(at, effect)| match effect {
            Effect::Cut { peer, .. } => Some((*at, *peer)),
            _ => None,
        });
        cut.collect()
    }

    /// Frames that node 0 sent to somebody.
    pub(super) fn sent_to(&self, peer: NodeId) -> Vec<OverlayFrame> {
        let sent = self.told.iter().filter_map(|(at, effect)| match effect {
            Effect::Send { peer: to, frame } if *at == 0 && *to == peer => Some(frame.clone()),
            _ => None,
        });
        sent.collect()
    }

    pub(super) fn broadcast(&mut self, at: usize, message: Outgoing) -> Option<MessageId> {
        let before = self.told.len();
        let input = Input::Broadcast {
            app: APP,
            request: 1,
            message,
        };
        self.give(at, input);
        self.told.iter().skip(before).find_map(|(_, effect)| match effect {
            Effect::Sent { id, .. } => Some(*id),
            _ => None,
        })
    }
}

pub(super) struct Intruder {
    pub(super) node: NodeId,
}

impl Intruder {
    pub(super) fn here(&self, rules: [u8; 32]) -> hedgerow_wire::overlay::Here {
        hedgerow_wire::overlay::Here {
            app: APP,
            handle: 1,
            rules,
            credit: 1000,
            who: None,
        }
    }

    pub(super) fn send(&self, net: &mut Net, frame: OverlayFrame) {
        let peer = self.node;
        let bytes = frame.to_bytes();
        net.give(0, Input::Bytes { peer, bytes });
    }

    pub(super) fn push(&self, net: &mut Net, envelope: Envelope) {
        let frame = OverlayFrame::Push {
            handle: 1,
            wanted: false,
            hops: 1,
            age_ms: 10,
            envelope,
        };
        self.send(net, frame);
    }
}

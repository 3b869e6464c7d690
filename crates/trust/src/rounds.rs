//! The exchange: what nodes tell each other first-hand of what they have and whom they met (W19, W21).
//!
//! In a round both sides say what they have installed (signed, and bound to the node, so that nobody says it for them),
//! how many different people they met and how many of those have which widget, and hand on one to three certificates; flags
//! say which ones they have, and what is lacking is pulled. A round is made when two nodes connect, shortly after something
//! changed, and from time to time with a peer of similar taste or a random one.
//!
//! Invariants: who was met is counted once per node and a few times per network, whatever keys are shown; a peer's reports
//! are bounded and replace its earlier ones; rounds that come too fast are not looked at.

mod api;

pub use api::{Effect, Input};

use crate::{
    buddies::{Buddies, Peer, likeness},
    certificates::{self, Certificates, MAX_PER_EXCHANGE, Room},
    chance::Chance,
    popularity::Report,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use hedgerow_base::{NodeId, PersonId, RecordId, WidgetId};
use hedgerow_wire::directory::{Count, MAX_COUNTS, MAX_FLAGS, Record, Round, Used, What};

/// Time between rounds without a reason, in milliseconds: it must cost an idle node next to nothing.
pub const ROUND_MS: u64 = 600_000;
/// Changes are told after this time, so that several travel together.
const CHANGE_MS: u64 = 1_000;
/// And not more often than this, in milliseconds.
const TELL_MS: u64 = 15_000;
/// Peers that are told of a change.
const TELL: usize = 16;
/// Most rounds of a peer in [`WINDOW_MS`].
const MOST_ROUNDS: u32 = 30;
const WINDOW_MS: u64 = 60_000;
/// People of whom is remembered what they have.
const MOST_MET: usize = 2_000;
/// People of one network (an IPv4 /24, an IPv6 /48) that are counted.
const MOST_OF_NETWORK: usize = 8;
/// What was said so long ago does not count any more, in milliseconds.
pub const FORGET_MS: u64 = 30 * 24 * 3600 * 1000;

/// A peer as the choice of partners sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Partner {
    node: NodeId,
    network: Vec<u8>,
}

impl Peer for Partner {
    fn network(&self) -> &[u8] {
        &self.network
    }
    fn id(&self) -> &[u8] {
        &self.node.0
    }
}

/// A certificate by its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    id: RecordId,
    by: PersonId,
}

impl certificates::Certificate for Held {
    type Signer = PersonId;
    fn signer(&self) -> PersonId {
        self.by
    }
    fn tag(&self) -> u32 {
        u32::from_le_bytes([self.id.0[0], self.id.0[1], self.id.0[2], self.id.0[3]])
    }
}

/// What somebody said first-hand.
#[derive(Clone, Debug)]
pub struct Met {
    /// The node that said it.
    pub node: NodeId,
    /// As they call themselves.
    pub name: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What they have.
    pub used: Vec<Used>,
    /// Different people that they met.
    pub met: u32,
    /// How many of those have which widget.
    pub counts: BTreeMap<WidgetId, u32>,
    network: Vec<u8>,
    revision: u64,
}

#[derive(Clone, Debug)]
struct Link {
    network: Vec<u8>,
    window_ms: u64,
    rounds: u32,
}

/// The exchange of one node.
///
/// Driving contract: inputs as they come, effects in order, [`Rounds::handle_timeout`] when [`Rounds::poll_timeout`] says.
#[derive(Clone, Debug)]
pub struct Rounds {
    links: BTreeMap<NodeId, Link>,
    mine: Option<Vec<u8>>,
    used: BTreeSet<WidgetId>,
    met: BTreeMap<PersonId, Met>,
    by_node: BTreeMap<NodeId, PersonId>,
    buddies: Buddies<Partner>,
    certificates: Certificates<Held>,
    chance: Chance,
    tell_ms: Option<u64>,
    told_ms: u64,
    next_ms: u64,
}

impl Rounds {
    /// Nobody met yet. `seed` is secret and differs from node to node.
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            links: BTreeMap::new(),
            mine: None,
            used: BTreeSet::new(),
            met: BTreeMap::new(),
            by_node: BTreeMap::new(),
            buddies: Buddies::new(&mut chance),
            certificates: Certificates::new(Room {
                all: 100_000,
                per_signer: 4096,
            }),
            chance,
            tell_ms: None,
            told_ms: 0,
            next_ms: 0,
        }
    }

    /// Takes an input at `now_ms` (milliseconds since 1970) and adds what is to be done to `effects`.
    pub fn handle(&mut self, now_ms: u64, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Restore {
                node,
                network,
                at_ms,
                round,
            } => {
                if at_ms.saturating_add(FORGET_MS) > now_ms {
                    self.take(node, network, at_ms, &round);
                }
            }
            Input::Connected { peer, network, begin } => {
                let link = Link {
                    network: network.clone(),
                    window_ms: now_ms,
                    rounds: 0,
                };
                self.links.insert(peer, link);
                self.buddies.called(&Partner { node: peer, network });
                self.next_ms = self.next_ms.max(now_ms.saturating_add(ROUND_MS));
                if begin {
                    self.send(peer, true, &[], &[], effects);
                }
            }
            Input::Moved { peer, network } => {
                if let Some(link) = self.links.get_mut(&peer).filter(|link| link.network != network) {
                    let before = core::mem::replace(&mut link.network, network.clone());
                    self.buddies.gone(&Partner {
                        node: peer,
                        network: before,
                    });
                    self.buddies.called(&Partner { node: peer, network });
                }
            }
            Input::Disconnected { peer } => {
                if let Some(link) = self.links.remove(&peer) {
                    self.buddies.gone(&Partner {
                        node: peer,
                        network: link.network,
                    });
                }
            }
            Input::Mine { record, used } => {
                let changed = self.mine != record;
                self.mine = record;
                self.used = used;
                if changed && !self.links.is_empty() {
                    let soon = now_ms.saturating_add(CHANGE_MS);
                    self.tell_ms
                        .get_or_insert(soon.max(self.told_ms.saturating_add(TELL_MS)));
                }
            }
            Input::Certificate { id, by } => {
                self.certificates.learn(Held { id, by });
            }
            Input::Dropped { id, by } => {
                self.certificates.revoke(&Held { id, by });
            }
            Input::Round { peer, round } => self.round(now_ms, peer, *round, effects),
        }
    }

    /// When [`Rounds::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<u64> {
        let next = Some(self.next_ms).filter(|_| !self.links.is_empty());
        [self.tell_ms, next].into_iter().flatten().min()
    }

    /// Tells of a change, or makes a round.
    pub fn handle_timeout(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.tell_ms.is_some_and(|at| at <= now_ms) {
            self.tell_ms = None;
            self.told_ms = now_ms;
            let mut peers: Vec<NodeId> = self.links.keys().copied().collect();
            self.chance.draw(&mut peers, TELL);
            for peer in peers {
                self.send(peer, false, &[], &[], effects);
            }
        }
        if self.next_ms <= now_ms && !self.links.is_empty() {
            self.next_ms = now_ms.saturating_add(ROUND_MS);
            self.forget(now_ms, effects);
            if let Some(partner) = self.buddies.next(now_ms, &mut self.chance)
                && self.links.contains_key(&partner.node)
            {
                self.send(partner.node, true, &[], &[], effects);
            }
        }
    }

    fn forget(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let old = |met: &Met| met.at_ms.saturating_add(FORGET_MS) <= now_ms;
        let gone: Vec<(PersonId, NodeId)> = self
            .met
            .iter()
            .filter(|(_, met)| old(met))
            .map(|(person, met)| (*person, met.node))
            .collect();
        for (person, node) in gone {
            self.met.remove(&person);
            self.by_node.remove(&node);
            effects.push(Effect::Forget { node });
        }
    }

    fn round(&mut self, now_ms: u64, peer: NodeId, mut round: Round, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.get_mut(&peer) else {
            return;
        };
        if now_ms.saturating_sub(link.window_ms) > WINDOW_MS {
            (link.window_ms, link.rounds) = (now_ms, 0);
        }
        link.rounds += 1;
        if link.rounds > MOST_ROUNDS {
            return effects.push(Effect::Misbehaved {
                peer,
                what: "rounds of the exchange that come too fast",
            });
        }
        let network = link.network.clone();
        let records: Vec<Vec<u8>> = core::mem::take(&mut round.certificates)
            .into_iter()
            .map(Into::into)
            .collect();
        if !records.is_empty() {
            effects.push(Effect::Certificates { peer, records });
        }
        let pull = core::mem::take(&mut round.pull);
        let flags = core::mem::take(&mut round.flags);
        if round.installs.is_some() {
            match self.take(peer, network.clone(), now_ms, &round) {
                Some(Taken { person, gone }) => {
                    if let Some(node) = gone {
                        effects.push(Effect::Forget { node });
                    }
                    if let Some(met) = self.met.get(&person) {
                        let theirs: BTreeSet<WidgetId> = met.used.iter().map(|used| used.widget).collect();
                        let likeness = likeness(&self.used, &theirs);
                        self.buddies.met(&Partner { node: peer, network }, likeness);
                    }
                    let round = Box::new(round.clone());
                    effects.push(Effect::Met {
                        person,
                        node: peer,
                        round,
                    });
                }
                None => effects.push(Effect::Misbehaved {
                    peer,
                    what: "installs that are not its own, or older than what it said before",
                }),
            }
        }
        let lacking = self.certificates.lacking(&flags, MAX_PER_EXCHANGE);
        // What is pulled is answered once more, with nothing pulled: no endless talk.
        if round.answer || !pull.is_empty() || !lacking.is_empty() && !flags.is_empty() {
            self.send(peer, false, &pull, &lacking, effects);
        }
    }

    fn send(&mut self, peer: NodeId, answer: bool, pulled: &[u32], lacking: &[u32], effects: &mut Vec<Effect>) {
        let given = self.certificates.hand_on(MAX_PER_EXCHANGE, pulled, &mut self.chance);
        let mut flags = self.certificates.flags();
        flags.truncate(MAX_FLAGS);
        // Flags are an invitation to pull; an answer to a pull invites to nothing.
        if !pulled.is_empty() {
            flags.clear();
        }
        let own = self.own();
        let mut counts: Vec<Count> = own
            .1
            .iter()
            .map(|(widget, people)| Count {
                widget: *widget,
                people: *people,
            })
            .collect();
        counts.sort_by_key(|count| core::cmp::Reverse(count.people));
        counts.truncate(MAX_COUNTS);
        counts.sort_by_key(|count| count.widget);
        let round = Round {
            installs: self.mine.clone().map(Into::into),
            met: own.0,
            counts,
            certificates: Vec::new(),
            flags,
            pull: lacking.to_vec(),
            answer,
        };
        effects.push(Effect::Send {
            peer,
            round: Box::new(round),
            certificates: given.into_iter().map(|held| held.id).collect(),
        });
    }

    /// Takes what a node says of its person. None if it is not theirs to say.
    fn take(&mut self, node: NodeId, network: Vec<u8>, at_ms: u64, round: &Round) -> Option<Taken> {
        let record = Record::from_bytes(round.installs.as_ref()?).ok()?;
        let said = record.said()?;
        let What::Installs(installs) = &said.what else {
            return None;
        };
        let known = self.met.get(&said.by);
        let older = known.is_some_and(|met| met.revision > said.revision);
        if installs.node != node || older && known.is_some_and(|met| met.node == node) || record.verify().is_err() {
            return None;
        }
        let person = said.by;
        if older {
            // Another device of the same person was quicker.
            return Some(Taken { person, gone: None });
        }
        let mut gone = known.map(|met| met.node).filter(|old| *old != node);
        // One node stands for one person: a new key does not make a second one.
        if let Some(before) = self.by_node.insert(node, person).filter(|before| *before != person) {
            self.met.remove(&before);
        }
        if let Some(old) = gone {
            self.by_node.remove(&old);
        }
        let met = Met {
            node,
            name: said.name.clone(),
            at_ms,
            used: installs.used.clone(),
            met: round.met,
            counts: round.counts.iter().map(|count| (count.widget, count.people)).collect(),
            network,
            revision: said.revision,
        };
        self.met.insert(person, met);
        if self.met.len() > MOST_MET {
            let oldest = self.met.iter().min_by_key(|(_, met)| met.at_ms);
            if let Some((person, node)) = oldest.map(|(person, met)| (*person, met.node)) {
                self.met.remove(&person);
                self.by_node.remove(&node);
                gone = Some(node);
            }
        }
        Some(Taken { person, gone })
    }

    /// The people who count: at most so many of one network.
    pub fn people(&self) -> impl Iterator<Item = (&PersonId, &Met)> {
        let mut of_network: BTreeMap<&[u8], usize> = BTreeMap::new();
        self.met.iter().filter(move |(_, met)| {
            if met.network.is_empty() {
                return true;
            }
            let count = of_network.entry(&met.network).or_default();
            *count += 1;
            *count <= MOST_OF_NETWORK
        })
    }
    /// Different people met, oneself included, and how many of them have each widget.
    pub fn own(&self) -> (u32, BTreeMap<WidgetId, u32>) {
        let mut counts: BTreeMap<WidgetId, u32> = self.used.iter().map(|widget| (*widget, 1)).collect();
        let mut people = 1;
        for (_, met) in self.people() {
            people += 1;
            for used in &met.used {
                *counts.entry(used.widget).or_default() += 1;
            }
        }
        (people, counts)
    }
    /// What was seen first-hand and what is reported, for [`crate::Function::estimate`], about these widgets. `trust` says
    /// what a reporter is worth.
    pub fn reports(&self, widgets: &[WidgetId], trust: impl Fn(&PersonId) -> f64) -> (Report, Vec<Report>) {
        let (seen, counts) = self.own();
        let installs = |counts: &BTreeMap<WidgetId, u32>| -> Vec<u64> {
            let of = |widget| counts.get(widget).copied().unwrap_or(0).into();
            widgets.iter().map(of).collect()
        };
        let own = Report {
            seen: seen.into(),
            installs: installs(&counts),
            trust: 1.0,
        };
        let report = |(person, met): (&PersonId, &Met)| Report {
            seen: met.met.into(),
            installs: installs(&met.counts),
            trust: trust(person),
        };
        (own, self.people().map(report).collect())
    }
    /// What somebody said first-hand.
    pub fn met(&self, person: &PersonId) -> Option<&Met> {
        self.met.get(person)
    }
    /// Who of those met has the most similar widgets: likeness and number in common, the most similar first.
    pub fn similar(&self) -> Vec<(PersonId, f64, usize)> {
        let mut all: Vec<(PersonId, f64, usize)> = self
            .met
            .iter()
            .map(|(person, met)| {
                let theirs: BTreeSet<WidgetId> = met.used.iter().map(|used| used.widget).collect();
                (
                    *person,
                    likeness(&self.used, &theirs),
                    self.used.intersection(&theirs).count(),
                )
            })
            .filter(|(_, likeness, _)| *likeness > 0.0)
            .collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    }
}

struct Taken {
    person: PersonId,
    /// Node whose word does not count any more.
    gone: Option<NodeId>,
}

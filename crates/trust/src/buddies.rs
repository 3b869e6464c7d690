//! With whom to exchange next: those of like taste, and random others (W19, BuddyCast).
//!
//! Taste buddies have installed what this node has installed. Random ones sit in hash-ranked slots (Brahms, Bortnikov et
//! al. 2009; Basalt, Auvolat et al. 2021): a slot keeps whoever ranks lowest under its secret seed, first by network
//! prefix, so naming an id ten times, or having a thousand in one network, wins no more. A slot that gets a new seed is
//! filled from a fair sample of the networks met so far, not from who happens to be heard next: who calls most would win
//! that. Of one prefix at most one is a taste buddy. Nobody is asked twice within the pause.

use crate::chance::Chance;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::hash::Hasher;
use libm::sqrt;
use siphasher::sip::SipHasher13;

/// Taste buddies.
pub const TASTE: usize = 10;
/// Slots for random peers.
pub const SLOTS: usize = 32;
/// Pause before the same peer is asked again, milliseconds. BuddyCast's four hours would leave only newcomers to ask in a
/// small network, and hostile peers are newcomers as often as they like.
pub const PAUSE_MS: u64 = 5 * 60 * 1000;
/// Draws for somebody who may be asked; then the turn passes.
const DRAWS: usize = 3;
/// Callers that count between two exchanges.
const CALLS: u32 = 1;
/// Networks of which one peer each is remembered for new seeds: those that rank lowest under a secret seed.
const REMEMBERED: usize = 256;
/// Peers whose pause is remembered; the oldest are forgotten first.
const MOST_PAUSED: usize = 2048;

/// Who somebody is for ranking.
pub trait Peer: Ord + Clone {
    /// The bytes of its id.
    fn id(&self) -> &[u8];
    /// The network that it was reached in, such as a /24.
    fn network(&self) -> &[u8];
}

#[derive(Clone, Debug)]
struct Slot<P> {
    seed: (u64, u64),
    held: Option<(u64, u64, P)>,
}

/// The peers to exchange with.
#[derive(Clone, Debug)]
pub struct Buddies<P> {
    taste: Vec<(f64, P)>,
    slots: Vec<Slot<P>>,
    oldest: usize,
    seed: (u64, u64),
    remembered: BTreeMap<u64, P>,
    paused: BTreeMap<P, u64>,
    turns: u64,
    calls: u32,
}

/// How like two tastes are: the cosine of what is installed, from 0 to 1.
pub fn likeness<W: Ord>(mine: &BTreeSet<W>, theirs: &BTreeSet<W>) -> f64 {
    let both = mine.intersection(theirs).count() as f64;
    let size = sqrt(mine.len() as f64 * theirs.len() as f64);
    if size > 0.0 { both / size } else { 0.0 }
}

fn rank(seed: (u64, u64), bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    hasher.write(bytes);
    hasher.finish()
}

impl<P: Peer> Buddies<P> {
    /// Nobody yet. The seeds of the slots come from `chance` and must be secret.
    pub fn new(chance: &mut Chance) -> Self {
        let seed = (chance.any(), chance.any());
        let slot = |_| Slot {
            seed: (chance.any(), chance.any()),
            held: None,
        };
        Self {
            seed,
            remembered: BTreeMap::new(),
            taste: Vec::new(),
            slots: (0..SLOTS).map(slot).collect(),
            oldest: 0,
            paused: BTreeMap::new(),
            turns: 0,
            calls: 0,
        }
    }

    /// A peer was named by another, and answered from where it is said to be.
    pub fn heard(&mut self, peer: &P) {
        self.offer(peer);
        self.remember(peer);
    }

    /// A peer called by itself. Few of those count between two exchanges of our own, so that who calls most does not
    /// decide who is known (Brahms does the same).
    pub fn called(&mut self, peer: &P) {
        if self.calls < CALLS {
            self.calls += 1;
            self.heard(peer);
        }
    }

    /// An exchange with a peer was made, and it has this taste.
    pub fn met(&mut self, peer: &P, likeness: f64) {
        self.heard(peer);
        self.taste.retain(|(_, other)| other != peer);
        if likeness.is_nan() || likeness <= 0.0 {
            return;
        }
        if let Some(at) = self
            .taste
            .iter()
            .position(|(_, other)| other.network() == peer.network())
        {
            if self.taste.get(at).is_some_and(|(other, _)| *other >= likeness) {
                return;
            }
            self.taste.remove(at);
        }
        let at = self.taste.partition_point(|(other, _)| *other >= likeness);
        self.taste.insert(at, (likeness, peer.clone()));
        self.taste.truncate(TASTE);
    }

    fn remember(&mut self, peer: &P) {
        self.remembered.insert(rank(self.seed, peer.network()), peer.clone());
        if self.remembered.len() > REMEMBERED {
            self.remembered.pop_last();
        }
    }

    fn offer(&mut self, peer: &P) {
        for slot in &mut self.slots {
            let by_network = rank(slot.seed, peer.network());
            let by_id = rank(slot.seed, peer.id());
            let lower = slot
                .held
                .as_ref()
                .is_none_or(|held| (by_network, by_id) < (held.0, held.1));
            if lower {
                slot.held = Some((by_network, by_id, peer.clone()));
            }
        }
    }

    /// A peer is gone. Its slots are filled from the others.
    pub fn gone(&mut self, peer: &P) {
        self.taste.retain(|(_, other)| other != peer);
        self.remembered.retain(|_, other| other != peer);
        for slot in &mut self.slots {
            if slot.held.as_ref().is_some_and(|(_, _, held)| held == peer) {
                slot.held = None;
            }
        }
        self.refill();
    }

    fn refill(&mut self) {
        let known: Vec<P> = self.remembered.values().cloned().chain(self.random()).collect();
        known.iter().for_each(|peer| self.offer(peer));
    }

    /// Gives the oldest slots new seeds, so that nobody keeps one for ever. To be done rarely beside meeting others.
    pub fn refresh(&mut self, count: usize, chance: &mut Chance) {
        let before = self.random();
        for _ in 0..count.min(SLOTS) {
            if let Some(slot) = self.slots.get_mut(self.oldest) {
                *slot = Slot {
                    seed: (chance.any(), chance.any()),
                    held: None,
                };
            }
            self.oldest = (self.oldest + 1) % SLOTS;
        }
        before.iter().for_each(|peer| self.offer(peer));
        self.refill();
    }

    /// Whom to exchange with now: a taste buddy and a random one in turn, nobody within the pause. None if this turn
    /// passes.
    pub fn next(&mut self, now_ms: u64, chance: &mut Chance) -> Option<P> {
        self.paused.retain(|_, until| *until > now_ms);
        self.turns += 1;
        self.calls = 0;
        let of_taste = self.taste.iter().map(|(_, peer)| peer);
        let random = self.slots.iter().filter_map(|slot| slot.held.as_ref());
        let random = random.map(|(_, _, peer)| peer);
        let ready = |peer: &&P| !self.paused.contains_key(*peer);
        let chosen = if self.turns.is_multiple_of(2) {
            of_taste.filter(ready).max_by_key(|_| chance.any())
        } else {
            // Whoever may not be asked again yet is not replaced by a newcomer: that is who would gain.
            let all: Vec<&P> = random.collect();
            (0..DRAWS).find_map(|_| chance.pick(&all).copied().filter(ready))
        };
        let chosen = chosen.cloned()?;
        if self.paused.len() >= MOST_PAUSED {
            let soonest = self.paused.iter().min_by_key(|(_, until)| **until);
            if let Some(soonest) = soonest.map(|(peer, _)| peer.clone()) {
                self.paused.remove(&soonest);
            }
        }
        self.paused.insert(chosen.clone(), now_ms.saturating_add(PAUSE_MS));
        Some(chosen)
    }

    /// Taste buddies, those of the most like taste first.
    pub fn taste(&self) -> Vec<P> {
        self.taste.iter().map(|(_, peer)| peer.clone()).collect()
    }

    /// Whoever has a slot, as often as it has one: a fair sample of networks.
    pub fn random(&self) -> Vec<P> {
        let held = self.slots.iter().filter_map(|slot| slot.held.as_ref());
        held.map(|(_, _, peer)| peer.clone()).collect()
    }
}

//! With whom to exchange next: those of like taste, and random others (W19, BuddyCast).
//!
//! Taste buddies have installed what this node has installed. Random ones sit in hash-ranked slots (Brahms, Bortnikov et
//! al. 2009; Basalt, Auvolat et al. 2021): a slot keeps whoever ranks lowest under its secret seed, first by network
//! prefix, so naming an id ten times, or having a thousand in one network, wins no more. Of one prefix at most one is a
//! taste buddy. Nobody is asked twice within the pause.

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
/// Pause before the same peer is asked again, milliseconds: BuddyCast's four hours.
pub const PAUSE_MS: u64 = 4 * 60 * 60 * 1000;
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
    paused: BTreeMap<P, u64>,
    turns: u64,
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
        let slot = |_| Slot {
            seed: (chance.any(), chance.any()),
            held: None,
        };
        Self {
            taste: Vec::new(),
            slots: (0..SLOTS).map(slot).collect(),
            oldest: 0,
            paused: BTreeMap::new(),
            turns: 0,
        }
    }

    /// A peer answered from where it is said to be.
    pub fn met(&mut self, peer: &P, likeness: f64) {
        self.offer(peer);
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
        for slot in &mut self.slots {
            if slot.held.as_ref().is_some_and(|(_, _, held)| held == peer) {
                slot.held = None;
            }
        }
        self.random().iter().for_each(|held| self.offer(held));
    }

    /// Gives the oldest slots new seeds, so that nobody keeps one for ever.
    pub fn refresh(&mut self, count: usize, chance: &mut Chance) {
        let known = self.random();
        for _ in 0..count.min(SLOTS) {
            if let Some(slot) = self.slots.get_mut(self.oldest) {
                *slot = Slot {
                    seed: (chance.any(), chance.any()),
                    held: None,
                };
            }
            self.oldest = (self.oldest + 1) % SLOTS;
        }
        known.iter().for_each(|peer| self.offer(peer));
    }

    /// Whom to exchange with now: a taste buddy and a random one in turn, nobody within the pause.
    pub fn next(&mut self, now_ms: u64, chance: &mut Chance) -> Option<P> {
        self.paused.retain(|_, until| *until > now_ms);
        self.turns += 1;
        let ready = |peer: &&P| !self.paused.contains_key(*peer);
        let taste: Vec<P> = self.taste.iter().map(|(_, peer)| peer).filter(ready).cloned().collect();
        let random = self.slots.iter().filter_map(|slot| slot.held.as_ref());
        let random: Vec<P> = random.map(|(_, _, peer)| peer).filter(ready).cloned().collect();
        let (first, second) = if self.turns.is_multiple_of(2) {
            (taste, random)
        } else {
            (random, taste)
        };
        let chosen = chance.pick(&first).or_else(|| chance.pick(&second)).cloned()?;
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

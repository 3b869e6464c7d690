//! A uniform sample of the members of an app that nobody can fill: hash-ranked slots (Brahms, Bortnikov et al. 2009;
//! Basalt, Auvolat et al. 2021).
//!
//! Each slot has a secret seed and keeps the member that ranks lowest under it, first by its network prefix and then by
//! its id. So every prefix gets the same share of the slots, whatever number of ids it holds, and it makes no difference
//! how often a member is named.

use crate::{bounds::SLOTS, chance::Chance, prefix::Prefix};
use alloc::{collections::BTreeSet, vec::Vec};
use core::{hash::Hasher, net::SocketAddr};
use hedgerow_base::NodeId;
use siphasher::sip::SipHasher13;

/// A member that answered from where it says it is.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) node: NodeId,
    pub(crate) prefix: Prefix,
    pub(crate) addresses: Vec<SocketAddr>,
}

#[derive(Clone, Debug)]
struct Slot {
    seed: (u64, u64),
    born: u64,
    held: Option<(u64, u64, Held)>,
}

fn rank(seed: (u64, u64), bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(seed.0, seed.1);
    hasher.write(bytes);
    hasher.finish()
}

impl Slot {
    /// The rank by prefix and by id, if it is lower than that of who is held.
    fn beats(&self, node: &NodeId, prefix: &Prefix) -> Option<(u64, u64)> {
        let by_prefix = rank(self.seed, prefix.as_bytes());
        match &self.held {
            Some((other, _, _)) if by_prefix > *other => None,
            Some((other, by_id, _)) if by_prefix == *other => {
                let mine = rank(self.seed, &node.0);
                (mine < *by_id).then_some((by_prefix, mine))
            }
            _ => Some((by_prefix, rank(self.seed, &node.0))),
        }
    }
}

/// The slots.
#[derive(Clone, Debug)]
pub(crate) struct View {
    slots: Vec<Slot>,
    births: u64,
}

impl View {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let slot = |born| Slot {
            seed: chance.secret_pair(),
            born,
            held: None,
        };
        Self {
            slots: (0..SLOTS as u64).map(slot).collect(),
            births: SLOTS as u64,
        }
    }

    /// Whether a member would get a slot, were it where it is said to be.
    pub(crate) fn wants(&self, node: &NodeId, prefix: &Prefix) -> bool {
        self.slots.iter().any(|slot| slot.beats(node, prefix).is_some())
    }

    /// Gives a member the slots that are its own.
    pub(crate) fn offer(&mut self, held: &Held) {
        for slot in &mut self.slots {
            if let Some((by_prefix, by_id)) = slot.beats(&held.node, &held.prefix) {
                slot.held = Some((by_prefix, by_id, held.clone()));
            }
        }
    }

    /// A member is gone. Its slots are filled from the others at once.
    pub(crate) fn remove(&mut self, node: &NodeId) {
        let mut gone = false;
        for slot in &mut self.slots {
            if slot.held.as_ref().is_some_and(|(_, _, held)| held.node == *node) {
                (slot.held, gone) = (None, true);
            }
        }
        if gone {
            self.refill();
        }
    }

    fn refill(&mut self) {
        for held in self.members() {
            self.offer(&held);
        }
    }

    /// Gives the `count` oldest slots a new seed.
    pub(crate) fn refresh(&mut self, count: usize, chance: &mut Chance) {
        // Who is held stays a candidate for the new seeds.
        let members = self.members();
        for _ in 0..count {
            let born = self.births;
            self.births += 1;
            if let Some(slot) = self.slots.iter_mut().min_by_key(|slot| slot.born) {
                *slot = Slot {
                    seed: chance.secret_pair(),
                    born,
                    held: None,
                };
            }
        }
        members.iter().for_each(|held| self.offer(held));
    }

    /// Everybody who has a slot, once.
    pub(crate) fn members(&self) -> Vec<Held> {
        let mut known = BTreeSet::new();
        let held = self.slots.iter().filter_map(|slot| slot.held.as_ref());
        held.filter(|(_, _, held)| known.insert(held.node))
            .map(|(_, _, held)| held.clone())
            .collect()
    }

    pub(crate) fn has(&self, node: &NodeId) -> bool {
        let mut held = self.slots.iter().filter_map(|slot| slot.held.as_ref());
        held.any(|(_, _, held)| held.node == *node)
    }

    /// Whoever has a slot drawn at random: a member in several is drawn as often, as its prefix stands for many.
    pub(crate) fn pick(&self, chance: &mut Chance) -> Option<&Held> {
        let full: Vec<_> = self.slots.iter().filter_map(|slot| slot.held.as_ref()).collect();
        full.get(chance.below(full.len())).map(|(_, _, held)| held)
    }

    /// Slots that nobody has.
    pub(crate) fn empty(&self) -> usize {
        self.slots.iter().filter(|slot| slot.held.is_none()).count()
    }
}

//! Certificates that spread by being handed on, a few in each exchange (W21).
//!
//! As the original design has it: 1 to 3 random certificates per exchange, or "has certificate" flags and a pull. Random
//! ones alone take a time that grows with how many there are, so one of those handed on is always the one that was learned
//! last; and with flags only what the other lacks is handed on.
//!
//! A signer has a quota, so that a flood of valid certificates by one pushes out nobody else's. What is revoked stays
//! known as revoked, so that it cannot come back. Checking signatures and expiry is the driver's, before `learn`.

use crate::chance::Chance;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// Something that is handed on.
pub trait Certificate: Ord + Clone {
    /// Who signs it.
    type Signer: Ord + Clone;
    /// Its signer.
    fn signer(&self) -> Self::Signer;
    /// A short name for flags; two of the same name are mistaken for each other until one of them is handed on by chance.
    fn tag(&self) -> u32;
}

/// Most certificates in an exchange, either way.
pub const MAX_PER_EXCHANGE: usize = 3;
/// Flags in an exchange: the certificates that were learned last.
pub const FLAGS: usize = 64;

/// What became of a certificate that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// It is new and kept.
    New,
    /// It was known.
    Known,
    /// It, or its signer, is revoked.
    Revoked,
    /// Its signer has as many as it may.
    Quota,
    /// There is no room.
    Full,
}

/// What may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Certificates in all, and as many revocations.
    pub all: usize,
    /// Certificates of one signer.
    pub per_signer: usize,
}

/// The certificates that a node knows.
#[derive(Clone, Debug)]
pub struct Certificates<C: Certificate> {
    room: Room,
    known: BTreeMap<C, u64>,
    /// By when they were learned.
    order: BTreeMap<u64, C>,
    learned: u64,
    of_signer: BTreeMap<C::Signer, usize>,
    revoked: BTreeSet<C>,
    out: BTreeSet<C::Signer>,
    tags: BTreeSet<u32>,
}

impl<C: Certificate> Certificates<C> {
    /// None yet.
    pub const fn new(room: Room) -> Self {
        Self {
            room,
            known: BTreeMap::new(),
            order: BTreeMap::new(),
            learned: 0,
            of_signer: BTreeMap::new(),
            revoked: BTreeSet::new(),
            out: BTreeSet::new(),
            tags: BTreeSet::new(),
        }
    }

    /// Takes a certificate that was checked.
    pub fn learn(&mut self, certificate: C) -> Learned {
        let signer = certificate.signer();
        if self.known.contains_key(&certificate) {
            return Learned::Known;
        }
        if self.revoked.contains(&certificate) || self.out.contains(&signer) {
            return Learned::Revoked;
        }
        if self.known.len() >= self.room.all {
            return Learned::Full;
        }
        let of_signer = self.of_signer.entry(signer).or_insert(0);
        if *of_signer >= self.room.per_signer {
            return Learned::Quota;
        }
        *of_signer += 1;
        self.learned += 1;
        self.order.insert(self.learned, certificate.clone());
        self.tags.insert(certificate.tag());
        self.known.insert(certificate, self.learned);
        Learned::New
    }

    /// Forgets a certificate for good. False if there is no room to remember that.
    pub fn revoke(&mut self, certificate: &C) -> bool {
        if self.revoked.len() >= self.room.all && !self.revoked.contains(certificate) {
            return false;
        }
        self.revoked.insert(certificate.clone());
        self.forget(certificate);
        true
    }

    /// Forgets all certificates of a signer for good: its key was stolen, or it signed two things that exclude each other.
    pub fn revoke_signer(&mut self, signer: &C::Signer) -> bool {
        if self.out.len() >= self.room.all && !self.out.contains(signer) {
            return false;
        }
        self.out.insert(signer.clone());
        let theirs: Vec<C> = self.known.keys().filter(|c| c.signer() == *signer).cloned().collect();
        theirs.iter().for_each(|certificate| self.forget(certificate));
        true
    }

    fn forget(&mut self, certificate: &C) {
        let Some(at) = self.known.remove(certificate) else {
            return;
        };
        self.order.remove(&at);
        if let Some(count) = self.of_signer.get_mut(&certificate.signer()) {
            *count = count.saturating_sub(1);
        }
        // Another one may have the same tag.
        let tag = certificate.tag();
        if !self.known.keys().any(|other| other.tag() == tag) {
            self.tags.remove(&tag);
        }
    }

    /// Whether it is known and holds.
    pub fn has(&self, certificate: &C) -> bool {
        self.known.contains_key(certificate)
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The flags to show: short names of what was learned last, the newest first.
    pub fn flags(&self) -> Vec<u32> {
        self.order.values().rev().take(FLAGS).map(C::tag).collect()
    }

    /// What is flagged there and not known here, at most so many: to be asked for.
    pub fn lacking(&self, flags: &[u32], count: usize) -> Vec<u32> {
        let lacking = flags.iter().take(FLAGS).filter(|tag| !self.tags.contains(tag));
        lacking.take(count.min(MAX_PER_EXCHANGE)).copied().collect()
    }

    /// What to hand on in an exchange: first what was asked for, then the one learned last, then random ones; nothing
    /// twice.
    pub fn hand_on(&self, count: usize, asked: &[u32], chance: &mut Chance) -> Vec<C> {
        let count = count.min(MAX_PER_EXCHANGE).min(self.known.len());
        let mut given: Vec<C> = Vec::with_capacity(count);
        if !asked.is_empty() {
            let recent = self.order.values().rev().take(FLAGS);
            given.extend(recent.filter(|c| asked.contains(&c.tag())).take(count).cloned());
        }
        if let Some((_, newest)) = self.order.last_key_value()
            && given.len() < count
            && !given.contains(newest)
        {
            given.push(newest.clone());
        }
        self.fill(&mut given, count, chance);
        given
    }

    /// As the original design says: random ones only. It takes a time that grows with how many there are.
    pub fn at_random(&self, count: usize, chance: &mut Chance) -> Vec<C> {
        let count = count.min(MAX_PER_EXCHANGE).min(self.known.len());
        let mut given = Vec::with_capacity(count);
        self.fill(&mut given, count, chance);
        given
    }

    /// Adds random ones up to so many. Gaps where something was forgotten are skipped to the next one.
    fn fill(&self, given: &mut Vec<C>, count: usize, chance: &mut Chance) {
        for _ in 0..count * 8 {
            if given.len() >= count {
                break;
            }
            let from = 1 + chance.below(self.learned as usize) as u64;
            let next = self.order.range(from..).next();
            if let Some((_, certificate)) = next
                && !given.contains(certificate)
            {
                given.push(certificate.clone());
            }
        }
    }
}

//! Whom everybody calls in a round: a random permutation that is kind to memory.
//!
//! The peers are laid in a circle that begins elsewhere in each round and is cut into blocks. A random permutation of the
//! blocks says which block calls which, and within blocks another one says who calls whom. So everybody calls one and is
//! called by one; what is read for a block lies in two others. A test shows that news spreads as it does when everybody
//! may call everybody.

use hedgerow_trust::{Chance, mix};

/// Peers of a block: 32 kB of states.
const BLOCK: usize = 512;
/// Fewer blocks would not mix.
const BLOCKS: usize = 64;

/// The calls of one round.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    peers: usize,
    begin: usize,
    /// The size of a block as a power of two.
    bits: u32,
    blocks: Pair,
    within: Pair,
    salt: u64,
}

/// A permutation and its inverse.
#[derive(Clone, Debug)]
struct Pair {
    there: Vec<u32>,
    back: Vec<u32>,
}

impl Pair {
    fn new(count: usize, chance: &mut Chance) -> Self {
        let mut there: Vec<u32> = (0..count as u32).collect();
        chance.draw(&mut there, count);
        let mut back = vec![0; count];
        for (from, to) in there.iter().enumerate() {
            if let Some(back) = back.get_mut(*to as usize) {
                *back = from as u32;
            }
        }
        Self { there, back }
    }
}

fn of(list: &[u32], at: usize) -> usize {
    list.get(at).copied().unwrap_or(0) as usize
}

impl Schedule {
    pub(super) fn new(peers: usize, seed: u64, round: u32) -> Self {
        let largest = (peers / BLOCKS).clamp(1, BLOCK);
        Self::with(peers, largest.ilog2(), seed, round)
    }

    /// With blocks of 2^`bits` peers.
    pub(super) fn with(peers: usize, bits: u32, seed: u64, round: u32) -> Self {
        let mut chance = Chance::of(seed, mix(u64::from(round)));
        Self {
            peers,
            begin: chance.below(peers),
            bits,
            blocks: Pair::new(peers >> bits, &mut chance),
            within: Pair::new(1 << bits, &mut chance),
            salt: chance.any(),
        }
    }

    const fn mask(&self) -> usize {
        (1 << self.bits) - 1
    }

    fn rotated(&self, peer: usize) -> usize {
        let at = peer + self.begin;
        if at >= self.peers { at - self.peers } else { at }
    }

    fn placed(&self, at: usize) -> usize {
        if at >= self.begin {
            at - self.begin
        } else {
            at + self.peers - self.begin
        }
    }

    /// What is mixed into places within a block that is called by this one.
    fn twist(&self, block: usize) -> usize {
        mix(self.salt ^ block as u64) as usize & self.mask()
    }

    /// Whom a peer calls.
    #[inline]
    pub(super) fn of(&self, peer: usize) -> usize {
        let at = self.rotated(peer);
        let (block, place) = (at >> self.bits, at & self.mask());
        if block >= self.blocks.there.len() {
            return self.placed(self.rest(at, 1));
        }
        let within = of(&self.within.there, place ^ self.twist(block));
        self.placed((of(&self.blocks.there, block) << self.bits) + within)
    }

    /// Who calls a peer.
    #[inline]
    pub(super) fn back(&self, peer: usize) -> usize {
        let at = self.rotated(peer);
        let (block, place) = (at >> self.bits, at & self.mask());
        if block >= self.blocks.back.len() {
            let rest = self.peers - (self.blocks.back.len() << self.bits);
            return self.placed(self.rest(at, rest - 1));
        }
        let caller = of(&self.blocks.back, block);
        let within = of(&self.within.back, place) ^ self.twist(caller);
        self.placed((caller << self.bits) + within)
    }

    /// The few that fill no block call each other around.
    fn rest(&self, at: usize, step: usize) -> usize {
        let first = self.blocks.there.len() << self.bits;
        first + (at - first + step) % (self.peers - first)
    }
}

/// The calls of peers one after the other: what holds for a whole block is worked out once.
pub(super) struct Calls<'a> {
    schedule: &'a Schedule,
    block: usize,
    called: usize,
    called_twist: usize,
    caller: usize,
    caller_twist: usize,
}

impl<'a> Calls<'a> {
    pub(super) const fn new(schedule: &'a Schedule) -> Self {
        Self {
            schedule,
            block: usize::MAX,
            called: 0,
            called_twist: 0,
            caller: 0,
            caller_twist: 0,
        }
    }

    fn enter(&mut self, block: usize) {
        let schedule = self.schedule;
        let caller = of(&schedule.blocks.back, block);
        self.block = block;
        self.called = of(&schedule.blocks.there, block) << schedule.bits;
        self.called_twist = schedule.twist(block);
        self.caller = caller << schedule.bits;
        self.caller_twist = schedule.twist(caller);
    }

    /// Where the block that a peer calls and the block that calls it begin, and their size, when it is the first of its own
    /// that was asked for.
    #[inline]
    pub(super) fn entered(&mut self, peer: usize) -> Option<(usize, usize, usize)> {
        let schedule = self.schedule;
        let block = schedule.rotated(peer) >> schedule.bits;
        if block == self.block || block >= schedule.blocks.there.len() {
            return None;
        }
        self.enter(block);
        let (called, caller) = (schedule.placed(self.called), schedule.placed(self.caller));
        Some((called, caller, 1 << schedule.bits))
    }

    /// Whom a peer calls and who calls it.
    #[inline]
    pub(super) fn of(&mut self, peer: usize) -> (usize, usize) {
        let schedule = self.schedule;
        let at = schedule.rotated(peer);
        let (block, place) = (at >> schedule.bits, at & schedule.mask());
        if block >= schedule.blocks.there.len() {
            return (schedule.of(peer), schedule.back(peer));
        }
        if block != self.block {
            self.enter(block);
        }
        let called = self.called + of(&schedule.within.there, place ^ self.called_twist);
        let caller = self.caller + (of(&schedule.within.back, place) ^ self.caller_twist);
        (schedule.placed(called), schedule.placed(caller))
    }
}

//! One new thing among very many peers, fast: a bit for each says whether it has it.
//!
//! Rounds as in BuddyCast: in each, every peer that is online makes one exchange with a random other, and both end up with
//! what either had at the beginning of the round. What is drawn depends on seed, round and peer only, and bits are only
//! ever added, so the result is the same however the work is divided. The full cores beside it at small sizes are in
//! `whitelist`.

use crate::crew::{Crew, Task};
use core::sync::atomic::{AtomicU64, Ordering};
use hedgerow_trust::{Chance, mix};

/// How the thing spreads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Peers.
    pub peers: usize,
    /// Share of peers that take and never give.
    pub blackholes: f64,
    /// Share of exchanges that fail.
    pub loss: f64,
    /// Share of peers that are away in a round, others in each.
    pub away: f64,
    /// Chance that who has it hands it on in an exchange; 1 if it is always among what is handed on.
    pub handed_on: f64,
    /// Of everything random.
    pub seed: u64,
}

/// When how many had it. Rounds count from 1; none if that never happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounds {
    /// Half of the honest peers.
    pub half: Option<u32>,
    /// 99 % of them.
    pub most: Option<u32>,
    /// All of them.
    pub all: Option<u32>,
    /// Honest peers that had it after each round.
    pub after: Vec<u64>,
}

/// No more rounds than this.
pub const MAX_ROUNDS: u32 = 20_000;

/// Where peers that give nothing begin: they are the last ones.
pub(crate) fn honest(peers: usize, blackholes: f64) -> usize {
    (peers - (peers as f64 * blackholes).round() as usize).max(1)
}

impl Spread {
    /// The draws of a peer in a round.
    pub(crate) fn draws(&self, round: u32, peer: usize) -> Draws {
        let mut chance = Chance::of(self.seed, mix(u64::from(round) << 40 ^ peer as u64));
        let drawn = chance.below(self.peers - 1);
        let other = drawn + usize::from(drawn >= peer);
        let mut rare = |share: f64| share > 0.0 && chance.happens(share);
        Draws {
            other,
            fails: rare(self.loss) || (self.away > 0.0 && (self.is_away(round, peer) || self.is_away(round, other))),
            gives: self.handed_on >= 1.0 || chance.happens(self.handed_on),
            takes: self.handed_on >= 1.0 || chance.happens(self.handed_on),
        }
    }

    fn is_away(&self, round: u32, peer: usize) -> bool {
        Chance::of(self.seed ^ 0x0ff1, mix(u64::from(round) << 40 ^ peer as u64)).happens(self.away)
    }

    /// Spreads it from the first peer until all honest ones have it.
    pub fn run(&self, crew: &dyn Crew) -> Rounds {
        let honest = honest(self.peers, self.blackholes);
        let words = self.peers.div_ceil(64);
        let mut has = vec![0u64; words];
        if let Some(first) = has.first_mut() {
            *first = 1;
        }
        let next: Vec<AtomicU64> = has.iter().map(|word| AtomicU64::new(*word)).collect();
        let mut rounds = Rounds::default();
        for round in 1..=MAX_ROUNDS {
            self.round(round, honest, &has, &next, crew);
            let mut count = 0;
            for (at, (now, next)) in has.iter_mut().zip(&next).enumerate() {
                *now = next.load(Ordering::Relaxed);
                let of_honest = match honest.saturating_sub(at * 64) {
                    64.. => u64::MAX,
                    few => (1u64 << few) - 1,
                };
                count += u64::from((*now & of_honest).count_ones());
            }
            rounds.after.push(count);
            let reached = |of: f64| (count as f64 >= of * honest as f64).then_some(round);
            rounds.half = rounds.half.or(reached(0.5));
            rounds.most = rounds.most.or(reached(0.99));
            rounds.all = reached(1.0);
            if rounds.all.is_some() {
                break;
            }
        }
        rounds
    }

    fn round(&self, round: u32, honest: usize, has: &[u64], next: &[AtomicU64], crew: &dyn Crew) {
        let piece = (self.peers.div_ceil(crew.hands().max(1) * 4)).max(1024);
        let pieces = (0..self.peers).step_by(piece).map(|from| {
            let task: Task<'_> = Box::new(move || {
                for peer in from..self.peers.min(from + piece) {
                    self.exchange(round, peer, honest, has, next);
                }
            });
            task
        });
        crew.work(pieces.collect());
    }

    fn exchange(&self, round: u32, peer: usize, honest: usize, has: &[u64], next: &[AtomicU64]) {
        let Draws {
            other,
            fails,
            gives,
            takes,
        } = self.draws(round, peer);
        let have = |who: usize| has.get(who / 64).is_some_and(|word| word >> (who % 64) & 1 == 1);
        let (mine, theirs) = (have(peer), have(other));
        if fails || mine == theirs {
            return;
        }
        let get = |who: usize| {
            if let Some(word) = next.get(who / 64) {
                word.fetch_or(1 << (who % 64), Ordering::Relaxed);
            }
        };
        if mine && peer < honest && gives {
            get(other);
        }
        if theirs && other < honest && takes {
            get(peer);
        }
    }
}

/// What chance says of one peer in one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Draws {
    pub(crate) other: usize,
    pub(crate) fails: bool,
    pub(crate) gives: bool,
    pub(crate) takes: bool,
}

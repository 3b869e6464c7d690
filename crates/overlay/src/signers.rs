//! What is known of the signers of an app: their rate, their points, and which of their numbers came already.

use crate::{
    bounds::{SIGNERS, SOURCES, WINDOW},
    bucket::{Bucket, Rate},
    score::{Fault, Score, Standing},
};
use alloc::{collections::BTreeMap, vec::Vec};
use hedgerow_base::Pseudonym;

/// Numbers of one device that came: the highest, and one bit for each of the [`WINDOW`] up to it.
#[derive(Clone, Copy, Debug)]
struct Source {
    source: u64,
    highest: u64,
    came: u128,
}

impl Source {
    /// Whether a number may still be new.
    fn is_new(&self, seq: u64) -> bool {
        let below = self.highest.checked_sub(seq);
        below.is_none_or(|below| below < WINDOW && self.came >> below & 1 == 0)
    }

    fn mark(&mut self, seq: u64) {
        match seq.checked_sub(self.highest) {
            Some(ahead) => {
                let shift = u32::try_from(ahead).unwrap_or(u32::MAX);
                self.came = self.came.checked_shl(shift).unwrap_or(0) | 1;
                self.highest = seq;
            }
            None => self.came |= 1u128.checked_shl((self.highest - seq) as u32).unwrap_or(0),
        }
    }
}

#[derive(Clone, Debug)]
struct Signer {
    bucket: Bucket,
    /// How often it may still be charged for its rate.
    charges: Bucket,
    score: Score,
    sources: Vec<Source>,
}

/// How often a signer is charged for its rate. What a network held up for a minute comes at once, and is no flood:
/// it costs a few points, while a flood that goes on is cut off after five seconds.
const CHARGES: Rate = Rate { per_s: 4.0, burst: 4.0 };

impl Signer {
    fn new(rate: &Rate, now_ms: u64) -> Self {
        Self {
            bucket: Bucket::full(rate, now_ms),
            charges: Bucket::full(&CHARGES, now_ms),
            score: Score::default(),
            sources: Vec::new(),
        }
    }
}

/// All signers of an app that were heard of lately.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    young: BTreeMap<Pseudonym, Signer>,
    old: BTreeMap<Pseudonym, Signer>,
}

impl Signers {
    fn of(&mut self, who: &Pseudonym, rate: &Rate, now_ms: u64) -> &mut Signer {
        if !self.young.contains_key(who) {
            let known = self.old.remove(who);
            if self.young.len() >= SIGNERS {
                self.turn(now_ms);
            }
            let signer = known.unwrap_or_else(|| Signer::new(rate, now_ms));
            self.young.insert(*who, signer);
        }
        // It is there: it was just put in.
        self.young.entry(*who).or_insert_with(|| Signer::new(rate, now_ms))
    }

    /// Forgets the older generation, except for who has points: nobody gets rid of them by inventing signers.
    fn turn(&mut self, now_ms: u64) {
        let mut old = core::mem::take(&mut self.young);
        let kept = core::mem::take(&mut self.old);
        let owing = kept
            .into_iter()
            .filter_map(|(who, mut signer)| (signer.score.points(now_ms) > 0).then_some((who, signer)));
        for (who, signer) in owing.take(SIGNERS / 4) {
            old.entry(who).or_insert(signer);
        }
        self.old = old;
    }

    /// What follows from a signer's points; who is unknown is good.
    pub(crate) fn standing(&mut self, who: &Pseudonym, now_ms: u64) -> Standing {
        let known = self.young.get_mut(who).or_else(|| self.old.get_mut(who));
        known.map_or(Standing::Good, |signer| signer.score.standing(now_ms))
    }

    /// The signer's points now.
    pub(crate) fn points(&mut self, who: &Pseudonym, now_ms: u64) -> u32 {
        let known = self.young.get_mut(who).or_else(|| self.old.get_mut(who));
        known.map_or(0, |signer| signer.score.points(now_ms))
    }

    /// Whether a number did not come yet, as far as is remembered.
    pub(crate) fn is_new(&self, who: &Pseudonym, source: u64, seq: u64) -> bool {
        let known = self.young.get(who).or_else(|| self.old.get(who));
        let sources = known.map(|signer| signer.sources.as_slice()).unwrap_or_default();
        let same = sources.iter().find(|known| known.source == source);
        same.is_none_or(|known| known.is_new(seq))
    }

    /// Whether a signer that is too fast pays for it this time.
    pub(crate) fn pays_for_rate(&mut self, who: &Pseudonym, rate: &Rate, now_ms: u64) -> bool {
        self.of(who, rate, now_ms).charges.take(&CHARGES, now_ms)
    }

    /// Takes one message of a proven signer: false if it is one too many.
    pub(crate) fn take(&mut self, who: &Pseudonym, rate: &Rate, now_ms: u64) -> bool {
        let signer = self.of(who, rate, now_ms);
        if signer.score.standing(now_ms) != Standing::Good {
            // Slowed: what is left may be used, nothing is added.
            signer.bucket.hold(now_ms);
        }
        signer.bucket.take_or_owe(rate, now_ms)
    }

    /// Notes that a number came.
    pub(crate) fn mark(&mut self, who: &Pseudonym, rate: &Rate, source: u64, seq: u64, now_ms: u64) {
        let signer = self.of(who, rate, now_ms);
        match signer.sources.iter_mut().position(|known| known.source == source) {
            Some(at) => {
                // The one that was heard of last comes first.
                signer.sources.swap(0, at);
                signer.sources.iter_mut().take(1).for_each(|known| known.mark(seq));
            }
            None => {
                signer.sources.truncate(SOURCES - 1);
                signer.sources.insert(
                    0,
                    Source {
                        source,
                        highest: seq,
                        came: 1,
                    },
                );
            }
        }
    }

    pub(crate) fn charge(&mut self, who: &Pseudonym, rate: &Rate, fault: Fault, now_ms: u64) -> (Standing, bool) {
        self.of(who, rate, now_ms).score.charge(fault, now_ms)
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

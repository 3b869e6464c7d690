//! The fast path for very large networks: 64 bytes a peer, and how many exchanges a second that gives.
//!
//! A peer knows the newest release of sixteen widgets. In each round a random permutation says whom each calls, so that
//! everybody calls one and is called by one; both know afterwards what either knew. A peer's next state is made from three
//! states of the round before, and nothing else, so the work can be divided in any way; the three reads wait for memory
//! at the same time.

mod page;
mod schedule;

#[cfg(test)]
mod tests;

use crate::{
    PlanError,
    crew::{Crew, Task},
};
use schedule::{Calls, Schedule};
use serde::Serialize;

/// Widgets whose newest release a peer knows.
pub const WIDGETS: usize = 16;

/// What a peer knows: sixteen sequence numbers, on one line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Known(pub [u32; WIDGETS]);

impl Known {
    fn learn(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = (*mine).max(*theirs);
        }
    }
}

/// Reads a block in order, which brings it near the processor faster than reading it in any order.
fn walk(now: &[Known], from: usize, size: usize) {
    // What goes beyond the end goes on at the beginning; those few are read when they are needed.
    let block = now.get(from..now.len().min(from + size)).unwrap_or_default();
    let sum = block
        .iter()
        .fold(0, |sum, known| sum ^ known.0.first().copied().unwrap_or(0));
    core::hint::black_box(sum);
}

/// Peers that exchange what they know.
pub struct Fleet {
    now: Vec<Known>,
    next: Vec<Known>,
    seed: u64,
    round: u32,
}

impl Fleet {
    /// So many peers; sixteen of them, spread out, know one new release each.
    ///
    /// # Errors
    /// [`PlanError`] for fewer than 16 peers or more than there is memory for.
    pub fn new(peers: usize, seed: u64) -> Result<Self, PlanError> {
        if !(WIDGETS..=30_000_000).contains(&peers) {
            return Err(PlanError("peers must be from 16 to 30000000"));
        }
        let mut now = vec![Known::default(); peers];
        for widget in 0..WIDGETS {
            if let Some(known) = now.get_mut(widget * (peers / WIDGETS))
                && let Some(release) = known.0.get_mut(widget)
            {
                *release = widget as u32 + 1;
            }
        }
        Ok(Self {
            next: now.clone(),
            now,
            seed,
            round: 0,
        })
    }

    /// One round: as many exchanges as there are peers.
    pub fn round(&mut self, crew: &dyn Crew) {
        self.round += 1;
        let schedule = &Schedule::new(self.now.len(), self.seed, self.round);
        let piece = self.now.len().div_ceil(crew.hands().max(1) * 8).max(256);
        let now = &self.now;
        let pieces = self.next.chunks_mut(piece).enumerate().map(|(number, next)| {
            let task: Task<'_> = Box::new(move || {
                let mut calls = Calls::new(schedule);
                for (offset, next) in next.iter_mut().enumerate() {
                    let peer = number * piece + offset;
                    if let Some((called, caller, size)) = calls.entered(peer) {
                        walk(now, called, size);
                        walk(now, caller, size);
                    }
                    let (called, caller) = calls.of(peer);
                    let (Some(mine), Some(called), Some(caller)) = (now.get(peer), now.get(called), now.get(caller))
                    else {
                        continue;
                    };
                    let mut known = *mine;
                    known.learn(called);
                    known.learn(caller);
                    *next = known;
                }
            });
            task
        });
        crew.work(pieces.collect());
        core::mem::swap(&mut self.now, &mut self.next);
    }

    /// What each knows.
    pub fn known(&self) -> &[Known] {
        &self.now
    }

    /// Whom each calls in a round, counted from 1: the schedule, for the full cores beside it.
    pub fn calls(&self, round: u32) -> impl Fn(usize) -> usize + use<> {
        let schedule = Schedule::new(self.now.len(), self.seed, round);
        move |peer| schedule.of(peer)
    }

    /// A number that says what all know: equal for equal runs.
    pub fn digest(&self) -> u64 {
        let of = |sum: u64, known: &Known| {
            let words = known.0.iter();
            words.fold(sum, |sum, word| {
                hedgerow_trust::mix(sum.wrapping_add(u64::from(*word)).wrapping_add(1))
            })
        };
        self.now.iter().fold(self.seed, of)
    }

    /// Share of peers that know all releases.
    pub fn informed(&self) -> f64 {
        let all = self.now.iter().filter(|known| !known.0.contains(&0)).count();
        all as f64 / self.now.len() as f64
    }
}

/// What was measured. The clock is the caller's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Peers.
    pub peers: usize,
    /// Rounds that were timed.
    pub rounds: u32,
    /// Hands that worked.
    pub threads: usize,
    /// Exchanges of two peers in a second.
    pub exchanges_per_s: f64,
    /// Memory of the process at its largest, bytes; of the states alone where the system does not say.
    pub rss_bytes: u64,
    /// Says what all know at the end: equal for equal seeds, whatever the number of threads.
    pub digest: String,
    /// Share of peers that know all sixteen releases.
    pub informed: f64,
}

/// Times so many rounds. `seconds` is a clock; `memory` says the process's largest size.
///
/// # Errors
/// [`PlanError`] when the number of peers is out of bounds.
pub fn run(
    peers: usize,
    rounds: u32,
    seed: u64,
    crew: &dyn Crew,
    seconds: &dyn Fn() -> f64,
    memory: &dyn Fn() -> Option<u64>,
) -> Result<Report, PlanError> {
    if !(1..=10_000).contains(&rounds) {
        return Err(PlanError("rounds must be from 1 to 10000"));
    }
    let mut fleet = Fleet::new(peers, seed)?;
    let begin = seconds();
    for _ in 0..rounds {
        fleet.round(crew);
    }
    let took = (seconds() - begin).max(1e-9);
    Ok(Report {
        peers,
        rounds,
        threads: crew.hands(),
        exchanges_per_s: (peers as f64 * f64::from(rounds) / took).round(),
        rss_bytes: memory().unwrap_or(2 * size_of::<Known>() as u64 * peers as u64),
        digest: format!("{:016x}", fleet.digest()),
        informed: fleet.informed(),
    })
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        format!(
            "{} peers, {} rounds, {} threads: {:.1} million exchanges a second, {:.2} GB\n{:.2} % know all; digest {}\n",
            self.peers,
            self.rounds,
            self.threads,
            self.exchanges_per_s / 1e6,
            self.rss_bytes as f64 / 1e9,
            100.0 * self.informed,
            self.digest
        )
    }
}

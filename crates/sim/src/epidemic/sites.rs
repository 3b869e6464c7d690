//! The sites of one run.

use super::Table;
use hedgerow_trust::Chance;

/// A site has not heard.
const WAITING: u8 = u8::MAX;
/// A site has heard and lost interest.
const DONE: u8 = u8::MAX - 1;
/// A site hears in this cycle.
const HEARS: u8 = u8::MAX - 2;

/// Sums over runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Once {
    pub(super) missed: u64,
    pub(super) sent: u64,
    /// Cycles in which sites got it, added up.
    pub(super) times: u64,
    pub(super) last: u64,
    /// Sites that got it in each cycle, the first site in cycle 0.
    pub(super) heard: Vec<u64>,
}

impl Once {
    pub(super) fn add(&mut self, other: &Self) {
        self.missed += other.missed;
        self.sent += other.sent;
        self.times += other.times;
        self.last += other.last;
        self.heard.resize(self.heard.len().max(other.heard.len()), 0);
        for (all, heard) in self.heard.iter_mut().zip(&other.heard) {
            *all += heard;
        }
    }

    /// Share of all sites that have it after each cycle.
    pub(super) fn heard_by(&self, each_site: f64) -> Vec<f64> {
        let mut sum = 0;
        let share = |heard: &u64| {
            sum += heard;
            sum as f64 / each_site
        };
        self.heard.iter().map(share).collect()
    }
}

/// Memory for one run after the other.
pub(super) struct Sites {
    /// How many contacts in a row knew already; or one of the above.
    state: Vec<u8>,
    hot: Vec<u32>,
    new: Vec<u32>,
    /// Of each site in this cycle: asked by somebody who knew, by somebody who did not.
    asked: Vec<u8>,
}

const BY_KNOWING: u8 = 1;
const BY_WAITING: u8 = 2;

impl Sites {
    pub(super) fn new(sites: usize) -> Self {
        Self {
            state: vec![WAITING; sites],
            hot: Vec::with_capacity(sites),
            new: Vec::with_capacity(sites),
            asked: vec![0; sites],
        }
    }

    pub(super) fn run(&mut self, table: Table, k: u32, mut chance: Chance) -> Once {
        self.state.fill(WAITING);
        if let Some(first) = self.state.first_mut() {
            *first = 0;
        }
        self.hot.clear();
        self.hot.push(0);
        let mut once = Once {
            missed: self.state.len() as u64 - 1,
            heard: vec![1],
            ..Once::default()
        };
        let mut cycle = 0;
        while !self.hot.is_empty() {
            cycle += 1;
            self.new.clear();
            match table {
                Table::Demers1 | Table::Demers2 => self.push(table, k, &mut chance, &mut once),
                Table::Demers3 => self.pull(k, &mut chance, &mut once),
            }
            once.missed -= self.new.len() as u64;
            once.heard.push(self.new.len() as u64);
            once.times += cycle * self.new.len() as u64;
            if !self.new.is_empty() {
                once.last = cycle;
            }
            self.hot.append(&mut self.new);
        }
        once
    }

    /// Any site but this one.
    fn other(of: u32, sites: usize, chance: &mut Chance) -> u32 {
        let drawn = chance.below(sites - 1) as u32;
        drawn + u32::from(drawn >= of)
    }

    fn push(&mut self, table: Table, k: u32, chance: &mut Chance, once: &mut Once) {
        let sites = self.state.len();
        let mut kept = 0;
        for at in 0..self.hot.len() {
            let Some(&site) = self.hot.get(at) else { break };
            let to = Self::other(site, sites, chance);
            once.sent += 1;
            // All contacts of a cycle happen at once: whoever comes second to a site that waits is useful, too.
            let (useful, first) = match self.state.get_mut(to as usize) {
                Some(state) if *state == WAITING => {
                    *state = HEARS;
                    (true, true)
                }
                Some(state) => (*state == HEARS, false),
                None => (false, false),
            };
            if first {
                self.new.push(to);
            }
            let Some(state) = self.state.get_mut(site as usize) else {
                continue;
            };
            let stays = if table == Table::Demers2 {
                chance.below(k as usize) != 0
            } else {
                *state = if useful { 0 } else { *state + 1 };
                u32::from(*state) < k
            };
            if stays {
                self.hot.swap(kept, at);
                kept += 1;
            } else {
                *state = DONE;
            }
        }
        self.hot.truncate(kept);
        self.wake();
    }

    /// Who heard in this cycle tells others from the next one on.
    fn wake(&mut self) {
        for site in &self.new {
            if let Some(state) = self.state.get_mut(*site as usize) {
                *state = 0;
            }
        }
    }

    fn pull(&mut self, k: u32, chance: &mut Chance, once: &mut Once) {
        let sites = self.state.len();
        for site in 0..sites as u32 {
            let of = Self::other(site, sites, chance) as usize;
            let waits = self.state.get(site as usize) == Some(&WAITING);
            let hot = self.state.get(of).is_some_and(|state| *state < HEARS);
            if !hot {
                continue;
            }
            once.sent += 1;
            if let Some(asked) = self.asked.get_mut(of) {
                *asked |= if waits { BY_WAITING } else { BY_KNOWING };
            }
            if waits {
                self.new.push(site);
            }
        }
        let mut kept = 0;
        for at in 0..self.hot.len() {
            let Some(&site) = self.hot.get(at) else { break };
            let (Some(state), Some(asked)) = (self.state.get_mut(site as usize), self.asked.get_mut(site as usize))
            else {
                continue;
            };
            // One who did not know makes all contacts of the cycle useful.
            *state = match core::mem::take(asked) {
                0 => *state,
                BY_KNOWING => *state + 1,
                _ => 0,
            };
            if u32::from(*state) < k {
                self.hot.swap(kept, at);
                kept += 1;
            } else {
                *state = DONE;
            }
        }
        self.hot.truncate(kept);
        self.wake();
    }
}

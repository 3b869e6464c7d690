//! Whom to believe, as seen from one node: MeritRank (Nasrulin, Ishmaev, Pouwelse 2022).
//!
//! Random walks start at oneself, go along edges of trust by their weight and stop with a fixed chance at each step.
//! The score of a peer is its share of all visits. If a share `a` of honest edges points at attackers, all attackers
//! together get at most 1 − α(1−a)/(1−(1−α)(1−a)), α being the chance to stop, whatever the number of their Sybils.
//! Connectivity decay: whoever is found through one peer nearly always, is believed less, so a cycle, a path or a star of
//! Sybils behind one peer shares what that peer is worth. There is no epoch decay.

use crate::chance::Chance;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// Who trusts whom. Weights must be positive and finite; others are skipped.
pub trait Graph<P> {
    /// The edges of a peer.
    fn edges(&self, of: &P) -> Vec<(P, f64)>;
}

/// How to walk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeritRank {
    /// Walks from oneself.
    pub walks: u32,
    /// Chance that a walk stops, at each step (α).
    pub stop: f64,
    /// Share of the walks to a peer that lead over one other from which on it counts as found through that one (τ).
    pub through_one: f64,
    /// What such a peer loses (β).
    pub decay: f64,
}

/// Edges that are looked at of one peer: what a peer claims is bounded.
pub const MAX_EDGES: usize = 1024;
/// Steps of one walk.
const MAX_STEPS: usize = 64;

impl MeritRank {
    /// For counting what is popular: short walks, so that 40 % of misplaced edges give the attackers less than half.
    pub const POPULARITY: Self = Self {
        walks: 10_000,
        stop: 0.75,
        through_one: 0.9,
        decay: 0.5,
    };
    /// For the order of search results: longer walks, which know more peers.
    pub const SEARCH: Self = Self {
        walks: 10_000,
        stop: 0.4,
        through_one: 0.9,
        decay: 0.5,
    };

    /// The most that all attackers together are worth if a share `misplaced` of honest edges points at them.
    pub fn bound(&self, misplaced: f64) -> f64 {
        let placed = 1.0 - misplaced;
        1.0 - self.stop * placed / (1.0 - (1.0 - self.stop) * placed)
    }

    /// The score of everybody that was found, without oneself. Their sum is at most 1.
    pub fn rank<P: Ord + Clone>(&self, ego: &P, graph: &impl Graph<P>, chance: &mut Chance) -> BTreeMap<P, f64> {
        let mut ways = Ways { known: BTreeMap::new() };
        let mut found: BTreeMap<P, Found<P>> = BTreeMap::new();
        let mut visits = 0u64;
        let mut path: Vec<P> = Vec::new();
        for _ in 0..self.walks {
            path.clear();
            let mut here = ego.clone();
            for _ in 0..MAX_STEPS {
                let Some(next) = ways.step(&here, graph, chance) else {
                    break;
                };
                here = next;
                if here != *ego {
                    path.push(here.clone());
                }
                if chance.happens(self.stop) {
                    break;
                }
            }
            visits += path.len() as u64;
            self.count(&path, &mut found);
        }
        let all = (visits as f64).max(1.0);
        let score = |(peer, found): (P, Found<P>)| {
            let most = found.over.values().copied().max().unwrap_or(0);
            let one = f64::from(most) >= self.through_one * f64::from(found.walks);
            let kept = if one { 1.0 - self.decay } else { 1.0 };
            (peer, f64::from(found.visits) / all * kept)
        };
        found.into_iter().map(score).collect()
    }

    fn count<P: Ord + Clone>(&self, path: &[P], found: &mut BTreeMap<P, Found<P>>) {
        let mut before: BTreeSet<&P> = BTreeSet::new();
        for peer in path {
            let entry = found.entry(peer.clone()).or_insert_with(Found::none);
            entry.visits += 1;
            // Only the first visit of a walk says how the peer was found.
            if !before.contains(peer) {
                entry.walks += 1;
                if self.decay > 0.0 {
                    for other in &before {
                        *entry.over.entry((*other).clone()).or_insert(0) += 1;
                    }
                }
                before.insert(peer);
            }
        }
    }
}

/// How a peer was found.
struct Found<P> {
    visits: u32,
    walks: u32,
    /// For each other peer the walks that led over it.
    over: BTreeMap<P, u32>,
}

impl<P> Found<P> {
    const fn none() -> Self {
        Self {
            visits: 0,
            walks: 0,
            over: BTreeMap::new(),
        }
    }
}

/// Edges with running sums of their weights, asked for once.
struct Ways<P> {
    known: BTreeMap<P, Vec<(P, f64)>>,
}

impl<P: Ord + Clone> Ways<P> {
    fn step(&mut self, from: &P, graph: &impl Graph<P>, chance: &mut Chance) -> Option<P> {
        if !self.known.contains_key(from) {
            let mut sum = 0.0;
            let edges = graph.edges(from).into_iter().take(MAX_EDGES);
            let usable = edges.filter(|(to, weight)| weight.is_finite() && *weight > 0.0 && to != from);
            let sums = usable.map(|(to, weight)| {
                sum += weight;
                (to, sum)
            });
            let sums = sums.collect();
            self.known.insert(from.clone(), sums);
        }
        let sums = self.known.get(from)?;
        let (_, all) = sums.last()?;
        let drawn = chance.share() * all;
        let at = sums.partition_point(|(_, sum)| *sum <= drawn);
        sums.get(at.min(sums.len() - 1)).map(|(to, _)| to.clone())
    }
}

//! What peers report: what they counted, or what they want others to believe.

use super::{
    FAKES, Lie, Plan, TASTES, TOP,
    society::{Id, Society},
};
use hedgerow_trust::{Chance, Report, mix};

/// What a liar claims to have counted.
const MILLION: u64 = 1_000_000;

/// The reports of a society, made when they are asked for.
pub(super) struct Reports<'a> {
    society: &'a Society<'a>,
    seed: u64,
    lie: Vec<u64>,
    lie_seen: u64,
}

impl<'a> Reports<'a> {
    pub(super) fn new(society: &'a Society<'a>, seed: u64, truth: &[u64]) -> Self {
        let plan = society.plan;
        let leading = leading(truth);
        let honest = plan.honest as u64;
        let most = truth.iter().max().copied().unwrap_or(0);
        let seen = match plan.lie {
            Lie::Blatant => MILLION,
            Lie::Subtle => plan.seen as u64,
        };
        let lie = |(widget, installs): (usize, &u64)| {
            let (fake, leads) = (widget >= plan.widgets, leading.contains(&widget));
            match plan.lie {
                Lie::Blatant if fake => MILLION,
                Lie::Blatant if leads => 0,
                Lie::Subtle if fake => (most + most / 20) * seen / honest,
                Lie::Subtle if leads => installs * 2 / 3 * seen / honest,
                Lie::Blatant | Lie::Subtle => installs * seen / honest,
            }
        };
        Self {
            society,
            seed,
            lie: truth.iter().enumerate().map(lie).collect(),
            lie_seen: seen,
        }
    }

    /// What somebody reports.
    pub(super) fn of(&self, id: Id, trust: f64) -> Report {
        if self.society.owner(id).is_some() {
            return Report {
                seen: self.lie_seen,
                installs: self.lie.clone(),
                trust,
            };
        }
        self.counted(id, trust)
    }

    /// What an honest peer counted among the peers that it met. Whoever poses as a source of the fakes is counted as one.
    fn counted(&self, id: Id, trust: f64) -> Report {
        let Plan {
            honest,
            sources,
            widgets,
            bias,
            ..
        } = *self.society.plan;
        let mut chance = Chance::of(self.seed, mix(id) ^ 7);
        let mut installs = vec![0; widgets + FAKES];
        let posing = (self.society.liars as f64 * sources) as usize;
        let met = self.society.plan.seen.min(honest + posing);
        // Of few peers all are met; of many a random part, where nobody is likely to be met twice.
        let all = met == honest + posing;
        for number in 0..met {
            let at = match all {
                true => number,
                false if bias > 0.0 && chance.happens(bias) => like_minded(id as usize, honest, &mut chance),
                false => chance.below(honest + posing),
            };
            if at < honest {
                for widget in self.society.installs(at) {
                    if let Some(count) = installs.get_mut(*widget as usize) {
                        *count += 1;
                    }
                }
            } else {
                installs.iter_mut().skip(widgets).for_each(|count| *count += 1);
            }
        }
        Report {
            seen: met as u64,
            installs,
            trust,
        }
    }
}

/// Somebody of the same taste.
fn like_minded(peer: usize, honest: usize, chance: &mut Chance) -> usize {
    let taste = peer % TASTES;
    let alike = (honest - taste.min(honest)).div_ceil(TASTES);
    taste + TASTES * chance.below(alike.max(1))
}

/// The widgets that really lead.
fn leading(truth: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by_key(|widget| core::cmp::Reverse(truth.get(*widget).copied().unwrap_or(0)));
    order.truncate(TOP);
    order
}

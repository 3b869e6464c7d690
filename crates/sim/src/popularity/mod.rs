//! Are really popular widgets found when peers lie (W20, W22)?
//!
//! Honest peers install widgets, the k-th most wanted with a chance of 0.3/k, and count first-hand who of the peers that
//! they meet has what. Liars report a million installs for ten fakes and none for the ten widgets that really lead; each
//! brings Sybils that say the same. A share of the edges of trust that honest peers have points at liars. One honest
//! peer, another in each run, ranks all widgets by what is reported, with the very code of the node
//! ([`hedgerow_trust`]); its ranking is compared with what honest peers have really installed.

mod lies;
mod measure;
mod page;
mod report;
mod society;

#[cfg(test)]
mod tests;

pub use report::{Report, Scores, run};

use crate::PlanError;

/// What liars report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A million installs of each fake, none of the ten widgets that lead.
    Blatant,
    /// Fakes a little above the widget that leads, and those that lead a third lower than they are.
    Subtle,
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Widgets that honest people made.
    pub widgets: usize,
    /// Honest peers.
    pub honest: usize,
    /// Share of liars among honest peers and liars, from 0 to below 1.
    pub liars: f64,
    /// Sybils that each liar brings.
    pub sybils: usize,
    /// Share of the honest edges of trust that point at liars.
    pub misplaced: f64,
    /// Runs, each with another society and another peer that asks.
    pub runs: usize,
    /// Of everything that is random.
    pub seed: u64,
    /// Edges of trust that each honest peer has: contacts, and sources of good downloads.
    pub contacts: usize,
    /// Different peers that each honest peer met.
    pub seen: usize,
    /// Share of liars that vote like honest people, so that their votes do not give them away.
    pub camouflage: f64,
    /// What they report.
    pub lie: Lie,
    /// Share of liars that pose as sources of the fakes, one each, so that honest peers count them first-hand.
    pub sources: f64,
    /// Share of the peers that an honest one meets that are of its own taste group; the others are anybody.
    pub bias: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            widgets: 200,
            honest: 6000,
            liars: 0.4,
            sybils: 10,
            misplaced: 0.2,
            runs: 20,
            seed: 1,
            contacts: 100,
            seen: 1000,
            camouflage: 0.0,
            lie: Lie::Blatant,
            sources: 0.0,
            bias: 0.0,
        }
    }
}

/// Groups of like taste among honest peers, if meeting is biased: one widget in so many is wanted three times as much.
pub(crate) const TASTES: usize = 8;
/// Widgets that liars promote.
pub(crate) const FAKES: usize = 10;
/// Places at the top that are compared.
pub(crate) const TOP: usize = 10;

impl Plan {
    /// Says what makes no sense, if anything does.
    ///
    /// # Errors
    /// [`PlanError`] with what is allowed.
    pub fn check(&self) -> Result<(), PlanError> {
        let share = |is: f64| (0.0..1.0).contains(&is);
        let whole = |is: f64| (0.0..=1.0).contains(&is);
        let wrong = match () {
            () if !(10..=5_000).contains(&self.widgets) => "widgets must be from 10 to 5000",
            () if !(10..=200_000).contains(&self.honest) => "honest must be from 10 to 200000",
            () if !share(self.liars) || self.liars > 0.95 => "liars must be a share from 0 to 0.95",
            () if self.sybils > 1_000_000 => "sybils must be from 0 to 1000000",
            () if !whole(self.misplaced) => "misplaced must be a share from 0 to 1",
            () if !(1..=100_000).contains(&self.runs) => "runs must be from 1 to 100000",
            () if !(1..=1000).contains(&self.contacts) => "contacts must be from 1 to 1000",
            () if !(1..=100_000).contains(&self.seen) => "seen must be from 1 to 100000",
            () if !whole(self.camouflage) => "camouflage must be a share from 0 to 1",
            () if !whole(self.bias) => "bias must be a share from 0 to 1",
            () if !whole(self.sources) => "sources must be a share from 0 to 1",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    /// How many lie.
    pub(crate) fn liars(&self) -> usize {
        (self.honest as f64 * self.liars / (1.0 - self.liars)).round() as usize
    }
}

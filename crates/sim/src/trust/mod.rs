//! Whom to download from when peers lie: the threat models of EigenTrust (Kamvar, Schlosser, Garcia-Molina 2003), with our
//! ranking beside EigenTrust's and beside none.
//!
//! In each of 30 cycles every good peer makes 50 downloads. Each time a few peers offer what it wants, and it takes one of
//! them by trust. A: hostile peers give bad files. B: and they trust each other. C: they give bad files in a part of the
//! cases, and trust each other. D: some are spies, who give good files only and trust those of B. Two more: in `whitewash`
//! hostile peers take a new identity after each cycle, and a `sleeper` is good for half of the time.
//!
//! Ours needs no peers that everybody trusts from the beginning, and no global score: each ranks by its own walks.

mod eigentrust;
mod market;
mod page;
mod report;

#[cfg(test)]
mod tests;

pub use report::{ByCycle, Report, Row, run};

use crate::PlanError;

/// What hostile peers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threat {
    /// Bad files.
    A,
    /// Bad files, and they trust each other.
    B,
    /// Bad files in a part of the cases, and they trust each other.
    C,
    /// As B, with spies.
    D,
    /// As A, under a new identity in each cycle.
    Whitewash,
    /// As B, after being good for half of the time.
    Sleeper,
}

impl Threat {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::Whitewash, Self::Sleeper];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::Whitewash => "whitewash",
            Self::Sleeper => "sleeper",
        }
    }
}

/// Who ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// Nobody: any of those who offer.
    None,
    /// EigenTrust, with three peers that all trust from the beginning.
    EigenTrust,
    /// The core of the node.
    Ours,
}

impl Ranking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::EigenTrust, Self::Ours];
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Good peers.
    pub good: usize,
    /// Hostile peers; none for those of the published setting of each model.
    pub hostile: Option<usize>,
    /// Share of downloads from peers of model C that are bad.
    pub bad: f64,
    /// Runs of each.
    pub runs: usize,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            good: 60,
            hostile: None,
            bad: 0.5,
            runs: 3,
            seed: 1,
        }
    }
}

impl Plan {
    /// Says what makes no sense, if anything does.
    ///
    /// # Errors
    /// [`PlanError`] with what is allowed.
    pub fn check(&self) -> Result<(), PlanError> {
        let wrong = match () {
            () if !(5..=500).contains(&self.good) => "good must be from 5 to 500",
            () if self.hostile.is_some_and(|hostile| hostile > 1000) => "hostile must be from 0 to 1000",
            () if !(0.0..=1.0).contains(&self.bad) => "bad must be a share from 0 to 1",
            () if !(1..=1000).contains(&self.runs) => "runs must be from 1 to 1000",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    /// Hostile peers and, among them, spies.
    pub(crate) fn hostile(&self, threat: Threat) -> (usize, usize) {
        // For 60 good peers: 40 % hostile; C: 20, D: 40 of which 25 are spies (Chirita et al. 2004).
        let published = match threat {
            Threat::C => self.good / 3,
            _ => self.good * 2 / 3,
        };
        let hostile = self.hostile.unwrap_or(published);
        let spies = if threat == Threat::D { hostile * 5 / 8 } else { 0 };
        (hostile, spies)
    }
}

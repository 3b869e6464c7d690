//! The tables of Demers et al., "Epidemic algorithms for replicated database maintenance" (PODC 1987), made again: how
//! far a rumour spreads, and what it costs, when those who know it lose interest.
//!
//! 1000 sites, synchronous cycles, one update. Table 1: push, a site loses interest after `k` contacts in a row that knew
//! already (feedback, counter; the counter starts again after a contact that did not know, which the paper does not say
//! and without which its figures do not come out). Table 2: push, a site loses interest with a chance of 1/k after each
//! contact (blind, coin). Table 3: pull, feedback and counter. The paper's residue, traffic and last time come out as
//! printed; its mean times of table 1 do not (they are about two cycles shorter here), and we do not know why.

mod averaging;
mod page;
mod sites;

#[cfg(test)]
mod tests;

pub use averaging::variance_factor;

use crate::{
    PlanError,
    crew::{Crew, each},
};
use serde::Serialize;
use sites::{Once, Sites};
use std::fmt::Write;

/// A table of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Push, feedback and counter.
    Demers1,
    /// Push, blind and coin.
    Demers2,
    /// Pull, feedback and counter.
    Demers3,
}

impl core::str::FromStr for Table {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "demers1" => Ok(Self::Demers1),
            "demers2" => Ok(Self::Demers2),
            "demers3" => Ok(Self::Demers3),
            _ => Err(PlanError("a table is demers1, demers2 or demers3")),
        }
    }
}

/// One row as printed in the paper: `k`, residue, traffic.
type Printed = (u32, f64, f64);

impl Table {
    const fn printed(self) -> &'static [Printed] {
        match self {
            Self::Demers1 => &[
                (1, 0.18, 1.7),
                (2, 0.037, 3.3),
                (3, 0.011, 4.5),
                (4, 0.0036, 5.6),
                (5, 0.0012, 6.7),
            ],
            Self::Demers2 => &[
                (1, 0.96, 0.04),
                (2, 0.20, 1.6),
                (3, 0.060, 2.8),
                (4, 0.021, 3.9),
                (5, 0.008, 4.9),
            ],
            Self::Demers3 => &[(1, 3.1e-2, 2.7), (2, 5.8e-4, 4.5), (3, 4.0e-6, 6.1)],
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demers1 => "demers1",
            Self::Demers2 => "demers2",
            Self::Demers3 => "demers3",
        }
    }

    /// Runs that give the printed digits; rare things need more.
    pub const fn runs(self) -> usize {
        match self {
            Self::Demers1 | Self::Demers2 => 5_000,
            Self::Demers3 => 20_000,
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// When interest is lost.
    pub k: u32,
    /// Share of sites that never get the update.
    pub residue: f64,
    /// Updates sent, for each site.
    pub traffic: f64,
    /// Cycle in which a site gets it, on average.
    pub t_ave: f64,
    /// Cycle in which the last one gets it.
    pub t_last: f64,
    /// Share of sites that have it after each cycle, on average.
    pub after: Vec<f64>,
    /// Residue in the paper.
    pub printed_residue: f64,
    /// Traffic in the paper.
    pub printed_traffic: f64,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which table.
    pub table: &'static str,
    /// Sites.
    pub sites: usize,
    /// Runs of each row.
    pub runs: usize,
    /// Of everything random.
    pub seed: u64,
    /// The rows.
    pub rows: Vec<Row>,
}

/// Makes a table with so many sites and runs.
///
/// # Errors
/// [`PlanError`] when sites or runs are out of bounds.
pub fn run(table: Table, sites: usize, runs: usize, seed: u64, crew: &dyn Crew) -> Result<Report, PlanError> {
    if !(10..=1_000_000).contains(&sites) {
        return Err(PlanError("sites must be from 10 to 1000000"));
    }
    if !(1..=10_000_000).contains(&runs) {
        return Err(PlanError("runs must be from 1 to 10000000"));
    }
    let row = |printed: &Printed| row(table, sites, runs, seed, *printed, crew);
    Ok(Report {
        table: table.name(),
        sites,
        runs,
        seed,
        rows: table.printed().iter().map(row).collect(),
    })
}

fn row(table: Table, sites: usize, runs: usize, seed: u64, printed: Printed, crew: &dyn Crew) -> Row {
    let (k, printed_residue, printed_traffic) = printed;
    // A piece of runs reuses its memory.
    let piece = 100;
    let pieces = each(crew, runs.div_ceil(piece), |number| {
        let mut all = Once::default();
        let mut place = Sites::new(sites);
        for run in number * piece..runs.min((number + 1) * piece) {
            let once = place.run(table, k, hedgerow_trust::Chance::of(seed ^ u64::from(k), run as u64));
            all.add(&once);
        }
        all
    });
    let mut all = Once::default();
    pieces.iter().for_each(|piece| all.add(piece));
    let (runs, each_site) = (runs as f64, runs as f64 * sites as f64);
    Row {
        k,
        residue: all.missed as f64 / each_site,
        traffic: all.sent as f64 / each_site,
        t_ave: all.times as f64 / (each_site - all.missed as f64).max(1.0),
        t_last: all.last as f64 / runs,
        after: all.heard_by(each_site),
        printed_residue,
        printed_traffic,
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("{} sites, {} runs\n\n", self.sites, self.runs);
        text.push_str("k   residue   printed  traffic  printed  t_ave  t_last\n");
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{}  {:>8.2e}  {:>8.1e}  {:>7.2}  {:>7}  {:>5.1}  {:>6.1}",
                row.k, row.residue, row.printed_residue, row.traffic, row.printed_traffic, row.t_ave, row.t_last
            );
        }
        text
    }
}

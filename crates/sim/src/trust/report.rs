//! What was found, for people and for programs.

use super::{
    Plan, Ranking, Threat,
    market::{CYCLES, Count, Market},
};
use crate::{
    PlanError,
    crew::{Crew, each},
};
use hedgerow_trust::mix;
use serde::Serialize;
use std::fmt::Write;

/// Share of bad downloads in each cycle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByCycle {
    /// When nobody ranks.
    pub none: Vec<f64>,
    /// With EigenTrust.
    pub eigentrust: Vec<f64>,
    /// With ours.
    pub ours: Vec<f64>,
}

/// One threat model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub threat: &'static str,
    /// Good peers.
    pub good: usize,
    /// Hostile ones, spies among them.
    pub hostile: usize,
    /// Spies.
    pub spies: usize,
    /// Share of the downloads of good peers that are bad when nobody ranks.
    pub none: f64,
    /// The same with EigenTrust and three peers that all trust from the beginning.
    pub eigentrust: f64,
    /// The same with ours, which has no such peers.
    pub ours: f64,
    /// Ours, in the last third of the time.
    pub ours_late: f64,
    /// EigenTrust, in the last third of the time.
    pub eigentrust_late: f64,
    /// The same cycle by cycle.
    pub by_cycle: ByCycle,
}

/// All threat models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Share of bad downloads in model C.
    pub bad: f64,
    /// Runs of each.
    pub runs: usize,
    /// Of everything random.
    pub seed: u64,
    /// The rows.
    pub rows: Vec<Row>,
}

/// Runs all threat models with all rankings.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan, crew: &dyn Crew) -> Result<Report, PlanError> {
    plan.check()?;
    let per_threat = Ranking::ALL.len() * plan.runs;
    let counts = each(crew, Threat::ALL.len() * per_threat, |at| {
        let threat = Threat::ALL.get(at / per_threat).copied().unwrap_or(Threat::A);
        let ranking = Ranking::ALL
            .get(at % Ranking::ALL.len())
            .copied()
            .unwrap_or(Ranking::None);
        let run = at % per_threat / Ranking::ALL.len();
        Market::new(*plan, threat, plan.seed ^ mix(run as u64 + 1)).run(ranking)
    });
    let row = |(number, threat): (usize, &Threat)| {
        let (hostile, spies) = plan.hostile(*threat);
        let of = |ranking: usize, share: &dyn Fn(&Count) -> f64| {
            let runs =
                (0..plan.runs).filter_map(|run| counts.get(number * per_threat + run * Ranking::ALL.len() + ranking));
            runs.map(share).sum::<f64>() / plan.runs as f64
        };
        let whole = |count: &Count| count.bad as f64 / count.all as f64;
        let cycles = |ranking: usize| {
            let in_cycle = |cycle: usize| {
                of(ranking, &|count| {
                    let bad = count.by_cycle.get(cycle).copied().unwrap_or(0);
                    bad as f64 * CYCLES as f64 / count.all as f64
                })
            };
            (0..CYCLES).map(in_cycle).collect()
        };
        let late = |count: &Count| count.late_bad as f64 / count.late_all as f64;
        Row {
            threat: threat.name(),
            good: plan.good,
            hostile,
            spies,
            none: of(0, &whole),
            eigentrust: of(1, &whole),
            ours: of(2, &whole),
            ours_late: of(2, &late),
            eigentrust_late: of(1, &late),
            by_cycle: ByCycle {
                none: cycles(0),
                eigentrust: cycles(1),
                ours: cycles(2),
            },
        }
    };
    Ok(Report {
        bad: plan.bad,
        runs: plan.runs,
        seed: plan.seed,
        rows: Threat::ALL.iter().enumerate().map(row).collect(),
    })
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::from("Bad downloads of good peers, per cent; 'late' is the last third of the time\n\n");
        text.push_str("threat     good  hostile  spies   none  EigenTrust   late   ours   late\n");
        for row in &self.rows {
            let _ = writeln!(
                text,
                "{:<9}  {:>4}  {:>7}  {:>5}  {:>5.1}  {:>10.1}  {:>5.1}  {:>5.1}  {:>5.1}",
                row.threat,
                row.good,
                row.hostile,
                row.spies,
                100.0 * row.none,
                100.0 * row.eigentrust,
                100.0 * row.eigentrust_late,
                100.0 * row.ours,
                100.0 * row.ours_late
            );
        }
        text
    }
}

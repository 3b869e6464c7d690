//! What was found, for people and for programs.

use super::{
    FAKES, Lie, Plan,
    lies::Reports,
    measure::{Score, score},
    society::Society,
};
use crate::{
    PlanError,
    crew::{Crew, each},
};
use hedgerow_trust::{Chance, Function, MeritRank, mix};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// What the own sample weighs beside the reports of all others, whose trust adds up to 1.
const OWN: f64 = 0.1;
/// Reports that an unweighted function hears, of identities drawn at random.
const HEARD: usize = 1000;

/// How well one function did, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Scores {
    /// Kendall's tau over the union of the true and the estimated top ten.
    pub tau: f64,
    /// The least of all runs.
    pub tau_min: f64,
    /// Share of the estimated top ten that belongs there.
    pub p_at_10: f64,
    /// Share of the runs in which the first is right.
    pub first_right: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Widgets that honest people made.
    pub widgets: usize,
    /// Honest peers.
    pub honest: usize,
    /// Liars.
    pub liars: usize,
    /// Sybils of all liars together.
    pub sybils: u64,
    /// Share of the honest edges of trust that point at liars.
    pub misplaced: f64,
    /// Runs.
    pub runs: usize,
    /// Of everything random.
    pub seed: u64,
    /// What liars and Sybils together are worth to the peer that asks, on average, before their reports are looked at.
    pub hostile_trust: f64,
    /// What they could be worth at most if votes gave nobody away.
    pub hostile_trust_bound: f64,
    /// What each function found, by its name.
    pub functions: BTreeMap<String, Scores>,
}

/// Runs all of it.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan, crew: &dyn Crew) -> Result<Report, PlanError> {
    plan.check()?;
    let runs = each(crew, plan.runs, |number| {
        once(plan, mix(plan.seed) ^ mix(number as u64 + 1))
    });
    let all = runs.len() as f64;
    let mut functions = BTreeMap::new();
    for (at, function) in Function::ALL.iter().enumerate() {
        let of = runs.iter().filter_map(|run| run.scores.get(at));
        let mut mean = Scores {
            tau_min: 1.0,
            ..Scores::default()
        };
        for score in of {
            mean.tau += score.tau / all;
            mean.p_at_10 += score.precision / all;
            mean.first_right += score.first / all;
            mean.tau_min = mean.tau_min.min(score.tau);
        }
        let rounded = |value: f64| (value * 1e6).round() / 1e6;
        mean.tau = rounded(mean.tau);
        mean.p_at_10 = rounded(mean.p_at_10);
        mean.first_right = rounded(mean.first_right);
        functions.insert(function.name().to_owned(), mean);
    }
    Ok(Report {
        widgets: plan.widgets,
        honest: plan.honest,
        liars: plan.liars(),
        sybils: plan.liars() as u64 * plan.sybils as u64,
        misplaced: plan.misplaced,
        runs: plan.runs,
        seed: plan.seed,
        hostile_trust: runs.iter().map(|run| run.hostile).sum::<f64>() / all,
        hostile_trust_bound: MeritRank::POPULARITY.bound(plan.misplaced),
        functions,
    })
}

struct Once {
    scores: Vec<Score>,
    hostile: f64,
}

fn once(plan: &Plan, seed: u64) -> Once {
    let society = Society::new(plan, seed);
    let truth = society.truth();
    let reports = Reports::new(&society, seed, &truth);
    let mut chance = Chance::of(seed, 11);
    let ego = chance.below(plan.honest) as u64;
    let own = reports.of(ego, OWN);
    let trusted = MeritRank::POPULARITY.rank(&ego, &society, &mut chance);
    let worth = |hostile: bool| -> f64 {
        let of = trusted
            .iter()
            .filter(|(id, _)| society.owner(**id).is_some() == hostile);
        of.map(|(_, score)| score).sum()
    };
    let hostile = worth(true) / (worth(true) + worth(false)).max(f64::MIN_POSITIVE);
    let believed: Vec<_> = trusted.iter().map(|(id, score)| reports.of(*id, *score)).collect();
    let identities = society.identities() as usize;
    let heard: Vec<_> = (0..HEARD.min(identities))
        .map(|_| reports.of(chance.below(identities) as u64, 0.0))
        .collect();
    let widgets = plan.widgets + FAKES;
    let of = |function: &Function| {
        let reports = if *function == Function::TrustMedian {
            &believed
        } else {
            &heard
        };
        score(&truth, &function.estimate(&own, reports, widgets), seed)
    };
    Once {
        scores: Function::ALL.iter().map(of).collect(),
        hostile,
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} widgets, {} honest peers, {} liars with {} Sybils, {:.0} % of honest edges misplaced, {} runs\n",
            self.widgets,
            self.honest,
            self.liars,
            self.sybils,
            100.0 * self.misplaced,
            self.runs
        );
        let _ = writeln!(text, "function         tau  tau min  p@10  first right");
        for function in Function::ALL {
            let name = function.name();
            if let Some(scores) = self.functions.get(name) {
                let _ = writeln!(
                    text,
                    "{name:<12}  {:>6.3}  {:>7.2}  {:>4.2}  {:>11.2}",
                    scores.tau, scores.tau_min, scores.p_at_10, scores.first_right
                );
            }
        }
        let _ = writeln!(
            text,
            "\nliars and Sybils are worth {:.3} of all trust (at most {:.3})",
            self.hostile_trust, self.hostile_trust_bound
        );
        text
    }
}

impl core::str::FromStr for Lie {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "blatant" => Ok(Self::Blatant),
            "subtle" => Ok(Self::Subtle),
            _ => Err(PlanError("a lie is blatant or subtle")),
        }
    }
}

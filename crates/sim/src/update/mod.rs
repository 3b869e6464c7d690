//! Updates without a server (W23; attacks 1 to 19 as far as they can be shown without files): how fast a release reaches
//! everybody who is online, how soon a peer notices that updates are withheld, and that nothing wrong is taken.

mod attacks;
mod page;

#[cfg(test)]
mod tests;

pub use attacks::Attack;

use crate::{
    PlanError,
    crew::{Crew, each},
    spread::{Spread, honest},
    whitelist::ROUND_S,
};
use hedgerow_trust::{
    Chance,
    chain::{ASK, Freshness, freeze_chance, freshness},
    mix,
};
use serde::Serialize;
use std::fmt::Write;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Peers.
    pub peers: usize,
    /// Share of peers that pass nothing on and say that there is nothing new.
    pub hostile: f64,
    /// Share of peers that are away in a round.
    pub away: f64,
    /// Share of exchanges that fail.
    pub loss: f64,
    /// Seeds under which each attack is tried, and victims from whom updates are withheld.
    pub runs: usize,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            peers: 100_000,
            hostile: 0.4,
            away: 0.2,
            loss: 0.05,
            runs: 1000,
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
        let share = |is: f64| (0.0..=0.99).contains(&is);
        let wrong = match () {
            () if !(2..=100_000_000).contains(&self.peers) => "peers must be from 2 to 100000000",
            () if !share(self.hostile) => "hostile must be a share from 0 to 0.99",
            () if !share(self.away) => "away must be a share from 0 to 0.99",
            () if !share(self.loss) => "loss must be a share from 0 to 0.99",
            () if !(1..=10_000_000).contains(&self.runs) => "runs must be from 1 to 10000000",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }
}

/// How soon a peer notices that updates are withheld.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Freeze {
    /// Random peers that are asked before a peer believes that it is up to date.
    pub asked: usize,
    /// Share of victims that were made to believe it.
    pub believed: f64,
    /// What it should be: the share of hostile peers to the power of those that are asked.
    pub expected: f64,
    /// Peers asked until the first proved that there is something newer, on average.
    pub contacts_mean: f64,
    /// The most of all victims.
    pub contacts_max: u32,
}

/// One attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// Its name.
    pub attack: &'static str,
    /// Its number in the list of attacks.
    pub number: u8,
    /// How often it was tried.
    pub tried: u64,
    /// How often the wrong thing was taken.
    pub succeeded: u64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Peers.
    pub peers: usize,
    /// Share of hostile ones.
    pub hostile: f64,
    /// Of everything random.
    pub seed: u64,
    /// Rounds until half of the honest peers have the release; none if never.
    pub rounds_50: Option<u32>,
    /// The same for 99 %.
    pub rounds_99: Option<u32>,
    /// The same for all.
    pub rounds_100: Option<u32>,
    /// The seconds of `rounds_99`, at one exchange in 15 seconds.
    pub seconds_99: Option<u32>,
    /// Honest peers, and how many of them have it after each round, up to the first 100 rounds.
    pub honest: usize,
    /// See `honest`.
    pub after: Vec<u64>,
    /// Updates that are withheld.
    pub freeze: Freeze,
    /// Attacks on what is taken.
    pub attacks: Vec<Tried>,
    /// Honest releases that were offered among them, and how many of those were taken.
    pub honest_offered: u64,
    /// See `honest_offered`.
    pub honest_taken: u64,
}

/// Runs all of it.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan, crew: &dyn Crew) -> Result<Report, PlanError> {
    plan.check()?;
    let spread = Spread {
        peers: plan.peers,
        blackholes: plan.hostile,
        loss: plan.loss,
        away: plan.away,
        handed_on: 1.0,
        seed: plan.seed,
    };
    let mut rounds = spread.run(crew);
    rounds.after.truncate(100);
    let tried = each(crew, plan.runs, |run| attacks::run(plan.seed ^ mix(run as u64 + 1)));
    let attacks = Attack::ALL.iter().enumerate().map(|(at, attack)| Tried {
        attack: attack.name(),
        number: attack.number(),
        tried: tried.len() as u64,
        succeeded: tried.iter().filter(|run| run.succeeded.get(at) == Some(&true)).count() as u64,
    });
    Ok(Report {
        peers: plan.peers,
        hostile: plan.hostile,
        seed: plan.seed,
        rounds_50: rounds.half,
        rounds_99: rounds.most,
        rounds_100: rounds.all,
        seconds_99: rounds.most.map(|rounds| rounds * ROUND_S),
        honest: honest(plan.peers, plan.hostile),
        after: rounds.after,
        freeze: freeze(plan, crew),
        attacks: attacks.collect(),
        honest_offered: tried.iter().map(|run| run.honest_offered).sum(),
        honest_taken: tried.iter().map(|run| run.honest_taken).sum(),
    })
}

/// Victims know release 5; release 6 is out; hostile peers say that 5 is the newest.
fn freeze(plan: &Plan, crew: &dyn Crew) -> Freeze {
    let victims = each(crew, plan.runs, |victim| {
        let mut chance = Chance::of(plan.seed ^ 0xf5ee, victim as u64);
        let mut answers = Vec::new();
        let mut believed = false;
        loop {
            answers.push(Some(if chance.happens(plan.hostile) { 5 } else { 6 }));
            match freshness(5, false, &answers) {
                Freshness::Behind { .. } => return (believed, answers.len() as u32),
                Freshness::Fresh => believed = true,
                Freshness::Unknown => {}
            }
        }
    });
    let all = victims.len() as f64;
    Freeze {
        asked: ASK,
        believed: victims.iter().filter(|(believed, _)| *believed).count() as f64 / all,
        expected: freeze_chance(plan.hostile, ASK as u32),
        contacts_mean: victims.iter().map(|(_, contacts)| f64::from(*contacts)).sum::<f64>() / all,
        contacts_max: victims.iter().map(|(_, contacts)| *contacts).max().unwrap_or(0),
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "A release among {} peers of which {:.0} % pass nothing on\n\n",
            self.peers,
            100.0 * self.hostile
        );
        for (what, rounds) in [
            ("half", self.rounds_50),
            ("99 %", self.rounds_99),
            ("all", self.rounds_100),
        ] {
            let _ = match rounds {
                Some(rounds) => writeln!(text, "{what:<5} {rounds:>6} rounds  {:>8} s", rounds * ROUND_S),
                None => writeln!(text, "{what:<5}  never"),
            };
        }
        let freeze = &self.freeze;
        let _ = writeln!(
            text,
            "\nwithheld updates are noticed after {:.1} peers on average, {} at most; {:.2e} believed {} peers ({:.2e} expected)\n",
            freeze.contacts_mean, freeze.contacts_max, freeze.believed, freeze.asked, freeze.expected
        );
        text.push_str("attack                          tried  succeeded\n");
        for tried in &self.attacks {
            let _ = writeln!(
                text,
                "{:>2} {:<27} {:>6}  {:>9}",
                tried.number, tried.attack, tried.tried, tried.succeeded
            );
        }
        let _ = writeln!(
            text,
            "{} of {} honest releases taken",
            self.honest_taken, self.honest_offered
        );
        text
    }
}

//! How certificates spread, one to three in each exchange (W21).
//!
//! All peers know `certificates - new` of them, one peer learns `new` more. One of those handed on is the one learned
//! last, the rest are random; or all are random, as the original design says; or flags tell what the other has, and what is
//! lacking is pulled. A single new certificate among very many peers is counted with a bit for each peer; several, or
//! flags, with the core of the node in each peer.

mod cores;
pub(crate) mod page;

#[cfg(test)]
mod tests;

use crate::{
    PlanError,
    crew::Crew,
    spread::{Rounds, Spread, honest},
};
use serde::Serialize;
use std::fmt::Write;

/// Which certificates are handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The one learned last, and random ones.
    Newest,
    /// Random ones, as the original design says.
    Random,
    /// Those that the other lacks, by its flags; then as `Newest`.
    Flags,
}

impl core::str::FromStr for Method {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "newest" => Ok(Self::Newest),
            "random" => Ok(Self::Random),
            "flags" => Ok(Self::Flags),
            _ => Err(PlanError("a method is newest, random or flags")),
        }
    }
}

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Peers.
    pub peers: usize,
    /// Certificates that there are, the new ones among them.
    pub certificates: usize,
    /// Those that only one peer knows at first.
    pub new: usize,
    /// Handed on in each exchange, either way.
    pub per_exchange: usize,
    /// Share of peers that take and never give.
    pub blackholes: f64,
    /// Share of exchanges that fail.
    pub loss: f64,
    /// Share of peers that are away in a round.
    pub away: f64,
    /// Which are handed on.
    pub method: Method,
    /// The core of the node in each peer, also for one new certificate.
    pub full: bool,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            peers: 1_000_000,
            certificates: 10_000,
            new: 1,
            per_exchange: 3,
            blackholes: 0.0,
            loss: 0.0,
            away: 0.0,
            method: Method::Newest,
            full: false,
            seed: 1,
        }
    }
}

/// BuddyCast's round, in seconds.
pub const ROUND_S: u32 = 15;
/// Certificates in all full cores together.
const MOST_FULL: usize = 40_000_000;

impl Plan {
    /// Says what makes no sense, if anything does.
    ///
    /// # Errors
    /// [`PlanError`] with what is allowed.
    pub fn check(&self) -> Result<(), PlanError> {
        let share = |is: f64| (0.0..=0.99).contains(&is);
        let wrong = match () {
            () if !(2..=100_000_000).contains(&self.peers) => "peers must be from 2 to 100000000",
            () if !(1..=10_000_000).contains(&self.certificates) => "certificates must be from 1 to 10000000",
            () if !(1..=self.certificates).contains(&self.new) => "new must be from 1 to the number of certificates",
            () if !(1..=hedgerow_trust::MAX_PER_EXCHANGE).contains(&self.per_exchange) => {
                "per-exchange must be from 1 to 3"
            }
            () if !share(self.blackholes) => "blackholes must be a share from 0 to 0.99",
            () if !share(self.loss) => "loss must be a share from 0 to 0.99",
            () if !share(self.away) => "away must be a share from 0 to 0.99",
            () if self.in_full() && self.peers.saturating_mul(self.certificates) > MOST_FULL => {
                "several new certificates, flags and full cores need peers times certificates of at most 40000000"
            }
            () if self.in_full() && self.peers > 1_000_000 => "full cores are for up to 1000000 peers",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    const fn in_full(&self) -> bool {
        self.full || self.new > 1 || matches!(self.method, Method::Flags)
    }

    /// As a spread of one thing.
    fn spread(&self) -> Spread {
        let at_random = (self.per_exchange as f64 / self.certificates as f64).min(1.0);
        Spread {
            peers: self.peers,
            blackholes: self.blackholes,
            loss: self.loss,
            away: self.away,
            handed_on: if self.method == Method::Random { at_random } else { 1.0 },
            seed: self.seed,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Peers.
    pub peers: usize,
    /// Certificates.
    pub certificates: usize,
    /// New ones.
    pub new: usize,
    /// Handed on in each exchange.
    pub per_exchange: usize,
    /// Share of peers that give nothing.
    pub blackholes: f64,
    /// Of everything random.
    pub seed: u64,
    /// `bits`, or `cores` for the core of the node in each peer.
    pub path: &'static str,
    /// Rounds until half of the honest peers have all new certificates; none if that never happens.
    pub rounds_50: Option<u32>,
    /// The same for 99 %.
    pub rounds_99: Option<u32>,
    /// The same for all.
    pub rounds_100: Option<u32>,
    /// The seconds of `rounds_99`, at one exchange in 15 seconds.
    pub seconds_99: Option<u32>,
    /// Peers that give.
    pub honest: usize,
    /// Honest peers that have them after each round, up to the first 100 rounds.
    pub after: Vec<u64>,
}

/// Spreads the new certificates.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan, crew: &dyn Crew) -> Result<Report, PlanError> {
    plan.check()?;
    let rounds = if plan.in_full() {
        cores::run(plan)
    } else {
        plan.spread().run(crew)
    };
    Ok(report(plan, rounds))
}

fn report(plan: &Plan, mut rounds: Rounds) -> Report {
    rounds.after.truncate(100);
    Report {
        peers: plan.peers,
        certificates: plan.certificates,
        new: plan.new,
        per_exchange: plan.per_exchange,
        blackholes: plan.blackholes,
        seed: plan.seed,
        path: if plan.in_full() { "cores" } else { "bits" },
        rounds_50: rounds.half,
        rounds_99: rounds.most,
        rounds_100: rounds.all,
        seconds_99: rounds.most.map(|rounds| rounds * ROUND_S),
        honest: honest(plan.peers, plan.blackholes),
        after: rounds.after,
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} new of {} certificates, {} in each exchange, {} peers of which {:.0} % give nothing ({})\n",
            self.new,
            self.certificates,
            self.per_exchange,
            self.peers,
            100.0 * self.blackholes,
            self.path
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
        text
    }
}

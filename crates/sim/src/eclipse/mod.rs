//! Can hostile peers surround an honest one (attacks 32 and 33)?
//!
//! All honest peers choose whom to exchange with by the core of the node ([`hedgerow_trust::Buddies`]). In an exchange the
//! other names eight peers: an honest one some of its own, a hostile one only hostile ones. Every hostile identity also
//! calls `flood` honest peers in each round, and claims to have installed exactly what they have. Beside it stands a view
//! that takes whoever it hears of in the place of somebody at random.

mod page;

#[cfg(test)]
mod tests;

use crate::PlanError;
use hedgerow_trust::{Buddies, Chance, Peer, SLOTS};
use serde::Serialize;
use std::fmt::Write;

/// Peers named in an exchange.
const NAMED: usize = 10;
/// Rounds until a slot gets a new seed.
const REFRESH: u64 = 4;
/// How often the views are looked at on the way.
const MOMENTS: usize = 40;
/// Milliseconds of a round.
const ROUND_MS: u64 = 15_000;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Honest peers, each in a network (/24) of its own.
    pub peers: usize,
    /// Share of identities that are hostile.
    pub hostile: f64,
    /// Networks that the hostile ones sit in; 0 gives each its own.
    pub networks: usize,
    /// Honest peers that each hostile one calls in a round.
    pub flood: usize,
    /// Rounds.
    pub rounds: usize,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            peers: 300,
            hostile: 0.4,
            networks: 20,
            flood: 10,
            rounds: 120,
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
            () if !(20..=5_000).contains(&self.peers) => "peers must be from 20 to 5000",
            () if !(0.0..=0.95).contains(&self.hostile) => "hostile must be a share from 0 to 0.95",
            () if self.flood > 100 => "flood must be from 0 to 100",
            () if !(1..=1_000).contains(&self.rounds) => "rounds must be from 1 to 1000",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    fn hostile(&self) -> usize {
        (self.peers as f64 * self.hostile / (1.0 - self.hostile)).round() as usize
    }
}

/// Honest peers have the lower numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Someone {
    number: u32,
    id: [u8; 4],
    network: [u8; 4],
}

impl Peer for Someone {
    fn id(&self) -> &[u8] {
        &self.id
    }

    fn network(&self) -> &[u8] {
        &self.network
    }
}

/// How hostile the views of honest peers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Views {
    /// Share of hostile entries, on average.
    pub hostile_mean: f64,
    /// The share in the worst view.
    pub hostile_max: f64,
    /// Share of honest peers whose view is hostile throughout.
    pub eclipsed: f64,
}

/// Hostile shares after a round, on average.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// Rounds so far.
    pub round: usize,
    /// Of the slots for random peers.
    pub slots: f64,
    /// Of the taste buddies.
    pub taste: f64,
    /// Of the view that takes whoever it hears of.
    pub naive: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Honest peers.
    pub peers: usize,
    /// Hostile identities.
    pub hostile: usize,
    /// Networks that they sit in.
    pub networks: usize,
    /// Share of networks that is hostile: what slots by network should come to.
    pub fair: f64,
    /// Of everything random.
    pub seed: u64,
    /// The slots for random peers.
    pub slots: Views,
    /// Taste buddies, where the hostile claim the very same taste.
    pub taste: Views,
    /// A view that takes whoever it hears of.
    pub naive: Views,
    /// Hostile shares on the way there, after rounds that are evenly spread.
    pub over_time: Vec<Moment>,
    /// Share of the exchanges of the last ten rounds that went to hostile peers.
    pub exchanges_hostile: f64,
}

/// How one comes to know another.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By an exchange.
    Met,
    /// Somebody named it.
    Named,
    /// It called.
    Called,
}

struct Network {
    plan: Plan,
    everybody: Vec<Someone>,
    buddies: Vec<Buddies<Someone>>,
    naive: Vec<Vec<Someone>>,
    chance: Chance,
    exchanges: u64,
    with_hostile: u64,
}

/// Runs it.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan) -> Result<Report, PlanError> {
    plan.check()?;
    let mut network = Network::new(*plan);
    let every = plan.rounds.div_ceil(MOMENTS);
    let mut over_time = Vec::new();
    for round in 0..plan.rounds {
        if round + 10 == plan.rounds.max(10) {
            (network.exchanges, network.with_hostile) = (0, 0);
        }
        network.round(round as u64 * ROUND_MS);
        if (round + 1).is_multiple_of(every) || round + 1 == plan.rounds {
            over_time.push(network.moment(round + 1));
        }
    }
    let hostile = plan.hostile();
    let networks = if plan.networks == 0 {
        hostile
    } else {
        plan.networks.min(hostile)
    };
    Ok(Report {
        peers: plan.peers,
        hostile,
        networks,
        fair: networks as f64 / (networks + plan.peers) as f64,
        seed: plan.seed,
        slots: network.slots(),
        taste: network.taste(),
        naive: network.views(network.naive.iter().cloned()),
        over_time,
        exchanges_hostile: network.with_hostile as f64 / network.exchanges.max(1) as f64,
    })
}

impl Network {
    fn new(plan: Plan) -> Self {
        let mut chance = Chance::new(plan.seed);
        let (honest, all) = (plan.peers, plan.peers + plan.hostile());
        let someone = |number: usize| {
            let network = match number.checked_sub(honest) {
                Some(hostile) if plan.networks > 0 => honest + hostile % plan.networks,
                _ => number,
            };
            Someone {
                number: number as u32,
                id: (number as u32).to_be_bytes(),
                network: (network as u32).to_be_bytes(),
            }
        };
        let everybody: Vec<Someone> = (0..all).map(someone).collect();
        let mut buddies: Vec<_> = (0..honest).map(|_| Buddies::new(&mut chance)).collect();
        let mut naive = vec![Vec::new(); honest];
        // Each knows a few to begin with, as a lookup gives them.
        for (buddies, naive) in buddies.iter_mut().zip(&mut naive) {
            for _ in 0..NAMED {
                if let Some(first) = chance.pick(&everybody) {
                    buddies.heard(first);
                    naive.push(*first);
                }
            }
        }
        Self {
            plan,
            everybody,
            buddies,
            naive,
            chance,
            exchanges: 0,
            with_hostile: 0,
        }
    }

    fn is_hostile(&self, someone: &Someone) -> bool {
        someone.number as usize >= self.plan.peers
    }

    /// How like its taste seems: honest people differ, hostile ones say what pleases.
    fn likeness(&mut self, someone: &Someone) -> f64 {
        if self.is_hostile(someone) {
            1.0
        } else {
            0.6 * self.chance.share()
        }
    }

    fn hears(&mut self, at: usize, someone: &Someone, how: How) {
        if someone.number as usize == at {
            return;
        }
        let likeness = self.likeness(someone);
        if let Some(buddies) = self.buddies.get_mut(at) {
            match how {
                How::Met => buddies.met(someone, likeness),
                How::Named => buddies.heard(someone),
                How::Called => buddies.called(someone),
            }
        }
        let Some(view) = self.naive.get_mut(at) else { return };
        if view.contains(someone) {
            return;
        }
        if view.len() < SLOTS {
            view.push(*someone);
        } else {
            let place = self.chance.below(SLOTS);
            if let Some(place) = view.get_mut(place) {
                *place = *someone;
            }
        }
    }

    fn round(&mut self, now_ms: u64) {
        for at in 0..self.plan.peers {
            let Some(buddies) = self.buddies.get_mut(at) else { break };
            if (now_ms / ROUND_MS).is_multiple_of(REFRESH) {
                buddies.refresh(1, &mut self.chance);
            }
            if let Some(partner) = buddies.next(now_ms, &mut self.chance) {
                self.exchange(at, &partner);
            }
        }
        let hostile: Vec<Someone> = self.everybody.iter().skip(self.plan.peers).copied().collect();
        for caller in &hostile {
            for _ in 0..self.plan.flood {
                let at = self.chance.below(self.plan.peers);
                self.hears(at, caller, How::Called);
            }
        }
    }

    fn exchange(&mut self, at: usize, partner: &Someone) {
        self.exchanges += 1;
        let hostile = self.is_hostile(partner);
        self.with_hostile += u64::from(hostile);
        let mut named = if hostile {
            self.everybody.iter().skip(self.plan.peers).copied().collect()
        } else {
            let known = self.buddies.get(partner.number as usize);
            known
                .map(|known| [known.random(), known.taste()].concat())
                .unwrap_or_default()
        };
        self.chance.draw(&mut named, NAMED);
        for someone in &named {
            self.hears(at, someone, How::Named);
        }
        self.hears(at, partner, How::Met);
        if let (false, Some(own)) = (hostile, self.everybody.get(at).copied()) {
            self.hears(partner.number as usize, &own, How::Called);
        }
    }

    fn slots(&self) -> Views {
        self.views(self.buddies.iter().map(Buddies::random))
    }

    fn taste(&self) -> Views {
        self.views(self.buddies.iter().map(Buddies::taste))
    }

    fn moment(&self, round: usize) -> Moment {
        Moment {
            round,
            slots: self.slots().hostile_mean,
            taste: self.taste().hostile_mean,
            naive: self.views(self.naive.iter().cloned()).hostile_mean,
        }
    }

    fn views(&self, views: impl Iterator<Item = Vec<Someone>>) -> Views {
        let mut found = Views::default();
        for view in views {
            let hostile = view.iter().filter(|someone| self.is_hostile(someone)).count();
            let share = hostile as f64 / view.len().max(1) as f64;
            found.hostile_mean += share / self.plan.peers as f64;
            found.hostile_max = found.hostile_max.max(share);
            found.eclipsed += f64::from(u8::from(share >= 1.0)) / self.plan.peers as f64;
        }
        found
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} honest peers, {} hostile identities in {} networks ({:.1} % of all networks)\n\n",
            self.peers,
            self.hostile,
            self.networks,
            100.0 * self.fair
        );
        text.push_str("view            hostile   worst  eclipsed peers\n");
        for (name, views) in [
            ("random slots", self.slots),
            ("taste buddies", self.taste),
            ("naive", self.naive),
        ] {
            let _ = writeln!(
                text,
                "{name:<14}  {:>5.1} %  {:>4.0} %  {:>6.1} %",
                100.0 * views.hostile_mean,
                100.0 * views.hostile_max,
                100.0 * views.eclipsed
            );
        }
        let _ = writeln!(
            text,
            "\n{:.1} % of exchanges go to hostile peers",
            100.0 * self.exchanges_hostile
        );
        text
    }
}

//! What was found, for people and for programs.

use super::{
    Plan,
    network::{Event, Network},
    spam::{MANY_SIGNERS_ONE_WAY, ONE_SIGNER_MANY_WAYS, ONE_SIGNER_ONE_WAY},
};
use crate::PlanError;
use hedgerow_overlay::Rules;
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write};

/// Everybody joins within this time, microseconds.
const JOIN: u64 = 5_000_000;
/// The first message is sent then.
const WARM: u64 = 60_000_000;
/// Between two messages.
const EVERY: u64 = 250_000;
/// Most members of the network that is flooded.
const FLOODED: usize = 500;
/// After the last one.
const REST: u64 = 20_000_000;

/// The most that one honest peer got to see of each flood of 500 messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spam {
    /// One signer whose messages come in over many peers.
    pub one_signer_many_ways: u64,
    /// One signer and one peer that pushes as fast as it likes.
    pub one_signer_one_way: u64,
    /// A new signer for each message, and one peer that pushes as fast as it likes: what one of its links took.
    pub many_signers_one_link: u64,
    /// The same over all members that it linked one after the other.
    pub many_signers_one_way: u64,
    /// How many those were.
    pub many_signers_links: usize,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Members of the app.
    pub peers: usize,
    /// Links that each opens.
    pub fanout: usize,
    /// Share of hostile members.
    pub hostile: f64,
    /// Messages sent.
    pub messages: usize,
    /// Of everything that is random.
    pub seed: u64,
    /// Bytes of each message.
    pub bytes: usize,
    /// Share of packets that were lost and sent again.
    pub loss: f64,
    /// Share of honest members that came and went.
    pub churn: f64,
    /// Whether hostile members named only each other.
    pub conspiracy: bool,
    /// In so many networks hostile members sat; 0 is one for each.
    pub hostile_networks: usize,
    /// Honest members that were there all the time.
    pub counted: u64,
    /// Mean share of them that got a message.
    pub reached: f64,
    /// The same of the message that reached fewest.
    pub reached_min: f64,
    /// Messages given to apps.
    pub deliveries: u64,
    /// Of those, messages that an app was given before.
    pub delivered_twice: u64,
    /// Links that a message came over, mean and most.
    pub hops_mean: f64,
    /// The most.
    pub hops_max: u8,
    /// Bytes of messages that came, for each that had to come.
    pub redundancy: f64,
    /// Bytes of all frames about messages, for each byte of a message's body.
    pub overhead: f64,
    /// Until half of all deliveries, milliseconds.
    pub latency_p50_ms: u64,
    /// Until 99 of 100.
    pub latency_p99_ms: u64,
    /// Until the last.
    pub latency_max_ms: u64,
    /// Links of a member, mean and most.
    pub links_mean: f64,
    /// The most.
    pub links_max: usize,
    /// Share of hostile members in the views of honest ones.
    pub hostile_in_views: f64,
    /// Honest members that some honest member cut off.
    pub honest_banned: usize,
    /// Honest signers that some honest member cut off.
    pub honest_signers_cut: u64,
    /// For what honest members or signers were charged, with how often.
    pub honest_charges: BTreeMap<String, u64>,
    /// The most of [`Spam`] for one signer, or for many over one link.
    pub spam_delivered_max: u64,
    /// Members of the network that was flooded.
    pub flooded_peers: usize,
    /// By kind of flood.
    pub spam: Spam,
    /// How often a hostile member was cut off by an honest one.
    pub hostile_cut: u64,
}

/// Runs a plan.
///
/// # Errors
/// When it makes no sense.
pub fn run(plan: Plan) -> Result<Report, PlanError> {
    plan.check()?;
    let mut network = Network::new(plan, Rules::default());
    network.all_join(JOIN);
    network.run(WARM);
    let from = network.now;
    let until = from + plan.messages as u64 * EVERY + REST;
    network.measure.count_in(from..until);
    let honest: Vec<u32> = (0..plan.peers as u32)
        .filter(|at| network.measure.is_honest(*at) && !network.is_fickle(*at))
        .collect();
    for number in 0..plan.messages as u64 {
        let by = honest
            .get(network.chance.below(honest.len()))
            .copied()
            .unwrap_or_default();
        network.queue.plan(from + number * EVERY, Event::Say { peer: by });
    }
    network.come_and_go(from, until);
    let third = from + plan.messages as u64 * EVERY / 3;
    network.run(third);
    network.turned = true;
    network.run(until);
    let views = network.views();
    let mut few = Network::new(
        Plan {
            peers: plan.peers.min(FLOODED),
            ..plan
        },
        Rules::default(),
    );
    few.all_join(JOIN);
    few.run(WARM);
    few.turned = true;
    few.flood();
    Ok(Report::of(&network, &few, views))
}

/// Links mean and most, and the hostile share of views.
type Views = (f64, usize, f64);

impl Network {
    fn is_fickle(&self, at: u32) -> bool {
        self.peers.get(at as usize).is_some_and(|peer| peer.fickle)
    }

    /// Fickle members leave at some time and come back after a while.
    fn come_and_go(&mut self, from: u64, until: u64) {
        for at in 0..self.peers.len() as u32 {
            if self.is_fickle(at) {
                let leaves = from + (self.chance.share() * (until - from) as f64) as u64;
                self.queue.plan(leaves, Event::Leave { peer: at });
                let away = 5_000_000 + (self.chance.share() * 20_000_000.0) as u64;
                self.queue.plan(leaves + away, Event::Join { peer: at });
            }
        }
    }

    fn views(&self) -> Views {
        let (mut links, mut most, mut honest, mut members, mut hostile) = (0usize, 0usize, 0usize, 0usize, 0usize);
        for (at, peer) in self.peers.iter().enumerate() {
            if !self.measure.is_honest(at as u32) {
                continue;
            }
            honest += 1;
            let size = peer.core.links(&super::network::APP).len();
            links += size;
            most = most.max(size);
            for member in peer.core.members(&super::network::APP) {
                members += 1;
                let is_hostile = self.at(&member).is_some_and(|at| !self.measure.is_honest(at));
                hostile += usize::from(is_hostile);
            }
        }
        (
            links as f64 / honest.max(1) as f64,
            most,
            hostile as f64 / members.max(1) as f64,
        )
    }
}

impl Spam {
    fn of(few: &Network) -> Self {
        let spam_of = |kind: u8| {
            let of_kind = few.measure.spam.iter().filter(|((k, _), _)| *k == kind);
            of_kind.map(|(_, count)| *count).max().unwrap_or(0)
        };
        let at_first = || {
            let first = few.measure.spam_at_first.iter();
            first
                .filter(|((kind, _), _)| *kind == MANY_SIGNERS_ONE_WAY)
                .map(|(_, count)| *count)
        };
        Self {
            one_signer_many_ways: spam_of(ONE_SIGNER_MANY_WAYS),
            one_signer_one_way: spam_of(ONE_SIGNER_ONE_WAY),
            many_signers_one_link: at_first().max().unwrap_or(0),
            many_signers_one_way: spam_of(MANY_SIGNERS_ONE_WAY),
            many_signers_links: at_first().count(),
        }
    }
}

impl Report {
    fn of(network: &Network, few: &Network, (links_mean, links_max, hostile_in_views): Views) -> Self {
        let (plan, measure) = (&network.plan, &network.measure);
        let reached = measure.reached();
        let (redundancy, overhead) = measure.redundancy();
        let spam = Spam::of(few);
        let hops: u64 = measure.hops.iter().map(|(hops, count)| u64::from(*hops) * count).sum();
        let counts: u64 = measure.hops.values().sum();
        let after = |share: f64| {
            let mut open = (counts as f64 * share).ceil() as u64;
            let slot = measure.latency.iter().find(|(_, count)| {
                open = open.saturating_sub(**count);
                open == 0
            });
            slot.map_or(0, |(slot, _)| slot * 10)
        };
        let mut honest_charges = measure.honest_charges.clone();
        for (what, count) in &few.measure.honest_charges {
            *honest_charges.entry(what.clone()).or_default() += count;
        }
        Self {
            peers: plan.peers,
            fanout: plan.fanout,
            hostile: plan.hostile,
            messages: plan.messages,
            seed: plan.seed,
            bytes: plan.bytes,
            loss: plan.loss,
            churn: plan.churn,
            conspiracy: plan.conspiracy,
            hostile_networks: plan.hostile_networks,
            counted: measure.counted(),
            reached: reached.iter().sum::<f64>() / reached.len().max(1) as f64,
            reached_min: reached.iter().copied().fold(1.0, f64::min),
            deliveries: measure.deliveries,
            delivered_twice: measure.twice,
            hops_mean: hops as f64 / counts.max(1) as f64,
            hops_max: measure.hops.keys().last().copied().unwrap_or(0),
            redundancy,
            overhead,
            latency_p50_ms: after(0.5),
            latency_p99_ms: after(0.99),
            latency_max_ms: after(1.0),
            links_mean,
            links_max,
            hostile_in_views,
            honest_banned: measure.honest_cut.len() + few.measure.honest_cut.len(),
            honest_signers_cut: measure.honest_signers_cut + few.measure.honest_signers_cut,
            honest_charges,
            spam_delivered_max: spam
                .one_signer_many_ways
                .max(spam.one_signer_one_way)
                .max(spam.many_signers_one_link),
            flooded_peers: few.plan.peers,
            spam,
            hostile_cut: measure.hostile_cut + few.measure.hostile_cut,
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let per_cent = |share: f64| format!("{:.2} %", share * 100.0);
        writeln!(
            to,
            "{} members with {} links of their own each ({:.1} in all, at most {}), {} hostile; {} messages of {} bytes,\n\
             {} of packets lost, {} of honest members come and go, seed {}\n",
            self.peers,
            self.fanout,
            self.links_mean,
            self.links_max,
            per_cent(self.hostile),
            self.messages,
            self.bytes,
            per_cent(self.loss),
            per_cent(self.churn),
            self.seed
        )?;
        let mut line = |what: &str, is: String| writeln!(to, "  {what:44} {is}");
        line("honest members that got a message, mean", per_cent(self.reached))?;
        line("  of the message that fewest got", per_cent(self.reached_min))?;
        line("  and twice", self.delivered_twice.to_string())?;
        line(
            "hops, mean and most",
            format!("{:.1} and {}", self.hops_mean, self.hops_max),
        )?;
        line(
            "bytes of messages for each that had to come",
            format!("{:.2}", self.redundancy),
        )?;
        line(
            "bytes of everything for each of the text",
            format!("{:.2}", self.overhead),
        )?;
        let times = [self.latency_p50_ms, self.latency_p99_ms, self.latency_max_ms].map(|ms| format!("{ms} ms"));
        line("half, 99 % and all have it after", times.join(", "))?;
        line(
            "hostile members in views of honest ones",
            per_cent(self.hostile_in_views),
        )?;
        line("honest members that were cut off", self.honest_banned.to_string())?;
        line("honest signers that were cut off", self.honest_signers_cut.to_string())?;
        for (what, count) in &self.honest_charges {
            line("  charged in vain", format!("{what}: {count}"))?;
        }
        writeln!(
            to,
            "\nFloods of 500 messages, {} members: what the honest member got that got most",
            self.flooded_peers
        )?;
        let mut line = |what: &str, is: u64| writeln!(to, "  {what:44} {is}");
        line("one signer, handed in by many", self.spam.one_signer_many_ways)?;
        line(
            "one signer, pushed without regard to credit",
            self.spam.one_signer_one_way,
        )?;
        line("a new signer each, over one link", self.spam.many_signers_one_link)?;
        line("  over all links, one after the other", self.spam.many_signers_one_way)?;
        writeln!(
            to,
            "  ({} links until nobody took them any more)",
            self.spam.many_signers_links
        )
    }
}

//! `hedgerow sim update`, `trust` and `eclipse`.

use super::{Stage, parse_share, show, threads::Threads};
use crate::cli::Result;
use clap::Args;
use hedgerow_sim::{eclipse, trust, update};

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Peers.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    peers: usize,
    /// Share of peers that pass nothing on and say that there is nothing new: 0.4, or in per cent: 40.
    #[arg(long, value_name = "SHARE", default_value = "0.4", value_parser = parse_share)]
    hostile: f64,
    /// Share of peers that are away in a round, others in each.
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = parse_share)]
    away: f64,
    /// Share of exchanges that fail.
    #[arg(long, value_name = "SHARE", default_value = "0.05", value_parser = parse_share)]
    loss: f64,
    /// Seeds under which each attack is tried, and victims from whom updates are withheld.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    runs: usize,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn update(arguments: &Update, stage: &Stage<'_>) -> Result {
    let plan = update::Plan {
        peers: arguments.peers,
        hostile: arguments.hostile,
        away: arguments.away,
        loss: arguments.loss,
        runs: arguments.runs,
        seed: arguments.seed,
    };
    let work = || update::run(&plan, &arguments.threads);
    show("Updating", work, stage, update::Report::text)
}

#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Good peers.
    #[arg(long, value_name = "N", default_value_t = 60)]
    good: usize,
    /// Hostile peers; as many as published for each threat model, unless said.
    #[arg(long, value_name = "N")]
    hostile: Option<usize>,
    /// Share of bad downloads in model C: 0.5, or in per cent: 50.
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = parse_share)]
    bad: f64,
    /// Runs of each.
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: usize,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn trust(arguments: &Trust, stage: &Stage<'_>) -> Result {
    let plan = trust::Plan {
        good: arguments.good,
        hostile: arguments.hostile,
        bad: arguments.bad,
        runs: arguments.runs,
        seed: arguments.seed,
    };
    let work = || trust::run(&plan, &arguments.threads);
    show("Downloading", work, stage, trust::Report::text)
}

#[derive(Debug, Args)]
pub(crate) struct Eclipse {
    /// Honest peers.
    #[arg(long, value_name = "N", default_value_t = 300)]
    peers: usize,
    /// Share of identities that are hostile: 0.4, or in per cent: 40.
    #[arg(long, value_name = "SHARE", default_value = "0.4", value_parser = parse_share)]
    hostile: f64,
    /// Networks (/24) that the hostile ones sit in; 0 gives each its own.
    #[arg(long, value_name = "N", default_value_t = 20)]
    networks: usize,
    /// Honest peers that each hostile one calls in a round.
    #[arg(long, value_name = "N", default_value_t = 10)]
    flood: usize,
    /// Rounds of 15 seconds.
    #[arg(long, value_name = "N", default_value_t = 120)]
    rounds: usize,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn eclipse(arguments: &Eclipse, stage: &Stage<'_>) -> Result {
    let plan = eclipse::Plan {
        peers: arguments.peers,
        hostile: arguments.hostile,
        networks: arguments.networks,
        flood: arguments.flood,
        rounds: arguments.rounds,
        seed: arguments.seed,
    };
    let work = || eclipse::run(&plan);
    show("Surrounding", work, stage, eclipse::Report::text)
}

//! `hedgerow sim whitelist`, `epidemic`, `speed` and `reconcile`.

use super::{Stage, parse_share, show, threads::Threads};
use crate::cli::{Result, refused};
use clap::Args;
use hedgerow_sim::{
    epidemic::{self, Table},
    reconcile, speed,
    whitelist::{self, Method},
};
use std::{fs, time::Instant};

#[derive(Debug, Args)]
pub(crate) struct Whitelist {
    /// Peers.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    peers: usize,
    /// Certificates that there are, the new ones among them.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    certificates: usize,
    /// Certificates that only one peer knows at first; several need the core of the node in each peer, so fewer peers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    new: usize,
    /// Certificates in each exchange, either way: 1 to 3.
    #[arg(long, value_name = "N", default_value_t = 3)]
    per_exchange: usize,
    /// Share of peers that take and never give: 0.4, or in per cent: 40.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    blackholes: f64,
    /// Share of exchanges that fail.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    loss: f64,
    /// Share of peers that are away in a round, others in each.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    away: f64,
    /// Which are handed on: newest (the one learned last, and random ones), random, or flags (what the other lacks).
    #[arg(long, value_name = "METHOD", default_value = "newest")]
    method: String,
    /// The core of the node in each peer, also for one new certificate.
    #[arg(long)]
    full: bool,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn whitelist(arguments: &Whitelist, stage: &Stage<'_>) -> Result {
    let method: Method = arguments
        .method
        .parse()
        .map_err(|error: hedgerow_sim::PlanError| refused(error.to_string()))?;
    let plan = whitelist::Plan {
        peers: arguments.peers,
        certificates: arguments.certificates,
        new: arguments.new,
        per_exchange: arguments.per_exchange,
        blackholes: arguments.blackholes,
        loss: arguments.loss,
        away: arguments.away,
        method,
        full: arguments.full,
        seed: arguments.seed,
    };
    let work = || whitelist::run(&plan, &arguments.threads);
    show("Handing on", work, stage, whitelist::Report::text)
}

#[derive(Debug, Args)]
pub(crate) struct Epidemic {
    /// demers1 (push, counter), demers2 (push, coin) or demers3 (pull, counter).
    #[arg(long, value_name = "TABLE")]
    table: String,
    /// Sites.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    sites: usize,
    /// Runs of each row; as many as the printed digits need, unless said.
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn epidemic(arguments: &Epidemic, stage: &Stage<'_>) -> Result {
    let table: Table = arguments
        .table
        .parse()
        .map_err(|error: hedgerow_sim::PlanError| refused(error.to_string()))?;
    let runs = arguments.runs.unwrap_or(table.runs());
    let work = || epidemic::run(table, arguments.sites, runs, arguments.seed, &arguments.threads);
    show("Spreading", work, stage, epidemic::Report::text)
}

#[derive(Debug, Args)]
pub(crate) struct Speed {
    /// Peers.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    peers: usize,
    /// Rounds that are timed; each peer calls one in each.
    #[arg(long, value_name = "N", default_value_t = 40)]
    rounds: u32,
    /// Of everything random: the same seed gives the same digest.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn speed(arguments: &Speed, stage: &Stage<'_>) -> Result {
    let begin = Instant::now();
    let seconds = || begin.elapsed().as_secs_f64();
    let work = || {
        let Speed {
            peers,
            rounds,
            seed,
            threads,
        } = arguments;
        speed::run(*peers, *rounds, *seed, threads, &seconds, &largest_memory)
    };
    show("Exchanging", work, stage, speed::Report::text)
}

#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// Records of each of the two peers.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    records: usize,
    /// Records that only one of them has, half of them each.
    #[arg(long, value_name = "N", default_value_t = 100)]
    differences: usize,
    /// Symbols that are asked for at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: usize,
    /// Sessions over which symbols for each difference are counted; as many as are soon done, unless said.
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
    /// Of everything random: the same seed gives the same symbols.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn reconcile(arguments: &Reconcile, stage: &Stage<'_>) -> Result {
    let begin = Instant::now();
    let plan = reconcile::Plan {
        records: arguments.records,
        differences: arguments.differences,
        batch: arguments.batch,
        runs: arguments.runs,
        seed: arguments.seed,
    };
    let work = || reconcile::run(&plan, &|| begin.elapsed().as_secs_f64());
    show("Comparing", work, stage, reconcile::Report::text)
}

/// Bytes of memory that this process had at most, where the system says (Linux).
fn largest_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

//! `hedgerow sim popularity`.

use super::{Stage, parse_share, show, threads::Threads};
use crate::cli::{Result, refused};
use clap::Args;
use hedgerow_sim::popularity::{Lie, Plan, run as simulate};

#[derive(Debug, Args)]
pub(crate) struct Popularity {
    /// Widgets that honest people made.
    #[arg(long, value_name = "N", default_value_t = 200)]
    widgets: usize,
    /// Honest peers.
    #[arg(long, value_name = "N", default_value_t = 6000)]
    honest: usize,
    /// Share of liars among honest peers and liars: 0.4, or in per cent: 40.
    #[arg(long, value_name = "SHARE", default_value = "0.4", value_parser = parse_share)]
    liars: f64,
    /// Sybils that each liar brings.
    #[arg(long, value_name = "N", default_value_t = 10)]
    sybils: usize,
    /// Share of the edges of trust of honest peers that point at liars.
    #[arg(long, value_name = "SHARE", default_value = "0.2", value_parser = parse_share)]
    misplaced: f64,
    /// Runs, each with another society and another peer that asks.
    #[arg(long, value_name = "N", default_value_t = 20)]
    runs: usize,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Edges of trust of each honest peer: contacts, and sources of good downloads.
    #[arg(long, value_name = "N", default_value_t = 100)]
    contacts: usize,
    /// Different peers that each honest peer met and counted.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    seen: usize,
    /// Share of liars that vote like honest people; 1 for all.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    camouflage: f64,
    /// What liars say: blatant (a million installs of ten fakes, none of what leads) or subtle (just enough).
    #[arg(long, value_name = "LIE", default_value = "blatant")]
    lie: String,
    /// Share of liars that pose as sources of the fakes, so that honest peers count them first-hand; 1 for all.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    sources: f64,
    /// Share of the peers that an honest one meets that are of its own taste; there are eight tastes then.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    bias: f64,
    #[command(flatten)]
    threads: Threads,
}

pub(super) fn run(arguments: &Popularity, stage: &Stage<'_>) -> Result {
    let lie: Lie = arguments
        .lie
        .parse()
        .map_err(|error: hedgerow_sim::PlanError| refused(error.to_string()))?;
    let plan = Plan {
        widgets: arguments.widgets,
        honest: arguments.honest,
        liars: arguments.liars,
        sybils: arguments.sybils,
        misplaced: arguments.misplaced,
        runs: arguments.runs,
        seed: arguments.seed,
        contacts: arguments.contacts,
        seen: arguments.seen,
        camouflage: arguments.camouflage,
        lie,
        sources: arguments.sources,
        bias: arguments.bias,
    };
    let work = || simulate(&plan, &arguments.threads);
    show("Asking", work, stage, hedgerow_sim::popularity::Report::text)
}

//! `hedgerow sim`: models of the network that run here, without a node.

mod given;
mod gossip;
mod popularity;
mod threads;
mod trust;

use super::{Context, Result, local, refused};
use clap::{Args, Subcommand};
use given::Given;
use hedgerow_sim::{Figures, broadcast, handshake, report::Paged};
use serde::Serialize;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// TOML file with parameters by the names of their flags; flags that are given win.
    #[arg(long, global = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Also write what was found as one HTML page with plots and tables; loads nothing from elsewhere.
    #[arg(long, global = true, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Load of the nodes that do the handshakes of all, and what happens when many of them vanish at once.
    Handshake {
        /// Users that are online, such as 1e9.
        #[arg(long, value_name = "N", default_value = "1e9", value_parser = parse_users)]
        users: f64,
        /// Of everything random: the same seed gives the same result.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Share of the serving nodes that vanish at once, in per cent.
        #[arg(long, value_name = "PERCENT", default_value_t = 30, value_parser = clap::value_parser!(u8).range(0..=99))]
        vanish: u8,
        /// TOML file with figures in the place of some of those that `--json` prints.
        #[arg(long, value_name = "FILE")]
        figures: Option<PathBuf>,
    },
    /// Messages to all members of an app, some of whom are hostile: who gets them, over how many hops, at what price,
    /// and what becomes of floods.
    Broadcast(Broadcast),
    /// Whether really popular widgets are found when peers lie and bring Sybils: several functions side by side.
    Popularity(popularity::Popularity),
    /// How certificates spread, one to three in each exchange, also among peers that give nothing.
    Whitelist(gossip::Whitelist),
    /// The tables of Demers et al. (1987), made again: how far a rumour spreads and what it costs.
    Epidemic(gossip::Epidemic),
    /// How many exchanges a second the fast path makes, and what memory it takes.
    Speed(gossip::Speed),
    /// What it costs two peers to find how their records differ, whatever the number of records.
    Reconcile(gossip::Reconcile),
    /// How fast a release reaches everybody, how soon withheld updates are noticed, and attacks on what is taken.
    Update(trust::Update),
    /// Whom to download from when peers lie: the threat models of EigenTrust, its ranking and ours.
    Trust(trust::Trust),
    /// Whether hostile peers can surround an honest one by calling and naming each other.
    Eclipse(trust::Eclipse),
}

#[derive(Debug, Args)]
pub(crate) struct Broadcast {
    /// Members of the app.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    peers: usize,
    /// Links that each opens.
    #[arg(long, value_name = "N", default_value_t = 5)]
    fanout: usize,
    /// Share of members that are silent or lie: 0.4, or in per cent: 40.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    hostile: f64,
    /// Messages, each of a random honest member.
    #[arg(long, value_name = "N", default_value_t = 20)]
    messages: usize,
    /// Of everything random: the same seed gives the same result.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bytes of each message.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    bytes: usize,
    /// Share of packets that get lost on the way.
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = parse_share)]
    loss: f64,
    /// Share of honest members that go away and come back meanwhile.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = parse_share)]
    churn: f64,
    /// Hostile members name only each other to who asks for members.
    #[arg(long)]
    conspiracy: bool,
    /// Hostile members sit in so many networks; 0 gives each its own.
    #[arg(long, value_name = "N", default_value_t = 0)]
    hostile_networks: usize,
}

/// Where a scenario is simulated: what was asked for, and where what is found goes.
struct Stage<'a> {
    context: &'a Context,
    report: Option<&'a Path>,
    given: Given,
}

pub(super) fn run(sim: &Sim, context: &Context) -> Result {
    let report = sim.report.as_deref();
    report.map_or(Ok(()), has_a_folder)?;
    let typed = env::args_os().collect::<Vec<_>>();
    let (scenario, given) = match &sim.file {
        None => (None, Given::typed(&typed)?),
        Some(file) => {
            let (widened, given) = Given::with_file(&typed, &read(file)?, &file.display().to_string())?;
            (Some(widened), given)
        }
    };
    let stage = Stage { context, report, given };
    simulate(scenario.as_ref().unwrap_or(&sim.scenario), &stage)
}

fn simulate(scenario: &Scenario, stage: &Stage<'_>) -> Result {
    match scenario {
        Scenario::Handshake {
            users,
            seed,
            vanish,
            figures,
        } => handshakes(*users, *seed, *vanish, figures.as_deref(), stage),
        Scenario::Broadcast(arguments) => broadcasts(arguments, stage),
        Scenario::Popularity(arguments) => popularity::run(arguments, stage),
        Scenario::Whitelist(arguments) => gossip::whitelist(arguments, stage),
        Scenario::Epidemic(arguments) => gossip::epidemic(arguments, stage),
        Scenario::Speed(arguments) => gossip::speed(arguments, stage),
        Scenario::Reconcile(arguments) => gossip::reconcile(arguments, stage),
        Scenario::Update(arguments) => trust::update(arguments, stage),
        Scenario::Trust(arguments) => trust::trust(arguments, stage),
        Scenario::Eclipse(arguments) => trust::eclipse(arguments, stage),
    }
}

fn handshakes(users: f64, seed: u64, vanish: u8, figures: Option<&Path>, stage: &Stage<'_>) -> Result {
    let others = figures.map(read).transpose()?.unwrap_or_default();
    let figures = Figures::with(&others).map_err(|error| refused(error.to_string()))?;
    let vanishing = f64::from(vanish) / 100.0;
    let report = stage.context.output.progress("Counting", || {
        handshake::run(users, vanishing, seed, figures).map_err(|error| refused(error.to_string()))
    })?;
    print(&report, stage, |report| report.text())
}

fn broadcasts(arguments: &Broadcast, stage: &Stage<'_>) -> Result {
    let plan = broadcast::Plan {
        peers: arguments.peers,
        fanout: arguments.fanout,
        hostile: arguments.hostile,
        messages: arguments.messages,
        seed: arguments.seed,
        bytes: arguments.bytes,
        loss: arguments.loss,
        churn: arguments.churn,
        conspiracy: arguments.conspiracy,
        hostile_networks: arguments.hostile_networks,
    };
    let report = stage.context.output.progress("Passing messages on", || {
        broadcast::run(plan).map_err(|error| refused(error.to_string()))
    })?;
    print(&report, stage, |report| report.text())
}

/// Prints a report, for people as `text` says it, and writes its page if one is asked for.
fn print<T: Serialize + Paged>(report: &T, stage: &Stage<'_>, text: impl Fn(&T) -> String) -> Result {
    let value = serde_json::to_value(report).map_err(|error| local(error.to_string()))?;
    if let Some(file) = stage.report {
        let page = report.page().html(&stage.given.command, &stage.given.parameters);
        fs::write(file, page).map_err(|error| local(format!("{} cannot be written: {error}", file.display())))?;
    }
    stage.context.output.result(&value, |_| match stage.report {
        None => text(report),
        Some(file) => format!("{}\nAs a page: {}", text(report), file.display()),
    });
    Ok(())
}

/// Simulates while saying what is being done, and prints what was found.
fn show<T: Serialize + Paged>(
    doing: &str,
    work: impl FnOnce() -> std::result::Result<T, hedgerow_sim::PlanError>,
    stage: &Stage<'_>,
    text: impl Fn(&T) -> String,
) -> Result {
    let report = stage.context.output.progress(doing, work);
    print(&report.map_err(|error| refused(error.to_string()))?, stage, text)
}

/// Better said before than after a long simulation.
fn has_a_folder(file: &Path) -> Result {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_none_or(Path::is_dir) && !file.is_dir() {
        return Ok(());
    }
    let file = file.display();
    Err(refused(format!(
        "{file} cannot be written; name a file in a folder that exists"
    )))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(|error| local(format!("{} cannot be read: {error}", file.display())))
}

fn parse_users(text: &str) -> std::result::Result<f64, String> {
    let number = text.replace('_', "").parse().ok();
    number
        .filter(|users: &f64| (100.0..=1e12).contains(users))
        .ok_or_else(|| "give a number from 100 to 1e12, such as 1e9".to_owned())
}

/// A share below 1, or a number of per cent from 1 on.
fn parse_share(text: &str) -> std::result::Result<f64, String> {
    let number = text.trim_end_matches('%').parse().ok();
    let share = number.map(|number: f64| {
        let in_per_cent = number >= 1.0 || text.ends_with('%');
        if in_per_cent { number / 100.0 } else { number }
    });
    share
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| "give a share such as 0.4, or per cent such as 40".to_owned())
}

//! `cargo xtask lab`: the network lab in `lab/`, with the node of this tree.

use crate::{
    prerequisites,
    run::{cargo, output, root, run, target},
    up, web,
};
use anyhow::{Context, Result, bail};
use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Commands that need the node's program.
const WITH_NODES: [&str; 7] = ["nat", "doctor", "idle", "events", "relays", "mapping", "hostile"];

/// Builds the lab, where nodes run in it also the node, and passes the arguments on.
pub fn lab(arguments: &[String]) -> Result<ExitCode> {
    if prerequisites::network_lab_here() {
        prerequisites::network_lab()?;
    }
    // Elsewhere the lab itself says what is missing.
    let mut command = Command::new(build()?);
    command.args(arguments);
    let own = arguments.iter().any(|argument| argument == "--bin");
    let nodes = arguments
        .first()
        .is_some_and(|first| WITH_NODES.contains(&first.as_str()));
    if nodes && !own {
        // The lab needs no dashboard; one that is there is embedded.
        web::leave_out()?;
        command.arg("--bin").arg(up::build(false)?);
    }
    if arguments.first().is_some_and(|first| first == "lookup") && !own {
        command.arg("--bin").arg(lookup_program()?);
    }
    let status = command.status().context("cannot run the lab")?;
    // The lab's own codes tell bad usage from failure.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The program of both sides of `lab lookup`.
fn lookup_program() -> Result<PathBuf> {
    let build = ["build", "--release", "--package", "hedgerow-net", "--example", "lookup"];
    run(&root(), &cargo(), &build)?;
    let name = format!("lookup{}", std::env::consts::EXE_SUFFIX);
    Ok(target()?.join("release").join("examples").join(name))
}

/// For `cargo xtask bench`: looking up with 50 ms between here and the DHT.
pub fn lookup_numbers() -> Result<String> {
    needed()?;
    let (lab, program) = (build()?, lookup_program()?);
    output(
        &root(),
        &lab.to_string_lossy(),
        &["lookup", "--bin", &program.to_string_lossy()],
    )
}

/// A step for `cargo xtask test`: the lab's proof of itself.
pub fn lab_step() -> Result<()> {
    needed()?;
    if lab(&["check".to_owned()])? != ExitCode::SUCCESS {
        bail!("the lab's NATs or links are not what they are called");
    }
    Ok(())
}

/// Pairs of routers for every run of the tests, and whether the nodes behind them meet directly. The whole matrix is
/// `cargo xtask lab nat`.
const PAIRS: [(&str, bool); 7] = [
    ("port-restricted/port-restricted", true),
    ("cgnat/address-restricted", true),
    ("symmetric-random/port-restricted", true),
    ("early-inbound/symmetric-block", true),
    ("symmetric-sequential/symmetric-sequential", true),
    ("symmetric-random/symmetric-block", false),
    ("udp-blocked/udp-blocked", false),
];

/// A step for `cargo xtask test`: nodes behind routers meet, served by ordinary peers only (O4).
pub fn nat_step() -> Result<()> {
    needed()?;
    let (lab, node) = (build()?, up::build(false)?);
    let pairs = PAIRS.map(|(pair, _)| pair).join(",");
    let (lab, node) = (lab.to_string_lossy(), node.to_string_lossy());
    let text = output(
        &root(),
        &lab,
        &["nat", "--pairs", &pairs, "--runs", "1", "--json", "--bin", &node],
    )?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    for (pair, directly) in PAIRS {
        let found = report["pairs"].as_array().into_iter().flatten();
        let found = found.filter(|p| format!("{}/{}", text_of(&p["a"]), text_of(&p["b"])) == pair);
        let count = |field: &str| found.clone().filter_map(|p| p[field].as_u64()).sum::<u64>();
        if count("direct") + count("relay") != 1 || (directly && count("direct") != 1) {
            bail!(
                "{pair}: {} direct, {} relayed, {} failed",
                count("direct"),
                count("relay"),
                count("failed")
            );
        }
    }
    Ok(())
}

/// A step for `cargo xtask test`: nodes behind every kind of router find out which it is (O6).
pub fn doctor_step() -> Result<()> {
    needed()?;
    if lab(&["doctor".to_owned()])? != ExitCode::SUCCESS {
        bail!("a node is wrong about its router");
    }
    Ok(())
}

/// A step for `cargo xtask test`: real routers that map ports let others in to a node, or refuse (O6).
pub fn mapping_step() -> Result<()> {
    needed()?;
    if lab(&["mapping".to_owned()])? != ExitCode::SUCCESS {
        bail!("a router's port mapping is not as it is told, or does not work");
    }
    Ok(())
}

/// A step for `cargo xtask test`: nodes survive what is done to them, say what they see and keep what they have. Liars and
/// slow relays take minutes; they are in `cargo xtask lab hostile`.
pub fn hostile_step() -> Result<()> {
    needed()?;
    let only = "tickets,portal,clock,flapping,amplification";
    if lab(&["hostile", "--only", only].map(str::to_owned))? != ExitCode::SUCCESS {
        bail!("a node did not bear what was done to it");
    }
    Ok(())
}

/// A step for `cargo xtask test`: when the machine of a relay loses its power, its clients are served by others soon.
pub fn relays_step() -> Result<()> {
    needed()?;
    let (lab, node) = (build()?, up::build(false)?);
    let plan = ["--relays", "5", "--clients", "6", "--vanish", "20", "--silent"];
    let (lab, node) = (lab.to_string_lossy(), node.to_string_lossy());
    let all = [&["relays"][..], &plan, &["--json", "--bin", &node]].concat();
    let text = output(&root(), &lab, &all)?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    let soon = |what: &str| report[what]["within_10_s"] == 1.0;
    if !(soon("answers_its_peer") && soon("home_again")) || report["direct_stream"]["survived"] != true {
        bail!("not every client was served again within 10 s: {report}");
    }
    Ok(())
}

/// A step for `cargo xtask test`: nodes behind routers that know only each other's id and one node of a DHT meet.
pub fn by_id_step() -> Result<()> {
    needed()?;
    let (lab, node) = (build()?, up::build(false)?);
    let pairs = "none/port-restricted,symmetric-random/port-restricted,symmetric-sequential/symmetric-block";
    let (lab, node) = (lab.to_string_lossy(), node.to_string_lossy());
    let text = output(
        &root(),
        &lab,
        &["nat", "--by", "dht", "--pairs", pairs, "--json", "--bin", &node],
    )?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    let pairs = report["pairs"].as_array().map(Vec::as_slice).unwrap_or_default();
    if pairs.len() != 3 || pairs.iter().any(|pair| pair["failed"] != 0) {
        bail!("not every pair met: {report}");
    }
    Ok(())
}

fn text_of(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn needed() -> Result<()> {
    if !prerequisites::network_lab_here() {
        bail!("tests in network namespaces need Linux, and root or user namespaces that are allowed");
    }
    prerequisites::network_lab()
}

fn build() -> Result<PathBuf> {
    run(&root(), &cargo(), &["build", "--workspace", "--bin", "lab"])?;
    Ok(target()?
        .join("debug")
        .join(format!("lab{}", std::env::consts::EXE_SUFFIX)))
}

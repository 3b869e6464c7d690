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

/// Builds the lab, for `nat` also the node, and passes the arguments on.
pub fn lab(arguments: &[String]) -> Result<ExitCode> {
    if prerequisites::network_lab_here() {
        prerequisites::network_lab()?;
    }
    // Elsewhere the lab itself says what is missing.
    let mut command = Command::new(build()?);
    command.args(arguments);
    let own = arguments.iter().any(|argument| argument == "--bin");
    if arguments
        .first()
        .is_some_and(|first| first == "nat" || first == "doctor" || first == "mapping")
        && !own
    {
        // The lab needs no dashboard; one that is there is embedded.
        web::leave_out()?;
        command.arg("--bin").arg(up::build(false)?);
    }
    let status = command.status().context("cannot run the lab")?;
    // The lab's own codes tell bad usage from failure.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
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
const PAIRS: [(&str, bool); 5] = [
    ("port-restricted/port-restricted", true),
    ("full-cone/symmetric-block", true),
    ("cgnat/address-restricted", true),
    ("symmetric-random/port-restricted", false),
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
    run(&root(), &cargo(), &["build", "--package", "lab"])?;
    Ok(target()?
        .join("debug")
        .join(format!("lab{}", std::env::consts::EXE_SUFFIX)))
}

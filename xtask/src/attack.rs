//! `cargo xtask attack`: the attack suite in `e2e/attack/`, with the node of this tree. Only prepares and starts it.

use crate::{
    prerequisites,
    run::{cargo, root, run},
    up, web,
};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Passes the arguments on; the suite's own code says whether all held.
pub fn attack(arguments: &[String]) -> Result<ExitCode> {
    let status = prepared()?.args(arguments).status().context(CANNOT)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

const CANNOT: &str = "cannot run the attack suite";

/// Prepares everything that the suite needs; answers how it is started.
fn prepared() -> Result<Command> {
    if !prerequisites::network_lab_here() {
        bail!("the attack suite makes network namespaces: it needs Linux, and root");
    }
    prerequisites::network_lab()?;
    prerequisites::node()?;
    let chromium = prerequisites::chromium()?;
    let folder = root().join("e2e");
    web::build()?;
    let program = up::build(false)?;
    run(&root(), &cargo(), &["build", "--workspace", "--example", "guests"])?;
    web::install(&folder)?;
    let mut suite = Command::new("node");
    suite
        .arg(folder.join("attack").join("main.mjs"))
        .env("GUESTS", guests(&program))
        .env("HEDGEROW_BIN", program)
        .env("CHROMIUM", chromium);
    Ok(suite)
}

/// What makes components and runs them without limits, beside the program.
fn guests(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(program);
    folder
        .join("examples")
        .join(format!("guests{}", std::env::consts::EXE_SUFFIX))
}

/// What the suite says of one attack; more is in its table.
#[derive(Deserialize)]
struct Attack {
    id: String,
    tier: String,
    ran: bool,
    blocked: bool,
    control_leaked: bool,
    #[serde(default)]
    evidence: serde_json::Value,
    #[serde(default)]
    failed: Option<String>,
    #[serde(default)]
    leaks: Vec<String>,
}

#[derive(Deserialize)]
struct Report {
    tests: Vec<Attack>,
}

/// A step for `cargo xtask test`: every attack ran, none got through, and each gets through where nothing protects. In one
/// tier: all of them take longer than a build machine has. A failure names the attacks: it is the last that a long log shows.
pub fn step() -> Result<()> {
    let mut suite = prepared()?;
    let output = suite
        .args(["--tier", "strict", "--json"])
        .stderr(Stdio::inherit())
        .output()
        .context(CANNOT)?;
    let report: Report = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("the attack suite ended with {} and no report", output.status))?;
    let failures = report.tests.iter().filter_map(failure).collect::<Vec<_>>();
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    if !output.status.success() {
        bail!("the attack suite ended with {}", output.status);
    }
    Ok(())
}

/// What is wrong with an attack, or none when it held.
fn failure(attack: &Attack) -> Option<String> {
    let wrong = match (attack.ran, attack.blocked, attack.control_leaked) {
        (true, true, true) => return None,
        (_, false, _) if attack.ran || attack.failed.is_none() => "got through",
        (false, ..) | (_, false, _) => "did not run",
        (_, _, false) => "proved nothing: its control did not leak",
    };
    let mut line = format!("{} ({}) {wrong}", attack.id, attack.tier);
    for more in [
        &attack.evidence.to_string(),
        attack.failed.as_deref().unwrap_or_default(),
        &attack.leaks.join(", "),
    ] {
        if !more.is_empty() && more != "null" {
            line += &format!(" [{}]", more.chars().take(200).collect::<String>());
        }
    }
    Some(line)
}

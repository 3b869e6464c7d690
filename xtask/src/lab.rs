//! `cargo xtask lab`: the network lab in `lab/`, with the node of this tree.

use crate::{
    prerequisites,
    run::{cargo, root, run, target},
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
    if arguments.first().is_some_and(|first| first == "nat") && !own {
        // The lab needs no dashboard; one that is there is embedded.
        web::leave_out()?;
        command.arg("--bin").arg(up::build(false)?);
    }
    let status = command.status().context("cannot run the lab")?;
    // The lab's own codes tell bad usage from failure.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A step for `cargo xtask test`: the lab's proof of itself, where it can run.
#[expect(dead_code, reason = "becomes a step once nodes reach each other behind NATs")]
pub fn lab_step() -> Result<()> {
    if !prerequisites::network_lab_here() {
        return Ok(());
    }
    if lab(&["check".to_owned()])? != ExitCode::SUCCESS {
        bail!("the lab's NATs or links are not what they are called");
    }
    Ok(())
}

fn build() -> Result<PathBuf> {
    run(&root(), &cargo(), &["build", "--package", "lab"])?;
    Ok(target()?
        .join("debug")
        .join(format!("lab{}", std::env::consts::EXE_SUFFIX)))
}

//! `cargo xtask attack`: the attack suite in `e2e/attack/`, with the node of this tree. Only prepares and starts it.

use crate::{prerequisites, run::root, up, web};
use anyhow::{Context, Result, bail};
use std::process::{Command, ExitCode};

/// Prepares everything and passes the arguments on; the suite's own code says whether all held.
pub fn attack(arguments: &[String]) -> Result<ExitCode> {
    if !prerequisites::network_lab_here() {
        bail!("the attack suite makes network namespaces: it needs Linux, and root");
    }
    prerequisites::network_lab()?;
    prerequisites::node()?;
    let chromium = prerequisites::chromium()?;
    let folder = root().join("e2e");
    web::build()?;
    let program = up::build(false)?;
    web::install(&folder)?;
    let status = Command::new("node")
        .arg(folder.join("attack").join("main.mjs"))
        .args(arguments)
        .env("HEDGEROW_BIN", program)
        .env("CHROMIUM", chromium)
        .status()
        .context("cannot run the attack suite")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A step for `cargo xtask test`: every attack ran, none got through, and each gets through where nothing protects. In one
/// tier: all of them take longer than a build machine has.
pub fn step() -> Result<()> {
    let arguments = ["--tier", "strict"].map(String::from);
    if attack(&arguments)? != ExitCode::SUCCESS {
        bail!("an attack got through, did not run, or proved nothing");
    }
    Ok(())
}

//! `cargo xtask attack`: the attack suite in `e2e/attack/`, with the node of this tree. Only prepares and starts it.

use crate::{
    prerequisites,
    run::{cargo, root, run},
    up, web,
};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

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
    run(&root(), &cargo(), &["build", "--workspace", "--example", "guests"])?;
    web::install(&folder)?;
    let status = Command::new("node")
        .arg(folder.join("attack").join("main.mjs"))
        .args(arguments)
        .env("GUESTS", guests(&program))
        .env("HEDGEROW_BIN", program)
        .env("CHROMIUM", chromium)
        .status()
        .context("cannot run the attack suite")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What makes components and runs them without limits, beside the program.
fn guests(program: &Path) -> PathBuf {
    let folder = program.parent().unwrap_or(program);
    folder
        .join("examples")
        .join(format!("guests{}", std::env::consts::EXE_SUFFIX))
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

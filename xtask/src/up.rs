//! `cargo xtask up`: from a clean clone to a running node in one command.

use crate::{
    run::{cargo, root, run, target},
    web,
};
use anyhow::{Context, Result};
use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Builds what is out of date and runs `hedgerow up` with `arguments`.
pub fn up(release: bool, headless: bool, arguments: &[String]) -> Result<ExitCode> {
    if headless {
        web::leave_out()?;
    } else {
        web::build()?;
    }
    let program = build(release)?;
    let mut command = Command::new(program);
    command.arg("up").args(arguments);
    if headless && !arguments.iter().any(|a| a == "--no-browser") {
        command.arg("--no-browser");
    }
    let status = command.status().context("cannot run hedgerow")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the program; answers where it is.
pub fn build(release: bool) -> Result<PathBuf> {
    let mut arguments = vec!["build", "--workspace", "--bin", "hedgerow"];
    if release {
        arguments.push("--release");
    }
    run(&root(), &cargo(), &arguments)?;
    let folder = target()?.join(if release { "release" } else { "debug" });
    Ok(folder.join(format!("hedgerow{}", std::env::consts::EXE_SUFFIX)))
}

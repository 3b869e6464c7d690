//! `cargo xtask authoring`: background parts in every language that `widget new --component` offers, built as their own
//! pages say and run by a node. Only prepares and starts it: `e2e/authoring.mjs`.

use crate::{
    prerequisites,
    run::{root, target},
    up, web,
};
use anyhow::{Context, Result};
use std::process::{Command, ExitCode};

/// Prepares everything and passes the arguments on.
pub fn authoring(arguments: &[String]) -> Result<ExitCode> {
    prerequisites::node()?;
    web::leave_out()?;
    let program = up::build(false)?;
    let folder = root().join("e2e");
    web::install(&folder)?;
    let status = Command::new("node")
        .arg(folder.join("authoring.mjs"))
        .args(arguments)
        .env("HEDGEROW_BIN", program)
        .env("AUTHORING_TOOLS", target()?.join("authoring"))
        .status()
        .context("cannot run Node.js")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

//! The rules of the house that a machine can check (ARCHITECTURE.md, "Rules"). Also a test of this crate.

mod layers;
mod links;
mod measure;
mod names;
mod purity;
mod ratchet;
mod readers;
mod tree;
mod unsound;
mod wire;

#[cfg(test)]
mod tests;

use crate::run::root;
use anyhow::{Result, bail};
use std::process::ExitCode;
use tree::Tree;

/// The command: checks, or records the present excesses.
pub fn command(record: bool) -> Result<ExitCode> {
    if record {
        let tree = Tree::read(&root())?;
        ratchet::record(&tree)?;
        println!("wrote {}", ratchet::FILE);
        return Ok(ExitCode::SUCCESS);
    }
    check()?;
    println!("tidy");
    Ok(ExitCode::SUCCESS)
}

/// Checks everything; the error lists all that is wrong, one a line.
pub fn check() -> Result<()> {
    let tree = Tree::read(&root())?;
    let mut problems = layers::problems(&tree)?;
    problems.extend(unsound::problems(&tree));
    problems.extend(purity::problems(&tree));
    problems.extend(ratchet::problems(&tree)?);
    problems.extend(readers::problems(&tree));
    problems.extend(wire::problems(&tree));
    problems.extend(names::problems(&tree));
    problems.extend(links::problems(&tree));
    if problems.is_empty() {
        return Ok(());
    }
    problems.sort();
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    bail!("{} things are not tidy", problems.len())
}

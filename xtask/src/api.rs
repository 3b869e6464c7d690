//! What is generated from `crates/api`: types for the dashboard, pages for people.

use crate::run::{cargo, output, root, run, target};
use anyhow::{Context, Result, bail};
use std::fs;

const GENERATOR: &str = "hedgerow-api-gen";
const GENERATED: [(&str, &str); 5] = [
    ("typescript", "web/src/api/types.ts"),
    ("typescript", "sdk/js/types.d.ts"),
    ("openrpc", "docs/api/openrpc.json"),
    ("wit", "docs/api/hedgerow.wit"),
    ("markdown", "docs/api/methods.md"),
];

/// Regenerates the files, or (`check`) fails when one differs from what would be generated.
pub fn api(check: bool) -> Result<()> {
    let mut stale = Vec::new();
    // Of the whole workspace: alone, it would be built with other features, and all that it uses once more.
    run(&root(), &cargo(), &["build", "--workspace", "--bin", GENERATOR])?;
    let generator = target()?
        .join("debug")
        .join(format!("{GENERATOR}{}", std::env::consts::EXE_SUFFIX));
    let generator = generator.to_str().context("the path is not Unicode text")?;
    for (kind, path) in GENERATED {
        let text = output(&root(), generator, &[kind])?;
        let target = root().join(path);
        if fs::read_to_string(&target).is_ok_and(|present| present == text) {
            continue;
        }
        if check {
            stale.push(path);
        } else {
            fs::create_dir_all(target.parent().unwrap_or(&target))?;
            fs::write(&target, text)?;
            println!("wrote {path}");
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `cargo xtask api`", stale.join(", "));
    }
    Ok(())
}

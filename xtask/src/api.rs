//! What is generated from `crates/api`: types for the dashboard, pages for people.

use crate::run::{cargo, output, root};
use anyhow::{Result, bail};
use std::fs;

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
    for (kind, path) in GENERATED {
        let arguments = [
            "run",
            "--quiet",
            "--package",
            "hedgerow-api",
            "--bin",
            "hedgerow-api-gen",
            "--",
            kind,
        ];
        let text = output(&root(), &cargo(), &arguments)?;
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

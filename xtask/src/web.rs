//! The parts that npm builds: the dashboard in `web/` and the starter widgets in `widgets/`. What they produce
//! (`web/dist`, `widgets/dist`) is embedded when the program is compiled, so they are built first.

use crate::{
    prerequisites,
    run::{root, run},
};
use anyhow::{Context, Result};
use std::{fs, path::Path, time::SystemTime};

/// Folders with a `package.json`, each with its output in `dist`.
pub const PARTS: [&str; 2] = ["web", "widgets"];

/// Builds whatever is older than what it is made from.
pub fn build() -> Result<()> {
    prerequisites::node()?;
    for part in PARTS {
        build_part(&root().join(part))?;
    }
    Ok(())
}

/// Makes the empty output folders of a program without a dashboard.
pub fn leave_out() -> Result<()> {
    for part in PARTS {
        fs::create_dir_all(root().join(part).join("dist"))?;
    }
    Ok(())
}

fn build_part(folder: &Path) -> Result<()> {
    let dist = folder.join("dist");
    if !folder.join("package.json").exists() {
        fs::create_dir_all(&dist)?;
        return Ok(());
    }
    install(folder)?;
    let inputs = newest(folder)?;
    let outputs = newest_of(&dist, &[])?;
    if outputs.is_some() && inputs <= outputs {
        return Ok(());
    }
    run(folder, "npm", &["run", "build"])
}

/// `npm ci`, unless exactly this was installed before.
pub fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    if !lock.exists() {
        return if has_dependencies(folder)? {
            run(folder, "npm", &["install"])
        } else {
            Ok(())
        };
    }
    let stamp = folder.join("node_modules/.hedgerow-installed");
    let wanted = fs::read(&lock)?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run(folder, "npm", &["ci", "--no-audit", "--no-fund"])?;
    fs::create_dir_all(folder.join("node_modules"))?;
    fs::write(&stamp, wanted).context("cannot note what was installed")
}

fn has_dependencies(folder: &Path) -> Result<bool> {
    let package: serde_json::Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
    let any = |key: &str| package[key].as_object().is_some_and(|d| !d.is_empty());
    Ok(any("dependencies") || any("devDependencies"))
}

/// Whether a folder's `package.json` has a script.
pub fn has_script(folder: &Path, script: &str) -> bool {
    let package = fs::read(folder.join("package.json")).unwrap_or_default();
    serde_json::from_slice::<serde_json::Value>(&package).is_ok_and(|p| p["scripts"][script].is_string())
}

fn newest(folder: &Path) -> Result<Option<SystemTime>> {
    newest_of(folder, &["dist", "node_modules", "test-results"])
}

fn newest_of(folder: &Path, skipped: &[&str]) -> Result<Option<SystemTime>> {
    let mut newest = None;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            if skipped.iter().any(|s| entry.file_name() == *s) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                newest = newest.max(Some(entry.metadata()?.modified()?));
            }
        }
    }
    Ok(newest)
}

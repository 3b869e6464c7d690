//! Running other programs from the root of the project.

use anyhow::{Context, Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

/// The root of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs this.
pub fn cargo() -> String {
    env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Whether cargo builds our own crates with clippy's compiler from now on.
static LINTED: AtomicBool = AtomicBool::new(false);

/// From now on our own crates are built by clippy's compiler, and a warning is an error; or no longer. `cargo clippy` itself
/// only checks, and so goes through all libraries of others once more, which takes a build machine minutes.
pub fn lint_what_is_built(on: bool) {
    LINTED.store(on, Ordering::Relaxed);
}

/// What `cargo clippy` would set.
fn lints() -> &'static [(&'static str, &'static str)] {
    match LINTED.load(Ordering::Relaxed) {
        true => &[
            ("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"),
            ("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__"),
        ],
        false => &[],
    }
}

/// Where cargo puts what it builds.
pub fn target() -> Result<PathBuf> {
    let text = output(&root(), &cargo(), &["metadata", "--format-version=1", "--no-deps"])?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target folder")?;
    Ok(folder.into())
}

/// Runs a program in a folder and passes its output through, to standard error: ours is for results. Fails when it fails.
pub fn run(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    run_with(folder, program, arguments, &[])
}

/// As [`run`], with more environment variables.
pub fn run_with(folder: &Path, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    eprintln!("$ {program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    without_our_package(&mut command);
    let status = command
        .args(arguments)
        .envs(lints().iter().chain(environment).copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{program} {} failed ({status})", arguments.join(" "));
    }
    Ok(())
}

/// Cargo tells us of our own package. Build scripts of others (ring's) begin anew when those words change, so that each
/// change between `cargo` and `cargo xtask` would build half the dependencies again.
fn without_our_package(command: &mut Command) {
    let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
}

/// What a program prints; fails when it fails.
pub fn output(folder: &Path, program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} {} failed ({})", arguments.join(" "), output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Where a program is, if it is on the path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .flat_map(|folder| [folder.join(program), folder.join(format!("{program}.exe"))])
        .find(|candidate| candidate.is_file())
}

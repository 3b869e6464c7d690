//! What must be on the machine. As root on a Debian-like machine it is installed, else a sentence says what to install.

use crate::run::{find, output, root, run_with};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Oldest Node.js that builds the dashboard (the bundler's demand): major and minor.
const NODE: (u32, u32) = (20, 19);

/// Node.js and npm, new enough.
pub fn node() -> Result<()> {
    let advice = "install Node.js 20.19 or newer with npm (https://nodejs.org, or your system's packages), or leave the \
                  dashboard out with `cargo xtask up --headless`";
    if find("node").is_none() || find("npm").is_none() {
        install(&["nodejs", "npm"]).with_context(|| format!("Node.js is missing; {advice}"))?;
    }
    let version = output(&root(), "node", &["--version"])?;
    let mut numbers = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .map(|n| n.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < NODE {
        bail!("Node.js {} is too old; {advice}", version.trim());
    }
    Ok(())
}

/// The formatter and the linter, which a small Rust installation leaves out.
pub fn rust_tools() -> Result<()> {
    let there = |tool: &str| output(&root(), &crate::run::cargo(), &[tool, "--version"]).is_ok();
    if there("fmt") && there("clippy") {
        return Ok(());
    }
    if find("rustup").is_none() {
        bail!("rustfmt or clippy is missing; install them with your Rust");
    }
    run_with(&root(), "rustup", &["component", "add", "rustfmt", "clippy"], &[])
}

/// A Chromium, for the tests in a browser.
pub fn chromium() -> Result<PathBuf> {
    if find_chromium().is_none() {
        install(&["chromium"]).context("Chromium is missing; install it, or name one in the variable CHROMIUM")?;
    }
    find_chromium().context("Chromium was installed but is not found; name it in the variable CHROMIUM")
}

fn find_chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from).filter(|p| p.is_file());
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    named.or_else(|| names.iter().find_map(|name| find(name)))
}

/// Whether network namespaces can be made here.
pub fn network_lab_here() -> bool {
    cfg!(target_os = "linux") && is_root()
}

/// What the examples are made with: Python, and the tools of the one in shell.
pub fn examples() -> Result<()> {
    let programs = [("python3", "python3"), ("socat", "socat"), ("jq", "jq")];
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// Tools for the tests in network namespaces: needed only where they can run, as root on Linux.
pub fn network_lab() -> Result<()> {
    if !network_lab_here() {
        eprintln!("not root on Linux: tests in network namespaces are left out");
        return Ok(());
    }
    let programs = [
        ("nft", "nftables"),
        ("ip", "iproute2"),
        // A real router's port mapping.
        ("miniupnpd", "miniupnpd-nftables"),
        // Clocks that are wrong.
        ("faketime", "faketime"),
    ];
    let missing: Vec<_> = programs
        .into_iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| package)
        .collect();
    if missing.is_empty() { Ok(()) } else { install(&missing) }
}

/// Makes sure that nextest is there; answers whether it is.
pub fn nextest() -> bool {
    if find("cargo-nextest").is_some() {
        return true;
    }
    let cargo = crate::run::cargo();
    // Outside the project's folder: its target folder and settings have nothing to do with this.
    let installed = run_with(
        &std::env::temp_dir(),
        &cargo,
        &["install", "cargo-nextest", "--locked"],
        &[],
    );
    installed.is_ok()
}

fn install(packages: &[&str]) -> Result<()> {
    if !is_root() || find("apt-get").is_none() {
        bail!("please install: {}", packages.join(", "));
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    // An out-of-date list names files that are gone; failing to refresh it is not yet a failure to install.
    let _ = run_with(&root(), "apt-get", &["update", "-qq"], &quiet);
    let mut arguments = vec!["install", "-y", "-qq", "--no-install-recommends"];
    arguments.extend(packages);
    run_with(&root(), "apt-get", &arguments, &quiet)
}

fn is_root() -> bool {
    cfg!(unix) && output(&root(), "id", &["-u"]).is_ok_and(|id| id.trim() == "0")
}

//! Builds the guided program. Counters are put into what is looked at and not into the rest of what is linked (the engine
//! of the network, the translator, the database): libFuzzer looks through all of them after each run, and with a million it
//! is ten times slower. Cargo has no flags for single packages on the stable channel, so this program stands in for the
//! compiler and adds them.

use crate::run::{cargo, output, root};
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// Set while this program stands in for the compiler.
const STAND_IN: &str = "HEDGEROW_FUZZ_COMPILER";

/// What is looked at: crates whose names begin so.
const COUNTED: &[&str] = &[
    "hedgerow",
    "minicbor",
    "data_encoding",
    "zip",
    "zlib_rs",
    "flate2",
    "toml",
    "winnow",
    "serde",
    "regex",
    "wasmparser",
    "wasmi",
    "uuid",
    "url",
    "semver",
    "unicode_security",
    "bip39",
];

/// What cargo-fuzz gives the compiler for libFuzzer without a sanitizer.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Compiles, if this program was started in the compiler's place: the first argument is the real one.
pub fn as_compiler() -> Option<ExitCode> {
    std::env::var_os(STAND_IN)?;
    let mut arguments = std::env::args_os().skip(1);
    let compiler = arguments.next()?;
    let arguments: Vec<_> = arguments.collect();
    let named = |at: usize| arguments.get(at + 1).and_then(|name| name.to_str());
    let name = arguments.iter().position(|a| a == "--crate-name").and_then(named);
    // Build scripts and macros run here and now, and are built without a target.
    let counted = arguments.iter().any(|a| a == "--target")
        && name.is_some_and(|name| COUNTED.iter().any(|begin| name.starts_with(begin)));
    let status = Command::new(compiler)
        .args(&arguments)
        .args(if counted { FLAGS } else { &[] })
        .status()
        .ok()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Builds `fuzz/guided` and says where it is.
pub fn build(folder: &Path) -> Result<PathBuf> {
    let package = root().join("fuzz/guided");
    let version = output(&root(), "rustc", &["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not name its host")?;
    let ourselves = std::env::current_exe().context("cannot name this program")?;
    eprintln!("building fuzz/guided; the first time takes some minutes");
    // Not `--locked`: its lock file follows whenever a crate of the program takes up another dependency.
    let status = Command::new(cargo())
        .args(["build", "--release", "--target", host])
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", folder.join("build"))
        .env("RUSTC_WRAPPER", ourselves)
        .env(STAND_IN, "1")
        .env_remove("RUSTFLAGS")
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("fuzz/guided could not be built (it needs a C++ compiler)");
    }
    Ok(folder.join("build").join(host).join("release").join("guided"))
}

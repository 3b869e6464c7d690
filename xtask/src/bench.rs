//! `cargo xtask bench`: the numbers that the project promises, measured on a release build.
//!
//! A benchmark is a program of the workspace that prints one JSON object on standard output:
//! `{"<number>": {"median": 1.0, "min": 0.9, "max": 1.4, "unit": "ms", "target": 20.0, "ok": true}, …}`.

use crate::{
    run::{cargo, output, root},
    up, web,
};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::process::ExitCode;

/// A benchmark: its name, and the package and program that cargo runs for it.
struct Bench {
    name: &'static str,
    package: &'static str,
    program: &'static str,
}

/// Every benchmark. Added here as each is written.
const BENCHES: &[Bench] = &[];

/// Runs all benchmarks, or the named one. Fails when a number misses its target.
pub fn bench(json: bool, name: Option<&str>) -> Result<ExitCode> {
    let chosen: Vec<_> = BENCHES.iter().filter(|b| name.is_none_or(|n| n == b.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|b| b.name).collect();
        bail!(
            "there is no such benchmark; there are: {}",
            if names.is_empty() {
                "none yet".into()
            } else {
                names.join(", ")
            }
        );
    }
    web::build()?;
    let hedgerow = up::build(true)?;
    let mut all = Map::new();
    for bench in chosen {
        eprintln!("== {}", bench.name);
        let program = hedgerow.to_str().context("the path is not Unicode text")?;
        let arguments = [
            "run",
            "--release",
            "--quiet",
            "--package",
            bench.package,
            "--bin",
            bench.program,
            "--",
            program,
        ];
        let text = output(&root(), &cargo(), &arguments)?;
        let Value::Object(numbers) = serde_json::from_str(&text)? else {
            bail!("{} did not print a JSON object", bench.name);
        };
        all.extend(numbers);
    }
    let missed: Vec<_> = all
        .iter()
        .filter(|(_, n)| n["ok"] == Value::Bool(false))
        .map(|(n, _)| n.clone())
        .collect();
    if json {
        println!("{}", Value::Object(all));
    } else {
        for (name, n) in &all {
            let ok = if n["ok"] == Value::Bool(false) { "missed" } else { "" };
            println!(
                "{name:36} {} {} ({} to {}), target {} {ok}",
                n["median"],
                text(&n["unit"]),
                n["min"],
                n["max"],
                n["target"]
            );
        }
    }
    Ok(if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

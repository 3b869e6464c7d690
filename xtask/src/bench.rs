//! `cargo xtask bench`: the numbers that the project promises, measured on a release build.
//!
//! A benchmark is a program of the workspace that prints one JSON object on standard output:
//! `{"<number>": {"median": 1.0, "min": 0.9, "max": 1.4, "unit": "ms", "target": 20.0, "ok": true}, …}`.

use crate::{
    lab, prerequisites,
    run::{cargo, output, root},
    up, web,
};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::process::ExitCode;

/// A benchmark's program.
enum Program {
    /// An example of a package.
    Example(&'static str, &'static str),
    /// A script for Node.js, given the path of the program; it needs a browser.
    Script(&'static str),
    /// Looking up, in the network lab.
    Lookup,
}

/// Every benchmark, with its name.
const BENCHES: &[(&str, Program)] = &[
    ("search", Program::Example("hedgerow-store", "search")),
    ("sync", Program::Example("hedgerow-sync", "speed")),
    ("overlay", Program::Example("hedgerow-overlay", "messages")),
    ("validator", Program::Example("hedgerow-sandbox", "validator")),
    ("component", Program::Example("hedgerow-sandbox", "component")),
    ("net", Program::Example("hedgerow-net", "bulk")),
    ("lookup", Program::Lookup),
    ("node", Program::Script("e2e/bench/node.mjs")),
    ("doors", Program::Script("e2e/bench/doors.mjs")),
    ("events", Program::Script("e2e/bench/events.mjs")),
    ("many", Program::Script("e2e/bench/many.mjs")),
];

/// Runs all benchmarks, or the named one. Fails when a number misses its target.
pub fn bench(json: bool, name: Option<&str>) -> Result<ExitCode> {
    if name == Some("messaging") {
        return crate::messaging::messaging(json);
    }
    let chosen: Vec<_> = BENCHES
        .iter()
        .filter(|(named, _)| name.is_none_or(|n| n == *named))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = BENCHES.iter().map(|(name, _)| *name).collect();
        bail!("there is no such benchmark; there are: messaging, {}", names.join(", "));
    }
    let mut all = Map::new();
    for (name, program) in chosen {
        eprintln!("== {name}");
        let text = match program {
            Program::Example(package, example) => {
                let arguments = [
                    "run",
                    "--release",
                    "--quiet",
                    "--package",
                    package,
                    "--example",
                    example,
                ];
                output(&root(), &cargo(), &arguments)?
            }
            Program::Lookup => lab::lookup_numbers()?,
            Program::Script(script) => {
                web::build()?;
                let hedgerow = up::build(true)?;
                prerequisites::chromium()?;
                web::install(&root().join("e2e"))?;
                let program = hedgerow.to_str().context("the path is not Unicode text")?;
                output(&root(), "node", &[script, program])?
            }
        };
        let Value::Object(numbers) = serde_json::from_str(&text)? else {
            bail!("{name} did not print a JSON object");
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

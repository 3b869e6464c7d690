//! `cargo xtask bench messaging`: messages to all, ours beside gossipsub and iroh-gossip in one run
//! (`bench/peers/README.md` says what is measured).

use crate::{
    run::{cargo, output, root, run, target},
    up,
};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::{
    path::Path,
    process::{Command, ExitCode, Stdio},
};

/// Names in the output, programs, and whether it is ours.
const CONTESTANTS: [(&str, &str); 3] = [
    ("ours", "hedgerow-node"),
    ("gossipsub", "gossipsub"),
    ("iroh_gossip", "iroh-gossip"),
];

/// Builds all, measures one after the other and prints the figures. Fails when ours is not ahead.
pub fn messaging(json: bool) -> Result<ExitCode> {
    let hedgerow = up::build(true)?;
    let folder = target()?.join("peers");
    let folder_text = folder.to_str().context("the path is not Unicode text")?;
    let arguments = [
        "build",
        "--release",
        "--manifest-path",
        "bench/peers/Cargo.toml",
        "--target-dir",
        folder_text,
    ];
    run(&root(), &cargo(), &arguments)?;
    let mut all = Map::new();
    for (name, program) in CONTESTANTS {
        eprintln!("== {name}");
        let run = || measured(&folder.join("release").join(program), &hedgerow);
        // Others do not always find each other at the first attempt; that says nothing about their speed.
        let figures = run().or_else(|_| run()).or_else(|_| run());
        let figures = figures.unwrap_or_else(|error| json!({"error": format!("{error:#}")}));
        all.insert(name.into(), figures);
    }
    all.insert("load".into(), json!(load()));
    let ahead = all.get("ours").is_some_and(|ours| {
        let others = CONTESTANTS.iter().filter(|(name, _)| *name != "ours");
        others
            .filter_map(|(name, _)| all.get(*name))
            .all(|other| is_ahead(ours, other))
    });
    all.insert("ahead".into(), json!(ahead));
    if json {
        println!("{}", Value::Object(all));
    } else {
        for (name, _) in CONTESTANTS {
            let n = &all[name];
            println!("{name:12} {} messages/s, p99 {} ms", n["msgs_per_s"], n["p99_ms"]);
        }
    }
    Ok(if ahead { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a contestant once.
fn measured(program: &Path, hedgerow: &Path) -> Result<Value> {
    let output = Command::new(program)
        .args(["--nodes", "20", "--json"])
        .env("HEDGEROW_BIN", hedgerow)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8(output.stdout)?;
    serde_json::from_str(&text).context("it printed no figures")
}

/// More messages a second, and the slowest of a hundred faster.
fn is_ahead(ours: &Value, other: &Value) -> bool {
    let more = ours["msgs_per_s"].as_f64() > other["msgs_per_s"].as_f64();
    let sooner = ours["p99_ms"]
        .as_f64()
        .is_some_and(|ms| other["p99_ms"].as_f64().is_none_or(|o| ms < o));
    more && sooner
}

/// How busy the machine was, as it says itself.
fn load() -> String {
    let read = std::fs::read_to_string("/proc/loadavg")
        .or_else(|_| output(&root(), "uptime", &[]).map_err(std::io::Error::other));
    read.map(|text| text.trim().to_owned()).unwrap_or_default()
}

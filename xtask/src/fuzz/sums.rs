//! What all runs came to, kept beside the inputs that they found.

use super::guided::Outcome;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::Path;

const FILE: &str = "sums.json";

/// Sums over all runs, by target.
pub struct Sums(Map<String, Value>);

impl Sums {
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self(
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?,
            )),
            Err(_) => Ok(Self(Map::new())),
        }
    }

    /// Adds a run.
    pub fn add(folder: &Path, outcome: &Outcome) -> Result<()> {
        let mut sums = Self::read(folder)?;
        let old = sums.0.remove(&outcome.name).unwrap_or_default();
        let whole = |key: &str| old[key].as_u64().unwrap_or(0);
        let sum = json!({
            "executions": whole("executions") + outcome.executions,
            "cpu_seconds": old["cpu_seconds"].as_f64().unwrap_or(0.0) + outcome.cpu_seconds,
            "coverage": outcome.coverage.1.max(whole("coverage")),
            "corpus": outcome.corpus,
            "crashes": whole("crashes") + u64::from(outcome.crash.is_some()),
        });
        sums.0.insert(outcome.name.clone(), sum);
        let path = folder.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(&sums.0)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    pub fn print(&self, as_json: bool) {
        let sum = |key: &str| self.0.values().filter_map(|one| one[key].as_f64()).sum::<f64>();
        let all = json!({
            "cpu_hours": sum("cpu_seconds") / 3600.0, "executions": sum("executions") as u64,
            "crashes": sum("crashes") as u64, "targets": self.0,
        });
        if as_json {
            println!("{all:#}");
            return;
        }
        for (name, one) in &self.0 {
            println!(
                "{name:26} {:>12} runs, coverage {}, {} inputs, {:.0} s of CPU, {} found",
                one["executions"],
                one["coverage"],
                one["corpus"],
                one["cpu_seconds"].as_f64().unwrap_or(0.0),
                one["crashes"]
            );
        }
        println!(
            "{} targets, {:.2} hours of CPU",
            self.0.len(),
            sum("cpu_seconds") / 3600.0
        );
    }
}

/// Prints what this run came to.
pub fn print(outcomes: &[Outcome], as_json: bool) {
    let cpu: f64 = outcomes.iter().map(|o| o.cpu_seconds).sum();
    let crashes = outcomes.iter().filter(|o| o.crash.is_some()).count();
    if as_json {
        let targets: Vec<Value> = outcomes
            .iter()
            .map(|o| {
                json!({
                    "name": o.name, "executions": o.executions, "cpu_seconds": o.cpu_seconds,
                    "executions_per_second": (o.executions as f64 / o.seconds.max(0.001)) as u64,
                    "coverage_before": o.coverage.0, "coverage": o.coverage.1, "corpus": o.corpus, "peak_mb": o.peak_mb,
                    "crash": o.crash.as_ref().map(|(input, _)| input.display().to_string()),
                })
            })
            .collect();
        println!(
            "{:#}",
            json!({"cpu_hours": cpu / 3600.0, "crashes": crashes, "targets": targets})
        );
        return;
    }
    for outcome in outcomes {
        println!("{outcome}");
    }
    println!(
        "{} targets, {:.2} hours of CPU, {crashes} found",
        outcomes.len(),
        cpu / 3600.0
    );
}

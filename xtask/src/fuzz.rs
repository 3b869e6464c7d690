//! `cargo xtask fuzz`: the coverage-guided run over every decoder (`docs/fuzzing.md`). Builds `fuzz/guided` with libFuzzer on
//! the stable compiler, gives each target its time, and sums up.

mod build;
mod guided;
mod sums;

pub use build::as_compiler;

use crate::run::{root, target};
use anyhow::{Context, Result, bail};
use guided::{Outcome, Work};
use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What is asked for.
struct Asked {
    targets: Vec<String>,
    seconds: u64,
    jobs: usize,
    json: bool,
    keep: bool,
    report: bool,
}

impl Asked {
    fn read(arguments: &[String]) -> Result<Self> {
        let mut asked = Self {
            targets: Vec::new(),
            seconds: 60,
            jobs: 1,
            json: false,
            keep: false,
            report: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--target" => asked.targets.extend(value()?.split(',').map(str::to_owned)),
                "--seconds" => asked.seconds = value()?.parse().context("--seconds is a number")?,
                "--jobs" => asked.jobs = value()?.parse().context("--jobs is a number")?,
                "--json" => asked.json = true,
                "--keep" => asked.keep = true,
                "--report" => asked.report = true,
                other => bail!("{other} is not understood here"),
            }
        }
        Ok(asked)
    }
}

/// The command. Fails when a target did.
pub fn fuzz(arguments: &[String]) -> Result<ExitCode> {
    let asked = Asked::read(arguments)?;
    let folder = target()?.join("fuzz");
    if asked.report {
        sums::Sums::read(&folder)?.print(asked.json);
        return Ok(ExitCode::SUCCESS);
    }
    let work = Work::new(build::build(&folder)?, root().join("fuzz/corpus"), folder)?;
    let mut chosen = work.targets()?;
    if let Some(unknown) = asked
        .targets
        .iter()
        .find(|name| chosen.iter().all(|(known, _)| known != *name))
    {
        bail!("there is no target {unknown}; `cargo run -p hedgerow-fuzz -- list` shows all");
    }
    chosen.retain(|(name, _)| asked.targets.is_empty() || asked.targets.contains(name));
    let outcomes = all(&work, &chosen, asked.seconds, asked.jobs.max(1))?;
    if asked.keep {
        for (name, _) in &chosen {
            work.keep(name)?;
        }
    }
    sums::print(&outcomes, asked.json);
    let crashed = outcomes.iter().any(|outcome| outcome.crash.is_some());
    Ok(if crashed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Runs targets one after the other, so many at once, and adds each to the sums as soon as it is done.
fn all(work: &Work, targets: &[(String, usize)], seconds: u64, jobs: usize) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let one = || -> Result<()> {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = work.run(target, seconds)?;
            eprintln!("{outcome}");
            let mut done = outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            sums::Sums::add(&work.folder, &outcome)?;
            done.push(outcome);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(one)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a worker ended")))
    })?;
    Ok(outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

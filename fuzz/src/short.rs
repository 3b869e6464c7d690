//! The short run: every input of the corpus, then seeded changes of them, within a part of a second for each target.

use crate::{Target, chance::Chance, room};
use data_encoding::HEXLOWER;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a target is run, unless `HEDGEROW_FUZZ_MS` says otherwise, and how often at most.
const MS: u64 = 250;
const ROUNDS: u64 = 200_000;
/// A single input that takes longer is a finding, also on a busy machine.
const SLOWEST: Duration = Duration::from_secs(10);

/// The folder of the inputs that are kept.
pub fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Kept inputs of a target, in the order of their names.
pub fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let Ok(folder) = std::fs::read_dir(corpus_folder().join(target.name)) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

fn number(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Runs one target; says how often.
///
/// # Panics
/// With the input and how to run it again, when a promise does not hold.
pub fn run(target: &Target) -> u64 {
    let corpus = corpus(target);
    assert!(
        !corpus.is_empty(),
        "{}: no inputs; `cargo run -p hedgerow-fuzz -- seed` writes them",
        target.name
    );
    corpus.iter().for_each(|input| one(target, input, "kept input"));
    let seed = number("HEDGEROW_FUZZ_SEED", 2026);
    let end = Instant::now() + Duration::from_millis(number("HEDGEROW_FUZZ_MS", MS));
    let mut round = 0;
    while round < ROUNDS && Instant::now() < end {
        let input = Chance::new(seed, round).input(&corpus, target.max_len);
        one(target, &input, &format!("seed {seed}, round {round}"));
        round += 1;
    }
    round
}

fn one(target: &Target, input: &[u8], which: &str) {
    let begin = Instant::now();
    let held = catch_unwind(AssertUnwindSafe(|| room::within(target.room, || (target.run)(input))));
    let slow = begin.elapsed() > SLOWEST;
    if held.is_err() || slow {
        let what = if slow { "too slow" } else { "a promise does not hold" };
        let name = target.name;
        let hex = HEXLOWER.encode(input);
        panic!("{name}: {what} ({which}). Again: cargo run -p hedgerow-fuzz -- replay {name} --hex {hex}");
    }
}

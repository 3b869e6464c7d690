//! What it costs two peers to find how their records differ, with coded symbols ([`hedgerow_directory::riblt`]; W19, J6).
//!
//! Half of the differences are on either side. The one that asks gets symbols until all is found, and then asks for the
//! records that it lacks by their short ids. How many symbols that takes is chance (at a thousand differences .03 for each
//! either way), so it is counted in more sessions; what both have cancels out exactly, so those are of what differs only.

mod page;

#[cfg(test)]
mod tests;

use crate::PlanError;
use hedgerow_base::RecordId;
use hedgerow_directory::riblt::{Decoder, Encoder, Key, MAX_DIFFERENCES, Progress, Symbol};
use hedgerow_trust::Chance;
use serde::Serialize;

/// What is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Records of each side.
    pub records: usize,
    /// Records that only one of them has.
    pub differences: usize,
    /// Symbols that are asked for at once.
    pub batch: usize,
    /// Sessions over which symbols are counted; as many as are soon done, unless said.
    pub runs: Option<usize>,
    /// Of everything random.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            records: 100_000,
            differences: 100,
            batch: 1,
            runs: None,
            seed: 1,
        }
    }
}

impl Plan {
    /// Says what makes no sense, if anything does.
    ///
    /// # Errors
    /// [`PlanError`] with what is allowed.
    pub fn check(&self) -> Result<(), PlanError> {
        let wrong = match () {
            () if !(1..=5_000_000).contains(&self.records) => "records must be from 1 to 5000000",
            () if self.differences > MAX_DIFFERENCES => "differences must be from 0 to 8192",
            () if self.differences > self.records => "there cannot be more differences than records",
            () if !(1..=1_000).contains(&self.batch) => "batch must be from 1 to 1000",
            () if self.runs.is_some_and(|runs| !(1..=100_000).contains(&runs)) => "runs must be from 1 to 100000",
            () => return Ok(()),
        };
        Err(PlanError(wrong))
    }

    fn runs(&self) -> usize {
        self.runs
            .unwrap_or_else(|| (DIFFERENCES_IN_ALL / self.differences.max(1)).clamp(20, 1000))
    }
}

/// Differences in all sessions together, unless somebody says how many sessions.
const DIFFERENCES_IN_ALL: usize = 300_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Records of each side.
    pub records: usize,
    /// Records that only one of them has.
    pub differences: usize,
    /// Symbols that were asked for at once.
    pub batch: usize,
    /// Of everything random.
    pub seed: u64,
    /// Symbols sent.
    pub symbols: usize,
    /// Sessions over which symbols for each difference are counted.
    pub runs: usize,
    /// Symbols sent for each difference, on average over those sessions; none without a difference.
    pub symbols_per_difference: Option<f64>,
    /// The most of them.
    pub symbols_per_difference_max: Option<f64>,
    /// All symbols in CBOR, and eight bytes and a head for each record that is asked for.
    pub bytes: usize,
    /// What naming all records in full would take.
    pub bytes_of_all_ids: usize,
    /// Milliseconds in which both sides shorten all their ids.
    pub ms_shorten: f64,
    /// Milliseconds of making symbols, of one side.
    pub ms_encode: f64,
    /// Milliseconds of subtracting and peeling, of the other.
    pub ms_decode: f64,
    /// Whether exactly what differs was found; false: too different.
    pub found: bool,
}

/// Bytes of a symbol, as an array of three numbers in CBOR.
fn bytes_of(symbol: &Symbol) -> usize {
    1 + number(symbol.sum) + number(u64::from(symbol.check)) + number(symbol.count.unsigned_abs())
}

/// Bytes of a number in CBOR.
const fn number(of: u64) -> usize {
    match of {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// Lets one pair of peers do it. `seconds` is a clock.
///
/// # Errors
/// [`PlanError`] when the plan makes no sense.
pub fn run(plan: &Plan, seconds: &dyn Fn() -> f64) -> Result<Report, PlanError> {
    plan.check()?;
    let mut chance = Chance::new(plan.seed);
    let key = Key(wide(&mut chance));
    let id = |chance: &mut Chance| RecordId([wide(chance), wide(chance)].concat().try_into().unwrap_or_default());
    let all: Vec<RecordId> = (0..plan.records + plan.differences / 2)
        .map(|_| id(&mut chance))
        .collect();
    let (half, rest) = (plan.differences / 2, plan.differences - plan.differences / 2);
    let (begin, middle) = (seconds(), all.len() - half);
    let mut encoder = Encoder::new(key, all.iter().skip(rest).copied());
    let mut decoder = Decoder::new(key, all.iter().take(middle).copied());
    let shortened = seconds();
    let (mut encode, mut decode, mut bytes) = (0.0, 0.0, 0);
    let end = loop {
        let started = seconds();
        let symbols = encoder.next(plan.batch);
        let made = seconds();
        bytes += symbols.iter().map(bytes_of).sum::<usize>();
        let progress = decoder.add(&symbols);
        (encode, decode) = (encode + made - started, decode + seconds() - made);
        if progress != Progress::More || symbols.is_empty() {
            break progress;
        }
    };
    let found = match &end {
        Progress::Done { theirs, ours } => {
            bytes += theirs.len() * 9;
            theirs.len() == half && ours.iter().eq(all.iter().take(rest))
        }
        Progress::More | Progress::TooDifferent => false,
    };
    let differ: Vec<RecordId> = all.iter().take(rest).chain(all.iter().skip(middle)).copied().collect();
    let each: Vec<f64> = (0..plan.runs()).map(|_| symbols(plan, &differ, &mut chance)).collect();
    let some = plan.differences > 0;
    Ok(Report {
        records: plan.records,
        differences: plan.differences,
        batch: plan.batch,
        seed: plan.seed,
        symbols: decoder.taken(),
        runs: each.len(),
        symbols_per_difference: some.then(|| each.iter().sum::<f64>() / each.len() as f64),
        symbols_per_difference_max: some.then(|| each.iter().copied().fold(0.0, f64::max)),
        bytes,
        bytes_of_all_ids: plan.records * 32,
        ms_shorten: 1e3 * (shortened - begin),
        ms_encode: 1e3 * encode,
        ms_decode: 1e3 * decode,
        found,
    })
}

/// Symbols for each difference in a session of those that differ only, under another key.
fn symbols(plan: &Plan, differ: &[RecordId], chance: &mut Chance) -> f64 {
    let key = Key(wide(chance));
    let half = differ.len() / 2;
    let mut encoder = Encoder::new(key, differ.iter().take(half).copied());
    let mut decoder = Decoder::new(key, differ.iter().skip(half).copied());
    while !differ.is_empty() && decoder.add(&encoder.next(plan.batch)) == Progress::More {}
    decoder.taken() as f64 / differ.len().max(1) as f64
}

fn wide(chance: &mut Chance) -> [u8; 16] {
    (u128::from(chance.any()) << 64 | u128::from(chance.any())).to_le_bytes()
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let found = if self.found { "all found" } else { "too different" };
        let each = self.symbols_per_difference.map_or_else(String::new, |each| {
            format!("; {each:.3} for each on average over {} sessions", self.runs)
        });
        format!(
            "{} records, {} differences: {found}\n{} symbols, {} bytes (all ids: {}){each}\n\
            {:.1} ms to shorten all ids of both, {:.1} ms to make symbols, {:.1} ms to subtract and peel\n",
            self.records,
            self.differences,
            self.symbols,
            self.bytes,
            self.bytes_of_all_ids,
            self.ms_shorten,
            self.ms_encode,
            self.ms_decode
        )
    }
}

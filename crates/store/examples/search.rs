//! Search over 100,000 widgets: `cargo run --release -p hedgerow-store --example search`. Prints JSON for
//! `cargo xtask bench`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use hedgerow_base::{RecordId, WidgetId, hash::hash};
use hedgerow_store::{
    Store,
    directory::{HeadRow, SearchDocument},
};
use std::time::Instant;

const WIDGETS: u64 = 100_000;
const ROUNDS: usize = 9;
const QUERIES: usize = 500;
/// Different words in all texts.
const VOCABULARY: u64 = 20_000;

fn number(seed: u64, of: u64) -> u64 {
    let digest = hash("bench", &[&seed.to_le_bytes()]);
    u64::from_le_bytes(digest[..8].try_into().unwrap()) % of
}
/// A word that is as common as the `rank`th of a language (Zipf's law).
fn spelled(rank: u64) -> String {
    const SYLLABLES: [&str; 20] = [
        "ka", "to", "mi", "ren", "lo", "sa", "vi", "dor", "pe", "nu", "shi", "gar", "te", "ol", "an", "fe", "ru", "zi",
        "bo", "qui",
    ];
    let (mut rest, mut word) = (rank + 20, String::new());
    while rest > 0 {
        word.push_str(SYLLABLES[(rest % 20) as usize]);
        rest /= 20;
    }
    word
}
fn word(seed: u64) -> String {
    let uniform = number(seed, 1 << 52) as f64 / (1u64 << 52) as f64;
    spelled(((VOCABULARY as f64).powf(uniform) - 1.0) as u64)
}

fn filled(store: &Store) {
    store.begin().unwrap();
    for n in 0..WIDGETS {
        let id = hash("widget", &[&n.to_le_bytes()]);
        let text = |from: u64, count: u64| {
            (from..from + count)
                .map(|i| word(n * 100 + i))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let head = HeadRow {
            widget: WidgetId::from_genesis_digest(&id),
            release: RecordId(id),
            summary: vec![0; 300],
        };
        let name = format!("{} {n}", text(0, 2));
        let document = SearchDocument {
            name: &name,
            author: &text(2, 1),
            tags: &text(3, 3),
            categories: &[word(n * 100 + 6)],
            summary: &text(7, 8),
            description: &text(15, 40),
        };
        store.put_head(&head, n, n, &document).unwrap();
    }
    store.commit().unwrap();
}

/// What people type: beginnings of words, words, several words, the name of one widget, something that is not there.
fn query(n: u64) -> String {
    match n % 6 {
        0 => word(n)[..2].to_owned(),
        1 => word(n),
        2 => format!("{} {}", word(n), word(n + 1)),
        3 => format!("{} {} {}", word(n), word(n + 1), &word(n + 2)[..2]),
        4 => format!("{}", number(n, WIDGETS)),
        _ => "xylophone".to_owned(),
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let begun = Instant::now();
    filled(&store);
    let filling = begun.elapsed().as_secs_f64();
    let reader = store.reader().unwrap();
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let mut times: Vec<f64> = (0..QUERIES)
            .map(|n| {
                let text = query((round * QUERIES + n) as u64);
                let begun = Instant::now();
                reader.search(&text, None, 30, 0).unwrap();
                begun.elapsed().as_secs_f64() * 1000.0
            })
            .collect();
        times.sort_by(f64::total_cmp);
        rounds.push(times[QUERIES * 99 / 100]);
    }
    rounds.sort_by(f64::total_cmp);
    let (median, min, max) = (rounds[ROUNDS / 2], rounds[0], rounds[ROUNDS - 1]);
    println!(
        "{{\"search_p99_100000\": {{\"median\": {median:.3}, \"min\": {min:.3}, \"max\": {max:.3}, \"unit\": \"ms\", \"target\": 5.0, \"ok\": {}}}, \
         \"search_index_100000\": {{\"median\": {filling:.2}, \"min\": {filling:.2}, \"max\": {filling:.2}, \"unit\": \"s\"}}}}",
        median <= 5.0
    );
}

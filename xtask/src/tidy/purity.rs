//! L0 and L1 cannot read a clock, open a socket, start a thread or roll dice. Three fences: `#![no_std]` where it is
//! possible, a `clippy.toml` that bans the rest by type, and this search for names.

use super::{
    layers::{LAYERS, folder},
    measure::code,
    tree::{Tree, is_test},
};

/// Crates without the standard library: there the compiler is the proof.
const NO_STD: [&str; 9] = [
    "hedgerow-base",
    "hedgerow-wire",
    "hedgerow-directory",
    "hedgerow-files",
    "hedgerow-overlay",
    "hedgerow-secrets",
    "hedgerow-sync",
    "hedgerow-traverse",
    "hedgerow-trust",
];
/// Above L1, and yet only on virtual time.
const VIRTUAL: &str = "hedgerow-sim";
/// Names that no L0 or L1 source may hold outside tests.
const BANNED: [&str; 12] = [
    "std::time",
    "std::net",
    "std::fs",
    "std::thread",
    "std::process",
    "std::sync",
    "Instant::now",
    "SystemTime",
    "HashMap",
    "HashSet",
    "thread_local!",
    "async fn",
];
/// What a pure crate's `clippy.toml` must name.
const CLIPPY: [&str; 4] = [
    "std::time::SystemTime",
    "std::time::Instant",
    "std::collections::HashMap",
    "std::thread::spawn",
];

pub fn problems(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, layer) in LAYERS.iter().filter(|(name, layer)| *layer <= 1 || *name == VIRTUAL) {
        let folder = folder(name);
        if NO_STD.contains(name) {
            let lib = tree.files.get(&format!("{folder}/src/lib.rs"));
            if !lib.is_some_and(|text| text.lines().any(|line| line.trim() == "#![no_std]")) {
                problems.push(format!("{folder}/src/lib.rs: must say #![no_std]"));
            }
        }
        let clippy = tree
            .files
            .get(&format!("{folder}/clippy.toml"))
            .map(String::as_str)
            .unwrap_or_default();
        for banned in CLIPPY.iter().filter(|b| !clippy.contains(**b)) {
            problems.push(format!("{folder}/clippy.toml: must ban {banned} (L{layer})"));
        }
        for (path, text) in tree.below(&format!("{folder}/src/"), &[".rs"]) {
            if !is_test(path) && !path.contains("/src/bin/") {
                problems.extend(banned(path, text));
            }
        }
    }
    problems
}

/// The banned names in a source file, with their lines; comments and texts do not count.
pub fn banned(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let lines = code
        .lines()
        .enumerate()
        .take_while(|(_, line)| !line.contains("mod tests {"));
    let hits = lines.flat_map(|(at, line)| BANNED.iter().filter(|b| line.contains(**b)).map(move |b| (at, *b)));
    hits.map(|(at, name)| format!("{path}:{}: {name} in a pure crate", at + 1))
        .collect()
}

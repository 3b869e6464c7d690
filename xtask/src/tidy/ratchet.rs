//! Files of at most 500 lines, functions of at most 70. What is longer today is listed and may only shrink.

use super::{measure::functions, tree::Tree};
use anyhow::{Context, Result};
use std::{collections::BTreeMap, fs};

/// Where the present excesses are listed.
pub const FILE: &str = "xtask/ratchet.toml";
const MAX_FILE: usize = 500;
const MAX_FUNCTION: usize = 70;
/// What is written by hand and measured.
const SOURCES: [&str; 5] = [".rs", ".ts", ".svelte", ".js", ".mjs"];
/// What is made by a program.
const GENERATED: [&str; 2] = ["web/src/api/types.ts", "sdk/js/types.d.ts"];

type Lengths = BTreeMap<String, usize>;

pub fn problems(tree: &Tree) -> Result<Vec<String>> {
    let text = tree.files.get(FILE).map(String::as_str).unwrap_or_default();
    let listed: BTreeMap<String, Lengths> = toml::from_str(text).context(FILE)?;
    let none = Lengths::new();
    let (files, functions) = excesses(tree);
    let mut problems = longer(&files, listed.get("files").unwrap_or(&none), MAX_FILE);
    problems.extend(longer(
        &functions,
        listed.get("functions").unwrap_or(&none),
        MAX_FUNCTION,
    ));
    Ok(problems)
}

/// What is longer than it may be: more than the limit and more than what is listed.
pub fn longer(found: &Lengths, listed: &Lengths, limit: usize) -> Vec<String> {
    let grown = found
        .iter()
        .filter(|(name, lines)| **lines > listed.get(*name).copied().unwrap_or(limit));
    grown
        .map(|(name, lines)| {
            let allowed = listed.get(name).copied().unwrap_or(limit);
            format!("{name}: {lines} lines, at most {allowed}; split it by meaning")
        })
        .collect()
}

/// Writes the present excesses down.
pub fn record(tree: &Tree) -> Result<()> {
    let (files, functions) = excesses(tree);
    let mut text = String::from(
        "# Files over 500 lines and functions over 70 today. They may only shrink: written by `cargo xtask tidy --ratchet`,\n\
         # and a change that makes a number grow needs a reason in its review.\n",
    );
    for (title, lengths) in [("files", files), ("functions", functions)] {
        text.push_str(&format!("\n[{title}]\n"));
        for (name, lines) in lengths {
            text.push_str(&format!("\"{name}\" = {lines}\n"));
        }
    }
    fs::write(tree.root.join(FILE), text).context(FILE)
}

fn excesses(tree: &Tree) -> (Lengths, Lengths) {
    let (mut files, mut long) = (Lengths::new(), Lengths::new());
    for (path, text) in tree.below("", &SOURCES) {
        if GENERATED.contains(&path) || path.ends_with(".min.js") {
            continue;
        }
        let lines = text.lines().count();
        if lines > MAX_FILE {
            files.insert(path.to_owned(), lines);
        }
        if path.ends_with(".rs") {
            for (name, _, lines) in functions(text)
                .into_iter()
                .filter(|(_, _, lines)| *lines > MAX_FUNCTION)
            {
                let longest = long.entry(format!("{path}::{name}")).or_insert(0);
                *longest = lines.max(*longest);
            }
        }
    }
    (files, long)
}

//! Whatever reads bytes or texts from outside has a target in `fuzz/` (`docs/fuzzing.md`).

use super::tree::{Tree, is_test};

/// What readers are called.
const NAMES: [&str; 6] = ["from_bytes", "decode", "parse", "from_str", "in_message", "open"];
/// What their argument is.
const ARGUMENTS: [&str; 5] = [
    "bytes: &",
    "text: &",
    "bytes: Arc<[u8]>",
    "message: &[u8]",
    "method: &str",
];
/// Crates that read nothing from outside: what people type into their own terminal, and what simulations are given.
const WITHOUT: [&str; 2] = ["crates/hedgerow/src/cli/", "crates/sim/"];
/// Readers without a target, and why.
const NONE: &[(&str, &str)] = &[("Receiver", "a prefix, or a pseudonym, which has one")];

pub fn problems(tree: &Tree) -> Vec<String> {
    let targets: String = tree
        .below("fuzz/src/targets/", &[".rs"])
        .map(|(_, text)| text)
        .collect();
    let mut problems = Vec::new();
    for (path, text) in tree.below("crates/", &[".rs"]) {
        if is_test(path) || WITHOUT.iter().any(|without| path.starts_with(without)) {
            continue;
        }
        for (of, name) in readers(text) {
            let known = match name {
                // Read by `parse`, whatever the type calls it.
                "from_str" => {
                    targets.contains(&format!("parse::<{of}>")) || targets.contains(&format!("parses_back::<{of}>"))
                }
                _ => targets.contains(&format!("{of}::{name}")),
            };
            if !known && !NONE.iter().any(|(without, _)| *without == of) {
                problems.push(format!(
                    "{path}: {of}::{name} reads bytes or texts, and has no target in fuzz/"
                ));
            }
        }
    }
    problems
}

/// Types of a source file with the names of their readers.
pub fn readers(source: &str) -> Vec<(&str, &str)> {
    let (mut of, mut found) = ("", Vec::new());
    for line in source.lines() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        if let Some(rest) = line.strip_prefix("impl") {
            of = subject(rest);
        }
        let Some((before, after)) = line.split_once("fn ") else {
            continue;
        };
        let Some((name, arguments)) = after.split_once('(') else {
            continue;
        };
        let name = name.split('<').next().unwrap_or(name);
        let reads = NAMES.contains(&name) && ARGUMENTS.iter().any(|argument| arguments.starts_with(argument));
        let seen = before.contains("pub") || name == "from_str";
        if reads && seen && !of.is_empty() && line.starts_with("    ") {
            found.push((of, name));
        }
    }
    found
}

/// The type of `impl<'a> FromStr for Ticket {`.
fn subject(rest: &str) -> &str {
    let rest = rest.rsplit_once(" for ").map_or(rest, |(_, after)| after);
    let rest = match rest.strip_prefix('<') {
        Some(generic) => generic.split_once("> ").map_or(generic, |(_, after)| after),
        None => rest,
    };
    rest.trim_start().split(['<', ' ', '{']).next().unwrap_or_default()
}

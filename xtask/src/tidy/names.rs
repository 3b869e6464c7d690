//! Names that say nothing, and paths that only one machine knows.

use super::tree::Tree;

/// Modules are named by what they are.
const EMPTY: [&str; 6] = ["utils", "util", "common", "manager", "helpers", "misc"];
/// Where people's files live. In two parts, so that this file does not hold what it looks for.
const PLACES: [(&str, &str); 4] = [("/wo", "rk/"), ("/ho", "me/"), ("/ro", "ot/"), ("/Us", "ers/")];

pub fn problems(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in &tree.files {
        let stems = path.split('/').map(|part| part.split('.').next().unwrap_or_default());
        let source = [".rs", ".ts", ".js", ".mjs", ".svelte"]
            .iter()
            .any(|e| path.ends_with(e));
        if source && let Some(name) = stems.clone().find(|stem| EMPTY.contains(stem)) {
            problems.push(format!("{path}: {name} says nothing; name it by what it is"));
        }
        if !path.ends_with("-lock.json") {
            problems.extend(places(path, text));
        }
    }
    problems
}

/// Absolute paths of one machine, with their lines.
pub fn places(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for (first, second) in PLACES {
            let place = format!("{first}{second}");
            let alone = |i: usize| {
                let before = line.get(..i).and_then(|b| b.chars().next_back());
                before.is_none_or(|c| !(c.is_alphanumeric() || "/._-~}>*$".contains(c)))
            };
            if line.match_indices(&place).any(|(i, _)| alone(i)) {
                found.push(format!("{path}:{}: a path of one machine ({place})", at + 1));
            }
        }
    }
    found
}

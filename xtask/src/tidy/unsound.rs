//! One function of the program is beyond what the compiler proves; it stays one, and every other crate forbids more.

use super::{layers::folder, tree::Tree};

/// Where it is, and what it does.
const PLACE: (&str, &str) = ("crates/sandbox/src/component/trusted.rs", "Component::deserialize_file");
/// The crate with it. Its lints are those of the workspace, written out: `forbid` knows no exceptions.
const CRATE: &str = "hedgerow-sandbox";
/// The lint, in two parts, so that this file does not hold what it looks for.
const LINT: (&str, &str) = ("unsafe", "_code");

/// Why the lints of a crate are not as they should be.
pub fn lints(tree: &Tree, name: &str) -> Option<String> {
    let manifest = tree.files.get(&format!("{}/Cargo.toml", folder(name)));
    let text = manifest.map(String::as_str).unwrap_or_default();
    if name != CRATE {
        let inherits = text.contains("[lints]\nworkspace = true");
        return (!inherits).then(|| format!("{name}: its Cargo.toml does not inherit the lints of the workspace"));
    }
    let workspace = tree.files.get("Cargo.toml").map(String::as_str).unwrap_or_default();
    let all = workspace.lines().skip_while(|line| *line != "[workspace.lints.rust]");
    let all = all
        .take_while(|line| !line.starts_with("[profile"))
        .filter(|line| line.contains(" = "));
    let missing = all
        .map(|line| line.replace("\"forbid\"", "\"deny\""))
        .find(|line| !text.lines().any(|own| own == line));
    missing.map(|line| format!("{name}: its Cargo.toml lacks a lint of the workspace: {line}"))
}

/// Exceptions from the lint that are not the one.
pub fn problems(tree: &Tree) -> Vec<String> {
    let lint = format!("{}{}", LINT.0, LINT.1);
    let block = format!("{} {{", LINT.0);
    let mut problems = Vec::new();
    for (path, text) in tree.below("", &[".rs"]) {
        if path == PLACE.0 {
            let one = text.matches(&lint).count() == 1 && text.matches(&block).count() == 1 && text.contains(PLACE.1);
            if !one {
                problems.push(format!("{path}: holds one block, with {}, and nothing more", PLACE.1));
            }
        } else if path.starts_with("crates/") && text.contains(&lint) {
            problems.push(format!("{path}: names {lint}; only {} may", PLACE.0));
        }
    }
    problems
}

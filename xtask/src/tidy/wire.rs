//! Every protocol has a page for those who write another program, and vectors that hold its bytes still.

use super::tree::Tree;
use std::collections::BTreeSet;

pub fn problems(tree: &Tree) -> Vec<String> {
    let modules: BTreeSet<&str> = tree
        .below("crates/wire/src/", &[".rs"])
        .filter_map(|(path, _)| path.strip_prefix("crates/wire/src/"))
        .filter_map(|path| path.split('/').next())
        .map(|name| name.trim_end_matches(".rs"))
        .filter(|name| !["lib", "tests"].contains(name))
        .collect();
    let wanted = modules.iter().flat_map(|module| {
        [
            (format!("docs/wire/{module}.md"), "a page that describes it"),
            (format!("crates/wire/tests/golden_{module}.rs"), "golden vectors"),
        ]
    });
    wanted
        .filter(|(path, _)| !tree.has(path))
        .map(|(path, what)| format!("{path}: missing; a wire module has {what}"))
        .collect()
}

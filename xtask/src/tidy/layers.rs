//! Dependencies point down a layer, and each engine is named by one crate only.

use super::{tree::Tree, unsound};
use crate::run::{cargo, output};
use anyhow::Result;
use serde_json::Value;

/// Every crate and its layer. L0 words and frames, L1 pure cores, L2 the outside world, L3 composition, L4 the program.
pub const LAYERS: &[(&str, u8)] = &[
    ("hedgerow-base", 0),
    ("hedgerow-wire", 0),
    ("hedgerow-api", 0),
    ("hedgerow-bundle", 1),
    ("hedgerow-directory", 1),
    ("hedgerow-files", 1),
    ("hedgerow-overlay", 1),
    ("hedgerow-secrets", 1),
    ("hedgerow-sync", 1),
    ("hedgerow-traverse", 1),
    ("hedgerow-trust", 1),
    ("hedgerow-store", 2),
    ("hedgerow-net", 2),
    ("hedgerow-sandbox", 2),
    ("hedgerow-sim", 2),
    ("hedgerow-node", 3),
    ("hedgerow", 4),
];

/// Programs for those who work on the project. They ship nothing, so they have no layer, and no crate depends on them.
const TOOLS: [&str; 3] = ["hedgerow-fuzz", "lab", "xtask"];

/// For programs of others, so no crate of the program depends on it.
const SDK: &str = "hedgerow-sdk";

/// Engines that one crate hides from all others: the beginning of the package's name, and who may name it.
const HIDDEN: &[(&str, &str)] = &[
    ("iroh", "hedgerow-net"),
    ("mainline", "hedgerow-net"),
    ("rusqlite", "hedgerow-store"),
    ("wasmi", "hedgerow-sandbox"),
    ("wasmtime", "hedgerow-sandbox"),
    ("axum", "hedgerow"),
    ("clap", "hedgerow"),
    ("anyhow", "hedgerow"),
];

/// What would let a clock, a socket, a thread or chance into L0 and L1.
const IMPURE: &[&str] = &[
    "async-",
    "crossbeam",
    "futures",
    "getrandom",
    "mio",
    "parking_lot",
    "rand",
    "rayon",
    "rusqlite",
    "smol",
    "socket2",
    "tokio",
    "tracing",
    "iroh",
];

/// The layer of a crate.
pub fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(n, _)| *n == name).map(|(_, layer)| *layer)
}

/// The folder of a crate.
pub fn folder(name: &str) -> String {
    format!("crates/{}", name.strip_prefix("hedgerow-").unwrap_or(name))
}

pub fn problems(tree: &Tree) -> Result<Vec<String>> {
    let text = output(&tree.root, &cargo(), &["metadata", "--format-version=1", "--no-deps"])?;
    let metadata: Value = serde_json::from_str(&text)?;
    let mut problems = Vec::new();
    let architecture = tree
        .files
        .get("ARCHITECTURE.md")
        .map(String::as_str)
        .unwrap_or_default();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        if TOOLS.contains(&name) || name == SDK {
            continue;
        }
        if !architecture.contains(&format!("`{}`", folder(name))) && !architecture.contains(&folder(name)) {
            problems.push(format!("{name}: ARCHITECTURE.md does not mention {}", folder(name)));
        }
        problems.extend(unsound::lints(tree, name));
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let named = dependencies.map(|d| {
            (
                d["name"].as_str().unwrap_or_default(),
                d["kind"].as_str() == Some("dev"),
            )
        });
        problems.extend(named.filter_map(|(dependency, dev)| forbidden(name, dependency, dev)));
    }
    Ok(problems)
}

/// Why `name` may not depend on `dependency`, if it may not.
pub fn forbidden(name: &str, dependency: &str, dev: bool) -> Option<String> {
    let Some(own) = layer(name) else {
        return Some(format!(
            "{name}: has no layer; add it to LAYERS in xtask/src/tidy/layers.rs"
        ));
    };
    if TOOLS.contains(&dependency) || dependency == SDK {
        return Some(format!("{name}: depends on {dependency}, which ships nothing"));
    }
    if let Some(other) = layer(dependency) {
        // Within L0 only the words come before the rest.
        let words_first = dependency == "hedgerow-base" && name != dependency;
        let down = other < own || (own == 0 && words_first);
        return (!down)
            .then(|| format!("{name} (L{own}) depends on {dependency} (L{other}); dependencies point down a layer"));
    }
    let hidden = HIDDEN.iter().find(|(prefix, _)| is_of_family(dependency, prefix));
    if let Some((_, owner)) = hidden
        && *owner != name
    {
        return Some(format!("{name}: names {dependency}, which only {owner} may"));
    }
    let impure = own <= 1 && !dev && IMPURE.iter().any(|i| is_of_family(dependency, i));
    impure
        .then(|| format!("{name} (L{own}) depends on {dependency}; L0 and L1 have no clock, socket, thread or chance"))
}

/// `iroh` is the family of `iroh` and `iroh-relay`, not of `irohsomething`.
fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']) || family.ends_with('-'))
}

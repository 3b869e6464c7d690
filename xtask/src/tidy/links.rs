//! Pages that point to files of the project point to files that exist.

use super::tree::Tree;
use std::path::Path;

pub fn problems(tree: &Tree) -> Vec<String> {
    let pages = tree.below("", &[".md"]);
    pages.flat_map(|(path, text)| broken(tree, path, text)).collect()
}

fn broken(tree: &Tree, path: &str, text: &str) -> Vec<String> {
    let folder = tree.root.join(Path::new(path).parent().unwrap_or(Path::new("")));
    let mut broken = Vec::new();
    for target in targets(text) {
        let file = target.split('#').next().unwrap_or_default();
        let ours = !file.is_empty() && !file.contains(':') && !file.contains('<');
        if ours && !folder.join(file).exists() {
            broken.push(format!("{path}: points to {file}, which does not exist"));
        }
    }
    broken
}

/// What `[text](target)` points to, outside code blocks. Pictures do not count: they may be made later than the page.
pub fn targets(text: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let picture = line
                .get(..at)
                .and_then(|b| b.rfind('['))
                .is_some_and(|open| line[..open].ends_with('!'));
            let rest = line.get(at + 2..).unwrap_or_default();
            if let (false, Some(end)) = (picture, rest.find(')')) {
                targets.extend(rest.get(..end));
            }
        }
    }
    targets
}

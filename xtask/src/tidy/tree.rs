//! The project's own text files, read once.

use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold what is made or fetched, not written.
const SKIPPED: [&str; 7] = [
    "target",
    "node_modules",
    "dist",
    "test-results",
    "__pycache__",
    "bench-out",
    "vendor",
];
/// Hidden folders that are the project's own.
const KEPT: [&str; 3] = [".ci", ".cargo", ".config"];
/// Larger files are data.
const MAX_FILE: u64 = 2 << 20;

/// Text by path relative to the root, with `/` between the parts.
pub struct Tree {
    /// The root of the project.
    pub root: PathBuf,
    /// Every text file.
    pub files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the files below `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let kind = entry.file_type()?;
                let hidden = name.starts_with('.') && !KEPT.contains(&name.as_str());
                if kind.is_dir() && !hidden && !SKIPPED.contains(&name.as_str()) {
                    open.push(entry.path());
                } else if kind.is_file() && name != ".git" && entry.metadata()?.len() <= MAX_FILE {
                    let path = entry.path();
                    let relative = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
                    if let Ok(text) = fs::read_to_string(&path) {
                        files.insert(relative, text);
                    }
                }
            }
        }
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// Files below a folder that end in one of `endings`.
    pub fn below<'a>(&'a self, folder: &'a str, endings: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && endings.iter().any(|e| path.ends_with(e)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether there is such a text file.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }
}

/// Whether a Rust file is only compiled for tests.
pub fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}

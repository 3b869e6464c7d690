//! `manifest.toml`: webxdc's own keys, and our `[hedgerow]` table.

use crate::{error::PackageError, licence::distance, zeronet::p2p_rules};
use hedgerow_base::limits::MAX_MANIFEST;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Keys of the `[hedgerow]` table; others are refused.
const KEYS: [&str; 13] = [
    "uuid",
    "ancestor",
    "version",
    "license",
    "summary",
    "description",
    "categories",
    "tags",
    "screenshots",
    "source",
    "permissions",
    "messages",
    "component",
];

/// Permissions that can be asked for, each as the sentence that people read.
pub const KNOWN_PERMISSIONS: [(&str, &str); 11] = [
    ("peers", "Can talk to other people who use it"),
    ("notifications", "Can notify you"),
    ("storage", "Can keep data on other people's machines"),
    ("contacts", "Can see your contacts"),
    ("directory", "Can see which widgets and authors are popular"),
    ("web", "Can reach web sites"),
    ("torrents", "Can read and add BitTorrent downloads"),
    ("camera", "Can use the camera"),
    ("microphone", "Can use the microphone"),
    ("clipboard", "Can read and write the clipboard"),
    ("background", "Can run while the dashboard is closed"),
];

/// The sentence of a permission; unknown ones are named as they are.
pub fn sentence(name: &str) -> String {
    let known = KNOWN_PERMISSIONS.iter().find(|(n, _)| *n == name);
    known.map_or_else(
        || format!("Asks for something unknown: {name}"),
        |(_, s)| (*s).to_owned(),
    )
}

/// A permission and why it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// One of [`KNOWN_PERMISSIONS`].
    pub name: String,
    /// The author's reason.
    pub reason: String,
}

/// What a package says of itself. Absent texts are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// Name of the widget.
    pub name: Option<String>,
    /// Where its source is developed (webxdc).
    pub source_code_url: Option<String>,
    /// Semantic version.
    pub version: Option<String>,
    /// UUID of the widget that this is a release of.
    pub uuid: Option<String>,
    /// SPDX expression, checked when it is published.
    pub license: Option<String>,
    /// One line.
    pub summary: String,
    /// UUID of the widget that this one was forked from (W4).
    pub ancestor: Option<String>,
    /// Plain text.
    pub description: String,
    /// At most 8.
    pub categories: Vec<String>,
    /// At most 16.
    pub tags: Vec<String>,
    /// Paths in the package.
    pub screenshots: Vec<String>,
    /// Folder in the package with the source, if what runs was built from it.
    pub source: Option<String>,
    /// What it asks for.
    pub permissions: Vec<Asked>,
    /// What every node checks the messages of the widget by (Z7, Z9), if it says so: `RulesText` of the overlay, which
    /// whoever installs or publishes the widget checks.
    pub messages: Option<Table>,
    /// Its messages are written as ZeroNet wrote them: it carries a `p2p.json`.
    pub zeronet: bool,
}

/// What changes in permissions between two releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionDiff {
    /// New ones.
    pub added: Vec<Asked>,
    /// No longer asked for.
    pub removed: Vec<Asked>,
}

impl PermissionDiff {
    /// Compares by name.
    pub fn between(old: &[Asked], new: &[Asked]) -> Self {
        let names = |list: &[Asked]| list.iter().map(|p| p.name.clone()).collect::<BTreeSet<_>>();
        let (before, after) = (names(old), names(new));
        Self {
            added: new.iter().filter(|p| !before.contains(&p.name)).cloned().collect(),
            removed: old.iter().filter(|p| !after.contains(&p.name)).cloned().collect(),
        }
    }
}

impl Manifest {
    /// Reads a manifest. Unknown keys outside `[hedgerow]` are ignored, inside refused.
    ///
    /// # Errors
    /// Names the key that is wrong and what it should be.
    pub fn parse(text: &str) -> Result<Self, PackageError> {
        if text.len() > MAX_MANIFEST {
            return wrong("it is longer than 64 KiB");
        }
        let table: Table = text
            .parse()
            .map_err(|e: toml::de::Error| PackageError::Manifest(e.message().to_owned()))?;
        let mut manifest = Self {
            name: table.get("name").and_then(Value::as_str).and_then(|n| shown(n, 64)),
            source_code_url: table
                .get("source_code_url")
                .and_then(Value::as_str)
                .and_then(|u| shown(u, 256)),
            ..Self::default()
        };
        match table.get("hedgerow") {
            None => {
                manifest.description = table
                    .get("description")
                    .and_then(Value::as_str)
                    .map(paragraphs)
                    .unwrap_or_default();
                Ok(manifest)
            }
            Some(Value::Table(ours)) => manifest.fill(ours),
            Some(_) => wrong("hedgerow is a table: write [hedgerow] on a line of its own"),
        }
    }

    /// Takes up what a `p2p.json` says: a site for ZeroNet that was ported. Its own rules count before that.
    ///
    /// # Errors
    /// Names the field that is wrong.
    pub fn take_p2p(&mut self, text: &str) -> Result<(), PackageError> {
        let rules = p2p_rules(text).map_err(|e| PackageError::Manifest(e.to_string()))?;
        self.zeronet = self.messages.is_none();
        self.messages.get_or_insert(rules);
        if !self.permissions.iter().any(|asked| asked.name == "peers") {
            self.permissions.push(Asked {
                name: "peers".into(),
                reason: "It carries a p2p.json: it exchanges messages with others who have it".into(),
            });
        }
        Ok(())
    }

    fn fill(mut self, ours: &Table) -> Result<Self, PackageError> {
        if let Some(key) = ours.keys().find(|k| !KEYS.contains(&k.as_str())) {
            let nearest = KEYS
                .iter()
                .min_by_key(|k| distance(key, k))
                .filter(|k| distance(key, k) <= 3);
            let hint = nearest.map(|k| format!("; did you mean {k:?}?")).unwrap_or_default();
            return wrong(&format!(
                "[hedgerow] has the unknown key {key:?}{hint} Known are {}",
                KEYS.join(", ")
            ));
        }
        let text = |key: &str, longest: usize| -> Result<Option<String>, PackageError> {
            match ours.get(key) {
                None => Ok(None),
                Some(Value::String(s)) if s.chars().any(|c| c.is_control() && c != '\n' && c != '\t') => {
                    wrong(&format!("{key} has control characters"))
                }
                Some(Value::String(s)) if s.len() > longest => wrong(&format!("{key} is longer than {longest} bytes")),
                Some(Value::String(s)) => Ok(Some(s.trim().to_owned())),
                Some(_) => wrong(&format!("{key} is a text: put it in quotes")),
            }
        };
        let list = |key: &str, most: usize| -> Result<Vec<String>, PackageError> {
            let Some(value) = ours.get(key) else {
                return Ok(Vec::new());
            };
            let items = value.as_array().filter(|a| a.len() <= most);
            let texts = items.and_then(|a| a.iter().map(|v| shown(v.as_str()?, 48)).collect::<Option<Vec<_>>>());
            texts.map_or_else(
                || {
                    wrong(&format!(
                        "{key} is a list of at most {most} short texts: [\"a\", \"b\"]"
                    ))
                },
                Ok,
            )
        };
        self.version = text("version", 64)?;
        if let Some(version) = &self.version {
            check_version(version)?;
        }
        self.uuid = text("uuid", 36)?;
        self.ancestor = text("ancestor", 36)?;
        self.license = text("license", 200)?;
        self.summary = text("summary", 160)?
            .map(|s| s.replace(['\n', '\t'], " "))
            .unwrap_or_default();
        self.description = text("description", 4000)?.unwrap_or_default();
        self.categories = list("categories", 8)?;
        self.tags = list("tags", 16)?;
        self.screenshots = list("screenshots", 8)?;
        self.source = text("source", 256)?;
        self.permissions = permissions(ours.get("permissions"))?;
        self.messages = match ours.get("messages") {
            None => None,
            Some(Value::Table(rules)) => Some(rules.clone()),
            Some(_) => return wrong("messages is a table: write [hedgerow.messages] on a line of its own"),
        };
        if ours.contains_key("component") {
            return wrong("component is reserved: background parts are not supported by this version yet");
        }
        Ok(self)
    }
}

/// Checks a semantic version.
///
/// # Errors
/// When it is none.
pub fn check_version(version: &str) -> Result<(), PackageError> {
    match semver::Version::parse(version) {
        Ok(_) => Ok(()),
        Err(_) => wrong(&format!("version {version:?} is not of the form 1.2.3 (semver.org)")),
    }
}

fn permissions(value: Option<&Value>) -> Result<Vec<Asked>, PackageError> {
    const FORM: &str =
        "permissions is a list such as [{ name = \"notifications\", reason = \"To tell you of new messages\" }]";
    let Some(value) = value else { return Ok(Vec::new()) };
    let Some(items) = value.as_array().filter(|a| a.len() <= 32) else {
        return wrong(FORM);
    };
    let mut asked: Vec<Asked> = Vec::new();
    for item in items {
        let (name, reason) = match item {
            Value::String(name) => (name.as_str(), ""),
            Value::Table(table) if table.keys().all(|k| k == "name" || k == "reason") => {
                let name = table.get("name").and_then(Value::as_str);
                let reason = table.get("reason").map_or(Some(""), Value::as_str);
                name.zip(reason).map_or_else(|| wrong(FORM), Ok)?
            }
            _ => return wrong(FORM),
        };
        if !KNOWN_PERMISSIONS.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = KNOWN_PERMISSIONS.iter().map(|(n, _)| *n).collect();
            return wrong(&format!(
                "the permission {name:?} is unknown; known are {}",
                known.join(", ")
            ));
        }
        if asked.iter().any(|a| a.name == name) {
            return wrong(&format!("the permission {name:?} is asked for twice"));
        }
        if reason.len() > 300 || reason.chars().any(char::is_control) {
            return wrong(&format!("the reason for {name:?} is one line of at most 300 bytes"));
        }
        asked.push(Asked {
            name: name.to_owned(),
            reason: reason.trim().to_owned(),
        });
    }
    Ok(asked)
}

fn wrong<T>(why: &str) -> Result<T, PackageError> {
    Err(PackageError::Manifest(why.to_owned()))
}

/// One clean line of at most `longest` characters; `None` when nothing is left.
fn shown(text: &str, longest: usize) -> Option<String> {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(longest)
        .collect();
    Some(line.trim().to_owned()).filter(|l| !l.is_empty())
}

fn paragraphs(text: &str) -> String {
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .take(1000)
        .collect::<String>()
        .trim()
        .to_owned()
}

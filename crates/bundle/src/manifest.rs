//! `manifest.toml`: webxdc's own keys, and our `[hedgerow]` table.

use crate::{error::PackageError, licence::distance, scope::Scope, zeronet::p2p_rules};
use hedgerow_api::Permission;
use hedgerow_base::limits::MAX_MANIFEST;
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

/// The sentence of a permission with its limits; unknown ones are named as they are.
pub fn sentence(name: &str, scope: &[String]) -> String {
    let Some((permission, sentence)) = Permission::named(name).and_then(|p| Some((p, p.for_widget()?))) else {
        return format!("Asks for something unknown: {name}");
    };
    let words = Scope::of(permission, scope).map(|scope| scope.words());
    format!("{sentence}{}", words.unwrap_or_default())
}

/// A permission and why it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// Name of a [`Permission`] that widgets can ask for.
    pub name: String,
    /// The author's reason.
    pub reason: String,
    /// What it is limited to: [`Scope::texts`].
    pub scope: Vec<String>,
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
    /// Path in the package of its background part, a WebAssembly component.
    pub component: Option<String>,
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
    /// Compares by name and limits: whoever asks for wider limits asks for something new.
    pub fn between(old: &[Asked], new: &[Asked]) -> Self {
        let has = |list: &[Asked], asked: &Asked| list.iter().any(|other| asked.is_within(other));
        Self {
            added: new.iter().filter(|p| !has(old, p)).cloned().collect(),
            removed: old.iter().filter(|p| !has(new, p)).cloned().collect(),
        }
    }
}

impl Asked {
    /// Whether this asks for nothing that `other` does not ask for.
    pub fn is_within(&self, other: &Self) -> bool {
        let scope = |asked: &Self| Scope::of(Permission::named(&asked.name)?, &asked.scope).ok();
        self.name == other.name
            && match (scope(self), scope(other)) {
                (Some(mine), Some(theirs)) => mine.is_within(&theirs),
                _ => self.scope == other.scope,
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
                scope: Vec::new(),
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
        self.component = text("component", 256)?;
        self.check_component()?;
        Ok(self)
    }

    /// A background part is asked for, and is a file of the package.
    fn check_component(&self) -> Result<(), PackageError> {
        let background = self
            .permissions
            .iter()
            .any(|asked| asked.name == Permission::Background.name());
        match (&self.component, background) {
            (Some(_), false) => {
                return wrong(
                    "a widget with a component asks for it: add { name = \"background\", reason = \"…\" } to permissions",
                );
            }
            (Some(name), true) if !name.ends_with(".wasm") => {
                return wrong("component names a file of the package that ends in .wasm");
            }
            _ => {}
        }
        Ok(())
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
    let Some(value) = value else { return Ok(Vec::new()) };
    let Some(items) = value.as_array().filter(|a| a.len() <= 32) else {
        return wrong(FORM);
    };
    let mut all: Vec<Asked> = Vec::new();
    for item in items {
        let asked = asked(item)?;
        if all.iter().any(|a| a.name == asked.name) {
            return wrong(&format!("the permission {:?} is asked for twice", asked.name));
        }
        all.push(asked);
    }
    Ok(all)
}

const FORM: &str =
    "permissions is a list such as [{ name = \"notifications\", reason = \"To tell you of new messages\" }]";

/// A permission of the list, with its parameters.
fn asked(item: &Value) -> Result<Asked, PackageError> {
    let empty = Table::new();
    let (name, reason, table) = match item {
        Value::String(name) => (name.as_str(), "", &empty),
        Value::Table(table) => {
            let name = table.get("name").and_then(Value::as_str);
            let reason = table.get("reason").map_or(Some(""), Value::as_str);
            let (name, reason) = name.zip(reason).map_or_else(|| wrong(FORM), Ok)?;
            (name, reason, table)
        }
        _ => return wrong(FORM),
    };
    let known = || Permission::ALL.iter().filter(|p| p.for_widget().is_some());
    let Some(permission) = known().find(|p| p.name() == name) else {
        let known: Vec<&str> = known().map(|p| p.name()).collect();
        return wrong(&format!(
            "the permission {name:?} is unknown; known are {}",
            known.join(", ")
        ));
    };
    if reason.len() > 300 || reason.chars().any(char::is_control) {
        return wrong(&format!("the reason for {name:?} is one line of at most 300 bytes"));
    }
    Ok(Asked {
        name: name.to_owned(),
        reason: reason.trim().to_owned(),
        scope: parameters(*permission, table)?.texts(),
    })
}

/// `hosts`, `budget_mb`, `widgets`, `access` and `quota_mb`, each where it belongs.
fn parameters(permission: Permission, table: &Table) -> Result<Scope, PackageError> {
    let keys: &[&str] = match permission {
        Permission::Web => &["hosts", "budget_mb"],
        Permission::Widgets => &["widgets"],
        Permission::Torrents => &["access"],
        Permission::Storage => &["quota_mb"],
        _ => &[],
    };
    let mut texts = Vec::new();
    for (key, value) in table.iter().filter(|(key, _)| *key != "name" && *key != "reason") {
        if !keys.contains(&key.as_str()) {
            return wrong(&format!(
                "the permission {permission:?} has no parameter {key:?}",
                permission = permission.name()
            ));
        }
        match (key.as_str(), value) {
            ("hosts" | "widgets", Value::Array(list)) => {
                let list: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                let list = list.map_or_else(|| wrong(&format!("{key} is a list of texts")), Ok)?;
                texts.extend(list.into_iter().map(str::to_owned));
            }
            ("budget_mb" | "quota_mb", Value::Integer(mb @ 1..=1_000_000)) => texts.push(format!("bytes:{}", mb << 20)),
            ("access", Value::String(access)) if access == "add" => texts.push("add".into()),
            ("access", Value::String(access)) if access == "read" => {}
            _ => {
                return wrong(&format!(
                    "{key} of the permission {:?} is not understood",
                    permission.name()
                ));
            }
        }
    }
    let scope = Scope::of(permission, &texts).map_err(|e| PackageError::Manifest(e.to_string()))?;
    if permission == Permission::Widgets && scope.widgets.is_empty() {
        return wrong("the permission \"widgets\" names them: widgets = [\"UUID\"]");
    }
    Ok(scope)
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

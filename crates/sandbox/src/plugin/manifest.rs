//! `plugin.toml`: what a plugin is, how it is started, and what it asks for. Unknown keys are refused, so that a
//! permission or a limit that is misspelt is never silently missing.

use crate::validator::{MAX_PROGRAM, Program, resolve};
use hedgerow_api::Permission;
use hedgerow_base::{AppName, Blame, Blamed, hash::hash};
use hedgerow_overlay::{Rules, RulesText};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt, io::Read as _, path::Path, sync::Arc};

/// Name of the file in a plugin's folder.
pub const FILE: &str = "plugin.toml";
/// Largest `plugin.toml`, bytes.
const MAX_FILE: u64 = 64 << 10;
/// Longest name, characters.
const MAX_NAME: usize = 40;
const MAX_VERSION: usize = 40;
const MAX_DESCRIPTION: usize = 500;
const MAX_REASON: usize = 200;
/// Most parts of a command, and the longest of them in bytes.
const MAX_COMMAND: usize = 64;
const MAX_PART: usize = 4096;
/// Most variables of the environment.
const MAX_VARIABLES: usize = 32;
/// Names that mean a device on some systems.
const DEVICES: [&str; 6] = ["aux", "con", "nul", "prn", "com1", "lpt1"];
/// What says that a variable holds a secret, which does not belong into a file that is shown and passed on.
const SECRET: [&str; 5] = ["TOKEN", "SECRET", "PASSWORD", "PASSPHRASE", "APIKEY"];

/// When a plugin that ended is started anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// When it failed.
    #[default]
    OnFailure,
    /// Whenever it ended by itself.
    Always,
    /// By the owner only.
    Never,
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnFailure => "on-failure",
            Self::Always => "always",
            Self::Never => "never",
        })
    }
}

/// A permission and why it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Which.
    pub name: Permission,
    /// The author's reason.
    pub reason: String,
}

/// A `plugin.toml` that was checked.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// As the folder is called.
    pub name: String,
    /// For people.
    pub version: String,
    /// One sentence, for people.
    #[serde(default)]
    pub description: String,
    /// Program and arguments. A program without `/` is looked for as a shell does, others from the plugin's folder.
    pub command: Vec<String>,
    /// What it asks for.
    #[serde(default)]
    pub permissions: Vec<Asked>,
    /// Starts with the node.
    #[serde(default)]
    pub autostart: bool,
    /// When it is started anew.
    #[serde(default)]
    pub restart: Restart,
    /// Runs fenced in by the system, or not at all.
    #[serde(default)]
    pub sandbox: bool,
    /// The app whose other members it talks to: UUID of a widget or a name. Its own name if it says nothing.
    #[serde(default)]
    pub app: Option<String>,
    /// What every node checks messages between members by (Z7, Z9). A validator is named by its file in what was parsed,
    /// and by its hash in what was read from a folder.
    #[serde(default)]
    pub messages: Option<RulesText>,
    /// The validator.
    #[serde(skip)]
    pub program: Option<Arc<Program>>,
    /// Variables beside those that every plugin gets.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Of the bytes of the file, as 64 hex digits: what an owner's yes is bound to.
    #[serde(skip)]
    pub hash: String,
}

/// Why a `plugin.toml` cannot be used: a sentence that names the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin.toml: {0}")]
pub struct ManifestError(pub String);

impl Blamed for ManifestError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// Whether this can be the name of a plugin, and so of a folder: small letters, digits and `-`, from a letter on.
pub fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= MAX_NAME
        && name.chars().all(good)
        && !DEVICES.contains(&name)
}

impl Manifest {
    /// The app whose other members it talks to.
    pub fn app_name(&self) -> AppName {
        let named = self.app.as_deref().and_then(|app| app.parse().ok());
        named.unwrap_or_else(|| AppName::Named(self.name.clone()))
    }

    /// Reads and checks the file of a folder.
    ///
    /// # Errors
    /// One sentence that says which key is wrong and how it should be.
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(FILE);
        let bytes = beginning(&path, MAX_FILE).map_err(|e| ManifestError(format!("cannot be read: {e}")))?;
        let mut found = Self::parse(&bytes)?;
        if let Some(messages) = &found.messages {
            let loaded = resolve(messages, |name| program(&folder.join(name)));
            let (messages, program) = loaded.map_err(|e| ManifestError(format!("messages: {e}")))?;
            found.messages = Some(messages);
            found.program = program.map(Arc::new);
        }
        Ok(found)
    }

    /// Checks the bytes of a file.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let wrong = |text: String| Err(ManifestError(text));
        if bytes.len() as u64 > MAX_FILE {
            return wrong(format!("is larger than {MAX_FILE} bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError("is not UTF-8".into()))?;
        let mut found: Self = toml::from_str(text).map_err(|e| ManifestError(one_line(&e.to_string())))?;
        if !is_name(&found.name) {
            return wrong(format!(
                "name: {:?} is no name of a plugin; use 1 to {MAX_NAME} small letters, digits and -, from a letter on",
                found.name.chars().take(MAX_NAME).collect::<String>()
            ));
        }
        let texts = [
            ("version", &found.version, MAX_VERSION),
            ("description", &found.description, MAX_DESCRIPTION),
        ];
        for (key, text, longest) in texts {
            if text.chars().count() > longest || text.chars().any(char::is_control) {
                return wrong(format!("{key}: at most {longest} characters on one line"));
            }
        }
        if found.version.trim().is_empty() {
            return wrong("version: is empty; begin with \"0.1.0\"".into());
        }
        check_command(&found.command)?;
        check_permissions(&found.permissions)?;
        check_environment(&found.environment)?;
        check_app(&found)?;
        found.hash = data_encoding::HEXLOWER.encode(&hash("hedgerow 2026 plugin manifest v1", &[bytes]));
        Ok(found)
    }
}

/// A file, and one byte more than it may have if it is too large.
fn beginning(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The file of a validator, if it is there.
fn program(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match beginning(path, MAX_PROGRAM as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

fn check_app(found: &Manifest) -> Result<(), ManifestError> {
    if let Some(app) = &found.app {
        let named: Result<AppName, _> = app.parse();
        named.map_err(|e| ManifestError(format!("app: {:?} is {e}", app.chars().take(80).collect::<String>())))?;
    }
    let Some(messages) = &found.messages else { return Ok(()) };
    let others = RulesText {
        validator: None,
        ..messages.clone()
    };
    Rules::try_from(&others)
        .map(|_| ())
        .map_err(|e| ManifestError(format!("messages: {e}")))
}

fn check_command(command: &[String]) -> Result<(), ManifestError> {
    let wrong = |text: &str| Err(ManifestError(format!("command: {text}")));
    match command.first() {
        None => return wrong("is empty; it is a list such as [\"python3\", \"main.py\"]"),
        Some(program) if program.trim().is_empty() => return wrong("the program has no name"),
        Some(_) => {}
    }
    if command.len() > MAX_COMMAND || command.iter().any(|part| part.len() > MAX_PART) {
        return wrong(&format!("at most {MAX_COMMAND} parts of {MAX_PART} bytes"));
    }
    if command.iter().any(|part| part.contains('\0')) {
        return wrong("no part may hold a zero byte");
    }
    Ok(())
}

fn check_permissions(permissions: &[Asked]) -> Result<(), ManifestError> {
    for (at, asked) in permissions.iter().enumerate() {
        let reason = asked.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(ManifestError(format!(
                "permissions: give a reason for {:?}, at most {MAX_REASON} characters on one line",
                asked.name.name()
            )));
        }
        if asked.name.for_plugin().is_none() {
            return Err(ManifestError(format!(
                "permissions: {:?} is for widgets, not for plugins",
                asked.name.name()
            )));
        }
        if permissions.iter().take(at).any(|before| before.name == asked.name) {
            return Err(ManifestError(format!(
                "permissions: {:?} is asked for twice",
                asked.name.name()
            )));
        }
    }
    Ok(())
}

fn check_environment(environment: &BTreeMap<String, String>) -> Result<(), ManifestError> {
    let wrong = |text: String| Err(ManifestError(format!("environment: {text}")));
    if environment.len() > MAX_VARIABLES {
        return wrong(format!("at most {MAX_VARIABLES} variables"));
    }
    for (name, value) in environment {
        let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let shown: String = name.chars().take(MAX_NAME).collect();
        if name.is_empty()
            || name.len() > MAX_NAME
            || !name.chars().all(good)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return wrong(format!("{shown:?} is no name of a variable; use A-Z, 0-9 and _"));
        }
        if name.starts_with("HEDGEROW_") || name.starts_with("LD_") || name.starts_with("DYLD_") || name == "PATH" {
            return wrong(format!("{shown} is not for plugins to set"));
        }
        let plain = name.replace('_', "");
        if SECRET.iter().any(|word| plain.contains(word)) {
            return wrong(format!(
                "{shown} looks like a secret; keep secrets in a file in the plugin's data folder"
            ));
        }
        if value.len() > MAX_PART || value.contains('\0') {
            return wrong(format!("{shown}: at most {MAX_PART} bytes, none of them zero"));
        }
    }
    Ok(())
}

/// The parser draws the place under a line; here a sentence is needed.
fn one_line(text: &str) -> String {
    let place = text.lines().next().unwrap_or_default();
    let what = text.lines().last().unwrap_or_default();
    let place = place.strip_prefix("TOML parse error ").unwrap_or(place);
    match what == place {
        true => what.to_owned(),
        false => format!("{what} ({place})"),
    }
}

#[cfg(test)]
mod tests;

//! What the messages of an app are checked by: the rules in its manifest, and the program that they may name (Z7, Z9).

use crate::engine::Engine;
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_base::WidgetId;
use hedgerow_bundle::Package;
use hedgerow_overlay::{Rules, RulesText};
use hedgerow_sandbox::validator::{MAX_PROGRAM, Program, resolve};
use std::sync::Arc;

/// Checked rules, and the program that they name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    pub(crate) rules: Rules,
    pub(crate) program: Option<Arc<Program>>,
}

impl Checks {
    /// Rules that name a program by its hash, if any, and that program.
    pub(crate) fn new(text: &RulesText, program: Option<Arc<Program>>) -> Result<Self, String> {
        let rules = Rules::try_from(text).map_err(|e| e.to_string())?;
        Ok(Self { rules, program })
    }

    /// Rules that name a file of a package.
    fn of(text: &RulesText, package: &Package) -> Result<Self, String> {
        let read = |name: &str| {
            let files = package.files();
            let size = files.iter().find(|file| file.path == name).map(|file| file.size);
            match size {
                // What is too large need not be unpacked to be told so.
                Some(size) if size > MAX_PROGRAM as u64 => Ok(Some(vec![0; MAX_PROGRAM + 1])),
                Some(_) => package.file(name).map_err(|e| e.to_string()),
                None => Ok(None),
            }
        };
        let (text, program) = resolve(text, read).map_err(|e| e.to_string())?;
        Self::new(&text, program.map(Arc::new))
    }

    /// For rules whose program is not to be had: nothing travels, and nobody else has these rules.
    fn closed(text: &RulesText) -> Self {
        let text = RulesText {
            validator: Some("0".repeat(64)),
            ..text.clone()
        };
        Self::new(&text, None).unwrap_or_default()
    }
}

/// What a widget says that its messages are checked by, checked; a program is still named by its file.
///
/// # Errors
/// `Refused`, with the key that cannot be used.
pub(crate) fn rules_of(package: &Package) -> Result<Option<RulesText>, ApiError> {
    let Some(table) = &package.manifest().messages else {
        return Ok(None);
    };
    let wrong = |why: String| ApiError::new(ErrorCode::Refused, format!("manifest.toml: messages: {why}"));
    let text: RulesText = serde_json::to_value(table)
        .and_then(serde_json::from_value)
        .map_err(|e| wrong(e.to_string()))?;
    Checks::of(&text, package).map_err(wrong)?;
    Ok(Some(text))
}

impl Engine {
    /// What the messages of an installed widget are checked by. Reads its package if a program is named, once.
    pub(super) fn checks_of(&mut self, widget: &WidgetId) -> Checks {
        let Some(current) = self.installed.get(widget).map(|i| &i.current) else {
            return Checks::default();
        };
        let Some(text) = &current.messages else {
            return Checks::default();
        };
        if text.validator.is_none() {
            return Checks::new(text, None).unwrap_or_default();
        }
        let known = self.apps.programs.get(widget);
        if let Some((_, checks)) = known.filter(|(content, _)| *content == current.content) {
            return checks.clone();
        }
        let package = current.content().ok_or_else(|| "its package is not known".to_owned());
        let package = package.and_then(|content| self.shared.package(&content).map_err(|e| e.message));
        match package.and_then(|package| Checks::of(text, &package)) {
            Ok(checks) => {
                let entry = (current.content.clone(), checks.clone());
                self.apps.programs.insert(*widget, entry);
                checks
            }
            Err(error) => {
                tracing::warn!(%widget, %error, "no messages of a widget travel, as its validator cannot be run");
                Checks::closed(text)
            }
        }
    }
}

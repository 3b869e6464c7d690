//! Open source only (W8): an SPDX expression that can be satisfied with OSI-approved licences.

use crate::error::PackageError;
use spdx::{Expression, LicenseItem, ParseMode};

const LONGEST: usize = 200;

/// Checks a licence expression; answers it as written.
///
/// # Errors
/// When it is empty, no SPDX expression, or cannot be satisfied with OSI-approved licences.
pub fn check_licence(text: &str) -> Result<String, PackageError> {
    let text = text.trim();
    let refuse = |why: String| Err(PackageError::Licence(why));
    if text.is_empty() {
        return refuse(
            "a licence is needed to publish: give an SPDX id such as MIT in manifest.toml or with --license".into(),
        );
    }
    if text.len() > LONGEST {
        return refuse("the licence expression is too long; at most 200 characters are taken".into());
    }
    let expression = match Expression::parse_mode(text, ParseMode::STRICT) {
        Ok(expression) => expression,
        Err(_) => {
            let hint = nearest(text)
                .map(|id| format!("; did you mean {id}?"))
                .unwrap_or_default();
            return refuse(format!("{text:?} is no SPDX licence expression{hint}"));
        }
    };
    let open = expression.evaluate(|requirement| match &requirement.license {
        LicenseItem::Spdx { id, .. } => id.is_osi_approved(),
        LicenseItem::Other { .. } => false,
    });
    if open {
        Ok(text.to_owned())
    } else {
        refuse(format!(
            "{text} is not an open-source licence (OSI-approved); widgets in the directory are open source, for example MIT or GPL-3.0-or-later"
        ))
    }
}

/// The known id that differs from `text` in case or by few letters.
fn nearest(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let all = spdx::identifiers::LICENSES.iter().map(|l| l.name);
    let best = all.map(|name| (distance(&lower, &name.to_lowercase()), name)).min()?;
    (best.0 <= 3).then_some(best.1)
}

/// Levenshtein distance over bytes, for suggestions.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(64).enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

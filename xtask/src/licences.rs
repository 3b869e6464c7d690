//! Everything that the program is made of may be passed on with it: `deny.toml` says under which licences, from where,
//! and what is banned. The same file is read by cargo-deny, which also knows advisories.

use crate::run::{cargo, output, root};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package in `Cargo.lock` against `deny.toml`.
pub fn check() -> Result<()> {
    let rules: toml::Table = std::fs::read_to_string(root().join("deny.toml"))?.parse()?;
    let allowed = rules["licenses"]["allow"]
        .as_array()
        .context("deny.toml has no list `allow` under [licenses]")?;
    let allowed = allowed
        .iter()
        .filter_map(toml::Value::as_str)
        .map(|l| Licensee::parse(l).with_context(|| format!("deny.toml: {l:?} is no SPDX licence")))
        .collect::<Result<Vec<_>>>()?;
    let banned: Vec<&str> = rules["bans"]["deny"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|b| b.get("crate").and_then(toml::Value::as_str))
        .collect();
    let text = output(&root(), &cargo(), &["metadata", "--format-version=1", "--locked"])?;
    let metadata: Value = serde_json::from_str(&text)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata has no packages")?;
    let faults: Vec<String> = packages.iter().filter_map(|p| fault(p, &allowed, &banned)).collect();
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} packages may not be used", faults.len());
    }
    eprintln!("{} packages", packages.len());
    Ok(())
}

fn fault(package: &Value, allowed: &[Licensee], banned: &[&str]) -> Option<String> {
    let name = package["name"].as_str().unwrap_or_default();
    if banned.contains(&name) {
        return Some(format!("{name} is banned"));
    }
    // The project's own packages have no source.
    let source = package["source"].as_str()?;
    if source != CRATES_IO {
        return Some(format!("{name} comes from {source}, not from crates.io"));
    }
    let Some(text) = package["license"].as_str() else {
        return Some(format!("{name} says no licence"));
    };
    let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else {
        return Some(format!("{name}: {text:?} is no SPDX expression"));
    };
    let good = expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted)));
    (!good).then(|| format!("{name} is under {text}, which deny.toml does not allow"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_package_with_another_licence_source_or_a_ban_is_named() {
        let allowed = [Licensee::parse("MIT").unwrap()];
        let judged = |package: Value| fault(&package, &allowed, &["openssl"]);
        assert_eq!(
            judged(json!({"name": "a", "source": CRATES_IO, "license": "MIT OR GPL-3.0-only"})),
            None
        );
        assert!(judged(json!({"name": "a", "source": CRATES_IO, "license": "GPL-3.0-only"})).is_some());
        assert!(judged(json!({"name": "a", "source": CRATES_IO})).is_some());
        assert!(judged(json!({"name": "a", "source": "git+https://example.org", "license": "MIT"})).is_some());
        assert!(judged(json!({"name": "openssl", "source": null, "license": "MIT"})).is_some());
        assert_eq!(judged(json!({"name": "own", "source": null, "license": "MIT"})), None);
    }
}

//! The files of a fork: those of the widget that it comes from, with a manifest of its own (W4).

use crate::{error::PackageError, manifest::Manifest};
use std::collections::BTreeMap;
use toml::{Table, Value};

const MANIFEST: &str = "manifest.toml";

/// Changes the manifest among `files` to that of a fork: another name, no UUID, and the ancestor noted. Its licence and
/// source stay as they are. Comments in the manifest are lost.
///
/// # Errors
/// When the manifest cannot be read.
pub fn fork(files: &mut BTreeMap<String, Vec<u8>>, name: &str, ancestor: &str) -> Result<(), PackageError> {
    let text = match files.get(MANIFEST) {
        Some(bytes) => core::str::from_utf8(bytes).map_err(|e| PackageError::Manifest(e.to_string()))?,
        None => "",
    };
    let mut table: Table = text
        .parse()
        .map_err(|e: toml::de::Error| PackageError::Manifest(e.message().to_owned()))?;
    table.insert("name".into(), Value::String(name.to_owned()));
    let ours = table.entry("hedgerow").or_insert_with(|| Value::Table(Table::new()));
    let Value::Table(ours) = ours else {
        return Err(PackageError::Manifest("hedgerow is a table".into()));
    };
    ours.remove("uuid");
    ours.insert("ancestor".into(), Value::String(ancestor.to_owned()));
    let text = table.to_string();
    Manifest::parse(&text)?;
    files.insert(MANIFEST.to_owned(), text.into_bytes());
    Ok(())
}

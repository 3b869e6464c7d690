//! Widgets that come with the program: useful with zero peers, and the same widget on every node (W7).
//!
//! Their author key is derived from a constant, so it is no secret. Nobody can misuse it: for these UUIDs a node takes
//! only the records that its own program made ([`hedgerow_directory::Directory::pin`]); a new program brings new ones.

use crate::{
    catalogue::{asks, data_url},
    engine::Engine,
    model::InstalledRelease,
    packages::refused,
    publishing::Draft,
};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_base::{
    RecordId, SecretKey,
    hash::{content_digest, hash},
};
use hedgerow_bundle::Package;
use hedgerow_directory::{Genesis, Permission, Record, fetch::ContentManifest};
use std::sync::Arc;

const AUTHOR: &str = "Hedgerow";

struct Starter {
    record: Record,
    package: Package,
    bytes: Arc<[u8]>,
}

/// The record of a starter: the same on every machine that runs the same program.
fn starter(file_name: &str, bytes: &[u8]) -> Result<Starter, ApiError> {
    let key = SecretKey::from_seed(&content_digest(b"hedgerow starter widgets"));
    let name = file_name.strip_suffix(".xdc").unwrap_or(file_name);
    let bytes: Arc<[u8]> = bytes.into();
    let package = Package::open(bytes.clone()).map_err(|e| refused(&e))?;
    let manifest = package.manifest();
    let version = manifest.version.clone().unwrap_or_else(|| "1.0.0".into());
    let number =
        semver::Version::parse(&version).map_err(|e| ApiError::new(ErrorCode::Bug, format!("{file_name}: {e}")))?;
    let sequence = number.major * 1_000_000 + number.minor * 1_000 + number.patch;
    let draft = Draft {
        content: ContentManifest::of(&bytes).id(),
        size: bytes.len() as u64,
        name: manifest.name.clone().unwrap_or_else(|| name.to_owned()),
        version,
        license: manifest.license.clone().unwrap_or_else(|| "MIT".into()),
        icon: package
            .icon()
            .map(|(_, icon)| icon)
            .filter(|i| i.len() <= hedgerow_wire::directory::MAX_ICON),
        summary: manifest.summary.clone(),
        description: manifest.description.clone(),
        categories: manifest.categories.clone(),
        tags: manifest.tags.clone(),
        permissions: manifest
            .permissions
            .iter()
            .map(|p| Permission {
                name: p.name.clone(),
                reason: p.reason.clone(),
                scope: Some(p.scope.clone()).filter(|scope| !scope.is_empty()),
            })
            .collect(),
        pictures: Vec::new(),
        ancestor: None,
    };
    let genesis = Genesis::of(
        key.public(),
        hash("hedgerow 2026 starter widget v1", &[name.as_bytes()]),
    );
    // Earlier releases are not carried along; the chain is that of the program.
    let prev = (sequence > 1).then_some(RecordId([0; 32]));
    let release = draft.release(genesis, sequence.max(1), prev, 0, AUTHOR.into());
    let record =
        Record::sign(release, 0, &key).map_err(|e| ApiError::new(ErrorCode::Bug, format!("{file_name}: {e}")))?;
    Ok(Starter { record, package, bytes })
}

impl Engine {
    /// Makes sure that nobody else's records are taken for these widgets.
    pub(crate) fn pin_starters(&mut self, starters: &[(String, Vec<u8>)]) -> Result<(), ApiError> {
        for (file_name, bytes) in starters {
            let record = starter(file_name, bytes)?.record;
            if let Some(release) = record.release() {
                self.pinned.push((release.genesis.widget(), record.id));
            }
        }
        Ok(())
    }

    /// Publishes and, the first time, installs the starters; brings installed ones up to this program's version.
    pub(crate) fn bring_starters(&mut self, starters: &[(String, Vec<u8>)]) -> Result<(), ApiError> {
        for (file_name, bytes) in starters {
            let starter = starter(file_name, bytes)?;
            let Some(release) = starter.record.release().cloned() else {
                continue;
            };
            let widget = release.genesis.widget();
            self.files
                .put(&release.content, &starter.bytes)
                .map_err(|e| crate::engine::store_error(&e))?;
            if self
                .directory
                .newest(&widget)
                .is_none_or(|(newest, _)| newest < release.sequence)
            {
                self.publish_record(starter.record.clone())?;
            }
            let seen = format!("starter:{widget}");
            let first = self
                .store
                .meta(&seen)
                .map_err(|e| crate::engine::store_error(&e))?
                .is_none();
            let current = self.installed.get(&widget).and_then(|i| i.current.content());
            let outdated = current.is_some_and(|content| content != release.content);
            if first || outdated {
                let icon = starter.package.icon().map(|(mime, bytes)| data_url(mime, &bytes));
                let installed = InstalledRelease {
                    name: release.name.clone(),
                    version: release.version.clone(),
                    summary: release.summary.clone(),
                    content: release.content.to_string(),
                    release: Some(starter.record.id.to_string()),
                    size: release.size,
                    permissions: asks(&release.permissions),
                    icon,
                    messages: crate::apps::rules_of(&starter.package)?,
                    zeronet: starter.package.manifest().zeronet,
                    component: starter.package.manifest().component.clone(),
                };
                self.put_installed(&widget, installed)?;
                self.stored(|store| store.set_meta(&seen, release.version.as_bytes()))?;
            }
        }
        Ok(())
    }
}

//! What the node says of itself, and what a backup takes along.

use crate::engine::{Engine, store_error};
use hedgerow_api::{ApiError, ErrorCode, types::Status};
use std::path::PathBuf;

/// A consistent copy of the database and the list of files for a backup.
pub(crate) struct BackupCopy {
    /// The copy, to be deleted afterwards.
    pub(crate) database: PathBuf,
    /// Name in the backup and path on disk.
    pub(crate) files: Vec<(String, PathBuf)>,
}

impl Engine {
    pub(crate) fn status(&self) -> Result<Status, ApiError> {
        Ok(Status {
            node: self.identity.node().to_string(),
            user: self.identity.user().to_string(),
            person: self.me().to_string(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            hub: format!("http://hub.localhost:{}", self.hub_port),
            peers: self.connected_count(),
            known_peers: u32::try_from(self.store.peers().map_err(|e| store_error(&e))?.len()).unwrap_or(u32::MAX),
            directory_size: self.store.widget_count().map_err(|e| store_error(&e))?,
            started_ms: self.started_ms,
            recovery_confirmed: self.identity.words().is_none(),
            passphrase_set: self.identity.protected(),
            rss_bytes: resident_bytes(),
            trouble: self.trouble.clone(),
            api: None,
        })
    }

    /// Copies the database; it must not be inside a transaction, so the batch is committed first.
    pub(crate) fn copy_for_backup(&mut self) -> Result<BackupCopy, ApiError> {
        let database = self.data.join("backup.tmp");
        let _ = std::fs::remove_file(&database);
        self.store
            .commit()
            .and_then(|()| self.store.copy_to(&database))
            .map_err(|e| store_error(&e))?;
        let mut files = vec![
            (
                crate::identity::KEY_FILE.to_owned(),
                self.data.join(crate::identity::KEY_FILE),
            ),
            ("hedgerow.db".to_owned(), database.clone()),
        ];
        let folder = self.data.join("packages");
        let listing = std::fs::read_dir(&folder)
            .map_err(|e| ApiError::new(ErrorCode::Local, format!("{}: {e}", folder.display())))?;
        for entry in listing.flatten() {
            if let Some(name) = entry.file_name().to_str().filter(|n| n.ends_with(".xdc")) {
                files.push((format!("packages/{name}"), entry.path()));
            }
        }
        Ok(BackupCopy { database, files })
    }
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}

//! What can go wrong on a disk, in words that say what to do.

use hedgerow_base::{Blame, Blamed};
use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full; free some space and try again (nothing stored was lost)")]
    DiskFull,
    /// The folder or file cannot be written.
    #[error("the data folder is read-only; make it writable for this user")]
    ReadOnly,
    /// SQLite found damage.
    #[error(
        "the database {path} is damaged ({why}); it was left untouched: restore a backup with `hedgerow restore`, or move the file away to start with an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
    },
    /// The database was written by a newer program.
    #[error("the database has version {found}, this program knows up to {known}; use a newer Hedgerow")]
    TooNew {
        /// Version in the file.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// Another process uses the folder.
    #[error("another node already uses {0}")]
    InUse(PathBuf),
    /// Any other failure of SQLite.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// Any other failure of the file system.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl StoreError {
    /// An I/O failure on `path`, with full disks and read-only folders recognised.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => Self::ReadOnly,
            _ => Self::Io {
                path: path.into(),
                source,
            },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Self::ReadOnly,
            _ => Self::Sqlite(error),
        }
    }
}

impl Blamed for StoreError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

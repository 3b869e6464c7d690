//! The database: opening, checking, versions, transactions, small values.

use crate::error::StoreError;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use std::path::{Path, PathBuf};

/// Version of the tables below; older files are brought up step by step.
const VERSION: i64 = 3;

const TABLES: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE spaces(space BLOB PRIMARY KEY, config BLOB NOT NULL, summary BLOB) WITHOUT ROWID;
CREATE TABLE entries(space BLOB NOT NULL, log BLOB NOT NULL, seq INTEGER NOT NULL, bytes BLOB NOT NULL,
  PRIMARY KEY(space, log, seq));
CREATE TABLE updates(space BLOB NOT NULL, serial INTEGER NOT NULL, author BLOB NOT NULL, log BLOB NOT NULL,
  seq INTEGER NOT NULL, time_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY(space, serial));
CREATE TABLE records(id BLOB PRIMARY KEY, widget BLOB NOT NULL, sequence INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX records_widget ON records(widget, sequence);
CREATE TABLE heads(number INTEGER PRIMARY KEY, widget BLOB NOT NULL UNIQUE, release BLOB NOT NULL, summary BLOB NOT NULL,
  name TEXT NOT NULL, created_ms INTEGER NOT NULL, received INTEGER NOT NULL);
CREATE INDEX heads_received ON heads(received DESC);
CREATE TABLE categories(category TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(category, number)) WITHOUT ROWID;
CREATE VIRTUAL TABLE search_names USING fts5(name,
  content='', contentless_delete=1, prefix='1 2 3 4 5', detail=none, tokenize='unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE search_labels USING fts5(name, author, tags, categories,
  content='', contentless_delete=1, prefix='1 2 3 4 5', detail=none, tokenize='unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE search_texts USING fts5(name, author, tags, categories, summary, description,
  content='', contentless_delete=1, prefix='1 2 3 4 5', detail=none, tokenize='unicode61 remove_diacritics 2');
CREATE TABLE installed(widget BLOB PRIMARY KEY, data BLOB NOT NULL, previous BLOB) WITHOUT ROWID;
CREATE TABLE authored(widget BLOB PRIMARY KEY, name TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE instances(instance BLOB PRIMARY KEY, space BLOB NOT NULL, widget BLOB NOT NULL, data BLOB NOT NULL,
  removed_ms INTEGER);
CREATE INDEX instances_space ON instances(space);
CREATE TABLE peers(node BLOB PRIMARY KEY, data BLOB NOT NULL, blocked INTEGER NOT NULL DEFAULT 0, last_seen_ms INTEGER);
CREATE TABLE notices(id INTEGER PRIMARY KEY AUTOINCREMENT, instance BLOB, data BLOB NOT NULL, seen INTEGER NOT NULL DEFAULT 0);
";

/// What version 2 adds: what people say, whom this node met, how widgets stand here.
const TABLES_2: &str = "
CREATE TABLE said(id BLOB PRIMARY KEY, kind INTEGER NOT NULL, author BLOB NOT NULL, widget BLOB, person BLOB,
  value INTEGER NOT NULL, received INTEGER NOT NULL);
CREATE INDEX said_widget ON said(widget, kind);
CREATE INDEX said_author ON said(author, kind);
CREATE INDEX said_person ON said(person, kind) WHERE person IS NOT NULL;
CREATE INDEX said_kind ON said(kind, received);
CREATE INDEX said_received ON said(received);
CREATE TABLE people(person BLOB PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE met(node BLOB PRIMARY KEY, network BLOB NOT NULL, time_ms INTEGER NOT NULL, round BLOB NOT NULL);
CREATE TABLE kin(widget BLOB PRIMARY KEY, author BLOB NOT NULL, ancestor BLOB) WITHOUT ROWID;
CREATE INDEX kin_author ON kin(author);
CREATE INDEX kin_ancestor ON kin(ancestor) WHERE ancestor IS NOT NULL;
CREATE TABLE scores(number INTEGER PRIMARY KEY, rank REAL NOT NULL, stars REAL NOT NULL, popularity REAL NOT NULL,
  active REAL NOT NULL, rising REAL NOT NULL, known REAL NOT NULL, vouched INTEGER NOT NULL, hidden INTEGER NOT NULL);
CREATE INDEX scores_rank ON scores(rank);
CREATE INDEX scores_popularity ON scores(popularity);
CREATE INDEX scores_active ON scores(active);
CREATE INDEX scores_rising ON scores(rising);
CREATE INDEX scores_known ON scores(known);
";

/// What version 3 adds: what background components keep.
const TABLES_3: &str = "
CREATE TABLE kept(instance BLOB NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY(instance, key)) WITHOUT ROWID;
";

/// The open database. Writes happen inside [`Store::begin`] … [`Store::commit`].
pub struct Store {
    pub(crate) db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens `DATA/hedgerow.db`, makes the tables when it is new, and checks it.
    ///
    /// # Errors
    /// `Damaged`, `TooNew`, `ReadOnly`, `DiskFull` or another failure of SQLite.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let path = data.join("hedgerow.db");
        let damaged = |e: rusqlite::Error| match e.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
                path: path.clone(),
                why: e.to_string(),
            },
            _ => e.into(),
        };
        let db = Connection::open(&path).map_err(damaged)?;
        Self::configure(&db).map_err(damaged)?;
        let found: i64 = db
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(damaged)?;
        if found > VERSION {
            return Err(StoreError::TooNew { found, known: VERSION });
        }
        if found == 0 {
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} {TABLES_2} {TABLES_3} PRAGMA user_version={VERSION}; COMMIT;"
            ))
            .map_err(damaged)?;
        } else {
            Self::check(&db, &path).map_err(|e| match e {
                StoreError::Sqlite(e) => damaged(e),
                other => other,
            })?;
            let missing = match found {
                1 => format!("{TABLES_2} {TABLES_3}"),
                2 => TABLES_3.to_owned(),
                _ => String::new(),
            };
            if !missing.is_empty() {
                db.execute_batch(&format!(
                    "BEGIN IMMEDIATE; {missing} PRAGMA user_version={VERSION}; COMMIT;"
                ))
                .map_err(damaged)?;
            }
        }
        Ok(Self { db, path })
    }

    fn configure(db: &Connection) -> rusqlite::Result<()> {
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "foreign_keys", "ON")?;
        db.pragma_update(None, "cache_size", -8_192)?;
        db.pragma_update(None, "journal_size_limit", 16 << 20)?;
        db.set_prepared_statement_cache_capacity(64);
        db.busy_timeout(std::time::Duration::from_secs(5))
    }

    /// A whole check costs time that grows with the file, so large files are only sampled by SQLite as it reads.
    fn check(db: &Connection, path: &Path) -> Result<(), StoreError> {
        let size = std::fs::metadata(path).map(|m| m.len()).unwrap_or(0);
        if size > 32 << 20 {
            return Ok(());
        }
        let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" {
            Ok(())
        } else {
            Err(StoreError::Damaged {
                path: path.to_path_buf(),
                why: verdict,
            })
        }
    }

    /// A second connection for reading beside the writer, e.g. for search.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn reader(&self) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(&self.path, flags)?;
        db.pragma_update(None, "cache_size", -8_192)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Self {
            db,
            path: self.path.clone(),
        })
    }

    /// Starts a transaction if none is open.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn begin(&self) -> Result<(), StoreError> {
        if self.db.is_autocommit() {
            self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        }
        Ok(())
    }
    /// Makes everything since [`Store::begin`] durable.
    ///
    /// # Errors
    /// When the disk refuses; then everything since `begin` is undone.
    pub fn commit(&self) -> Result<(), StoreError> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        let result = self.db.prepare_cached("COMMIT").and_then(|mut s| s.execute([]));
        if let Err(error) = result {
            self.rollback();
            return Err(error.into());
        }
        Ok(())
    }
    /// Moves everything into the one file `hedgerow.db`, for a folder at rest that can be copied.
    ///
    /// # Errors
    /// When SQLite refuses; nothing is lost then, the rest stays in the file beside it.
    pub fn settle(&self) -> Result<(), StoreError> {
        let mut statement = self.db.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?;
        statement.query([])?.next()?;
        Ok(())
    }
    /// Undoes everything since [`Store::begin`].
    pub fn rollback(&self) {
        if !self.db.is_autocommit() {
            let _ = self.db.execute_batch("ROLLBACK");
        }
    }
    /// Writes a consistent copy of the database to `to`, while the node runs.
    ///
    /// # Errors
    /// When the copy cannot be written.
    pub fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        self.db.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Ok(())
    }

    /// A small value by name.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT value FROM meta WHERE key=?1")?
            .query_row([key], |row| row.get(0))
            .optional()?)
    }
    /// Sets a small value.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO meta VALUES(?1,?2)")?
            .execute(params![key, value])?;
        Ok(())
    }
}

/// Reads a 32-byte column; a row of another length means damage and reads as zeros of no use to anyone.
pub(crate) fn id32(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<[u8; 32]> {
    fixed(row, column)
}

/// Reads a column of exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    let bytes: Vec<u8> = row.get(column)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| {
        rusqlite::Error::FromSqlConversionFailure(
            length,
            rusqlite::types::Type::Blob,
            format!("expected {N} bytes in column {column}, found {length}").into(),
        )
    })
}

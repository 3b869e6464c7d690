//! Spaces, their entries, and the updates that widgets see.

use crate::{
    error::StoreError,
    schema::{Store, id32},
};
use hedgerow_base::{LogId, Pseudonym, SpaceId};
use rusqlite::{OptionalExtension as _, params};

/// A space as kept: what the cores need to open it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceRow {
    /// The space.
    pub space: SpaceId,
    /// The node's own description: genesis, keys, kind (CBOR).
    pub config: Vec<u8>,
    /// The sync core's summary, if it has written one (CBOR).
    pub summary: Option<Vec<u8>>,
}

/// An update as delivered, numbered for this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateRow {
    /// From 1, without gaps, in causal order.
    pub serial: u64,
    /// Verified author.
    pub author: Pseudonym,
    /// Author's clock.
    pub time_ms: u64,
    /// What the author wrote (JSON).
    pub body: Vec<u8>,
}

impl Store {
    /// Adds a space or replaces its description.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_space(&self, space: &SpaceId, config: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO spaces(space,config) VALUES(?1,?2) ON CONFLICT(space) DO UPDATE SET config=?2",
            )?
            .execute(params![space.0, config])?;
        Ok(())
    }
    /// Keeps the sync core's summary of a space.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_space_summary(&self, space: &SpaceId, summary: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached("UPDATE spaces SET summary=?2 WHERE space=?1")?
            .execute(params![space.0, summary])?;
        Ok(())
    }
    /// Every space.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn spaces(&self) -> Result<Vec<SpaceRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT space,config,summary FROM spaces ORDER BY space")?;
        let rows = statement.query_map([], |row| {
            Ok(SpaceRow {
                space: SpaceId(id32(row, 0)?),
                config: row.get(1)?,
                summary: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Deletes a space with its entries and updates.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_space(&self, space: &SpaceId) -> Result<(), StoreError> {
        for table in ["entries", "updates", "spaces"] {
            self.db
                .execute(&format!("DELETE FROM {table} WHERE space=?1"), params![space.0])?;
        }
        Ok(())
    }
    /// Keeps an entry.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_entry(&self, space: &SpaceId, log: &LogId, seq: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO entries VALUES(?1,?2,?3,?4)")?
            .execute(params![space.0, log.0, seq, bytes])?;
        Ok(())
    }
    /// Deletes the entries of a log from a number on, and the updates that they carried.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn retract(&self, space: &SpaceId, log: &LogId, from: u64) -> Result<(), StoreError> {
        for table in ["entries", "updates"] {
            self.db
                .prepare_cached(&format!("DELETE FROM {table} WHERE space=?1 AND log=?2 AND seq>=?3"))?
                .execute(params![space.0, log.0, from])?;
        }
        Ok(())
    }
    /// Entries `from..to` of a log, until `max_bytes` are reached (at least one).
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn entries(
        &self,
        space: &SpaceId,
        log: &LogId,
        from: u64,
        to: u64,
        max_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT bytes FROM entries WHERE space=?1 AND log=?2 AND seq>=?3 AND seq<?4 ORDER BY seq",
        )?;
        let mut rows = statement.query(params![space.0, log.0, from, to])?;
        let (mut found, mut total) = (Vec::new(), 0usize);
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            total = total.saturating_add(bytes.len());
            if total > max_bytes && !found.is_empty() {
                break;
            }
            found.push(bytes);
        }
        Ok(found)
    }
    /// Calls `each` with all entries of a space, log by log in order; for rebuilding a summary.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn each_entry(&self, space: &SpaceId, mut each: impl FnMut(Vec<u8>)) -> Result<(), StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT bytes FROM entries WHERE space=?1 ORDER BY rowid")?;
        let mut rows = statement.query(params![space.0])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }
    /// Adds a delivered update, which entry `seq` of `log` carried.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_update(&self, space: &SpaceId, log: &LogId, seq: u64, update: &UpdateRow) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT INTO updates VALUES(?1,?2,?3,?4,?5,?6,?7)")?
            .execute(params![
                space.0,
                update.serial,
                update.author.0,
                log.0,
                seq,
                i64::try_from(update.time_ms).unwrap_or(i64::MAX),
                update.body
            ])?;
        Ok(())
    }
    /// Highest serial of a space, 0 if it has no updates.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn max_serial(&self, space: &SpaceId) -> Result<u64, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT coalesce(max(serial),0) FROM updates WHERE space=?1")?
            .query_row(params![space.0], |row| row.get(0))?)
    }
    /// Updates after `serial`, at most `limit` and about `max_bytes` (at least one).
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn updates(
        &self,
        space: &SpaceId,
        serial: u64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<UpdateRow>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT serial,author,time_ms,body FROM updates WHERE space=?1 AND serial>?2 ORDER BY serial LIMIT ?3",
        )?;
        let mut rows = statement.query(params![space.0, i64::try_from(serial).unwrap_or(i64::MAX), limit])?;
        let (mut found, mut total) = (Vec::new(), 0usize);
        while let Some(row) = rows.next()? {
            let update = UpdateRow {
                serial: row.get(0)?,
                author: Pseudonym(id32(row, 1)?),
                time_ms: row.get::<_, i64>(2)?.unsigned_abs(),
                body: row.get(3)?,
            };
            total = total.saturating_add(update.body.len());
            if total > max_bytes && !found.is_empty() {
                break;
            }
            found.push(update);
        }
        Ok(found)
    }
    /// When somebody last wrote in a space, by author.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn last_change(&self, space: &SpaceId, author: &Pseudonym) -> Result<Option<u64>, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT max(time_ms) FROM (SELECT time_ms FROM updates WHERE space=?1 AND author=?2 ORDER BY serial DESC LIMIT 1)")?
            .query_row(params![space.0, author.0], |row| row.get::<_, Option<i64>>(0))
            .optional()?
            .flatten()
            .map(i64::unsigned_abs))
    }
}

//! Remembered nodes and notifications.

use crate::{
    error::StoreError,
    schema::{Store, fixed, id32},
};
use hedgerow_base::{InstanceId, NodeId};
use rusqlite::params;

/// A remembered node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    /// The node.
    pub node: NodeId,
    /// Addresses, user, name (CBOR of the node crate).
    pub data: Vec<u8>,
    /// The owner never wants to talk to it.
    pub blocked: bool,
    /// Last connected.
    pub last_seen_ms: Option<u64>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRow {
    /// Grows by one.
    pub id: u64,
    /// Where it comes from.
    pub instance: Option<InstanceId>,
    /// JSON of the node crate.
    pub data: Vec<u8>,
    /// Whether the person has seen it.
    pub seen: bool,
}

impl Store {
    /// Every remembered node, last seen first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn peers(&self) -> Result<Vec<PeerRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT node,data,blocked,last_seen_ms FROM peers ORDER BY last_seen_ms DESC LIMIT 1000")?;
        let rows = statement.query_map([], |row| {
            Ok(PeerRow {
                node: NodeId(id32(row, 0)?),
                data: row.get(1)?,
                blocked: row.get(2)?,
                last_seen_ms: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// A remembered node.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn peer(&self, node: &NodeId) -> Result<Option<PeerRow>, StoreError> {
        use rusqlite::OptionalExtension as _;
        Ok(self
            .db
            .prepare_cached("SELECT data,blocked,last_seen_ms FROM peers WHERE node=?1")?
            .query_row(params![node.0], |row| {
                Ok(PeerRow {
                    node: *node,
                    data: row.get(0)?,
                    blocked: row.get(1)?,
                    last_seen_ms: row.get(2)?,
                })
            })
            .optional()?)
    }
    /// Remembers a node.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_peer(&self, node: &NodeId, data: &[u8], last_seen_ms: Option<u64>) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO peers(node,data,last_seen_ms) VALUES(?1,?2,?3)
                 ON CONFLICT(node) DO UPDATE SET data=?2, last_seen_ms=coalesce(?3,last_seen_ms)",
            )?
            .execute(params![node.0, data, last_seen_ms])?;
        Ok(())
    }
    /// Blocks or unblocks a node.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn block_peer(&self, node: &NodeId, blocked: bool) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO peers(node,data,blocked) VALUES(?1,x'',?2) ON CONFLICT(node) DO UPDATE SET blocked=?2",
            )?
            .execute(params![node.0, blocked])?;
        Ok(())
    }
    /// Forgets a node.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn forget_peer(&self, node: &NodeId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM peers WHERE node=?1 AND blocked=0")?
            .execute(params![node.0])?;
        Ok(())
    }
    /// Keeps a notification; the oldest beyond 500 go.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_notice(&self, instance: Option<&InstanceId>, data: &[u8]) -> Result<u64, StoreError> {
        self.db
            .prepare_cached("INSERT INTO notices(instance,data) VALUES(?1,?2)")?
            .execute(params![instance.map(|i| i.0), data])?;
        let id = self.db.last_insert_rowid();
        self.db
            .prepare_cached("DELETE FROM notices WHERE id<=?1-500")?
            .execute([id])?;
        Ok(id.unsigned_abs())
    }
    /// Notifications, newest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn notices(&self) -> Result<Vec<NoticeRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT id,instance,data,seen FROM notices ORDER BY id DESC LIMIT 100")?;
        let rows = statement.query_map([], |row| {
            let instance = match row.get_ref(1)? {
                rusqlite::types::ValueRef::Null => None,
                _ => Some(InstanceId(fixed(row, 1)?)),
            };
            Ok(NoticeRow {
                id: row.get(0)?,
                instance,
                data: row.get(2)?,
                seen: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Marks a notification as seen, or all.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn see_notice(&self, id: Option<u64>) -> Result<(), StoreError> {
        let id = id.map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        self.db
            .prepare_cached("UPDATE notices SET seen=1 WHERE seen=0 AND (?1 IS NULL OR id=?1)")?
            .execute(params![id])?;
        Ok(())
    }
}

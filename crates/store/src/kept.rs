//! What background components keep for the time after a restart or an upgrade: small values by key.

use crate::{error::StoreError, schema::Store};
use hedgerow_base::InstanceId;
use rusqlite::params;

impl Store {
    /// Keeps a value of an instance's component, or forgets it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_kept(&self, instance: &InstanceId, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        match value {
            Some(value) => self
                .db
                .prepare_cached("INSERT OR REPLACE INTO kept VALUES(?1,?2,?3)")?
                .execute(params![instance.0, key, value])?,
            None => self
                .db
                .prepare_cached("DELETE FROM kept WHERE instance=?1 AND key=?2")?
                .execute(params![instance.0, key])?,
        };
        Ok(())
    }

    /// Everything that the component of an instance keeps.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn kept(&self, instance: &InstanceId) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT key,value FROM kept WHERE instance=?1 ORDER BY key")?;
        let rows = statement.query_map([instance.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets all of it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_kept(&self, instance: &InstanceId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM kept WHERE instance=?1")?
            .execute([instance.0])?;
        Ok(())
    }
}

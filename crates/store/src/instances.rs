//! Installed and authored widgets, and the instances on the dashboard.

use crate::{
    error::StoreError,
    schema::{Store, fixed, id32},
};
use hedgerow_base::{InstanceId, SpaceId, WidgetId};
use rusqlite::{OptionalExtension as _, params};

/// A widget that is installed; `data` and `previous` are CBOR of the node crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledRow {
    /// The widget.
    pub widget: WidgetId,
    /// The release in use.
    pub data: Vec<u8>,
    /// The release before it, for going back.
    pub previous: Option<Vec<u8>>,
}

/// An instance; `data` is CBOR of the node crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRow {
    /// The instance.
    pub instance: InstanceId,
    /// Its space.
    pub space: SpaceId,
    /// Its widget.
    pub widget: WidgetId,
    /// Name and more.
    pub data: Vec<u8>,
    /// When it was taken off the dashboard.
    pub removed_ms: Option<u64>,
}

impl Store {
    /// Installs a release of a widget, or another one. With `keep_previous`, what was there becomes `previous`.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_installed(&self, widget: &WidgetId, data: &[u8], previous: Option<&[u8]>) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO installed VALUES(?1,?2,?3)")?
            .execute(params![widget.0, data, previous])?;
        Ok(())
    }
    /// Everything installed.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn installed(&self) -> Result<Vec<InstalledRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT widget,data,previous FROM installed ORDER BY widget")?;
        let rows = statement.query_map([], |row| {
            Ok(InstalledRow {
                widget: WidgetId(fixed(row, 0)?),
                data: row.get(1)?,
                previous: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Uninstalls a widget.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_installed(&self, widget: &WidgetId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM installed WHERE widget=?1")?
            .execute(params![widget.0])?;
        Ok(())
    }
    /// Remembers a widget of one's own: genesis and chain head (CBOR of the node crate).
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_authored(&self, widget: &WidgetId, name: &str, data: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO authored VALUES(?1,?2,?3)")?
            .execute(params![widget.0, name, data])?;
        Ok(())
    }
    /// Every widget of one's own: id, name, data.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn authored(&self) -> Result<Vec<(WidgetId, String, Vec<u8>)>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT widget,name,data FROM authored ORDER BY widget")?;
        let rows = statement.query_map([], |row| Ok((WidgetId(fixed(row, 0)?), row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Adds or changes an instance.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_instance(&self, row: &InstanceRow) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO instances VALUES(?1,?2,?3,?4,?5)")?
            .execute(params![
                row.instance.0,
                row.space.0,
                row.widget.0,
                row.data,
                row.removed_ms
            ])?;
        Ok(())
    }
    /// Every instance, removed ones too.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn instances(&self) -> Result<Vec<InstanceRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT instance,space,widget,data,removed_ms FROM instances ORDER BY rowid")?;
        let rows = statement.query_map([], |row| {
            Ok(InstanceRow {
                instance: InstanceId(fixed(row, 0)?),
                space: SpaceId(id32(row, 1)?),
                widget: WidgetId(fixed(row, 2)?),
                data: row.get(3)?,
                removed_ms: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Deletes an instance for good.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_instance(&self, instance: &InstanceId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM instances WHERE instance=?1")?
            .execute(params![instance.0])?;
        Ok(())
    }
    /// Whether any instance (removed ones too) uses a space.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn space_in_use(&self, space: &SpaceId) -> Result<bool, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT 1 FROM instances WHERE space=?1 LIMIT 1")?
            .query_row(params![space.0], |_| Ok(()))
            .optional()?
            .is_some())
    }
}

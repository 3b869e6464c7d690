//! Directory records and the local search over them (W26).

use crate::{
    error::StoreError,
    schema::{Store, fixed, id32},
};
use hedgerow_base::{RecordId, WidgetId};
use rusqlite::{OptionalExtension as _, params};

/// What is searched: the newest release of a widget.
#[derive(Clone, Debug, Default)]
pub struct SearchDocument<'a> {
    /// Name of the widget.
    pub name: &'a str,
    /// Author's name.
    pub author: &'a str,
    /// Tags, joined by spaces.
    pub tags: &'a str,
    /// Categories.
    pub categories: &'a [String],
    /// One line.
    pub summary: &'a str,
    /// Long text.
    pub description: &'a str,
}

/// The newest release of a widget; `summary` is CBOR of the directory crate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// The widget.
    pub widget: WidgetId,
    /// The release record.
    pub release: RecordId,
    /// What lists show.
    pub summary: Vec<u8>,
}

/// Above this many hits, ranking by relevance would read too much: the newest are shown instead.
const RANKED: i64 = 1_000;

impl Store {
    /// Keeps a record.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_record(&self, id: &RecordId, widget: &WidgetId, sequence: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.db
            .prepare_cached("INSERT OR IGNORE INTO records VALUES(?1,?2,?3,?4)")?
            .execute(params![id.0, widget.0, sequence, bytes])?;
        Ok(())
    }
    /// A record's bytes.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn record(&self, id: &RecordId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT bytes FROM records WHERE id=?1")?
            .query_row(params![id.0], |row| row.get(0))
            .optional()?)
    }
    /// Calls `each` with every record's bytes.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn each_record(&self, mut each: impl FnMut(Vec<u8>)) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached("SELECT bytes FROM records ORDER BY rowid")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?);
        }
        Ok(())
    }
    /// Records of a widget, highest sequence number first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn records_of(&self, widget: &WidgetId) -> Result<Vec<(RecordId, Vec<u8>)>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT id,bytes FROM records WHERE widget=?1 ORDER BY sequence DESC LIMIT 200")?;
        let rows = statement.query_map(params![widget.0], |row| Ok((RecordId(id32(row, 0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// Deletes a record.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_record(&self, id: &RecordId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM records WHERE id=?1")?
            .execute(params![id.0])?;
        Ok(())
    }

    /// Makes `release` the one that lists and search show for its widget.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_head(
        &self,
        head: &HeadRow,
        created_ms: u64,
        received: u64,
        document: &SearchDocument<'_>,
    ) -> Result<(), StoreError> {
        let old: Option<i64> = self
            .db
            .prepare_cached("SELECT number FROM heads WHERE widget=?1")?
            .query_row(params![head.widget.0], |row| row.get(0))
            .optional()?;
        if let Some(number) = old {
            self.db
                .prepare_cached("DELETE FROM search WHERE rowid=?1")?
                .execute([number])?;
            self.db
                .prepare_cached("DELETE FROM categories WHERE number=?1")?
                .execute([number])?;
        }
        let as_i64 = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.db
            .prepare_cached("INSERT OR REPLACE INTO heads VALUES(?1,?2,?3,?4,?5,?6,?7)")?
            .execute(params![
                old,
                head.widget.0,
                head.release.0,
                head.summary,
                document.name,
                as_i64(created_ms),
                as_i64(received)
            ])?;
        let number = old.unwrap_or_else(|| self.db.last_insert_rowid());
        self.db
            .prepare_cached(
                "INSERT INTO search(rowid,name,author,tags,categories,summary,description) VALUES(?1,?2,?3,?4,?5,?6,?7)",
            )?
            .execute(params![
                number,
                document.name,
                document.author,
                document.tags,
                document.categories.join(" "),
                document.summary,
                document.description
            ])?;
        for category in document.categories {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO categories VALUES(?1,?2)")?
                .execute(params![category.to_lowercase(), number])?;
        }
        Ok(())
    }
    /// The newest release of a widget.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn head(&self, widget: &WidgetId) -> Result<Option<HeadRow>, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT widget,release,summary FROM heads WHERE widget=?1")?
            .query_row(params![widget.0], head_row)
            .optional()?)
    }
    /// How many widgets are known.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn widget_count(&self) -> Result<u64, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT count(*) FROM heads")?
            .query_row([], |row| row.get(0))?)
    }
    /// Categories in use with their number of widgets, most used first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn categories(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT category,count(*) AS n FROM categories GROUP BY category ORDER BY n DESC, category LIMIT 100",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Searches words and beginnings of words; all must be found. An empty query lists the newest.
    ///
    /// Few hits are ranked by relevance (the name counts most); many are listed newest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn search(
        &self,
        query: &str,
        category: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<HeadRow>, StoreError> {
        let category = category.map(str::to_lowercase);
        let Some(expression) = fts_expression(query) else {
            if !query.trim().is_empty() {
                return Ok(Vec::new());
            }
            let sql = match category {
                None => {
                    "SELECT widget,release,summary FROM heads WHERE ?1 IS NULL ORDER BY received DESC, number DESC LIMIT ?2 OFFSET ?3"
                }
                Some(_) => {
                    "SELECT widget,release,summary FROM categories JOIN heads USING(number) WHERE category=?1
                     ORDER BY number DESC LIMIT ?2 OFFSET ?3"
                }
            };
            let mut statement = self.db.prepare_cached(sql)?;
            let rows = statement.query_map(params![category, limit, offset], head_row)?;
            return Ok(rows.collect::<Result<_, _>>()?);
        };
        let hits: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ?1 LIMIT ?2)")?
            .query_row(params![expression, RANKED], |row| row.get(0))?;
        let order = if hits < RANKED {
            "bm25(search, 10.0, 4.0, 5.0, 3.0, 2.0, 1.0), search.rowid"
        } else {
            "search.rowid DESC"
        };
        let filter = if category.is_some() {
            "AND search.rowid IN (SELECT number FROM categories WHERE category=?2)"
        } else {
            "AND ?2 IS NULL"
        };
        // Numbers first, rows after: the joined row must not be read for hits that are not shown.
        let sql = format!(
            "SELECT widget,release,summary FROM (SELECT rowid AS hit, row_number() OVER () AS place FROM
               (SELECT rowid FROM search WHERE search MATCH ?1 {filter} ORDER BY {order} LIMIT ?3 OFFSET ?4))
             JOIN heads ON heads.number=hit ORDER BY place"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![expression, category, limit, offset], head_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn head_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<HeadRow> {
    Ok(HeadRow {
        widget: WidgetId(fixed(row, 0)?),
        release: RecordId(id32(row, 1)?),
        summary: row.get(2)?,
    })
}

/// Every run of letters and digits becomes a quoted prefix term, so that no query text is ever syntax. At most 8
/// terms of 32 characters. `None` when there is nothing to search for.
fn fts_expression(query: &str) -> Option<String> {
    let terms: Vec<String> = query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|term| !term.is_empty())
        .take(8)
        .map(|term| format!("\"{}\"*", term.chars().take(32).collect::<String>()))
        .collect();
    if terms.is_empty() { None } else { Some(terms.join(" ")) }
}

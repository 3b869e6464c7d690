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

/// Indexes, from the hits that count most: each has all words of those before it, so a word need not be in one field.
const TIERS: [&str; 3] = ["search_names", "search_labels", "search_texts"];
/// How many widgets have a common word.
const COMMON: i64 = 1_000;
/// Longest beginnings of words, in characters, with an index of their own; as in the schema.
const LONGEST_INDEXED: usize = 5;

impl Store {
    /// Keeps a record.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_record(
        &self,
        id: &RecordId,
        widget: Option<&WidgetId>,
        sequence: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let widget: &[u8] = widget.map_or(&[], |widget| &widget.0);
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.db
            .prepare_cached("INSERT OR IGNORE INTO records VALUES(?1,?2,?3,?4)")?
            .execute(params![id.0, widget, sequence, bytes])?;
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
        let mut statement = self.db.prepare_cached(
            "SELECT id,bytes FROM records WHERE widget=?1 AND sequence>0 ORDER BY sequence DESC LIMIT 200",
        )?;
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
            for table in TIERS {
                self.db
                    .prepare_cached(&format!("DELETE FROM {table} WHERE rowid=?1"))?
                    .execute([number])?;
            }
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
        let categories = document.categories.join(" ");
        self.db
            .prepare_cached("INSERT INTO search_names(rowid,name) VALUES(?1,?2)")?
            .execute(params![number, document.name])?;
        let labels = params![number, document.name, document.author, document.tags, categories];
        self.db
            .prepare_cached("INSERT INTO search_labels(rowid,name,author,tags,categories) VALUES(?1,?2,?3,?4,?5)")?
            .execute(labels)?;
        self.db
            .prepare_cached(
                "INSERT INTO search_texts(rowid,name,author,tags,categories,summary,description) VALUES(?1,?2,?3,?4,?5,?6,?7)",
            )?
            .execute(params![
                number,
                document.name,
                document.author,
                document.tags,
                categories,
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
    /// Takes a widget out of lists and search: none of its releases stands any more.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn delete_head(&self, widget: &WidgetId) -> Result<(), StoreError> {
        let number: Option<i64> = self
            .db
            .prepare_cached("SELECT number FROM heads WHERE widget=?1")?
            .query_row(params![widget.0], |row| row.get(0))
            .optional()?;
        let Some(number) = number else { return Ok(()) };
        for table in TIERS {
            self.db
                .prepare_cached(&format!("DELETE FROM {table} WHERE rowid=?1"))?
                .execute([number])?;
        }
        for table in ["categories", "scores", "heads"] {
            self.db
                .prepare_cached(&format!("DELETE FROM {table} WHERE number=?1"))?
                .execute([number])?;
        }
        Ok(())
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
    /// Where the words are decides the order: all in the name, all in name, author, tags or categories, then anywhere;
    /// within each, newest first. How often a text repeats a word counts for nothing, so repeating it gains nothing.
    /// A word that over [`COMMON`] widgets have as it is stands for itself only, not for longer ones.
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
        let terms = terms(query);
        if terms.is_empty() {
            return match query.trim().is_empty() {
                true => self.newest_heads(category.as_deref(), limit, offset),
                false => Ok(Vec::new()),
            };
        }
        let mut words = Vec::new();
        for term in &terms {
            let prefix = if self.is_common(term)? { "" } else { "*" };
            words.push(format!("\"{term}\"{prefix}"));
        }
        let words = words.join(" AND ");
        let wanted = usize::try_from(offset.saturating_add(limit)).unwrap_or(usize::MAX);
        let mut found: Vec<i64> = Vec::new();
        for table in TIERS {
            let most = u32::try_from(wanted).unwrap_or(u32::MAX);
            for number in self.matching(table, &words, category.as_deref(), most)? {
                if found.len() < wanted && !found.contains(&number) {
                    found.push(number);
                }
            }
            if found.len() >= wanted {
                break;
            }
        }
        let mut statement = self
            .db
            .prepare_cached("SELECT widget,release,summary FROM heads WHERE number=?1")?;
        let shown = found.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
        let rows = shown.map(|number| statement.query_row([number], head_row).optional());
        Ok(rows.filter_map(Result::transpose).collect::<Result<_, _>>()?)
    }

    fn newest_heads(&self, category: Option<&str>, limit: u32, offset: u32) -> Result<Vec<HeadRow>, StoreError> {
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
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether looking for longer words too would read too much: shorter beginnings have an index of their own.
    fn is_common(&self, term: &str) -> Result<bool, StoreError> {
        if term.chars().count() <= LONGEST_INDEXED {
            return Ok(false);
        }
        let sql = "SELECT count(*) FROM (SELECT 1 FROM search_texts WHERE search_texts MATCH ?1 LIMIT ?2)";
        let hits: i64 = self
            .db
            .prepare_cached(sql)?
            .query_row(params![format!("\"{term}\""), COMMON], |row| row.get(0))?;
        Ok(hits >= COMMON)
    }

    /// Numbers of the newest widgets that match.
    fn matching(
        &self,
        table: &str,
        expression: &str,
        category: Option<&str>,
        most: u32,
    ) -> Result<Vec<i64>, StoreError> {
        let filter = match category {
            Some(_) => "AND rowid IN (SELECT number FROM categories WHERE category=?2)",
            None => "AND ?2 IS NULL",
        };
        let sql = format!("SELECT rowid FROM {table} WHERE {table} MATCH ?1 {filter} ORDER BY rowid DESC LIMIT ?3");
        let mut statement = self.db.prepare_cached(&sql)?;
        let rows = statement.query_map(params![expression, category, most], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

pub(crate) fn head_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<HeadRow> {
    Ok(HeadRow {
        widget: WidgetId(fixed(row, 0)?),
        release: RecordId(id32(row, 1)?),
        summary: row.get(2)?,
    })
}

/// Every run of letters and digits, so that no query text is ever syntax: at most 8 of at most 32 characters.
fn terms(query: &str) -> Vec<String> {
    query
        .split(|c: char| !c.is_alphanumeric())
        .filter(|term| !term.is_empty())
        .take(8)
        .map(|term| term.chars().take(32).collect())
        .collect()
}

//! What people say of widgets and of each other, whom this node met, and how widgets stand here (W3, W19, W24).

use crate::{
    error::StoreError,
    schema::{Store, fixed, id32},
};
use hedgerow_base::{NodeId, PersonId, RecordId, WidgetId};
use rusqlite::params;

/// What is looked for in a statement; the record has the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaidRow {
    /// Its record.
    pub id: RecordId,
    /// Its kind, as on the wire.
    pub kind: u8,
    /// Who said it.
    pub by: PersonId,
    /// About which widget, if it is about one.
    pub widget: Option<WidgetId>,
    /// About which person, if it is about one.
    pub person: Option<PersonId>,
    /// Stars, or the role of a certificate; 255 if it was taken back.
    pub value: u8,
    /// When it came, in milliseconds since 1970.
    pub received_ms: u64,
}

/// What somebody's node said first-hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetRow {
    /// The node.
    pub node: NodeId,
    /// Bytes of its network.
    pub network: Vec<u8>,
    /// When, in milliseconds since 1970.
    pub time_ms: u64,
    /// What.
    pub round: Vec<u8>,
}

/// How a widget stands, for the order of lists.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreRow {
    /// Lower bound of the share of good verdicts.
    pub rank: f64,
    /// Stars, for filters; 0 without ratings.
    pub stars: f64,
    /// Share of people who use it.
    pub popularity: f64,
    /// What happened lately.
    pub active: f64,
    /// Popularity for its age.
    pub rising: f64,
    /// Known people who use, like or vouch for it.
    pub known: f64,
    /// Vouched for by somebody known.
    pub vouched: bool,
    /// Not to be shown in lists.
    pub hidden: bool,
}

/// By what lists are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Best rated.
    Rank,
    /// Most used.
    Popularity,
    /// Most active.
    Active,
    /// Rising.
    Rising,
    /// Known people's.
    Known,
    /// Newest widget.
    Newest,
}

impl Sort {
    const fn column(self) -> &'static str {
        match self {
            Self::Rank => "s.rank",
            Self::Popularity => "s.popularity",
            Self::Active => "s.active",
            Self::Rising => "s.rising",
            Self::Known => "s.known",
            Self::Newest => "h.received",
        }
    }
}

/// A widget in the order of its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KinRow {
    /// The widget.
    pub widget: WidgetId,
    /// Key of its author.
    pub author: PersonId,
    /// What it was forked from.
    pub ancestor: Option<WidgetId>,
}

fn stored(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
fn read_ms(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
fn optional<const N: usize>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Option<[u8; N]>> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => fixed(row, column).map(Some),
    }
}
fn said_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SaidRow> {
    Ok(SaidRow {
        id: RecordId(id32(row, 0)?),
        kind: row.get(1)?,
        by: PersonId(id32(row, 2)?),
        widget: optional(row, 3)?.map(WidgetId),
        person: optional(row, 4)?.map(PersonId),
        value: row.get(5)?,
        received_ms: read_ms(row, 6)?,
    })
}
const SAID: &str = "SELECT id,kind,author,widget,person,value,received FROM said";

impl Store {
    /// Notes what a statement is about.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_said(&self, row: &SaidRow) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO said VALUES(?1,?2,?3,?4,?5,?6,?7)")?
            .execute(params![
                row.id.0,
                row.kind,
                row.by.0,
                row.widget.map(|w| w.0),
                row.person.map(|p| p.0),
                row.value,
                stored(row.received_ms)
            ])?;
        Ok(())
    }
    /// Forgets a statement and its record.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn drop_said(&self, id: &RecordId) -> Result<Option<SaidRow>, StoreError> {
        use rusqlite::OptionalExtension as _;
        let row = self
            .db
            .prepare_cached(&format!("{SAID} WHERE id=?1"))?
            .query_row([id.0], said_row)
            .optional()?;
        self.db
            .prepare_cached("DELETE FROM said WHERE id=?1")?
            .execute([id.0])?;
        self.delete_record(id)?;
        Ok(row)
    }
    fn said(&self, filter: &str, values: impl rusqlite::Params) -> Result<Vec<SaidRow>, StoreError> {
        let mut statement = self.db.prepare_cached(&format!("{SAID} {filter}"))?;
        let rows = statement.query_map(values, said_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// All statements of a kind, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn said_of_kind(&self, kind: u8) -> Result<Vec<SaidRow>, StoreError> {
        self.said("WHERE kind=?1 ORDER BY received", params![kind])
    }
    /// Statements of a kind on a widget, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn said_on(&self, widget: &WidgetId, kind: u8) -> Result<Vec<SaidRow>, StoreError> {
        self.said("WHERE widget=?1 AND kind=?2 ORDER BY received", params![widget.0, kind])
    }
    /// Statements of a kind about a person, newest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn said_about(&self, person: &PersonId, kind: u8) -> Result<Vec<SaidRow>, StoreError> {
        self.said(
            "WHERE person=?1 AND kind=?2 ORDER BY received DESC LIMIT 500",
            params![person.0, kind],
        )
    }
    /// Statements of a kind by a person, newest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn said_by(&self, person: &PersonId, kind: u8) -> Result<Vec<SaidRow>, StoreError> {
        self.said(
            "WHERE author=?1 AND kind=?2 ORDER BY received DESC LIMIT 5000",
            params![person.0, kind],
        )
    }
    /// Statements that came after a time: how many on each widget.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn said_since(&self, since_ms: u64) -> Result<Vec<SaidRow>, StoreError> {
        self.said("WHERE received>=?1 AND widget IS NOT NULL", params![stored(since_ms)])
    }

    /// Notes what somebody calls themselves.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_person(&self, person: &PersonId, name: &str) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO people VALUES(?1,?2)")?
            .execute(params![person.0, name])?;
        Ok(())
    }
    /// What somebody calls themselves; empty if that is not known.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn person_name(&self, person: &PersonId) -> Result<String, StoreError> {
        use rusqlite::OptionalExtension as _;
        let name = self
            .db
            .prepare_cached("SELECT name FROM people WHERE person=?1")?
            .query_row([person.0], |row| row.get(0))
            .optional()?;
        Ok(name.unwrap_or_default())
    }

    /// Keeps what somebody's node said first-hand.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_met(&self, row: &MetRow) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO met VALUES(?1,?2,?3,?4)")?
            .execute(params![row.node.0, row.network, stored(row.time_ms), row.round])?;
        Ok(())
    }
    /// Forgets it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn forget_met(&self, node: &NodeId) -> Result<(), StoreError> {
        self.db
            .prepare_cached("DELETE FROM met WHERE node=?1")?
            .execute([node.0])?;
        Ok(())
    }
    /// All of it, oldest first.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn met(&self) -> Result<Vec<MetRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached("SELECT node,network,time_ms,round FROM met ORDER BY time_ms")?;
        let rows = statement.query_map([], |row| {
            Ok(MetRow {
                node: NodeId(id32(row, 0)?),
                network: row.get(1)?,
                time_ms: read_ms(row, 2)?,
                round: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes whose a widget is and what it came from.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_kin(&self, kin: &KinRow) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO kin VALUES(?1,?2,?3)")?
            .execute(params![kin.widget.0, kin.author.0, kin.ancestor.map(|a| a.0)])?;
        Ok(())
    }
    fn kin(&self, filter: &str, values: impl rusqlite::Params) -> Result<Vec<KinRow>, StoreError> {
        let mut statement = self
            .db
            .prepare_cached(&format!("SELECT widget,author,ancestor FROM kin {filter}"))?;
        let rows = statement.query_map(values, |row| {
            Ok(KinRow {
                widget: WidgetId(fixed(row, 0)?),
                author: PersonId(id32(row, 1)?),
                ancestor: optional(row, 2)?.map(WidgetId),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// All widgets with author and ancestor.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn all_kin(&self) -> Result<Vec<KinRow>, StoreError> {
        self.kin("", [])
    }
    /// Author and ancestor of a widget.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn kin_of(&self, widget: &WidgetId) -> Result<Option<KinRow>, StoreError> {
        Ok(self.kin("WHERE widget=?1", [widget.0])?.pop())
    }
    /// Forks of a widget, at most 500.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn forks_of(&self, widget: &WidgetId) -> Result<Vec<KinRow>, StoreError> {
        self.kin("WHERE ancestor=?1 LIMIT 500", [widget.0])
    }
    /// Widgets of an author, at most 500.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn widgets_of(&self, author: &PersonId) -> Result<Vec<KinRow>, StoreError> {
        self.kin("WHERE author=?1 LIMIT 500", [author.0])
    }

    /// When the newest release of a widget came, in milliseconds since 1970.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn received_of(&self, widget: &WidgetId) -> Result<Option<u64>, StoreError> {
        use rusqlite::OptionalExtension as _;
        Ok(self
            .db
            .prepare_cached("SELECT received FROM heads WHERE widget=?1")?
            .query_row([widget.0], |row| read_ms(row, 0))
            .optional()?)
    }
    /// Names of all widgets.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn head_names(&self) -> Result<Vec<(WidgetId, String)>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT widget,name FROM heads")?;
        let rows = statement.query_map([], |row| Ok((WidgetId(fixed(row, 0)?), row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
    /// When the newest release of each widget came, in milliseconds since 1970.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn heads_received(&self) -> Result<Vec<(WidgetId, u64)>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT widget,received FROM heads")?;
        let rows = statement.query_map([], |row| Ok((WidgetId(fixed(row, 0)?), read_ms(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Replaces how all widgets stand; those not named stand nowhere.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn put_scores<'a>(&self, scores: impl Iterator<Item = (&'a WidgetId, &'a ScoreRow)>) -> Result<(), StoreError> {
        self.db.prepare_cached("DELETE FROM scores")?.execute([])?;
        let mut insert = self.db.prepare_cached(
            "INSERT OR REPLACE INTO scores SELECT number,?2,?3,?4,?5,?6,?7,?8,?9 FROM heads WHERE widget=?1",
        )?;
        for (widget, s) in scores {
            insert.execute(params![
                widget.0,
                s.rank,
                s.stars,
                s.popularity,
                s.active,
                s.rising,
                s.known,
                s.vouched,
                s.hidden
            ])?;
        }
        Ok(())
    }
}

/// What a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this category.
    pub category: Option<String>,
    /// Only of this author.
    pub author: Option<PersonId>,
    /// Only what is vouched for.
    pub vouched: bool,
    /// At least so many stars.
    pub stars: Option<f64>,
}

impl Store {
    /// Widgets in an order, best first; hidden ones and, unless by age, those without a score are left out.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub fn heads_by(
        &self,
        sort: Sort,
        filter: &Filter,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<crate::directory::HeadRow>, StoreError> {
        let column = sort.column();
        let mut conditions = vec!["coalesce(s.hidden,0)=0".to_owned()];
        if sort != Sort::Newest {
            conditions.push(format!("{column}>0"));
        }
        if filter.vouched {
            conditions.push("s.vouched=1".into());
        }
        if filter.stars.is_some() {
            conditions.push("s.stars>=?3".into());
        }
        if filter.category.is_some() {
            conditions.push("h.number IN (SELECT number FROM categories WHERE category=?4)".into());
        }
        if filter.author.is_some() {
            conditions.push("h.widget IN (SELECT widget FROM kin WHERE author=?5)".into());
        }
        let join = if sort == Sort::Newest { "LEFT JOIN" } else { "JOIN" };
        let sql = format!(
            "SELECT h.widget,h.release,h.summary FROM heads h {join} scores s ON s.number=h.number
             WHERE (?3 IS NULL OR ?3 IS NOT NULL) AND (?4 IS NULL OR ?4 IS NOT NULL) AND (?5 IS NULL OR ?5 IS NOT NULL)
             AND {} ORDER BY {column} DESC, h.number DESC LIMIT ?1 OFFSET ?2",
            conditions.join(" AND ")
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let category = filter.category.as_deref().map(str::to_lowercase);
        let author = filter.author.map(|a| a.0);
        let rows = statement.query_map(
            params![limit, offset, filter.stars, category, author],
            crate::directory::head_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

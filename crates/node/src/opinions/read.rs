//! Reading what people say: ratings, comments and issues, and figures for authors.

use super::WITHDRAWN;
use crate::engine::{Engine, store_error};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{Comment as CommentOut, CommentsParams, Rating as RatingOut, Ratings, VersionUse, WidgetStatistics},
};
use hedgerow_base::{PersonId, RecordId, WidgetId};
use hedgerow_directory::{Record, Said};
use hedgerow_wire::directory::{Comment, CommentRef, KIND_COMMENT, KIND_RATING, State, Subject, What};
use std::collections::{BTreeMap, BTreeSet};

/// Most comments in an answer.
const MOST_COMMENTS: usize = 1_000;

/// The id of a comment: its author's key and its number.
pub(crate) fn comment_id(comment: &CommentRef) -> String {
    format!("{}-{:016x}", comment.by, comment.number)
}

pub(crate) fn parsed_comment(id: &str) -> Result<CommentRef, ApiError> {
    let parts = id.trim().split_once('-');
    let parsed = parts.and_then(|(by, number)| {
        let number = u64::from_str_radix(number, 16).ok()?;
        Some(CommentRef {
            by: by.parse().ok()?,
            number,
        })
    });
    parsed.ok_or_else(|| {
        let why = format!("{id:?} is not the id of a comment; `directory.comments` shows them");
        ApiError::new(ErrorCode::BadParams, why)
    })
}

fn not_there() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "there is no such comment here")
}

/// A comment with what is known of it.
struct Read {
    said: Said,
    comment: Comment,
    received_ms: u64,
}

impl Read {
    const fn reference(&self) -> CommentRef {
        CommentRef {
            by: self.said.by,
            number: self.comment.number,
        }
    }
}

impl Engine {
    pub(crate) fn said(&self, id: &RecordId) -> Result<Option<Said>, ApiError> {
        let bytes = self.store.record(id).map_err(|e| store_error(&e))?;
        Ok(bytes
            .and_then(|bytes| Record::from_bytes(&bytes).ok())
            .and_then(|record| record.said().cloned()))
    }

    /// One's own rating of a widget, if it stands.
    pub(crate) fn own_rating(&self, widget: &WidgetId) -> Result<Option<(RecordId, Said)>, ApiError> {
        let me = self.me();
        let rows = self.store.said_on(widget, KIND_RATING).map_err(|e| store_error(&e))?;
        let Some(row) = rows.into_iter().find(|row| row.by == me && row.value != WITHDRAWN) else {
            return Ok(None);
        };
        Ok(self.said(&row.id)?.map(|said| (row.id, said)))
    }

    fn rating(&self, said: &Said, received_ms: u64) -> Result<Option<RatingOut>, ApiError> {
        let What::Rating(rating) = &said.what else {
            return Ok(None);
        };
        Ok(Some(RatingOut {
            by: self.person(&said.by)?,
            stars: rating.stars,
            text: rating.text.clone(),
            time_ms: said.created_ms.min(received_ms),
            edited: said.revision > 1,
        }))
    }

    pub(crate) fn ratings(&self, widget: &WidgetId, limit: u32, offset: u32) -> Result<Ratings, ApiError> {
        let rows = self.store.said_on(widget, KIND_RATING).map_err(|e| store_error(&e))?;
        let standing = &self.opinions.view.standing;
        let blocked = |person: &PersonId| standing.hidden(&Subject::Person(*person)).is_some();
        let mut rows: Vec<_> = rows
            .into_iter()
            .filter(|row| row.value != WITHDRAWN && !blocked(&row.by))
            .collect();
        let mut each = vec![0; 5];
        for row in &rows {
            if let Some(count) = usize::from(row.value)
                .checked_sub(1)
                .and_then(|star| each.get_mut(star))
            {
                *count += 1;
            }
        }
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        // Those of known people first, then the newest.
        rows.sort_by_key(|row| (!standing.knows(&row.by), std::cmp::Reverse(row.received_ms)));
        let mut list = Vec::new();
        let (limit, offset) = (limit.clamp(1, 100) as usize, offset as usize);
        for row in rows.iter().skip(offset).take(limit) {
            if let Some(said) = self.said(&row.id)? {
                list.extend(self.rating(&said, row.received_ms)?);
            }
        }
        let mine = match self.own_rating(widget)? {
            Some((_, said)) => self.rating(&said, u64::MAX)?,
            None => None,
        };
        // A rating of one's own counts at once, before it is judged.
        let judged = standing.widget(widget).stars;
        Ok(Ratings {
            stars: judged
                .or_else(|| mine.as_ref().map(|mine| f64::from(mine.stars)))
                .filter(|_| count > 0),
            count,
            each,
            mine,
            list,
        })
    }

    fn read_comments(&self, widget: &WidgetId) -> Result<Vec<Read>, ApiError> {
        let rows = self.store.said_on(widget, KIND_COMMENT).map_err(|e| store_error(&e))?;
        let standing = &self.opinions.view.standing;
        let mut list = Vec::new();
        for row in rows {
            if standing.hidden(&Subject::Person(row.by)).is_some() {
                continue;
            }
            let Some(said) = self.said(&row.id)? else { continue };
            if let What::Comment(comment) = said.what.clone() {
                list.push(Read {
                    said,
                    comment,
                    received_ms: row.received_ms,
                });
            }
        }
        Ok(list)
    }

    /// The author's or the opener's last word on an issue.
    fn is_closed(&self, issue: &Read, all: &[Read], author: Option<PersonId>) -> bool {
        let reference = issue.reference();
        let words = all
            .iter()
            .filter(|read| read.comment.parent == Some(reference) && Some(read.said.by) == author);
        let last = words
            .filter(|read| matches!(read.comment.state, State::Closed | State::Reopened))
            .max_by_key(|read| read.received_ms);
        match last {
            Some(word) if word.comment.state == State::Closed => true,
            Some(word) => issue.comment.state == State::Closed && issue.received_ms > word.received_ms,
            None => issue.comment.state == State::Closed,
        }
    }

    fn shown_comment(&self, read: &Read, closed: bool) -> Result<CommentOut, ApiError> {
        let removed = read.comment.state == State::Withdrawn;
        Ok(CommentOut {
            id: comment_id(&read.reference()),
            uuid: read.comment.widget.to_string(),
            by: self.person(&read.said.by)?,
            title: read.comment.title.clone(),
            text: if removed {
                String::new()
            } else {
                read.comment.text.clone()
            },
            parent: read.comment.parent.as_ref().map(comment_id),
            issue: !read.comment.title.is_empty(),
            closed,
            time_ms: read.said.created_ms.min(read.received_ms),
            edited: read.said.revision > 1 && !removed,
            removed,
        })
    }

    pub(crate) fn comments(&self, p: &CommentsParams) -> Result<Vec<CommentOut>, ApiError> {
        let widget: WidgetId = crate::dispatch::parsed(&p.uuid)?;
        let author = self.author_of(&widget)?;
        let all = self.read_comments(&widget)?;
        let mut replies: BTreeMap<CommentRef, Vec<&Read>> = BTreeMap::new();
        let known: BTreeSet<CommentRef> = all.iter().map(Read::reference).collect();
        let mut roots: Vec<&Read> = Vec::new();
        for read in &all {
            match read.comment.parent.filter(|parent| known.contains(parent)) {
                // Words that only close or open something are shown as the state of the issue.
                Some(_) if read.comment.text.is_empty() && read.comment.state != State::Withdrawn => {}
                Some(parent) => replies.entry(parent).or_default().push(read),
                None => roots.push(read),
            }
        }
        roots.retain(|read| read.comment.title.is_empty() != p.issues);
        let mut list = Vec::new();
        let mut waiting: Vec<&Read> = roots.into_iter().rev().collect();
        // Depth first, each once: a circle of replies has no root and is not reached.
        while let Some(read) = waiting.pop() {
            if list.len() >= MOST_COMMENTS {
                break;
            }
            let theirs = replies.remove(&read.reference()).unwrap_or_default();
            if read.comment.state == State::Withdrawn && theirs.is_empty() {
                continue;
            }
            list.push(self.shown_comment(read, self.is_closed(read, &all, author))?);
            waiting.extend(theirs.into_iter().rev());
        }
        Ok(list)
    }

    /// A comment wherever it is.
    pub(crate) fn find_comment(&self, reference: &CommentRef) -> Result<(RecordId, Said), ApiError> {
        let rows = self
            .store
            .said_by(&reference.by, KIND_COMMENT)
            .map_err(|e| store_error(&e))?;
        for row in rows {
            if let Some(said) = self.said(&row.id)?
                && let What::Comment(comment) = &said.what
                && comment.number == reference.number
            {
                return Ok((row.id, said));
            }
        }
        Err(not_there())
    }
    /// A comment on this widget.
    pub(crate) fn comment_of(&self, widget: &WidgetId, reference: &CommentRef) -> Result<(), ApiError> {
        let (_, said) = self.find_comment(reference)?;
        if said.widget() == Some(*widget) {
            Ok(())
        } else {
            Err(not_there())
        }
    }
    pub(crate) fn one_comment(&self, widget: &WidgetId, reference: &CommentRef) -> Result<CommentOut, ApiError> {
        let all = self.read_comments(widget)?;
        let read = all
            .iter()
            .find(|read| read.reference() == *reference)
            .ok_or_else(not_there)?;
        self.shown_comment(read, self.is_closed(read, &all, self.author_of(widget)?))
    }

    pub(crate) fn statistics(&self, widget: &WidgetId) -> Result<WidgetStatistics, ApiError> {
        let standing = self.standing(widget)?;
        let all = self.read_comments(widget)?;
        let author = self.author_of(widget)?;
        let issues = all
            .iter()
            .filter(|read| !read.comment.title.is_empty() && read.comment.state != State::Withdrawn);
        let open = issues
            .clone()
            .filter(|issue| !self.is_closed(issue, &all, author))
            .count();
        let comments = all.iter().filter(|read| !read.comment.text.is_empty()).count() - issues.count();
        let mut users: BTreeMap<u64, u32> = BTreeMap::new();
        for (_, met) in self.opinions.rounds.people() {
            for used in met.used.iter().filter(|used| used.widget == *widget) {
                *users.entry(used.sequence).or_default() += 1;
            }
        }
        let records = self.store.records_of(widget).map_err(|e| store_error(&e))?;
        let names: BTreeMap<u64, String> = records
            .iter()
            .filter_map(|(_, bytes)| Record::from_bytes(bytes).ok()?.into_release())
            .map(|release| (release.sequence, release.version))
            .collect();
        let versions = users.into_iter().rev().map(|(sequence, users)| VersionUse {
            version: names
                .get(&sequence)
                .cloned()
                .unwrap_or_else(|| format!("release {sequence}")),
            sequence,
            users,
        });
        let forks = self.store.forks_of(widget).map_err(|e| store_error(&e))?.len();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(WidgetStatistics {
            uuid: widget.to_string(),
            users: standing.users,
            popularity: standing.popularity,
            stars: standing.stars,
            ratings: standing.ratings,
            comments: number(comments),
            open_issues: number(open),
            forks: number(forks),
            versions: versions.collect(),
        })
    }
}

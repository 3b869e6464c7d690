//! Saying something: ratings, comments, certificates, signed and spread.

use super::{
    read::parsed_comment,
    settings::{subject, subject_text},
};
use crate::{
    dispatch::parsed,
    engine::{Engine, store_error},
    identity::random,
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{
        Certificate as CertificateOut, CertifyParams, CloseIssueParams, Comment as CommentOut, CommentParams,
        EditCommentParams, RateParams, Ratings, RevokeParams, Role as RoleOut,
    },
};
use hedgerow_base::{RecordId, WidgetId};
use hedgerow_directory::{Record, Said};
use hedgerow_wire::directory::{Certificate, Comment, CommentRef, Rating, Role, State, Subject, What};

/// Longest texts that people write, in characters.
const LONGEST_RATING: usize = 2_000;
const LONGEST_COMMENT: usize = 4_000;
const LONGEST_TITLE: usize = 120;
const LONGEST_REASON: usize = 300;

pub(crate) const fn role(role: RoleOut) -> Role {
    match role {
        RoleOut::Vouch => Role::Vouch,
        RoleOut::Moderator => Role::Moderator,
        RoleOut::Block => Role::Block,
        RoleOut::Report => Role::Report,
    }
}

/// A text within its bound, or a sentence that says what it is.
fn bounded(text: &str, what: &str, characters: usize) -> Result<String, ApiError> {
    let text = text.trim();
    let count = text.chars().count();
    if count > characters {
        let why = format!("{what} has at most {characters} characters; this one has {count}");
        return Err(ApiError::new(ErrorCode::Limit, why));
    }
    let plain = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            ' '
        } else {
            c
        }
    };
    let text: String = text.replace("\r\n", "\n").chars().map(plain).collect();
    // The wire counts bytes; letters beyond ASCII take several.
    if text.len() > hedgerow_wire::directory::MAX_TEXT {
        let why = format!(
            "{what} is too long by {} bytes",
            text.len() - hedgerow_wire::directory::MAX_TEXT
        );
        return Err(ApiError::new(ErrorCode::Limit, why));
    }
    Ok(text)
}

fn line(text: &str, what: &str, characters: usize) -> Result<String, ApiError> {
    Ok(bounded(text, what, characters)?.replace(['\n', '\t'], " "))
}

impl Engine {
    /// Signs a statement as the next revision at its place, keeps and spreads it.
    pub(crate) fn say(&mut self, what: What, created_ms: Option<u64>) -> Result<RecordId, ApiError> {
        let now = self.now_ms();
        let key = self.identity.author_key();
        let mut said = Said::new(
            key.public().into(),
            1,
            self.shown_name(),
            created_ms.unwrap_or(now),
            what,
        );
        said.revision = self.directory.revision(&said.slot()).saturating_add(1);
        let record = Record::say(said, &key).map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
        let id = record.id;
        self.publish_record(record)?;
        Ok(id)
    }

    fn known_widget(&self, uuid: &str) -> Result<WidgetId, ApiError> {
        let widget: WidgetId = parsed(uuid)?;
        if self.directory.knows(&widget) {
            Ok(widget)
        } else {
            Err(crate::catalogue::unknown_widget(&widget))
        }
    }

    pub(crate) fn rate(&mut self, p: &RateParams) -> Result<Ratings, ApiError> {
        let widget = self.known_widget(&p.uuid)?;
        if !(1..=5).contains(&p.stars) {
            return Err(ApiError::new(ErrorCode::BadParams, "a rating has 1 to 5 stars"));
        }
        if self.author_of(&widget)? == Some(self.me()) {
            let why = "this widget is your own; the others decide how good it is";
            return Err(ApiError::new(ErrorCode::Refused, why));
        }
        let text = bounded(&p.text, "the text of a rating", LONGEST_RATING)?;
        let before = self.own_rating(&widget)?.map(|(_, said)| said.created_ms);
        let stars = p.stars;
        self.say(What::Rating(Rating { widget, stars, text }), before)?;
        self.ratings(&widget, 30, 0)
    }

    pub(crate) fn unrate(&mut self, uuid: &str) -> Result<Ratings, ApiError> {
        let widget = self.known_widget(uuid)?;
        if self.own_rating(&widget)?.is_some() {
            let text = String::new();
            self.say(What::Rating(Rating { widget, stars: 0, text }), None)?;
        }
        self.ratings(&widget, 30, 0)
    }

    pub(crate) fn comment(&mut self, p: &CommentParams) -> Result<CommentOut, ApiError> {
        let widget = self.known_widget(&p.uuid)?;
        let text = bounded(&p.text, "a comment", LONGEST_COMMENT)?;
        let title = line(p.title.as_deref().unwrap_or(""), "the title of an issue", LONGEST_TITLE)?;
        if text.is_empty() || p.title.is_some() && title.is_empty() {
            return Err(ApiError::new(ErrorCode::BadParams, "write something first"));
        }
        let parent = p.parent.as_deref().map(parsed_comment).transpose()?;
        if parent.is_some() && !title.is_empty() {
            return Err(ApiError::new(
                ErrorCode::BadParams,
                "an issue replies to nothing; leave out parent or title",
            ));
        }
        if let Some(parent) = parent {
            self.comment_of(&widget, &parent)?;
        }
        let number = u64::from_le_bytes(random().map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?);
        let comment = Comment {
            widget,
            number,
            parent,
            title,
            text,
            state: State::Stands,
        };
        self.say(What::Comment(comment), None)?;
        let by = self.me();
        self.one_comment(&widget, &CommentRef { by, number })
    }

    /// An own comment, to be changed.
    fn own_comment(&self, id: &str) -> Result<(Comment, u64), ApiError> {
        let reference = parsed_comment(id)?;
        let not_mine = || ApiError::new(ErrorCode::Refused, "only who wrote a comment can change it");
        if reference.by != self.me() {
            return Err(not_mine());
        }
        let (_, said) = self.find_comment(&reference)?;
        match said.what {
            What::Comment(comment) => Ok((comment, said.created_ms)),
            _ => Err(not_mine()),
        }
    }

    pub(crate) fn edit_comment(&mut self, p: &EditCommentParams) -> Result<CommentOut, ApiError> {
        let (mut comment, created_ms) = self.own_comment(&p.id)?;
        if let Some(text) = &p.text {
            comment.text = bounded(text, "a comment", LONGEST_COMMENT)?;
        }
        if let Some(title) = p.title.as_ref().filter(|_| !comment.title.is_empty()) {
            comment.title = line(title, "the title of an issue", LONGEST_TITLE)?;
        }
        if comment.text.is_empty() {
            let why = "nothing is left of it; remove the comment instead";
            return Err(ApiError::new(ErrorCode::BadParams, why));
        }
        if comment.state == State::Withdrawn {
            comment.state = State::Stands;
        }
        self.again(comment, created_ms)
    }

    pub(crate) fn remove_comment(&mut self, id: &str) -> Result<CommentOut, ApiError> {
        let (mut comment, created_ms) = self.own_comment(id)?;
        comment.text.clear();
        comment.state = State::Withdrawn;
        self.again(comment, created_ms)
    }

    fn again(&mut self, comment: Comment, created_ms: u64) -> Result<CommentOut, ApiError> {
        let (widget, number, by) = (comment.widget, comment.number, self.me());
        self.say(What::Comment(comment), Some(created_ms))?;
        self.one_comment(&widget, &CommentRef { by, number })
    }

    pub(crate) fn close_issue(&mut self, p: &CloseIssueParams) -> Result<CommentOut, ApiError> {
        let reference = parsed_comment(&p.id)?;
        let (_, said) = self.find_comment(&reference)?;
        let What::Comment(issue) = said.what else {
            return Err(no_issue());
        };
        if issue.title.is_empty() {
            return Err(no_issue());
        }
        let widget = issue.widget;
        if reference.by == self.me() {
            let state = if p.closed { State::Closed } else { State::Stands };
            return self.again(Comment { state, ..issue }, said.created_ms);
        }
        if self.author_of(&widget)? != Some(self.me()) {
            let why = "only who opened an issue and the author of the widget can close it";
            return Err(ApiError::new(ErrorCode::Refused, why));
        }
        // One place for the author's word on each issue, so that it can change.
        let number = reference.number ^ u64::from_le_bytes(*reference.by.0.first_chunk::<8>().unwrap_or(&[0; 8]));
        let word = Comment {
            widget,
            number,
            parent: Some(reference),
            title: String::new(),
            text: String::new(),
            state: if p.closed { State::Closed } else { State::Reopened },
        };
        self.say(What::Comment(word), None)?;
        self.one_comment(&widget, &reference)
    }

    /// Signs a certificate or takes it back.
    pub(crate) fn certify(
        &mut self,
        role_out: RoleOut,
        about: Subject,
        reason: &str,
        revoked: bool,
    ) -> Result<RecordId, ApiError> {
        if about == Subject::Person(self.me()) {
            return Err(ApiError::new(ErrorCode::Refused, "nobody vouches for themselves"));
        }
        if role_out == RoleOut::Moderator && matches!(about, Subject::Widget(_)) {
            return Err(ApiError::new(
                ErrorCode::BadParams,
                "only a person can be a moderator; give their key",
            ));
        }
        let certificate = Certificate {
            role: role(role_out),
            subject: about,
            reason: line(reason, "a reason", LONGEST_REASON)?,
            revoked,
        };
        self.say(What::Certificate(certificate), None)
    }

    pub(crate) fn certify_call(&mut self, p: &CertifyParams) -> Result<CertificateOut, ApiError> {
        let about = subject(&p.subject)?;
        let id = self.certify(p.role, about, &p.reason, false)?;
        let bytes = self.store.record(&id).map_err(|e| store_error(&e))?;
        let shown = bytes
            .and_then(|bytes| self.certificate(id, &bytes).transpose())
            .transpose()?;
        shown.ok_or_else(|| ApiError::new(ErrorCode::Bug, "the certificate was not kept"))
    }

    pub(crate) fn revoke_call(&mut self, p: &RevokeParams) -> Result<(), ApiError> {
        let about = subject(&p.subject)?;
        let key = self.me();
        let what = What::Certificate(Certificate {
            role: role(p.role),
            subject: about,
            reason: String::new(),
            revoked: true,
        });
        let slot = Said::new(key, 1, String::new(), 0, what).slot();
        if self.directory.revision(&slot) == 0 {
            let why = format!("you said nothing of the kind about {}", subject_text(&about));
            return Err(ApiError::new(ErrorCode::NotFound, why));
        }
        self.certify(p.role, about, "", true)?;
        if p.role == RoleOut::Block {
            self.keep(|kept| kept.unshare(&subject_text(&about)))?;
        }
        Ok(())
    }

    /// Tells the author here of a rating, comment or issue of an own widget.
    pub(crate) fn tell_author(&mut self, said: &Said) -> Result<(), ApiError> {
        let (Some(widget), false) = (said.widget(), said.by == self.me()) else {
            return Ok(());
        };
        if said.revision > 1 || !self.authored.contains_key(&widget) {
            return Ok(());
        }
        let name = self.authored.get(&widget).map(|a| a.name.clone()).unwrap_or_default();
        let who = if said.name.trim().is_empty() {
            "Somebody"
        } else {
            said.name.as_str()
        };
        let text = match &said.what {
            What::Comment(c) if !c.title.is_empty() => format!("{who} opened an issue: {}", c.title),
            What::Comment(c) if !c.text.is_empty() => format!("{who} wrote: {}", c.text),
            What::Rating(r) if r.stars > 0 => format!("{who} gave it {} of 5 stars", r.stars),
            _ => return Ok(()),
        };
        self.notify(None, &name, &text, None)
    }
}

fn no_issue() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "there is no such issue; `directory.comments` with issues lists them",
    )
}

//! What people say: ratings, comments, certificates, and what they have installed. Each is signed by one person and has a
//! place of its own ([`Slot`]); of two that have the same place, the one of the higher revision counts, so everything can
//! be changed and taken back, and takes the same room as before.

use super::{
    DirectoryFrameError, KIND_CERTIFICATE, KIND_COMMENT, KIND_INSTALLS, KIND_RATING, MAX_INSTALLS, MAX_SEQUENCE,
    MAX_TEXT, is_line, is_text,
};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{NodeId, PersonId, WidgetId, hash::hash};
use minicbor::{Decode, Encode};

/// Something that a person says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Said {
    /// One of the kind numbers, as `what` is.
    #[n(0)]
    pub kind: u8,
    /// Who says it.
    #[n(1)]
    pub by: PersonId,
    /// From 1, growing with each change.
    #[n(2)]
    pub revision: u64,
    /// What they call themselves.
    #[n(3)]
    pub name: String,
    /// Their clock when they said it first, milliseconds since 1970; never used for order, never believed if it is ahead.
    #[n(4)]
    pub created_ms: u64,
    /// What.
    #[n(5)]
    pub what: What,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum What {
    /// Of a widget: one per person and widget.
    #[n(2)]
    Rating(#[n(0)] Rating),
    /// On a widget.
    #[n(3)]
    Comment(#[n(0)] Comment),
    /// About a widget or a person (W21).
    #[n(4)]
    Certificate(#[n(0)] Certificate),
    /// What they have installed: one per person; handed from node to node first-hand only (W19).
    #[n(5)]
    Installs(#[n(0)] Installs),
}

/// A rating of a widget.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rating {
    /// Of what.
    #[n(0)]
    pub widget: WidgetId,
    /// 1 to 5; 0: taken back.
    #[n(1)]
    pub stars: u8,
    /// Why; may be empty.
    #[n(2)]
    pub text: String,
}

/// Names a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct CommentRef {
    /// Who wrote it.
    #[n(0)]
    pub by: PersonId,
    /// Its number.
    #[n(1)]
    pub number: u64,
}

/// Whether something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum State {
    /// It does; of an issue: it is open.
    #[default]
    #[n(0)]
    Stands,
    /// Of an issue, or of a reply to one by the author of the widget: it is done.
    #[n(1)]
    Closed,
    /// Of a reply to an issue by the author of the widget: it is open again.
    #[n(2)]
    Reopened,
    /// Taken back.
    #[n(3)]
    Withdrawn,
}

/// A comment on a widget, or an issue.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Comment {
    /// On what.
    #[n(0)]
    pub widget: WidgetId,
    /// Chosen by its author; with the author it names the comment.
    #[n(1)]
    pub number: u64,
    /// What it replies to.
    #[n(2)]
    pub parent: Option<CommentRef>,
    /// Of an issue; otherwise empty.
    #[n(3)]
    #[cbor(default)]
    pub title: String,
    /// The text; empty when it is taken back, or only closes something.
    #[n(4)]
    pub text: String,
    /// Whether it stands.
    #[n(5)]
    #[cbor(default)]
    pub state: State,
}

/// What a certificate says of its subject. The numbers are on the wire and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// It is what it says, and does no harm (whitelist).
    #[n(0)]
    Vouch,
    /// Their judgement is worth following.
    #[n(1)]
    Moderator,
    /// It should not be shown (block list, C11).
    #[n(2)]
    Block,
    /// Something is wrong with it.
    #[n(3)]
    Report,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Vouch, Self::Moderator, Self::Block, Self::Report];
}

/// What a certificate is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Subject {
    /// A widget.
    #[n(0)]
    Widget(#[n(0)] WidgetId),
    /// A person.
    #[n(1)]
    Person(#[n(0)] PersonId),
}

impl Subject {
    /// Bytes that differ for different subjects.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Widget(widget) => widget.0.to_vec(),
            Self::Person(person) => person.0.to_vec(),
        }
    }
}

/// A certificate: {signer, subject, signature} of the original design, with a role and a reason (W21).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Certificate {
    /// What it says.
    #[n(0)]
    pub role: Role,
    /// Of what.
    #[n(1)]
    pub subject: Subject,
    /// Why; may be empty.
    #[n(2)]
    pub reason: String,
    /// Whether it still does: taken back, it stays known, so that the old one cannot come back.
    #[n(3)]
    #[cbor(default)]
    pub revoked: bool,
}

/// A widget that somebody has installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Used {
    /// Which.
    #[n(0)]
    pub widget: WidgetId,
    /// Number of the installed release.
    #[n(1)]
    pub sequence: u64,
}

/// What a person has installed, as one of their nodes tells another.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Installs {
    /// The node that tells it: nobody else can hand it on as theirs.
    #[n(0)]
    pub node: NodeId,
    /// Ordered by widget, each once.
    #[n(1)]
    pub used: Vec<Used>,
}

/// Where something that is said has its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub [u8; 16]);

impl Said {
    /// Makes it, at its kind.
    pub fn new(by: PersonId, revision: u64, name: String, created_ms: u64, what: What) -> Self {
        Self {
            kind: what.kind(),
            by,
            revision,
            name,
            created_ms,
            what,
        }
    }
    /// The place of what is said.
    pub fn slot(&self) -> Slot {
        let number;
        let subject = match &self.what {
            What::Rating(rating) => rating.widget.0.to_vec(),
            What::Comment(comment) => {
                number = comment.number.to_be_bytes();
                let mut bytes = comment.widget.0.to_vec();
                bytes.extend_from_slice(&number);
                bytes
            }
            What::Certificate(certificate) => {
                let mut bytes = certificate.subject.to_bytes();
                bytes.push(certificate.role as u8);
                bytes
            }
            What::Installs(_) => Vec::new(),
        };
        let hash = hash("hedgerow 2026 directory slot v1", &[&[self.kind], &self.by.0, &subject]);
        let mut slot = [0; 16];
        slot.copy_from_slice(&hash[..16]);
        Slot(slot)
    }
    /// The widget that it is about, if it is about one.
    pub fn widget(&self) -> Option<WidgetId> {
        match &self.what {
            What::Rating(rating) => Some(rating.widget),
            What::Comment(comment) => Some(comment.widget),
            What::Certificate(certificate) => match certificate.subject {
                Subject::Widget(widget) => Some(widget),
                Subject::Person(_) => None,
            },
            What::Installs(_) => None,
        }
    }
    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn check(&self) -> Result<(), DirectoryFrameError> {
        use DirectoryFrameError::{BadText, Malformed};
        if self.kind != self.what.kind() || !(1..=MAX_SEQUENCE).contains(&self.revision) {
            return Err(Malformed("statement"));
        }
        if !is_line(&self.name, 128) {
            return Err(BadText("name"));
        }
        let good = match &self.what {
            What::Rating(rating) => (rating.stars <= 5, is_text(&rating.text, MAX_TEXT)),
            What::Comment(comment) => {
                let says = !comment.text.trim().is_empty() || comment.state != State::Stands;
                let titled = comment.parent.is_none() || comment.title.is_empty();
                let texts = is_text(&comment.text, MAX_TEXT) && is_line(&comment.title, 200);
                (says && titled, texts)
            }
            What::Certificate(certificate) => (true, is_line(&certificate.reason, 640)),
            What::Installs(installs) => {
                let ordered = installs.used.windows(2).all(|pair| pair[0].widget < pair[1].widget);
                (installs.used.len() <= MAX_INSTALLS && ordered, true)
            }
        };
        match good {
            (true, true) => Ok(()),
            (false, _) => Err(Malformed("statement")),
            (_, false) => Err(BadText("text")),
        }
    }
}

impl What {
    /// Its kind number.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Rating(_) => KIND_RATING,
            Self::Comment(_) => KIND_COMMENT,
            Self::Certificate(_) => KIND_CERTIFICATE,
            Self::Installs(_) => KIND_INSTALLS,
        }
    }
}

//! One file on its way, and what the driver does for it.

use crate::plan::Plan;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString as _},
};
use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::send::{MAX_REASON, TransferId, Verdict};

/// How a transfer stands on this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The receiver has not decided.
    Asking,
    /// It is wanted and does not move now: the peer is away, or others come first.
    Waiting,
    /// Bytes move.
    Moving,
    /// The receiver has the whole file, verified and on its disk.
    Done,
    /// The receiver did not want it.
    Refused,
    /// Somebody ended it.
    Stopped,
    /// It cannot be done.
    Failed,
}

impl State {
    /// It never moves again.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Refused | Self::Stopped | Self::Failed)
    }
    /// Its name in files and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Waiting => "waiting",
            Self::Moving => "moving",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
    /// By its [`State::name`].
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Asking,
            Self::Waiting,
            Self::Moving,
            Self::Done,
            Self::Refused,
            Self::Stopped,
            Self::Failed,
        ];
        all.into_iter().find(|state| state.name() == name)
    }
}

/// One file on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number on this node, for people.
    pub number: u64,
    /// Its name between the two nodes.
    pub id: TransferId,
    /// It comes to this node.
    pub incoming: bool,
    /// The other node.
    pub peer: NodeId,
    /// Size and hash.
    pub plan: Plan,
    /// Name of the file: made safe when it comes from the peer.
    pub name: String,
    /// Going out: path of the file here. Coming in: the folder it goes to, and when it is done its path. Opaque to the
    /// core.
    pub place: String,
    /// How it stands.
    pub state: State,
    /// Why, for people; empty when there is nothing to say.
    pub why: String,
    /// A rule accepted it, no person.
    pub by_rule: bool,
    /// When it came to be, milliseconds since 1970.
    pub created_ms: u64,
    /// When its state last changed.
    pub changed_ms: u64,
    /// When the core has something to do for it.
    pub(crate) due_ms: Option<u64>,
    /// Attempts in a row that brought nothing.
    pub(crate) failures: u32,
}

impl Transfer {
    /// A transfer as it was kept. What moved waits until it can go on.
    pub fn kept(mut self) -> Self {
        if self.state == State::Moving {
            self.state = State::Waiting;
        }
        self
    }

    /// A transfer in its first state.
    pub fn new(id: TransferId, incoming: bool, peer: NodeId, plan: Plan, name: String) -> Self {
        Self {
            number: 0,
            id,
            incoming,
            peer,
            plan,
            name,
            place: String::new(),
            state: State::Asking,
            why: String::new(),
            by_rule: false,
            created_ms: 0,
            changed_ms: 0,
            due_ms: None,
            failures: 0,
        }
    }

    /// How it stands, for the peer.
    pub fn verdict(&self) -> Verdict {
        match self.state {
            State::Asking => Verdict::Asked,
            State::Waiting | State::Moving => Verdict::Wanted,
            State::Done => Verdict::Done,
            State::Refused => no("the person over there does not want it"),
            State::Stopped => no("it was stopped over there"),
            // Reasons of this machine stay on this machine.
            State::Failed => no("it could not be done over there"),
        }
    }

    pub(crate) fn set(&mut self, now_ms: u64, state: State, why: &str) {
        if self.state != state {
            self.changed_ms = now_ms;
        }
        self.state = state;
        self.why = why.to_string();
        if state.is_over() {
            self.due_ms = None;
        }
    }
}

/// A refusal with a reason.
pub(crate) fn no(reason: &str) -> Verdict {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = reason.get(..end).unwrap_or_default().to_string();
    Verdict::No { reason }
}

/// What the owner decided beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Larger files are refused at once, bytes.
    pub max_size: u64,
    /// How many bytes a day are taken from whom without asking.
    pub always: BTreeMap<UserId, u64>,
}

impl Default for Settings {
    /// 64 GiB, and nothing without asking.
    fn default() -> Self {
        Self {
            max_size: 64 << 30,
            always: BTreeMap::new(),
        }
    }
}

/// What the driver does. The numbers are those of transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Say the offer to the peer; its answer goes to `Book::answered`.
    Offer(u64),
    /// Tell the peer how it stands.
    Tell(u64),
    /// Fetch it, from what is on the disk on; ends with `Book::fetched`.
    Fetch(u64),
    /// End what moves for it.
    Halt(u64),
    /// Delete what was fetched of it.
    Discard(u64),
    /// A person has to decide.
    Ask(u64),
    /// Keep the book: something changed that has to outlive the program.
    Keep,
}

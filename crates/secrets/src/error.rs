//! Why something is not sealed, or does not open.

use alloc::string::String;
use hedgerow_base::{Blame, Blamed, Pseudonym};

/// Why something is not sealed, or does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// It is an ordinary message.
    #[error("this message is not sealed")]
    NotSealed,
    /// It begins like an envelope and is none.
    #[error("malformed envelope: {why}")]
    Malformed {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A part is longer than its bound.
    #[error("{what} of {len} bytes is over the limit of {max}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// Sealed in a way that this version does not know.
    #[error("sealed by version {0}, which this program does not know; update it to read this")]
    Version(u8),
    /// Sealed to somebody else.
    #[error("sealed to the pseudonym {0}, not to you")]
    NotForYou(Pseudonym),
    /// Sealed under a key that is not known.
    #[error("sealed under a group key that you do not have ({0}); ask a member for the newest key")]
    UnknownKey(String),
    /// The right key does not open it.
    #[error("does not open: it was changed, or sealed for another app or by another sender")]
    Changed,
    /// Nothing can be sealed to it.
    #[error("nothing can be sealed to {0}: it is not a key that somebody holds")]
    BadPseudonym(Pseudonym),
    /// No group of that name is known.
    #[error("no group {0:?} is known; add its key first")]
    NoGroup(String),
    /// More than a keyring holds.
    #[error("a keyring holds {max} groups; forget one first")]
    Full {
        /// How many it holds.
        max: usize,
    },
    /// The key is in another group.
    #[error("this key belongs to the group {0:?} already")]
    KeyTaken(String),
    /// A name that is empty or too long.
    #[error("a group's name has 1 to {max} bytes")]
    BadName {
        /// The bound in bytes.
        max: usize,
    },
    /// A text that is no group key.
    #[error("this is no group key: {why}")]
    BadKeyText {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The readable part cannot be carried in a JSON message.
    #[error("the readable part must be a JSON object without a key \"sealed\": {why}")]
    ClearNotJson {
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Blamed for SecretsError {
    /// The peer's only if it is malformed. What does not open may be old, copied by somebody else, or for other people:
    /// nobody is guilty of that.
    fn blame(&self) -> Blame {
        match self {
            Self::Malformed { .. } => Blame::Peer,
            _ => Blame::Local,
        }
    }
}

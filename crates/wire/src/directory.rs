//! Records of the directory and the frames that spread them, protocol `directory/1` (`docs/wire/directory.md`).
//!
//! Invariants: what is signed is carried as the exact bytes that were signed, and decoded from them. Every text and
//! list is bounded when it is decoded. Map keys that this version does not know are skipped; record kinds that it
//! does not know are told apart from malformed ones.

mod frame;
mod record;
mod release;
mod round;
mod said;

pub use frame::{DirectoryFrame, Range, Say, Symbol};
pub use record::{Body, Record};
pub use release::{Authority, Genesis, Permission, Release};
pub use round::{Count, Round};
pub use said::{Certificate, Comment, CommentRef, Installs, Rating, Role, Said, Slot, State, Subject, Used, What};

use alloc::vec::Vec;
use hedgerow_base::{Blame, Blamed};
use minicbor::{Decode, Decoder, Encode};

/// Kind number of a release.
pub const KIND_RELEASE: u8 = 0;
/// Kind number of a change of who may sign releases.
pub const KIND_AUTHORITY: u8 = 1;
/// Kind number of a rating.
pub const KIND_RATING: u8 = 2;
/// Kind number of a comment.
pub const KIND_COMMENT: u8 = 3;
/// Kind number of a certificate.
pub const KIND_CERTIFICATE: u8 = 4;
/// Kind number of a statement of what is installed.
pub const KIND_INSTALLS: u8 = 5;
/// Most author keys of a widget.
pub const MAX_KEYS: usize = 16;
/// Largest icon in a record, in bytes.
pub const MAX_ICON: usize = 8 << 10;
/// Most pictures of a release.
pub const MAX_PICTURES: usize = 6;
/// Most releases that one change of the signers takes back.
pub const MAX_REVOKED: usize = 64;
/// Highest sequence number of a release, and highest revision of what people say: a thief of keys cannot end a chain
/// so that its owner could not go on, as changing the signers starts again below.
pub const MAX_SEQUENCE: u64 = 1 << 40;
/// Most ids in one frame.
pub const MAX_IDS: usize = 8192;
/// Most records in one frame.
pub const MAX_RECORDS: usize = 1024;
/// Most ranges in one frame.
pub const MAX_RANGES: usize = 4096;
/// Most coded symbols in one frame.
pub const MAX_SYMBOLS: usize = 1024;
/// Longest comment or text of a rating, in bytes.
pub const MAX_TEXT: usize = 4096;
/// Most widgets in a statement of what is installed.
pub const MAX_INSTALLS: usize = 256;
/// Most counts in a round.
pub const MAX_COUNTS: usize = 256;
/// Most certificates in a round (W21).
pub const MAX_CERTIFICATES: usize = 3;
/// Most flags in a round: certificates that the sender has.
pub const MAX_FLAGS: usize = 64;

/// Highest frame number that this version knows.
const LAST_FRAME: u32 = 8;
const CONTEXT: &str = "hedgerow 2026 directory record v1";

/// A frame or record that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFrameError {
    /// Not CBOR of the expected shape, or a field is over its bound.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Longer than its bound.
    #[error("{what} of {len} bytes is too long")]
    TooLong {
        /// Which structure.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// Of a kind that a newer version may know.
    #[error("record kind {0} is not known to this version")]
    UnknownKind(u8),
    /// A frame that a newer version may know.
    #[error("frame number {0} is not known to this version")]
    UnknownFrame(u32),
    /// Too few good signatures of those who must sign.
    #[error("the record is not signed by who must sign it")]
    BadSignature,
    /// A text is empty, too long, or has control characters; names the field.
    #[error("the record's {0} is empty, too long or has control characters")]
    BadText(&'static str),
}

impl Blamed for DirectoryFrameError {
    fn blame(&self) -> Blame {
        match self {
            Self::UnknownKind(_) | Self::UnknownFrame(_) => Blame::Local,
            _ => Blame::Peer,
        }
    }
}

/// One line of text without control characters, at most `longest` bytes; may be empty.
fn is_line(text: &str, longest: usize) -> bool {
    text.len() <= longest && !text.chars().any(char::is_control)
}

/// The same, and not empty.
fn is_named(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && is_line(text, longest)
}

/// Lines of text without other control characters, at most `longest` bytes; may be empty.
fn is_text(text: &str, longest: usize) -> bool {
    text.len() <= longest && text.chars().all(|c| c == '\n' || c == '\t' || !c.is_control())
}

/// CBOR bytes.
fn encoded<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

/// Decodes one value that fills `bytes` exactly.
fn decoded<'a, T: Decode<'a, ()>>(bytes: &'a [u8], what: &'static str) -> Result<T, DirectoryFrameError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder
        .decode()
        .map_err(|_: minicbor::decode::Error| DirectoryFrameError::Malformed(what))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DirectoryFrameError::Malformed(what))
    }
}

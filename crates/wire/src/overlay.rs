//! Frames of the channel `overlay`: messages between the equals of an app (`docs/wire/overlay.md`).
//!
//! Invariants: every list, text and byte string is bounded before it is allocated; what is signed is carried as the
//! exact bytes that were signed; a frame with a number that this version does not know is skipped.

mod envelope;
mod frame;

pub use envelope::{Envelope, Header, MAX_OVERHEAD, Unsealed};
pub use frame::{Contact, Here, Item, OverlayFrame, Tag, Unlink, Who};

use alloc::{string::String, vec::Vec};
use hedgerow_base::{Blame, Blamed, limits};
use minicbor::{Decode, Decoder, decode};

/// Largest body of a message in bytes, as of an update: an app that lowers it says so in its rules.
pub const MAX_BODY: usize = limits::MAX_UPDATE;
/// Largest [`Envelope`] in bytes.
pub const MAX_ENVELOPE: usize = MAX_BODY + MAX_OVERHEAD;
/// Largest frame in bytes: one envelope and what is around it.
pub const MAX_OVERLAY_FRAME: usize = MAX_ENVELOPE + 256;
/// Most apps that one question asks about.
pub const MAX_ASKED: usize = 16;
/// Most contacts in one answer.
pub const MAX_CONTACTS: usize = 16;
/// Most addresses of one contact.
pub const MAX_CONTACT_ADDRESSES: usize = 3;
/// Most messages in one announcement or request.
pub const MAX_ITEMS: usize = 64;
/// Longest time to live of a message in milliseconds: ten minutes.
pub const MAX_TTL_MS: u32 = 600_000;

/// A frame of this module that a correct node does not send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverlayFrameError {
    /// Not CBOR of the expected shape, or a field is over its bound.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// The decoder's words.
        why: String,
    },
    /// Longer than its bound.
    #[error("{what} of {len} bytes is over the limit of {max}")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
}

impl Blamed for OverlayFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Refuses what is over its bound before anything of it is read.
fn bounded(what: &'static str, len: usize, max: usize) -> Result<(), OverlayFrameError> {
    if len > max {
        return Err(OverlayFrameError::TooLong { what, len, max });
    }
    Ok(())
}

/// Reads a definite array of at most `MAX` items.
fn list<'b, C, T: Decode<'b, C>, const MAX: usize>(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Vec<T>, decode::Error> {
    let len = d
        .array()?
        .ok_or_else(|| decode::Error::message("list of unknown length"))?;
    let len = usize::try_from(len).ok().filter(|len| *len <= MAX);
    let len = len.ok_or_else(|| decode::Error::message("list over its bound"))?;
    (0..len).map(|_| T::decode(d, ctx)).collect()
}

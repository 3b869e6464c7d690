//! Files from one person to another, protocol `request/1` (`docs/wire/send.md`).
//!
//! The sender offers, the receiver fetches. So the receiver, who knows what is safe on its disk, says where to go on,
//! and nothing moves before it wants it.

use alloc::{string::String, vec::Vec};
use core::fmt;
use hedgerow_base::{Blame, Blamed, hash::Digest};
use minicbor::{Decode, Encode};

/// Longest name of an offered file in bytes.
pub const MAX_FILE_NAME: usize = 512;
/// Largest [`Verdict`] in bytes.
pub const MAX_VERDICT: usize = 512;
/// Longest reason in bytes.
pub const MAX_REASON: usize = 256;
/// Largest file, bytes: 1 TiB.
pub const MAX_FILE: u64 = 1 << 40;

/// Not a request or answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct SendFrameError(pub &'static str);

impl Blamed for SendFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Names a transfer between two nodes: chosen at random by the sender, and good only together with its node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct TransferId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

impl fmt::Debug for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a peer says or asks. The numbers are on the wire, shared with the other requests, and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SendRequest {
    /// Here is a file for you; answered by a [`Verdict`]. Said again after each connection until the transfer ended.
    #[n(28)]
    Offer {
        /// The transfer.
        #[n(0)]
        id: TransferId,
        /// How the sender calls the file, at most [`MAX_FILE_NAME`] bytes. A hint, never a path.
        #[n(1)]
        name: String,
        /// In bytes, at most [`MAX_FILE`].
        #[n(2)]
        size: u64,
        /// BLAKE3 of the whole file.
        #[n(3)]
        #[cbor(with = "minicbor::bytes")]
        hash: Digest,
    },
    /// The values of all pieces: a [`Verdict`], and after `Wanted` 32 bytes for each piece.
    #[n(29)]
    Values {
        /// The transfer.
        #[n(0)]
        id: TransferId,
    },
    /// All bytes of the file from a place on. Who does not send it any more resets the stream.
    #[n(30)]
    Bytes {
        /// The transfer.
        #[n(0)]
        id: TransferId,
        /// Where to begin.
        #[n(1)]
        from: u64,
    },
    /// How the transfer stands on the side that says it; answered by the [`Verdict`] of the other.
    #[n(31)]
    Tell {
        /// The transfer.
        #[n(0)]
        id: TransferId,
        /// Who says it: `true` for the receiver.
        #[n(1)]
        receiver: bool,
        /// How it stands.
        #[n(2)]
        verdict: Verdict,
    },
}

impl SendRequest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed or out of bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SendFrameError> {
        let request: Self = minicbor::decode(bytes).map_err(|_| SendFrameError("request"))?;
        match &request {
            Self::Offer { name, .. } if name.len() > MAX_FILE_NAME => Err(SendFrameError("file name")),
            Self::Offer { size, .. } if *size > MAX_FILE => Err(SendFrameError("file size")),
            Self::Bytes { from, .. } if *from > MAX_FILE => Err(SendFrameError("place in a file")),
            Self::Tell { verdict, .. } if !verdict.is_short() => Err(SendFrameError("reason")),
            _ => Ok(request),
        }
    }
}

/// How a transfer stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Verdict {
    /// A person is asked.
    #[n(0)]
    Asked,
    /// It is wanted, and comes over as the receiver asks for it.
    #[n(1)]
    Wanted,
    /// The whole file arrived, was verified and is on the disk.
    #[n(2)]
    Done,
    /// It is over without that.
    #[n(3)]
    No {
        /// For people, at most [`MAX_REASON`] bytes.
        #[n(0)]
        reason: String,
    },
    /// Not now: too much is under way. To be offered again later.
    #[n(4)]
    Later,
}

impl Verdict {
    fn is_short(&self) -> bool {
        !matches!(self, Self::No { reason } if reason.len() > MAX_REASON)
    }
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SendFrameError> {
        let verdict: Self = minicbor::decode(bytes).map_err(|_| SendFrameError("verdict"))?;
        verdict.is_short().then_some(verdict).ok_or(SendFrameError("verdict"))
    }
}

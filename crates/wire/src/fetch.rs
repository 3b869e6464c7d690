//! Requests for packages, protocol `request/1` (`docs/wire/fetch.md`).
//!
//! A request stream opens with a [`FetchRequest`] as its header. The answer to `Manifest` is one frame with a
//! [`ManifestBody`]; to `Chunks`, the chunks' bytes one after the other. Who has not got the package resets the stream.

use alloc::vec::Vec;
use hedgerow_base::{Blame, Blamed, ContentId};
use minicbor::{Decode, Encode, bytes::ByteVec};

/// Most chunks in one request.
pub const MAX_RUN: u32 = 64;
/// Largest [`ManifestBody`] in bytes.
pub const MAX_MANIFEST_FRAME: usize = 64 << 10;

/// Not a request or answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct FetchFrameError(pub &'static str);

impl Blamed for FetchFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// What a peer asks for. The numbers are on the wire and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum FetchRequest {
    /// Size and chunk digests of a package.
    #[n(0)]
    Manifest {
        /// The package.
        #[n(0)]
        content: ContentId,
    },
    /// Chunks `first..first + count`.
    #[n(1)]
    Chunks {
        /// The package.
        #[n(0)]
        content: ContentId,
        /// First chunk.
        #[n(1)]
        first: u32,
        /// How many, at most [`MAX_RUN`].
        #[n(2)]
        count: u32,
    },
}

impl FetchRequest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed or asks for too much.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FetchFrameError> {
        let request: Self = minicbor::decode(bytes).map_err(|_| FetchFrameError("request"))?;
        match request {
            Self::Chunks { count, .. } if count == 0 || count > MAX_RUN => Err(FetchFrameError("request")),
            other => Ok(other),
        }
    }
}

/// Size and chunk digests of a package.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ManifestBody {
    /// Bytes in all.
    #[n(0)]
    pub size: u64,
    /// BLAKE3 of each chunk, 32 bytes each.
    #[n(1)]
    pub digests: ByteVec,
}

impl ManifestBody {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads an answer; whether it is the right one shows its hash.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FetchFrameError> {
        let body: Self = minicbor::decode(bytes).map_err(|_| FetchFrameError("manifest"))?;
        if body.digests.len().is_multiple_of(32) {
            Ok(body)
        } else {
            Err(FetchFrameError("manifest"))
        }
    }
}

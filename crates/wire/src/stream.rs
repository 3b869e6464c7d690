//! Streams for people and programs, protocol `request/1` (`docs/wire/stream.md`).
//!
//! A request stream opens with a [`StreamRequest`] as its header. The answer is one frame with a [`StreamAnswer`];
//! after a yes, both sides send bytes until each ends its direction.

use alloc::{string::String, vec::Vec};
use hedgerow_base::{AppId, Blame, Blamed};
use minicbor::{Decode, Encode};

/// Longest name of a stream in bytes.
pub const MAX_STREAM_NAME: usize = 64;
/// Largest [`StreamAnswer`] in bytes.
pub const MAX_ANSWER: usize = 512;
/// Longest reason of a refusal in bytes.
pub const MAX_REASON: usize = 256;

/// Not a request or answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct StreamFrameError(pub &'static str);

impl Blamed for StreamFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// What a peer asks for. The numbers are on the wire, shared with [`crate::fetch::FetchRequest`], and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StreamRequest {
    /// A stream to whoever listens under a name.
    #[n(8)]
    Named {
        /// At most [`MAX_STREAM_NAME`] bytes.
        #[n(0)]
        name: String,
    },
    /// A TCP connection to a port of the other machine, which must allow it.
    #[n(9)]
    Forward {
        /// On the other machine's loopback interface.
        #[n(0)]
        port: u16,
    },
    /// An answer and nothing else: measures the way there and back.
    #[n(10)]
    Ping,
    /// A stream from an app to the same app on the other node, which must take it.
    #[n(11)]
    App {
        /// Which.
        #[n(0)]
        app: AppId,
        /// What it is for; empty, or as of a named stream.
        #[n(1)]
        name: String,
    },
}

impl StreamRequest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StreamFrameError> {
        let request: Self = minicbor::decode(bytes).map_err(|_| StreamFrameError("request"))?;
        match &request {
            Self::Named { name } if !is_stream_name(name) => Err(StreamFrameError("stream name")),
            Self::App { name, .. } if !name.is_empty() && !is_stream_name(name) => Err(StreamFrameError("stream name")),
            Self::Forward { port: 0 } => Err(StreamFrameError("port")),
            _ => Ok(request),
        }
    }
}

/// Whether a text can be the name of a stream: letters, digits and `-_.`, at most [`MAX_STREAM_NAME`] bytes.
pub fn is_stream_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= MAX_STREAM_NAME && name.chars().all(plain)
}

/// What the other side says to a [`StreamRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum StreamAnswer {
    /// Go on.
    #[n(0)]
    Yes,
    /// No, and why, for people.
    #[n(1)]
    No {
        /// At most [`MAX_REASON`] bytes.
        #[n(0)]
        reason: String,
    },
}

impl StreamAnswer {
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
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StreamFrameError> {
        match minicbor::decode(bytes).map_err(|_| StreamFrameError("answer"))? {
            Self::No { reason } if reason.len() > MAX_REASON => Err(StreamFrameError("answer")),
            answer => Ok(answer),
        }
    }
}

//! How nodes help each other to be reached, protocol `request/1` (`docs/wire/reach.md`).
//!
//! Peers tell each other where they see one another, which of them relay, and over which relays they can be reached.

use crate::node::address::{decode_addresses, encode_addresses};
use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{Blame, Blamed, limits::MAX_NAME};
use minicbor::{Decode, Encode};

/// Largest request or answer of this module in bytes.
pub const MAX_REACH: usize = 1024;
/// Most relays over which a node says that it can be reached.
pub const MAX_RELAYS: usize = 3;

/// Not a request or answer of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct ReachFrameError(pub &'static str);

impl Blamed for ReachFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// What a node says about how it can be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reach {
    /// It relays for others at this address (TCP): none or one.
    #[n(0)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub serves: Vec<SocketAddr>,
    /// Relays over which it can be reached, at most [`MAX_RELAYS`].
    #[n(1)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub homes: Vec<SocketAddr>,
    /// In an answer: where it sees the asker's packets come from, none or one.
    #[n(2)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub observed: Vec<SocketAddr>,
    /// What its person calls themselves now; at most [`hedgerow_base::limits::MAX_NAME`] bytes.
    #[n(3)]
    pub name: Option<String>,
}

/// What a peer asks for. The numbers are on the wire, shared with [`crate::fetch::FetchRequest`] and
/// [`crate::stream::StreamRequest`], and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ReachRequest {
    /// "This is how I can be reached. How can you, and where do you see me?" Answered with a [`Reach`].
    #[n(16)]
    Tell {
        /// About the asker.
        #[n(0)]
        reach: Reach,
    },
    /// "Try to open a TCP connection to me on this port." The address is the one that my packets come from.
    /// Answered with a [`Tried`].
    #[n(17)]
    Try {
        /// The port.
        #[n(0)]
        port: u16,
    },
}

/// The outcome of [`ReachRequest::Try`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Tried {
    /// A connection stood.
    #[n(0)]
    pub reached: bool,
}

fn sealed<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no error.
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

impl ReachRequest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads a request.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        if bytes.len() > MAX_REACH {
            return Err(ReachFrameError("request"));
        }
        match minicbor::decode(bytes).map_err(|_| ReachFrameError("request"))? {
            Self::Tell { reach } if !reach.is_sound() => Err(ReachFrameError("request")),
            Self::Try { port: 0 } => Err(ReachFrameError("port")),
            request => Ok(request),
        }
    }
}

impl Reach {
    fn is_sound(&self) -> bool {
        self.name.as_ref().is_none_or(|name| name.len() <= MAX_NAME)
            && self.serves.len() <= 1
            && self.homes.len() <= MAX_RELAYS
            && self.observed.len() <= 1
    }
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        let reach: Self = minicbor::decode(bytes).map_err(|_| ReachFrameError("answer"))?;
        match reach.is_sound() {
            true => Ok(reach),
            false => Err(ReachFrameError("answer")),
        }
    }
}

impl Tried {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        minicbor::decode(bytes).map_err(|_| ReachFrameError("answer"))
    }
}

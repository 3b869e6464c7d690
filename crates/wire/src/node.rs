//! Frames of `/hedgerow/node/1`, the one connection between two nodes (`docs/wire/node.md`): what opens a
//! stream, what two nodes tell each other first, why a connection was closed, and the body of a ticket.
//!
//! Invariants: every list and text is bounded when it is decoded; a certificate is verified over the exact
//! bytes that were carried; map keys that this version does not know are skipped.

pub(crate) mod address;

use address::{decode_addresses, encode_addresses, list};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::net::SocketAddr;
use hedgerow_base::{Blame, Blamed, NodeId, SecretKey, Signature, UserId, limits};
use minicbor::{Decode, Decoder, Encode, decode};

/// ALPN of the connection: the number at its end changes only when older nodes can no longer be spoken to.
pub const ALPN: &[u8] = b"/hedgerow/node/1";
/// The version of these frames that this code speaks.
pub const VERSION: u16 = 1;
/// The oldest version that this code still speaks.
pub const OLDEST_VERSION: u16 = 1;
/// Context of the TLS keying-material export that gives both sides the session secret.
pub const SESSION_LABEL: &[u8] = b"EXPORTER-hedgerow-node-session-1";
/// Largest [`StreamHeader`] in bytes.
pub const MAX_STREAM_HEADER: usize = 256;
/// Largest [`Hello`] in bytes.
pub const MAX_HELLO: usize = 8 << 10;
/// Largest header of a request in bytes.
pub const MAX_REQUEST_HEADER: usize = 16 << 10;
/// Most protocols in a [`Hello`].
pub const MAX_PROTOCOLS: usize = 16;
/// Longest protocol name in bytes.
pub const MAX_PROTOCOL_NAME: usize = 32;
/// Longest agent text in bytes.
pub const MAX_AGENT: usize = 64;
/// Most addresses in a [`Hello`] or [`TicketBody`].
pub const MAX_ADDRESSES: usize = 16;
/// Largest signed part of a [`DeviceCertificate`] in bytes.
pub const MAX_CLAIM: usize = 256;
/// Largest [`TicketBody`] in bytes.
pub const MAX_TICKET: usize = 1024;

/// Name of the bidirectional stream on which both nodes say [`Hello`], the first stream of a connection.
pub const HELLO: &str = "hello";
/// Name of a bidirectional stream that carries one request and its answer.
pub const REQUEST: &str = "request";

/// Name of the unidirectional stream of [`Credit`] frames.
pub const CREDIT: &str = "credit";
/// How much may be sent on each channel before the first [`Credit`]: the largest frame and half as much again.
pub const CREDIT_WINDOW: u64 = 3 << 19;
/// What a frame costs besides its length, so that many empty frames are not free.
pub const FRAME_COST: u64 = 64;
/// Largest [`Credit`] in bytes.
pub const MAX_CREDIT: usize = 64;

const CERTIFICATE_CONTEXT: &str = "hedgerow 2026 device certificate v1";

/// A frame of this module that a correct node does not send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeFrameError {
    /// Not CBOR of the expected shape, or a field is over its bound.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// Which frame.
        what: &'static str,
        /// The decoder's words.
        why: String,
    },
    /// Longer than its bound.
    #[error("{what} of {len} bytes is over the limit of {max}")]
    TooLong {
        /// Which frame.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// The user's signature on a device certificate does not hold.
    #[error("the device certificate is not signed by the user that it names")]
    BadCertificate,
}

impl Blamed for NodeFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Decodes the one frame in `bytes`, refusing more than `max` bytes.
fn open<'b, T: Decode<'b, ()>>(what: &'static str, max: usize, bytes: &'b [u8]) -> Result<T, NodeFrameError> {
    if bytes.len() > max {
        return Err(NodeFrameError::TooLong {
            what,
            len: bytes.len(),
            max,
        });
    }
    minicbor::decode(bytes).map_err(|error| NodeFrameError::Malformed {
        what,
        why: error.to_string(),
    })
}

/// Encodes into memory, which cannot fail.
fn seal<T: Encode<()>>(frame: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no error and no frame here refuses to be encoded.
    let _ = minicbor::encode(frame, &mut bytes);
    bytes
}

/// The first frame of every stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StreamHeader {
    /// What the stream carries: [`HELLO`], [`REQUEST`] or the name of a [`Channel`].
    #[n(0)]
    #[cbor(decode_with = "decode_protocol_name")]
    pub protocol: String,
    /// Version of that protocol.
    #[n(1)]
    pub version: u16,
}

impl StreamHeader {
    /// The header of a stream of `protocol`, version 1.
    pub fn new(protocol: &str) -> Self {
        Self {
            protocol: protocol.to_string(),
            version: 1,
        }
    }
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads a header.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_STREAM_HEADER`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NodeFrameError> {
        open("stream header", MAX_STREAM_HEADER, bytes)
    }
}

/// A persistent message channel: one unidirectional stream in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Directory records and their reconciliation.
    Directory,
    /// Logs: reconciliation and new entries.
    Sync,
    /// Realtime messages; they may be dropped.
    Live,
    /// Messages between the equals of an app.
    Overlay,
}

impl Channel {
    /// All channels.
    pub const ALL: [Channel; 4] = [Channel::Directory, Channel::Sync, Channel::Live, Channel::Overlay];
    /// The protocol name in the stream header.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Directory => "directory",
            Channel::Sync => "sync",
            Channel::Live => "live",
            Channel::Overlay => "overlay",
        }
    }
    /// The number in a [`Credit`].
    pub const fn number(self) -> u8 {
        match self {
            Channel::Directory => 0,
            Channel::Sync => 1,
            Channel::Live => 2,
            Channel::Overlay => 3,
        }
    }
    /// The channel of a number; `None` for one of a later version.
    pub fn from_number(number: u8) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.number() == number)
    }
    /// The channel of a protocol name.
    pub fn from_name(name: &str) -> Option<Channel> {
        Channel::ALL.into_iter().find(|channel| channel.name() == name)
    }
}

/// How much the sender of this frame takes on a channel. A frame of `n` bytes costs `n` + [`FRAME_COST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Credit {
    /// [`Channel::number`].
    #[n(0)]
    pub channel: u8,
    /// Sum of the costs that may be sent since the connection began; starts at [`CREDIT_WINDOW`] and only grows.
    #[n(1)]
    pub total: u64,
}

impl Credit {
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads a credit.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_CREDIT`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NodeFrameError> {
        open("credit", MAX_CREDIT, bytes)
    }
}

/// What a user's root key signs for a device: the bytes inside a [`DeviceCertificate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceClaim {
    /// The user whose device it is.
    #[n(0)]
    pub user: UserId,
    /// The device.
    #[n(1)]
    pub device: NodeId,
    /// When it was issued, milliseconds since 1970.
    #[n(2)]
    pub issued_ms: u64,
}

/// A user's signed statement that a device is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DeviceCertificate {
    /// The CBOR bytes of a [`DeviceClaim`], exactly as they were signed.
    #[n(0)]
    #[cbor(encode_with = "minicbor::bytes::encode", decode_with = "decode_claim")]
    signed: Vec<u8>,
    /// Signature by the user's root key.
    #[n(1)]
    signature: Signature,
}

impl DeviceCertificate {
    /// Signs that `device` belongs to the user of `root`. `issued_ms` is milliseconds since 1970.
    pub fn issue(root: &SecretKey, device: NodeId, issued_ms: u64) -> Self {
        let signed = seal(&DeviceClaim {
            user: root.public().into(),
            device,
            issued_ms,
        });
        let signature = root.sign(CERTIFICATE_CONTEXT, &signed);
        Self { signed, signature }
    }
    /// The claim, once its signature is checked.
    ///
    /// # Errors
    /// [`NodeFrameError`] when it is malformed or not signed by the user that it names.
    pub fn verify(&self) -> Result<DeviceClaim, NodeFrameError> {
        let claim: DeviceClaim = open("device certificate", MAX_CLAIM, &self.signed)?;
        let holds = claim
            .user
            .key()
            .verify(CERTIFICATE_CONTEXT, &self.signed, &self.signature);
        holds.map_err(|_| NodeFrameError::BadCertificate)?;
        Ok(claim)
    }
    /// The bytes to store or carry.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads a certificate; [`DeviceCertificate::verify`] says whether it holds.
    ///
    /// # Errors
    /// When it is malformed or too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NodeFrameError> {
        open("device certificate", MAX_CLAIM + 128, bytes)
    }
}

/// What a node says of itself before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// Version of these frames that the sender speaks.
    #[n(0)]
    pub version: u16,
    /// The oldest version that it still speaks.
    #[n(1)]
    pub oldest: u16,
    /// Protocols that it serves, e.g. `sync/1`.
    #[n(2)]
    #[cbor(decode_with = "decode_protocols")]
    pub protocols: Vec<String>,
    /// Whose device it is.
    #[n(3)]
    pub certificate: DeviceCertificate,
    /// Program and version, for diagnostics only.
    #[n(4)]
    #[cbor(decode_with = "decode_agent")]
    pub agent: String,
    /// Fresh random bytes for this connection.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// Random bytes drawn when the node started: a new value means that the node started again.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub boot: [u8; 16],
    /// What the person calls themselves; nobody checks it.
    #[n(7)]
    #[cbor(decode_with = "decode_name", default)]
    pub name: Option<String>,
    /// Where the sender believes it can be reached.
    #[n(8)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub addresses: Vec<SocketAddr>,
}

impl Hello {
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads a hello.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_HELLO`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NodeFrameError> {
        open("hello", MAX_HELLO, bytes)
    }
    /// The newest version that both this code and the sender speak.
    pub fn common_version(&self) -> Option<u16> {
        let common = self.version.min(VERSION);
        (common >= self.oldest && common >= OLDEST_VERSION).then_some(common)
    }
}

/// Why a connection is closed: the QUIC application error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum CloseCode {
    /// The node stops.
    Shutdown = 0,
    /// No version in common.
    Version = 1,
    /// The device certificate does not hold for this device.
    Certificate = 2,
    /// Another connection between the two nodes is kept instead.
    Duplicate = 3,
    /// No room for another peer.
    Full = 4,
    /// The user does not want this peer.
    Blocked = 5,
    /// The other side sent what no correct node sends.
    Fault = 6,
    /// The other side was too slow to answer or to read.
    Slow = 7,
    /// The user disconnected.
    Disconnected = 8,
    /// Both sides agreed to do without a connection while there is nothing to say.
    Parked = 9,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn code(self) -> u32 {
        self as u32
    }
    /// The code of a number on the wire; `None` for one that this version does not know.
    pub fn from_code(code: u64) -> Option<CloseCode> {
        use CloseCode::*;
        [
            Shutdown,
            Version,
            Certificate,
            Duplicate,
            Full,
            Blocked,
            Fault,
            Slow,
            Disconnected,
            Parked,
        ]
        .into_iter()
        .find(|known| u64::from(known.code()) == code)
    }
}

/// What a ticket says; its text form is `hedge1` and base32 of these bytes and a checksum.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TicketBody {
    /// The node to reach.
    #[n(0)]
    pub node: NodeId,
    /// Where it may be reached.
    #[n(1)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses")]
    pub addresses: Vec<SocketAddr>,
    /// Who it is, in the words of the person who made the ticket.
    #[n(2)]
    #[cbor(decode_with = "decode_name", default)]
    pub name: Option<String>,
    /// Relays over which it can be reached.
    #[n(3)]
    #[cbor(
        encode_with = "encode_addresses",
        decode_with = "decode_addresses",
        default,
        skip_if = "Vec::is_empty"
    )]
    pub relays: Vec<SocketAddr>,
    /// The nodes that relay there, in the same order; zeros where that is not known. None, or as many.
    #[n(4)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub relay_nodes: Vec<NodeId>,
}

impl TicketBody {
    /// The bytes inside the text form.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads a body.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_TICKET`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NodeFrameError> {
        open("ticket", MAX_TICKET, bytes)
    }
}

fn text(d: &mut Decoder<'_>, max: usize) -> Result<String, decode::Error> {
    let text = d.str()?;
    if text.len() > max {
        return Err(decode::Error::message("text over its bound"));
    }
    Ok(text.to_string())
}

fn decode_protocol_name<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<String, decode::Error> {
    text(d, MAX_PROTOCOL_NAME)
}

fn decode_agent<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<String, decode::Error> {
    text(d, MAX_AGENT)
}

fn decode_name<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Option<String>, decode::Error> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.skip()?;
        return Ok(None);
    }
    text(d, limits::MAX_NAME).map(Some)
}

fn decode_claim<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<u8>, decode::Error> {
    let bytes = d.bytes()?;
    if bytes.len() > MAX_CLAIM {
        return Err(decode::Error::message("claim over its bound"));
    }
    Ok(bytes.to_vec())
}

fn decode_protocols<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<String>, decode::Error> {
    list(d, MAX_PROTOCOLS, |d| text(d, MAX_PROTOCOL_NAME))
}

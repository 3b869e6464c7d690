//! How nodes help each other to be reached, protocol `request/1` (`docs/wire/reach.md`).
//!
//! Peers tell each other where they see one another, which of them relay, and over which relays they can be reached.

use crate::{
    node::address::{decode_addresses, encode_addresses},
    park::Pass,
    side::{Meeting, Token},
};
use alloc::{string::String, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{Blame, Blamed, NodeId, limits::MAX_NAME};
use minicbor::{Decode, Encode};

/// Largest request or answer of this module in bytes.
pub const MAX_REACH: usize = 1024;
/// Most relays over which a node says that it can be reached.
pub const MAX_RELAYS: usize = 3;
/// Most side sockets that a node names in an answer to [`ReachRequest::Helpers`].
pub const MAX_HELPERS: usize = 8;
/// Most ports that one network address may lie in a block of, so that scanning it is worth it.
pub const MAX_BLOCK: u16 = 2048;

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
    /// Where its side socket is ([`crate::side`]), if it answers strangers: none or one.
    #[n(4)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub side: Vec<SocketAddr>,
    /// How its router gives ports to new sockets, once it knows.
    #[n(5)]
    pub ports: Option<Ports>,
    /// A side socket that it trusts to say where meetings come from: none or one.
    #[n(6)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub witness: Vec<SocketAddr>,
    /// The nodes that relay at `homes`, in the same order; zeros where that is not known. None, or as many.
    #[n(7)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub home_nodes: Vec<NodeId>,
}

/// Which outer port a new socket of a node will have towards a destination (RFC 4787, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Ports {
    /// The one that any other destination sees: no translation, or endpoint-independent mapping.
    #[n(0)]
    Same {
        /// The router forgets that when a packet of the destination comes first.
        #[n(0)]
        early: bool,
    },
    /// The last one that was given, plus `step`.
    #[n(1)]
    Sequential {
        /// Not zero.
        #[n(0)]
        step: i16,
    },
    /// Any one of a block.
    #[n(2)]
    Block {
        /// The first.
        #[n(0)]
        low: u16,
        /// The last.
        #[n(1)]
        high: u16,
    },
    /// Any one.
    #[n(3)]
    Random,
    /// No UDP passes.
    #[n(4)]
    Blocked,
}

impl Ports {
    /// Whether it makes sense.
    fn is_sound(&self) -> bool {
        match *self {
            Ports::Sequential { step } => step != 0,
            Ports::Block { low, high } => low != 0 && low <= high && high - low < MAX_BLOCK,
            Ports::Same { .. } | Ports::Random | Ports::Blocked => true,
        }
    }
}

/// Where a node expects packets of a meeting: what its newest socket looked like from outside a moment ago.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Spot {
    /// Exactly one.
    #[n(0)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses")]
    at: Vec<SocketAddr>,
    /// How the ports of further sockets follow from it.
    #[n(1)]
    pub ports: Ports,
}

impl Spot {
    /// A spot at an outer address.
    pub fn new(at: SocketAddr, ports: Ports) -> Self {
        Self {
            at: alloc::vec![at],
            ports,
        }
    }
    /// The outer address of the newest socket.
    pub fn at(&self) -> Option<SocketAddr> {
        self.at.first().copied()
    }
    fn is_sound(&self) -> bool {
        self.at.len() == 1 && self.at.iter().all(|at| at.port() != 0) && self.ports.is_sound()
    }
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
    /// "Which side sockets of others do you know?" Answered with [`Helpers`].
    #[n(18)]
    Helpers,
    /// "You have just answered a datagram with this token on your side socket. Have others, whom I have not met,
    /// knock where it came from." Answered with [`Helpers`]: the side sockets that knock.
    #[n(19)]
    Knock {
        /// The token of the datagram, which the knocks repeat.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        token: Token,
    },
    /// "A peer of mine asks for a knock." Answered with [`Tried`].
    #[n(20)]
    KnockAt {
        /// Exactly one.
        #[n(0)]
        #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses")]
        at: Vec<SocketAddr>,
        /// What the knock says.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        token: Token,
    },
    /// "Let us open a direct path: I shall be here." Answered with [`Met`].
    #[n(21)]
    Meet {
        /// What the datagrams of this meeting carry.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        meeting: Meeting,
        /// Where the asker will be.
        #[n(1)]
        spot: Spot,
    },
    /// "There is nothing to say. Let us end this connection, and call each other when there is." Answered with [`Rest`]:
    /// after a yes the asker closes the connection.
    #[n(22)]
    Park {
        /// How to call the asker.
        #[n(0)]
        door: Door,
    },
    /// "Be my home: wake me when somebody calls" ([`crate::park`]). Answered with [`Slept`].
    #[n(23)]
    Sleep {
        /// Makes the passes that the asker gives to its peers.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        pass_key: [u8; 32],
    },
    /// "Where did a datagram with this token come from, that showed your cookie?" Answered with [`Helpers`]: that
    /// address, or none.
    #[n(32)]
    Seen {
        /// Of the datagram.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        token: Token,
    },
    /// "Try to reach me over UDP on this port, from a socket that I have never heard of." The address is the one that my
    /// packets come from. Answered with a [`Tried`].
    #[n(33)]
    TryUdp {
        /// The port.
        #[n(0)]
        port: u16,
    },
}

/// How to call a node that has no connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Door {
    /// Relays over which it can be reached once it is awake, at most [`MAX_RELAYS`].
    #[n(0)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub homes: Vec<SocketAddr>,
    /// What a call carries, for this peer alone.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub pass: Pass,
    /// The nodes that relay at `homes`, as in a [`Reach`].
    #[n(2)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub home_nodes: Vec<NodeId>,
}

impl Door {
    fn is_sound(&self) -> bool {
        self.homes.len() <= MAX_RELAYS && (self.home_nodes.is_empty() || self.home_nodes.len() == self.homes.len())
    }
}

/// The answer to [`ReachRequest::Park`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Rest {
    /// How to call the one who was asked; nothing if it wants the connection to stay.
    #[n(0)]
    pub door: Option<Door>,
}

/// The answer to [`ReachRequest::Sleep`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Slept {
    /// The number of the registration; nothing if it has no room.
    #[n(0)]
    pub session: Option<u32>,
}

/// Side sockets of others, at most [`MAX_HELPERS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Helpers {
    /// Their addresses.
    #[n(0)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub sides: Vec<SocketAddr>,
}

/// The answer to [`ReachRequest::Meet`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Met {
    /// Where the one who was asked will be; nothing if it will not.
    #[n(0)]
    pub spot: Option<Spot>,
}

/// The outcome of [`ReachRequest::Try`], [`ReachRequest::TryUdp`] and [`ReachRequest::KnockAt`].
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
            Self::Try { port: 0 } | Self::TryUdp { port: 0 } => Err(ReachFrameError("port")),
            Self::KnockAt { at, .. } if at.len() != 1 => Err(ReachFrameError("address")),
            Self::Meet { spot, .. } if !spot.is_sound() => Err(ReachFrameError("spot")),
            Self::Park { door } if !door.is_sound() => Err(ReachFrameError("door")),
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
            && self.side.len() <= 1
            && self.witness.len() <= 1
            && (self.home_nodes.is_empty() || self.home_nodes.len() == self.homes.len())
            && self.ports.is_none_or(|ports| ports.is_sound())
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

impl Helpers {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        let helpers: Self = minicbor::decode(bytes).map_err(|_| ReachFrameError("answer"))?;
        match helpers.sides.len() <= MAX_HELPERS {
            true => Ok(helpers),
            false => Err(ReachFrameError("answer")),
        }
    }
}

impl Met {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        let met: Self = minicbor::decode(bytes).map_err(|_| ReachFrameError("answer"))?;
        match met.spot.as_ref().is_none_or(Spot::is_sound) {
            true => Ok(met),
            false => Err(ReachFrameError("answer")),
        }
    }
}

impl Rest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ReachFrameError> {
        let rest: Self = minicbor::decode(bytes).map_err(|_| ReachFrameError("answer"))?;
        match rest.door.as_ref().is_none_or(Door::is_sound) {
            true => Ok(rest),
            false => Err(ReachFrameError("answer")),
        }
    }
}

impl Slept {
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

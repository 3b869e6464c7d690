//! Datagrams with which a sleeping node stays within reach (`docs/wire/park.md`): it keeps one small mapping open towards
//! a home, and the home wakes it when somebody calls.
//!
//! Those between a node and its home carry a code that only the two can make; it covers everything before it. The rest
//! is said by strangers. No datagram causes more bytes than it has itself.

use alloc::vec::Vec;
use core::net::{Ipv4Addr, SocketAddrV4};
use hedgerow_base::{Blame, Blamed, NodeId};

/// Longest datagram of this protocol in bytes.
pub const MAX_PARK: usize = CALL_LEN;
/// Length in bytes of a [`Park::Call`]: more than its answer and the wake-up that it causes together.
pub const CALL_LEN: usize = 72;
/// Largest count of a datagram.
pub const MAX_COUNT: u32 = (1 << 24) - 1;
/// Longest delay in seconds for which an answer may be asked.
pub const MAX_AFTER: u8 = 253;

/// What is written in the place of no address.
const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// Proves that a datagram comes from the node or its home.
pub type Mac = [u8; 6];
/// Ties an answer to its call.
pub type Token = [u8; 8];
/// Proves that a caller gets packets at its address.
pub type Cookie = [u8; 8];
/// Proves that a caller has been told by the sleeper itself how to call it.
pub type Pass = [u8; 16];

/// Not a datagram of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed datagram")]
pub struct ParkError;

impl Blamed for ParkError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// What a home says to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calling {
    /// It does not know the node.
    Unknown,
    /// It does, perhaps; call again with this cookie.
    Again,
    /// The node is being woken.
    Waking,
    /// The node is awake, and on its way.
    Awake,
    /// The node can be reached over this home now.
    Here,
    /// Too many calls lately.
    Refused,
}

impl Calling {
    const ALL: [Calling; 6] = [
        Calling::Unknown,
        Calling::Again,
        Calling::Waking,
        Calling::Awake,
        Calling::Here,
        Calling::Refused,
    ];
}

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Park {
    /// A sleeping node to its home: "still here".
    Here {
        /// Which registration.
        session: u32,
        /// Larger than in any before, at most [`MAX_COUNT`].
        count: u32,
        /// "Answer after so many seconds", at most [`MAX_AFTER`]; nothing for no answer.
        after: Option<u8>,
        /// Of the node.
        mac: Mac,
    },
    /// The answer.
    There {
        /// Of the question.
        session: u32,
        /// Of the question.
        count: u32,
        /// Of the home.
        mac: Mac,
    },
    /// A home to a sleeping node: "somebody calls".
    Wake {
        /// Which registration.
        session: u32,
        /// Of the call; the same when it is repeated.
        count: u32,
        /// Of the home.
        mac: Mac,
    },
    /// The answer.
    Awake {
        /// Of the call.
        session: u32,
        /// Of the call.
        count: u32,
        /// Of the node.
        mac: Mac,
    },
    /// The home knows no such registration.
    Lost {
        /// Of the question.
        session: u32,
        /// Of the question.
        count: u32,
    },
    /// Anybody to a home: "wake this node".
    Call {
        /// The node.
        node: NodeId,
        /// Repeated in the answer.
        token: Token,
        /// From the last answer; zeros at first.
        cookie: Cookie,
        /// From the node itself; zeros without.
        pass: Pass,
    },
    /// The answer.
    Called {
        /// Of the call.
        token: Token,
        /// For the next call.
        cookie: Cookie,
        /// What becomes of it.
        calling: Calling,
        /// With [`Calling::Unknown`]: the relay of a home that may know the node.
        elsewhere: Option<SocketAddrV4>,
    },
}

impl Park {
    const HERE: u8 = 0x10;
    const THERE: u8 = 0x11;
    const WAKE: u8 = 0x12;
    const AWAKE: u8 = 0x13;
    const LOST: u8 = 0x14;
    const CALL: u8 = 0x15;
    const CALLED: u8 = 0x16;

    /// The datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_PARK);
        let mut numbers = |kind: u8, session: u32, count: u32| {
            out.push(kind);
            out.extend_from_slice(&session.to_be_bytes());
            let [_, count @ ..] = count.min(MAX_COUNT).to_be_bytes();
            out.extend_from_slice(&count);
        };
        match self {
            Park::Here { session, count, .. } => numbers(Self::HERE, *session, *count),
            Park::There { session, count, .. } => numbers(Self::THERE, *session, *count),
            Park::Wake { session, count, .. } => numbers(Self::WAKE, *session, *count),
            Park::Awake { session, count, .. } => numbers(Self::AWAKE, *session, *count),
            Park::Lost { session, count } => numbers(Self::LOST, *session, *count),
            Park::Call { .. } => out.push(Self::CALL),
            Park::Called { .. } => out.push(Self::CALLED),
        }
        match self {
            Park::Here { after, mac, .. } => {
                out.push(after.map_or(0, |after| after.min(MAX_AFTER) + 1));
                out.extend_from_slice(mac);
            }
            Park::There { mac, .. } | Park::Wake { mac, .. } | Park::Awake { mac, .. } => out.extend_from_slice(mac),
            Park::Lost { .. } => {}
            Park::Call {
                node,
                token,
                cookie,
                pass,
            } => {
                out.extend_from_slice(node.as_bytes());
                out.extend_from_slice(token);
                out.extend_from_slice(cookie);
                out.extend_from_slice(pass);
                out.resize(CALL_LEN, 0);
            }
            Park::Called {
                token,
                cookie,
                calling,
                elsewhere,
            } => {
                out.extend_from_slice(token);
                out.extend_from_slice(cookie);
                out.push(*calling as u8);
                let elsewhere = elsewhere.unwrap_or(NOWHERE);
                out.extend_from_slice(&elsewhere.ip().octets());
                out.extend_from_slice(&elsewhere.port().to_be_bytes());
            }
        }
        out
    }

    /// What a code is made of: everything before it.
    pub fn covered(bytes: &[u8]) -> &[u8] {
        let end = bytes.len().saturating_sub(size_of::<Mac>());
        bytes.get(..end).unwrap_or_default()
    }

    /// Whether bytes are meant to be a datagram of this protocol.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes
            .first()
            .is_some_and(|kind| (Self::HERE..=Self::CALLED).contains(kind))
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParkError> {
        if bytes.len() > MAX_PARK {
            return Err(ParkError);
        }
        let (kind, rest) = bytes.split_first().ok_or(ParkError)?;
        let mut rest = Rest(rest);
        let read = match *kind {
            Self::HERE => Park::Here {
                session: rest.session()?,
                count: rest.count()?,
                after: match rest.take::<1>()? {
                    [0] => None,
                    [after] if after <= MAX_AFTER + 1 => Some(after - 1),
                    _ => return Err(ParkError),
                },
                mac: rest.take()?,
            },
            Self::THERE => Park::There {
                session: rest.session()?,
                count: rest.count()?,
                mac: rest.take()?,
            },
            Self::WAKE => Park::Wake {
                session: rest.session()?,
                count: rest.count()?,
                mac: rest.take()?,
            },
            Self::AWAKE => Park::Awake {
                session: rest.session()?,
                count: rest.count()?,
                mac: rest.take()?,
            },
            Self::LOST => Park::Lost {
                session: rest.session()?,
                count: rest.count()?,
            },
            Self::CALL if bytes.len() == CALL_LEN => {
                let call = Park::Call {
                    node: NodeId(rest.take()?),
                    token: rest.take()?,
                    cookie: rest.take()?,
                    pass: rest.take()?,
                };
                // What pads it may mean something one day.
                rest = Rest(&[]);
                call
            }
            Self::CALLED => Park::Called {
                token: rest.take()?,
                cookie: rest.take()?,
                calling: {
                    let [number] = rest.take()?;
                    Calling::ALL.get(usize::from(number)).copied().ok_or(ParkError)?
                },
                elsewhere: {
                    let ip = Ipv4Addr::from(rest.take::<4>()?);
                    let port = u16::from_be_bytes(rest.take()?);
                    Some(SocketAddrV4::new(ip, port)).filter(|at| *at != NOWHERE)
                },
            },
            _ => return Err(ParkError),
        };
        match rest.0.is_empty() {
            true => Ok(read),
            false => Err(ParkError),
        }
    }
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ParkError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(ParkError)?;
        self.0 = rest;
        Ok(*bytes)
    }
    fn session(&mut self) -> Result<u32, ParkError> {
        self.take().map(u32::from_be_bytes)
    }
    fn count(&mut self) -> Result<u32, ParkError> {
        let [a, b, c] = self.take()?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }
}

//! Datagrams of the side socket (`docs/wire/side.md`): small packets beside the connections, with which nodes find out
//! how routers treat them and open paths through these.
//!
//! Everything here is said by strangers and proves nothing. An answer is never longer than its question.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use hedgerow_base::{Blame, Blamed};
use minicbor::{Decode, Encode};

/// What every datagram begins with. No packet of a connection does, but by one chance in 2^64.
pub const MAGIC: [u8; 8] = *b"\x01hedgrow";
/// Length in bytes of a [`Side::Ask`]; it is padded, so that an answer is never longer.
pub const ASK_LEN: usize = 48;
/// Longest datagram of this protocol in bytes.
pub const MAX_SIDE: usize = ASK_LEN;
/// Longest delay in seconds for which an answer may be asked.
pub const MAX_DELAY: u16 = 600;

/// Ties an answer to its question.
pub type Token = [u8; 8];
/// Shows that who sends it has received something at that address before.
pub type Cookie = [u8; 8];
/// Ties the datagrams of one meeting together; only the two nodes know it.
pub type Meeting = [u8; 16];

/// Not a datagram of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed datagram")]
pub struct SideError;

impl Blamed for SideError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// From where an answer shall come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum From {
    /// The socket that was asked.
    #[n(0)]
    Here,
    /// Another port of the same machine.
    #[n(1)]
    OtherPort,
}

/// One datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// "Where do you see me?"
    Ask {
        /// Repeated in the answer.
        token: Token,
        /// From where to answer.
        from: From,
        /// Seconds to wait before, at most [`MAX_DELAY`].
        delay_s: u16,
        /// The one of an earlier [`Side::Seen`] of the same node, or zeros.
        cookie: Cookie,
    },
    /// "There." Also says where the other port of the one who was asked is.
    Seen {
        /// Of the question.
        token: Token,
        /// Where its packet came from.
        at: SocketAddr,
        /// The port from which answers of [`From::OtherPort`] come, and which can be asked as well.
        other_port: u16,
        /// For further questions from that address.
        cookie: Cookie,
    },
    /// Somebody was asked to knock here.
    Knock {
        /// Of the first question.
        token: Token,
    },
    /// Opens a path.
    Open {
        /// Which one.
        meeting: Meeting,
    },
    /// The leader of a meeting has chosen the path on which this comes.
    Pick {
        /// Of the meeting.
        meeting: Meeting,
        /// Under which port of the sender's loopback interface its engine finds the path.
        door: u16,
    },
    /// The other side knows.
    Picked {
        /// Of the meeting.
        meeting: Meeting,
        /// The same of this side.
        door: u16,
    },
}

impl Side {
    const ASK: u8 = 1;
    const SEEN: u8 = 2;
    const KNOCK: u8 = 3;
    const OPEN: u8 = 4;
    const PICK: u8 = 5;
    const PICKED: u8 = 6;

    /// The datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_SIDE);
        out.extend_from_slice(&MAGIC);
        match self {
            Side::Ask {
                token,
                from,
                delay_s,
                cookie,
            } => {
                out.push(Self::ASK);
                out.extend_from_slice(token);
                out.push(u8::from(*from == From::OtherPort));
                out.extend_from_slice(&delay_s.to_be_bytes());
                out.extend_from_slice(cookie);
                out.resize(ASK_LEN, 0);
            }
            Side::Seen {
                token,
                at,
                other_port,
                cookie,
            } => {
                out.push(Self::SEEN);
                out.extend_from_slice(token);
                let ip = match at.ip() {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                out.extend_from_slice(&ip.octets());
                out.extend_from_slice(&at.port().to_be_bytes());
                out.extend_from_slice(&other_port.to_be_bytes());
                out.extend_from_slice(cookie);
            }
            Side::Knock { token } => {
                out.push(Self::KNOCK);
                out.extend_from_slice(token);
            }
            Side::Open { meeting } => {
                out.push(Self::OPEN);
                out.extend_from_slice(meeting);
            }
            Side::Pick { meeting, door } | Side::Picked { meeting, door } => {
                out.push(match self {
                    Side::Pick { .. } => Self::PICK,
                    _ => Self::PICKED,
                });
                out.extend_from_slice(meeting);
                out.extend_from_slice(&door.to_be_bytes());
            }
        }
        out
    }

    /// Whether bytes are meant to be a datagram of this protocol.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Reads a datagram.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SideError> {
        if bytes.len() > MAX_SIDE {
            return Err(SideError);
        }
        let rest = bytes.strip_prefix(&MAGIC).ok_or(SideError)?;
        let (kind, rest) = rest.split_first().ok_or(SideError)?;
        let mut rest = Rest(rest);
        let read = match *kind {
            Self::ASK => {
                if bytes.len() != ASK_LEN {
                    return Err(SideError);
                }
                let token = rest.take()?;
                let from = match rest.take::<1>()? {
                    [0] => From::Here,
                    [1] => From::OtherPort,
                    _ => return Err(SideError),
                };
                let delay_s = rest.number()?;
                let cookie = rest.take()?;
                // What pads it may mean something one day.
                rest = Rest(&[]);
                if delay_s > MAX_DELAY {
                    return Err(SideError);
                }
                Side::Ask {
                    token,
                    from,
                    delay_s,
                    cookie,
                }
            }
            Self::SEEN => Side::Seen {
                token: rest.take()?,
                at: SocketAddr::new(Ipv6Addr::from(rest.take::<16>()?).to_canonical(), rest.number()?),
                other_port: rest.number()?,
                cookie: rest.take()?,
            },
            Self::KNOCK => Side::Knock { token: rest.take()? },
            Self::OPEN => Side::Open { meeting: rest.take()? },
            Self::PICK => Side::Pick {
                meeting: rest.take()?,
                door: rest.number()?,
            },
            Self::PICKED => Side::Picked {
                meeting: rest.take()?,
                door: rest.number()?,
            },
            _ => return Err(SideError),
        };
        match rest.0.is_empty() {
            true => Ok(read),
            false => Err(SideError),
        }
    }
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SideError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(SideError)?;
        self.0 = rest;
        Ok(*bytes)
    }
    fn number(&mut self) -> Result<u16, SideError> {
        self.take().map(u16::from_be_bytes)
    }
}

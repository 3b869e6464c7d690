//! Errors, each with who is to blame.

use hedgerow_base::{Blame, Blamed};
use hedgerow_wire::node::{CloseCode, NodeFrameError, VERSION};
use iroh::endpoint::ConnectionError;

/// The endpoint could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// No socket, or none at an address asked for.
    #[error("cannot open a UDP socket: {0}")]
    Socket(String),
    /// The certificate is not for this device.
    #[error("the device certificate does not belong to this device key")]
    Certificate,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

impl Blamed for BindError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// A connection did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The ticket is one's own.
    #[error("this ticket leads to this node itself; use the ticket of the other node")]
    Myself,
    /// The user blocked that node.
    #[error("this node is blocked; unblock it first")]
    Blocked,
    /// Too many peers are remembered.
    #[error("no room for another peer; forget one first")]
    Full,
    /// There is no address to try.
    #[error("no address is known for this node; ask for a fresh ticket")]
    NoAddress,
    /// Nobody answered. The node goes on trying.
    #[error("the node did not answer; it may be offline or behind a router that lets nothing in ({0})")]
    Unreachable(String),
    /// The other node speaks no version that this one speaks.
    #[error("the other node speaks versions {oldest} to {newest}, this one {VERSION}; update the older one")]
    Version {
        /// Newest version of the other node.
        newest: u16,
        /// Oldest version of the other node.
        oldest: u16,
    },
    /// The other node does not speak this major version of the node protocol at all.
    #[error("the other node speaks another major version of the node protocol; update the older one")]
    OtherProtocol,
    /// The other node closed the connection with a reason.
    #[error("the other node refused: {0:?}")]
    Refused(CloseCode),
    /// The other node sent what no correct node sends.
    #[error("the other node misbehaved: {0}")]
    Fault(String),
    /// The other node's certificate does not hold for its device.
    #[error("the other node shows a wrong device certificate: {0}")]
    Certificate(String),
    /// The other node connected but did not say hello in time.
    #[error("the other node did not say hello in time")]
    Slow,
    /// This node stops.
    #[error("this node is shutting down")]
    Closing,
}

impl ConnectError {
    /// The other side spoke, and what it said was wrong: charge it.
    pub(crate) fn is_fault(&self) -> bool {
        matches!(
            self,
            ConnectError::Fault(_) | ConnectError::Certificate(_) | ConnectError::Slow
        )
    }
    /// What to close the connection with.
    pub(crate) fn close_code(&self) -> CloseCode {
        match self {
            ConnectError::Version { .. } => CloseCode::Version,
            ConnectError::Slow => CloseCode::Slow,
            ConnectError::Fault(_) => CloseCode::Fault,
            ConnectError::Certificate(_) => CloseCode::Certificate,
            ConnectError::Blocked => CloseCode::Blocked,
            ConnectError::Full => CloseCode::Full,
            ConnectError::Refused(code) => *code,
            _ => CloseCode::Shutdown,
        }
    }
}

impl From<ConnectionError> for ConnectError {
    fn from(error: ConnectionError) -> Self {
        match closed_with(&error) {
            Some(code) => ConnectError::Refused(code),
            None => ConnectError::Unreachable(error.to_string()),
        }
    }
}

impl From<NodeFrameError> for ConnectError {
    fn from(error: NodeFrameError) -> Self {
        ConnectError::Fault(error.to_string())
    }
}

impl Blamed for ConnectError {
    fn blame(&self) -> Blame {
        if self.is_fault() { Blame::Peer } else { Blame::Local }
    }
}

/// The code with which the other side closed the connection. A code of a later version counts as shutdown.
pub(crate) fn closed_with(error: &ConnectionError) -> Option<CloseCode> {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            Some(CloseCode::from_code(close.error_code.into_inner()).unwrap_or(CloseCode::Shutdown))
        }
        _ => None,
    }
}

/// A message or request was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No active connection to that peer.
    #[error("the peer is not connected")]
    NotConnected,
    /// The queue towards the peer is full. On the directory and sync channels [`crate::NetEvent::Writable`]
    /// follows when there is room again; a live message is dropped and nothing follows.
    #[error("the queue towards the peer is full")]
    Full,
    /// Over `limits::MAX_FRAME`, or a request header over its bound.
    #[error("{0} bytes are too long for one frame")]
    TooLong(usize),
    /// The request stream broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl Blamed for SendError {
    fn blame(&self) -> Blame {
        match self {
            SendError::Stream(error) => error.blame(),
            _ => Blame::Local,
        }
    }
}

/// A stream broke, or carried what it must not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The peer gave the stream up, or the connection went.
    #[error("the stream was closed: {0}")]
    Closed(String),
    /// Nothing moved for too long.
    #[error("the peer stopped reading or sending")]
    Stalled,
    /// The stream ended in the middle of what was being read.
    #[error("the stream ended too early")]
    Short,
    /// A frame is over its bound.
    #[error("a frame of {len} bytes is over the limit of {max}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// The frame is malformed.
    #[error(transparent)]
    Frame(#[from] NodeFrameError),
}

impl Blamed for StreamError {
    fn blame(&self) -> Blame {
        match self {
            StreamError::Closed(_) => Blame::Local,
            _ => Blame::Peer,
        }
    }
}

/// A text that is no ticket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Does not begin with `hedge1`.
    #[error("this is not a Hedgerow ticket; a ticket begins with hedge1")]
    NotATicket,
    /// Letters are missing, doubled or changed.
    #[error("this ticket is damaged; copy it again, whole")]
    Damaged,
    /// Sound, but of a kind that this version does not understand.
    #[error("this ticket cannot be read ({0}); a newer version may have made it")]
    Unreadable(NodeFrameError),
}

impl Blamed for TicketError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

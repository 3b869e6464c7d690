//! What the network tells the node.

use crate::{
    address::PathKind,
    credit::Held,
    link::Link,
    lookup::LookupMemory,
    request::{RequestRecv, RequestSend},
};
use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::node::{Channel, CloseCode};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::mpsc;

/// Something happened. Per peer the order is: `PeerConnected`, then the rest, then `PeerDisconnected`.
#[derive(Debug)]
pub enum NetEvent {
    /// A peer is connected and may be sent to.
    PeerConnected {
        /// The peer, proven by TLS.
        node: NodeId,
        /// The user who certified it.
        user: UserId,
        /// A secret that only the two nodes know, new for every connection.
        session: [u8; 32],
        /// How packets travel.
        path: PathKind,
        /// What the person calls themselves; nobody checked it.
        name: Option<String>,
        /// Protocols that the peer serves, e.g. `sync/1`.
        protocols: Vec<String>,
        /// New for every start of the peer's program.
        boot: [u8; 16],
    },
    /// A peer is gone. The network dials it again by itself, unless it was disconnected, forgotten or blocked.
    PeerDisconnected {
        /// The peer.
        node: NodeId,
        /// Why.
        why: Why,
    },
    /// A message on a channel, in the order in which it was sent on that channel.
    Message {
        /// Who sent it.
        node: NodeId,
        /// On which channel.
        channel: Channel,
        /// At most `limits::MAX_FRAME` bytes.
        bytes: Vec<u8>,
    },
    /// A peer asks for something. Dropping both ends refuses.
    Request {
        /// Who asks.
        node: NodeId,
        /// The request's header, at most 16 KiB.
        header: Vec<u8>,
        /// Where the answer goes.
        send: RequestSend,
        /// What else the peer sends.
        recv: RequestRecv,
    },
    /// After [`crate::SendError::Full`]: the queue has room again.
    Writable {
        /// The peer.
        node: NodeId,
        /// The channel, never `Live`.
        channel: Channel,
    },
    /// Where a connected peer can be reached, best first: to be kept and given back in
    /// [`crate::NetConfig::known`]. Replaces what was kept before.
    PeerAddressLearned {
        /// The peer.
        node: NodeId,
        /// At most 16 addresses.
        addresses: Vec<SocketAddr>,
        /// At most 3 relays over which it can be reached.
        relays: Vec<crate::relay::RelayAt>,
    },
    /// What to keep for [`crate::LookupConfig::memory`]. Replaces what was kept before.
    LookupLearned {
        /// To be given back at the next start.
        memory: LookupMemory,
    },
    /// A connected peer calls itself otherwise; nobody checked it.
    PeerNamed {
        /// The peer.
        node: NodeId,
        /// The new name.
        name: Option<String>,
    },
    /// Packets to a peer now travel another way.
    PathChanged {
        /// The peer.
        node: NodeId,
        /// The new way.
        path: PathKind,
    },
}

/// Why a peer was disconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The peer closed the connection and said why.
    ByPeer(CloseCode),
    /// Nothing was heard from the peer for too long, or its packets make no sense any more.
    Lost(String),
    /// The relay between both is gone; the peer is dialled over another one at once.
    Stranded,
    /// The peer sent what no correct node sends; it was charged.
    Fault(String),
    /// The peer did not read what was sent to it.
    Slow,
    /// A newer connection to the same peer took over; its `PeerConnected` follows.
    Replaced,
    /// Both sides agreed to do without a connection while there is nothing to say. The peer counts as there; whatever
    /// is to be said to it brings the connection back.
    Parked,
    /// This node's wish: disconnected, forgotten, blocked or shut down.
    Local,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ByPeer(code) => write!(f, "the other node closed it: {code:?}"),
            Self::Lost(why) => write!(f, "lost: {why}"),
            Self::Stranded => f.write_str("the relay between both is gone"),
            Self::Fault(what) => write!(f, "the other node misbehaved: {what}"),
            Self::Slow => f.write_str("the other node did not read what was sent"),
            Self::Replaced => f.write_str("a newer connection took over"),
            Self::Parked => f.write_str("parked: there was nothing to say"),
            Self::Local => f.write_str("closed by this node"),
        }
    }
}

/// One connected peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerInfo {
    /// The peer.
    pub node: NodeId,
    /// Its user.
    pub user: UserId,
    /// What the person calls themselves.
    pub name: Option<String>,
    /// How packets travel.
    pub path: PathKind,
    /// Address in use, unless relayed.
    pub address: Option<SocketAddr>,
    /// Round-trip time in milliseconds.
    pub rtt_ms: f64,
    /// When the connection began, milliseconds since 1970.
    pub connected_since_ms: u64,
    /// Bytes received on this connection, packets included.
    pub bytes_in: u64,
    /// Bytes sent on this connection, packets included.
    pub bytes_out: u64,
}

/// An event on its way to the node.
pub(crate) enum Queued {
    /// The link may be sent on from the moment at which the node sees its `PeerConnected`.
    Connected(Arc<Link>, NetEvent),
    /// The peer gets its credit back when the node takes the message.
    Message(NetEvent, Held),
    Plain(NetEvent),
}

/// The node's end of the event queue. When it is full, peers wait.
pub struct NetEvents {
    pub(crate) queue: mpsc::Receiver<Queued>,
}

impl NetEvents {
    /// The next event; `None` once the network is shut down. May be cancelled without losing an event.
    pub async fn recv(&mut self) -> Option<NetEvent> {
        self.queue.recv().await.map(deliver)
    }
    /// The next event if there is one.
    pub fn try_recv(&mut self) -> Option<NetEvent> {
        self.queue.try_recv().ok().map(deliver)
    }
    /// The next event, for a thread outside the runtime; `None` once the network is shut down.
    pub fn blocking_recv(&mut self) -> Option<NetEvent> {
        self.queue.blocking_recv().map(deliver)
    }
}

fn deliver(queued: Queued) -> NetEvent {
    match queued {
        Queued::Connected(link, event) => {
            link.active.store(true, Ordering::Release);
            event
        }
        Queued::Message(event, _held) => event,
        Queued::Plain(event) => event,
    }
}

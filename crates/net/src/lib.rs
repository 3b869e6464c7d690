//! L2: the network. One iroh endpoint, one QUIC connection per peer, no server of anybody's.
//!
//! [`Net::bind`] opens the endpoint and gives a handle, [`Net`], and a queue of [`NetEvent`]s, [`NetEvents`].
//! Every method of the handle that the node's single-threaded loop needs returns at once; what takes time is a
//! future that the loop may hand to the runtime. The wire is described in `docs/wire/node.md`.
//!
//! Invariants
//! - Only this crate names iroh.
//! - At most one connection per peer is active. Between a peer's [`NetEvent::PeerConnected`] and its
//!   [`NetEvent::PeerDisconnected`] all its messages belong to that one connection, in order per channel, and
//!   [`Net::send`] never puts a message on a connection whose `PeerConnected` was not yet received.
//! - Memory per peer is bounded in both directions, whatever the peer does: inbound messages wait inside a budget
//!   of bytes and then in the sender's flow control; outbound queues refuse ([`SendError::Full`]).
//! - What a peer does wrong closes its connection and charges it; other peers do not notice.

mod accept;
mod address;
mod config;
mod credit;
mod dial;
mod error;
mod event;
mod frame;
mod hello;
mod journal;
mod lan;
mod link;
mod lookup;
mod net;
mod park;
mod queue;
mod reach;
mod relay;
mod request;
mod side;
mod table;
mod ticket;
mod trace;
mod usage;
pub mod web;

pub use address::PathKind;
pub use config::{KnownPeer, NetConfig, NetLimits, PROTOCOLS};
pub use error::{BindError, ConnectError, SendError, StreamError, TicketError};
pub use event::{NetEvent, NetEvents, PeerInfo, Why};
pub use hedgerow_traverse::nat;
pub use hedgerow_wire::node::{Channel, CloseCode, DeviceCertificate};
pub use journal::{Note, Step};
pub use lookup::{Device, DhtRole, FindAnswer, LookupConfig, LookupMemory, LookupReport, NotFound, Source, Way};
pub use net::Net;
pub use park::ParkReport;
pub use reach::{Mapping, MappingState, ReachReport};
pub use relay::{MonthUse, NotARelay, RelayAt, RelayLimits, RelayUse, Serving, Stage, month_of};
pub use request::{RequestRecv, RequestSend};
pub use ticket::Ticket;
pub use trace::{PathReport, PathState, PeerTrace};

#[cfg(test)]
mod tests;

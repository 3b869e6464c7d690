//! What goes into the exchange and what comes out.

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use hedgerow_base::{NodeId, PersonId, RecordId, WidgetId};
use hedgerow_wire::directory::Round;

/// What the driver tells the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// Something of [`Effect::Met`], as stored.
    Restore {
        /// The node.
        node: NodeId,
        /// Its network.
        network: Vec<u8>,
        /// When.
        at_ms: u64,
        /// What.
        round: Box<Round>,
    },
    /// A peer is connected.
    Connected {
        /// The peer.
        peer: NodeId,
        /// Bytes that are the same for all nodes of its network; empty: on this machine or not known.
        network: Vec<u8>,
        /// Whether this side begins.
        begin: bool,
    },
    /// It is reached in another way now.
    Moved {
        /// The peer.
        peer: NodeId,
        /// As in [`Input::Connected`].
        network: Vec<u8>,
    },
    /// It is gone.
    Disconnected {
        /// The peer.
        peer: NodeId,
    },
    /// What this node tells of itself: a signed record of what is installed, or nothing; and what is installed.
    Mine {
        /// The record.
        record: Option<Vec<u8>>,
        /// The widgets.
        used: BTreeSet<WidgetId>,
    },
    /// A certificate that was verified and kept.
    Certificate {
        /// Its record.
        id: RecordId,
        /// Who signed it.
        by: PersonId,
    },
    /// Something newer took its place.
    Dropped {
        /// Its record.
        id: RecordId,
        /// Who signed it.
        by: PersonId,
    },
    /// A round that came.
    Round {
        /// From whom.
        peer: NodeId,
        /// What.
        round: Box<Round>,
    },
}

/// What the driver does for the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a round, with the bytes of these certificates in it.
    Send {
        /// To whom.
        peer: NodeId,
        /// What, without certificates.
        round: Box<Round>,
        /// Their records.
        certificates: Vec<RecordId>,
    },
    /// Somebody said what they have: to be stored, at the place of what their node said before.
    Met {
        /// Who.
        person: PersonId,
        /// From which node.
        node: NodeId,
        /// What, for [`Input::Restore`].
        round: Box<Round>,
    },
    /// What somebody said does not count any more.
    Forget {
        /// Their node.
        node: NodeId,
    },
    /// Certificates came: for the directory to verify.
    Certificates {
        /// From whom.
        peer: NodeId,
        /// Records.
        records: Vec<Vec<u8>>,
    },
    /// A peer sent what no correct node sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What.
        what: &'static str,
    },
}

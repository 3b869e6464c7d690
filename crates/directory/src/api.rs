//! What goes into the core and what comes out.

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use hedgerow_base::{Blame, Blamed, NodeId, PersonId, RecordId, WidgetId};
use hedgerow_wire::directory::{Record, Release, Round, Said};

/// What the driver tells the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// A record of the own store; not verified again.
    Restore {
        /// As persisted.
        bytes: Vec<u8>,
    },
    /// A record of one's own.
    Publish {
        /// As signed.
        record: Box<Record>,
    },
    /// A peer is connected.
    PeerConnected {
        /// The peer.
        peer: NodeId,
    },
    /// A peer is gone.
    PeerDisconnected {
        /// The peer.
        peer: NodeId,
    },
    /// Whom this node trusts: their words have room when there is little. And whose are not wanted.
    Trust {
        /// Trusted people.
        trusted: BTreeSet<PersonId>,
        /// People whose statements are refused.
        unwanted: BTreeSet<PersonId>,
    },
    /// A frame from a peer.
    Message {
        /// The peer.
        peer: NodeId,
        /// At most `limits::MAX_FRAME` bytes.
        bytes: Vec<u8>,
    },
}

/// What the driver does for the core, in order. A [`Effect::Persist`] is durable before any later effect leaves the
/// machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store a record.
    Persist {
        /// Its id.
        id: RecordId,
        /// Its widget; none for what is said of a person.
        widget: Option<WidgetId>,
        /// Its sequence number, if it is a release; otherwise 0.
        sequence: u64,
        /// As to be restored and sent.
        bytes: Vec<u8>,
    },
    /// Forget a record: something newer took its place, or somebody trusted its room.
    Drop {
        /// Which.
        id: RecordId,
    },
    /// A person said something; it was persisted.
    Said {
        /// Its record.
        id: RecordId,
        /// What.
        said: Box<Said>,
    },
    /// The author changed who signs, or took releases back: another stored release is the newest now, or none.
    Changed {
        /// The widget.
        widget: WidgetId,
    },
    /// A part of a round of the exchange.
    Round {
        /// From whom.
        peer: NodeId,
        /// What.
        round: Box<Round>,
    },
    /// Both stores have the same records now.
    Compared {
        /// With whom.
        peer: NodeId,
    },
    /// This release is now the newest of its widget: lists and search show it.
    Head {
        /// Its record.
        id: RecordId,
        /// The release.
        release: Box<Release>,
    },
    /// The author signed two different releases with one number: warn.
    Forked {
        /// The widget.
        widget: WidgetId,
    },
    /// Send a frame.
    Send {
        /// To whom.
        peer: NodeId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Send stored records, in frames made by [`Directory::records_frame`].
    SendRecords {
        /// To whom.
        peer: NodeId,
        /// Which ones.
        ids: Vec<RecordId>,
    },
    /// A peer sent what no correct node sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What.
        what: &'static str,
    },
}

/// Why an own record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// A release with this number or a higher one exists.
    #[error("there is a newer release of this widget already; publish again to continue after it")]
    Stale,
    /// Not signed by the author's key.
    #[error("the release is not signed by enough of the widget's author keys")]
    NotAuthor,
    /// Something newer stands at its place.
    #[error("there is a newer version of this already; read it again and repeat the change")]
    Old,
    /// A quota is reached.
    #[error("the directory takes no more from this author or for this widget")]
    Quota,
}

impl Blamed for PublishError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

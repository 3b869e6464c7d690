//! What goes into the core and what comes out.

use alloc::{boxed::Box, string::String, vec::Vec};
use hedgerow_base::{Blame, Blamed, LogId, NodeId, Pseudonym, SecretKey, SpaceId};
use hedgerow_wire::sync::{EntryBytes, SyncFrame};

use crate::config::SpaceConfig;

/// Who the user is in a space: the same on all devices of the user.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Key of the user's pseudonym in the space's widget.
    pub pseudonym: SecretKey,
    /// X25519 secret to which new keys of the space are sealed.
    pub seal: zeroize::Zeroizing<[u8; 32]>,
}

/// What the driver tells the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// Opens a space. The driver then hands in the stored entries by [`crate::Sync::replay`] and ends with
    /// [`Input::Start`]; until then nothing is announced and nothing can be written.
    OpenSpace {
        /// What the space is and which log this device writes.
        config: Box<SpaceConfig>,
        /// Who one is in it.
        identity: Box<Identity>,
        /// What one calls oneself.
        name: Option<String>,
        /// As last told by [`Effect::PersistState`].
        state: Option<Vec<u8>>,
    },
    /// Every stored entry was replayed: the space is announced, and an invited member joins.
    Start {
        /// The space.
        space: SpaceId,
    },
    /// Forgets a space; what is stored stays.
    CloseSpace {
        /// The space.
        space: SpaceId,
    },
    /// A peer is connected.
    PeerConnected {
        /// The peer.
        peer: NodeId,
        /// Secret of this connection that only both sides know (TLS exporter).
        session: [u8; 32],
    },
    /// A peer is gone.
    PeerDisconnected {
        /// The peer.
        peer: NodeId,
    },
    /// A frame from a peer, of the channel `sync` or `live`.
    Message {
        /// The peer.
        peer: NodeId,
        /// At most `limits::MAX_FRAME` bytes.
        bytes: Vec<u8>,
    },
    /// Adds an update of the widget. Answered by [`Effect::Appended`] or [`Effect::Failed`].
    Append {
        /// The space.
        space: SpaceId,
        /// Comes back in the answer.
        request: u64,
        /// At most `limits::MAX_UPDATE` + 8 KiB.
        body: Vec<u8>,
    },
    /// Sends bytes to all who have the space open now; nobody keeps them.
    Live {
        /// The space.
        space: SpaceId,
        /// At most `limits::MAX_UPDATE` bytes.
        body: Vec<u8>,
    },
    /// Removes members and begins a new epoch with a new key. For the owner only. Answered as [`Input::Append`].
    Remove {
        /// The space.
        space: SpaceId,
        /// Comes back in the answer.
        request: u64,
        /// Who goes.
        members: Vec<Pseudonym>,
    },
    /// Tells the members that this device leaves. Answered as [`Input::Append`]; the driver then closes the space.
    Leave {
        /// The space.
        space: SpaceId,
        /// Comes back in the answer.
        request: u64,
    },
    /// One calls oneself otherwise. Answered as [`Input::Append`], or not at all while one has written nothing yet.
    Rename {
        /// The space.
        space: SpaceId,
        /// Comes back in the answer.
        request: u64,
        /// At most `limits::MAX_NAME` bytes.
        name: Option<String>,
    },
}

/// Entries `from..to` of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRange {
    /// The log.
    pub log: LogId,
    /// First entry.
    pub from: u64,
    /// One past the last entry.
    pub to: u64,
}

/// What the driver does for the core, in this order; see [`crate::Sync`] for what must be durable when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Store an entry, after those stored before it: replay needs them in this order.
    Persist {
        /// Its space.
        space: SpaceId,
        /// Its log.
        log: LogId,
        /// Its number.
        seq: u64,
        /// To be replayed and sent as they are.
        bytes: Vec<u8>,
    },
    /// Store what a space must remember beside its entries, in place of what was there. Rare.
    PersistState {
        /// The space.
        space: SpaceId,
        /// For [`Input::OpenSpace`].
        bytes: Vec<u8>,
    },
    /// Hand an update to the widget, with its verified author. Comes after all updates that its author had seen.
    Deliver {
        /// The space.
        space: SpaceId,
        /// Who wrote it.
        author: Pseudonym,
        /// In which log.
        log: LogId,
        /// Its number there.
        seq: u64,
        /// It was written by this device.
        own: bool,
        /// The author's clock, milliseconds since 1970.
        time_ms: u64,
        /// The update.
        body: Vec<u8>,
    },
    /// Delete the entries of a log from this number on, and their updates: their author had been removed before.
    Retract {
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// First entry to go.
        from: u64,
    },
    /// A request was carried out; its entry is persisted by an effect before this one.
    Appended {
        /// The request.
        request: u64,
        /// The space.
        space: SpaceId,
        /// This device's log.
        log: LogId,
        /// The entry's number.
        seq: u64,
    },
    /// A request was not carried out.
    Failed {
        /// The request.
        request: u64,
        /// Why.
        error: SyncError,
    },
    /// Send a frame on the channel `sync`.
    Send {
        /// To whom.
        peer: NodeId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Send a frame on the channel `live`, or drop it if the peer is slow.
    SendLive {
        /// To whom.
        peer: NodeId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Send stored entries, in this order, in frames made by [`entries_frame`], each when the peer has taken the
    /// one before. Later [`Effect::Send`]s to this peer stay behind it.
    SendEntries {
        /// To whom.
        peer: NodeId,
        /// Of which space.
        space: SpaceId,
        /// In causal order.
        ranges: Vec<EntryRange>,
    },
    /// Hand a live message to the widget.
    LiveDeliver {
        /// The space.
        space: SpaceId,
        /// Who sent it.
        author: Pseudonym,
        /// From which log (device).
        log: LogId,
        /// The bytes.
        body: Vec<u8>,
    },
    /// A peer has the space open now, or has it no more.
    PeerInSpace {
        /// The space.
        space: SpaceId,
        /// The peer.
        peer: NodeId,
        /// Who it is there.
        pseudonym: Pseudonym,
        /// It is here now.
        here: bool,
    },
    /// A peer says that it does not share the space with us: one was removed, or the peer does not know yet that
    /// one was invited.
    PeerRefused {
        /// The space.
        space: SpaceId,
        /// The peer.
        peer: NodeId,
    },
    /// Members or their names changed.
    MembersChanged {
        /// The space.
        space: SpaceId,
    },
    /// One was removed: the space can be read but not written any more.
    Removed {
        /// The space.
        space: SpaceId,
    },
    /// A log has two different entries with one number; nothing more is taken from it.
    Forked {
        /// The space.
        space: SpaceId,
        /// The log.
        log: LogId,
        /// It is this device's log (an old backup came back, say): go on with [`SpaceConfig::renew`].
        own: bool,
    },
    /// A peer sent what no correct node sends.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What.
        what: &'static str,
        /// How bad, as in Z7.
        points: u32,
    },
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// Not open here, or not started yet.
    #[error("the space is not open on this node")]
    NotOpen,
    /// Invited, but what shows that is still with others.
    #[error("joining is not finished: a member of the space must be connected first")]
    NotJoined,
    /// One was removed from the space.
    #[error("you were removed from this space; it can be read but not written")]
    Removed,
    /// Over its bound.
    #[error("too large: {len} bytes, at most {max} are taken")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// Over the quota of a public space.
    #[error("this public space takes no more from one author")]
    Quota,
    /// This device's log was forked.
    #[error("this device's log was continued elsewhere; it must be started again")]
    Forked,
    /// Only the owner may do this.
    #[error("only the person who made the space may remove members")]
    NotOwner,
    /// Nobody with that pseudonym, or the owner.
    #[error("there is no such member to remove")]
    NoMember,
    /// The space is private or public.
    #[error("only spaces for invited people have invites and members to remove")]
    NotInvited,
    /// The space has more members than one key change can carry.
    #[error("the space has too many members for this")]
    TooMany,
    /// The key of the newest epoch is not known here.
    #[error("the space's newest key has not arrived on this device")]
    NoKey,
    /// A stored entry does not fit: the store is damaged.
    #[error("a stored entry does not fit where it is")]
    BadReplay,
    /// A broken invariant of ours.
    #[error("internal error: {0}")]
    Bug(&'static str),
}

impl Blamed for SyncError {
    fn blame(&self) -> Blame {
        match self {
            Self::Bug(_) => Blame::Bug,
            _ => Blame::Local,
        }
    }
}

/// One who writes, or wrote, in a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub pseudonym: Pseudonym,
    /// What they call themselves; nobody checked it.
    pub name: Option<String>,
    /// Made the space.
    pub owner: bool,
    /// Was removed, or left with all devices.
    pub gone: bool,
    /// Their devices' logs, oldest key first.
    pub logs: Vec<LogId>,
}

/// The frame that carries stored entries of a space, as [`Effect::SendEntries`] asks. Keep the sum of their sizes
/// below 256 KiB, or take one.
pub fn entries_frame<'a>(space: SpaceId, entries: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let entries = entries.into_iter().map(EntryBytes).collect();
    SyncFrame::Entries { space, entries }.to_bytes()
}

//! What goes into the core and what comes out.

use crate::{
    prefix::Prefix,
    rules::Rules,
    score::{Fault, Payer, Standing},
};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{AppId, Blame, Blamed, MessageId, NodeId, Pseudonym, SecretKey};
use hedgerow_wire::overlay::{Contact, Here, OverlayFrame, Unsealed};

/// Checks signatures. The node uses [`Strict`]; a simulation may remember what it checked before.
pub trait Verify: Send + Sync {
    /// Whether the signature of a message holds.
    fn message(&self, message: &Unsealed) -> bool;
    /// Whether a member is there under the pseudonym that it names; true if it names none.
    fn member(&self, here: &Here, node: &NodeId) -> bool;
}

/// Checks every signature.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict;

impl Verify for Strict {
    fn message(&self, message: &Unsealed) -> bool {
        message.holds()
    }
    fn member(&self, here: &Here, node: &NodeId) -> bool {
        here.who.is_none_or(|who| who.holds(&here.app, node))
    }
}

/// What a validator is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The message as the app gave it.
    pub body: &'a [u8],
    /// Whose it is, proven.
    pub signer: Option<&'a Pseudonym>,
}

/// A program that comes with the rules of an app (Z9). Everybody who runs it on the same facts must get the same
/// answer: it has no clock, no chance and no memory, and a fixed amount of work.
pub trait Validator: Send + Sync {
    /// Hash of the program, part of the hash of the rules.
    fn digest(&self) -> [u8; 32];
    /// Whether a message may travel. A program that fails or works too long says no.
    fn valid(&self, facts: Facts<'_>) -> bool;
}

/// How a node takes part in the swarm of an app.
#[derive(Clone)]
pub struct AppConfig {
    /// What every member checks.
    pub rules: Arc<Rules>,
    /// The program that the rules name, if they name one.
    pub validator: Option<Arc<dyn Validator>>,
    /// Signs what the app sends.
    pub key: Option<SecretKey>,
    /// Other members are told under which pseudonym one is there.
    pub known: bool,
    /// Names this device in the numbering of messages: the same for as long as `first_seq` is kept.
    pub source: u64,
    /// Above every number that was used with this `source` before.
    pub first_seq: u64,
    /// Links to open, at most 16.
    pub fanout: usize,
}

impl core::fmt::Debug for AppConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AppConfig(fanout {}, {:?})", self.fanout, self.rules)
    }
}

/// Whether the app is running, and whether it judges messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// Not running: passive checks only, and messages for later are kept.
    No,
    /// Running; messages travel at once.
    Yes,
    /// Running, and it says of each message whether it is valid (Z8).
    Judges,
}

/// A message of one's own app.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What the app says.
    pub body: Vec<u8>,
    /// Signed with the key of the configuration.
    pub signed: bool,
    /// How long it may travel.
    pub ttl_ms: u32,
    /// Kept for members whose app is not running (Z3).
    pub immediate: bool,
}

/// A direct message that a reply is awaited for, as [`Received`] names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owed(pub(crate) u64);

/// What the driver tells the core.
#[derive(Clone, Debug)]
pub enum Input {
    /// Joins the swarm of an app, or changes how one takes part.
    Open {
        /// The app.
        app: AppId,
        /// How.
        config: Box<AppConfig>,
    },
    /// Leaves the swarm.
    Close {
        /// The app.
        app: AppId,
    },
    /// The app began or ceased to run.
    Running {
        /// The app.
        app: AppId,
        /// Which.
        running: Running,
    },
    /// Somebody may be a member: from a ticket, a lookup, the last run.
    Heard {
        /// The app.
        app: AppId,
        /// Who, and where.
        contacts: Vec<Contact>,
    },
    /// A peer is connected, whoever dialled.
    Connected {
        /// The peer.
        peer: NodeId,
        /// Where it comes from, as this node sees it.
        prefix: Prefix,
        /// Where others may reach it.
        addresses: Vec<SocketAddr>,
    },
    /// A connection is lost, or could not be made. Not to be told for a connection that is only parked.
    Disconnected {
        /// The peer.
        peer: NodeId,
    },
    /// A frame as it came on the channel `overlay`.
    Bytes {
        /// From whom.
        peer: NodeId,
        /// At most [`hedgerow_wire::overlay::MAX_OVERLAY_FRAME`] bytes; more is refused.
        bytes: Vec<u8>,
    },
    /// The same, decoded.
    Frame {
        /// From whom.
        peer: NodeId,
        /// The frame.
        frame: OverlayFrame,
    },
    /// Sends a message to all members (Z1).
    Broadcast {
        /// The app.
        app: AppId,
        /// Comes back with the effect.
        request: u64,
        /// The message.
        message: Outgoing,
    },
    /// Sends a message to one member (Z5).
    Send {
        /// The app that sends.
        app: AppId,
        /// The app that it is for; usually the same (Z6).
        to_app: AppId,
        /// Comes back with the effect.
        request: u64,
        /// To whom.
        to: NodeId,
        /// Where it may be, for a peer that is not connected.
        addresses: Vec<SocketAddr>,
        /// The message.
        message: Outgoing,
        /// How long a reply is awaited; none is if this is 0.
        reply_ms: u64,
    },
    /// Sends a message to some members at random and gathers their replies (Z4).
    Gather {
        /// The app.
        app: AppId,
        /// Comes back with the effect.
        request: u64,
        /// To how many members.
        count: usize,
        /// The message.
        message: Outgoing,
        /// How long replies are awaited.
        reply_ms: u64,
    },
    /// The app replies to a direct message.
    Reply {
        /// The app.
        app: AppId,
        /// Chosen by the driver; comes back in [`Effect::Sent`] or [`Effect::NotSent`].
        request: u64,
        /// To which.
        to: Owed,
        /// What it says; signed with the key of the configuration, if there is one.
        body: Vec<u8>,
    },
    /// The app says whether a message is valid (Z8).
    Verdict {
        /// The app.
        app: AppId,
        /// The message.
        id: MessageId,
        /// Valid messages travel on at once, invalid ones do not.
        valid: bool,
    },
    /// Asks a peer what it speaks (Z12).
    Ask {
        /// The peer, connected.
        peer: NodeId,
        /// Comes back with the effect.
        request: u64,
        /// Apps to ask about.
        apps: Vec<AppId>,
        /// Protocols to ask about.
        protocols: Vec<String>,
    },
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The app of the one who sent it.
    pub from_app: AppId,
    /// Who handed it over; the sender, if it is a direct message.
    pub from: NodeId,
    /// The message. Its signature was checked.
    pub message: Unsealed,
    /// Links that it came over.
    pub hops: u8,
    /// It came to this node alone.
    pub direct: bool,
    /// A reply is awaited.
    pub reply: Option<Owed>,
    /// The app is asked whether it is valid, by [`Input::Verdict`].
    pub judge: bool,
}

/// One reply to a question.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who replied.
    pub from: NodeId,
    /// What. Its signature was checked.
    pub message: Unsealed,
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The app is not open.
    #[error("the app is not open on this node")]
    NotOpen,
    /// More than the rules of the app allow.
    #[error("the message has {len} bytes, the app allows {max}")]
    TooLarge {
        /// Bytes of the message.
        len: usize,
        /// The bound.
        max: usize,
    },
    /// Faster than the rules of the app allow.
    #[error("too many messages; try again in {wait_ms} ms")]
    TooFast {
        /// When there is room again.
        wait_ms: u64,
    },
    /// The rules of the app want a signature.
    #[error("the app takes signed messages only")]
    NotSigned,
    /// The signer is not on the list of the rules.
    #[error("the app takes messages of listed signers only")]
    NotListed,
    /// The filter of the app does not let it through.
    #[error("the filter of the app refuses the message: {why}")]
    Filtered {
        /// Which part, in words.
        why: String,
    },
    /// Too many requests wait for replies.
    #[error("too many messages wait for replies; wait for some of them")]
    Busy,
    /// A direct message that no reply is awaited for any more.
    #[error("nobody waits for this reply any more")]
    TooLate,
    /// The peer cannot be reached.
    #[error("the peer cannot be reached")]
    Unreachable,
}

impl Blamed for SendError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// What the core wants done, or tells.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Connect to a peer; answered by [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// The peer.
        peer: NodeId,
        /// Where it may be; hearsay.
        addresses: Vec<SocketAddr>,
    },
    /// Send a frame on the channel `overlay`.
    Send {
        /// To whom.
        peer: NodeId,
        /// What.
        frame: OverlayFrame,
    },
    /// Give a message to the app.
    Deliver {
        /// The app.
        app: AppId,
        /// The message.
        received: Box<Received>,
    },
    /// A broadcast or a reply is on its way.
    Sent {
        /// The app.
        app: AppId,
        /// As it was given.
        request: u64,
        /// Its id.
        id: MessageId,
    },
    /// A message was not sent.
    NotSent {
        /// The app.
        app: AppId,
        /// As it was given.
        request: u64,
        /// Why.
        why: SendError,
    },
    /// The replies to a message; as many as came in time.
    Answered {
        /// The app.
        app: AppId,
        /// As it was given.
        request: u64,
        /// How many members got the message.
        asked: usize,
        /// What they replied.
        answers: Vec<Answer>,
    },
    /// A member was found or is not found any more.
    Presence {
        /// The app.
        app: AppId,
        /// The member.
        peer: NodeId,
        /// As whom it is there, proven, if it says so.
        who: Option<Pseudonym>,
        /// Found or lost.
        there: bool,
    },
    /// What a peer answered to [`Input::Ask`].
    Speaks {
        /// The peer.
        peer: NodeId,
        /// As it was given.
        request: u64,
        /// Of the apps asked about, those that it has.
        apps: Vec<AppId>,
        /// Of the protocols asked about, those that it speaks.
        protocols: Vec<String>,
    },
    /// Somebody was charged.
    Charged {
        /// Who pays.
        payer: Payer,
        /// For what.
        fault: Fault,
        /// All points now.
        points: u32,
        /// What follows.
        standing: Standing,
    },
    /// Disconnect a peer and do not let it in again for some time.
    Cut {
        /// The peer.
        peer: NodeId,
        /// Until then.
        until_ms: u64,
        /// The fault that was the last one.
        fault: Fault,
    },
}

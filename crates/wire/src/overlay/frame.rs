//! What two nodes send each other on the channel `overlay`.

use super::{
    Envelope, MAX_ASKED, MAX_CONTACT_ADDRESSES, MAX_CONTACTS, MAX_ENVELOPE, MAX_ITEMS, MAX_OVERLAY_FRAME,
    OverlayFrameError, bounded, list,
};
use crate::node::{
    MAX_PROTOCOL_NAME, MAX_PROTOCOLS,
    address::{decode_addresses, encode_addresses, list as items},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::net::SocketAddr;
use hedgerow_base::{AppId, MessageId, NodeId, Pseudonym, SecretKey, Signature};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

const WHO_CONTEXT: &str = "hedgerow 2026 overlay member v1";
/// The highest number of a frame that this version knows.
const NEWEST: u32 = 13;

/// First 16 bytes of a [`MessageId`]: enough to ask for a message. What comes is known by its whole id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Tag(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

impl From<&MessageId> for Tag {
    fn from(id: &MessageId) -> Self {
        let mut tag = [0; 16];
        tag.iter_mut().zip(id.0).for_each(|(to, from)| *to = from);
        Self(tag)
    }
}

/// A message that somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Item {
    /// Which.
    #[n(0)]
    pub tag: Tag,
    /// Bytes of its envelope.
    #[n(1)]
    pub size: u32,
    /// Links that it came over.
    #[n(2)]
    pub hops: u8,
}

/// A member says under which pseudonym it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Who {
    /// Its pseudonym in the app.
    #[n(0)]
    pub pseudonym: Pseudonym,
    /// By the pseudonym's key, over app and node.
    #[n(1)]
    pub signature: Signature,
}

impl Who {
    /// Says that the user of `key` is at `node` in `app`.
    pub fn sign(key: &SecretKey, app: &AppId, node: &NodeId) -> Self {
        Self {
            pseudonym: key.public().into(),
            signature: key.sign(WHO_CONTEXT, &Self::bytes(app, node)),
        }
    }
    /// Whether it was said by the pseudonym, for this app and node.
    pub fn holds(&self, app: &AppId, node: &NodeId) -> bool {
        let key = self.pseudonym.key();
        key.verify(WHO_CONTEXT, &Self::bytes(app, node), &self.signature)
            .is_ok()
    }
    fn bytes(app: &AppId, node: &NodeId) -> [u8; 64] {
        let mut bytes = [0; 64];
        let both = app.0.iter().chain(&node.0);
        bytes.iter_mut().zip(both).for_each(|(to, from)| *to = *from);
        bytes
    }
}

/// The sender has an app.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Here {
    /// Which.
    #[n(0)]
    pub app: AppId,
    /// The sender's number for it, in the frames that come often. For as long as the connection lasts.
    #[n(1)]
    pub handle: u32,
    /// Hash of the rules that it checks by.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub rules: [u8; 32],
    /// How many messages it takes of the receiver at first; [`OverlayFrame::Credit`] gives more.
    #[n(3)]
    pub credit: u32,
    /// As whom it is there, if it wants that known.
    #[n(4)]
    pub who: Option<Who>,
}

/// Where another member may be reached. Hearsay.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Contact {
    /// The member.
    #[n(0)]
    pub node: NodeId,
    /// At most [`MAX_CONTACT_ADDRESSES`].
    #[n(1)]
    #[cbor(encode_with = "encode_addresses", decode_with = "few_addresses")]
    pub addresses: Vec<SocketAddr>,
}

/// Why a link ends or does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Unlink {
    /// The app is not here (any more).
    Absent = 0,
    /// No room.
    Full = 1,
    /// Somebody more useful took the place.
    Replaced = 2,
    /// It announced what it did not give.
    Unkept = 3,
    /// Its points are over the limit.
    Cut = 4,
    /// A reason of a later version.
    Other = 255,
}

impl<C> Encode<C> for Unlink {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.u8(*self as u8)?.ok()
    }
}
impl<'b, C> Decode<'b, C> for Unlink {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let known = [Self::Absent, Self::Full, Self::Replaced, Self::Unkept, Self::Cut];
        let number = d.u8()?;
        Ok(known
            .into_iter()
            .find(|why| *why as u8 == number)
            .unwrap_or(Self::Other))
    }
}

/// A frame. The numbers are on the wire and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum OverlayFrame {
    /// Which of these apps and protocols do you speak? Costs nothing, whatever is asked (Z12).
    #[n(0)]
    Ask {
        /// Comes back with the answer.
        #[n(0)]
        question: u32,
        /// Apps asked about.
        #[n(1)]
        #[cbor(decode_with = "list::<_, _, MAX_ASKED>")]
        apps: Vec<AppId>,
        /// Protocols asked about, e.g. `sync/1`.
        #[n(2)]
        #[cbor(decode_with = "some_protocols")]
        protocols: Vec<String>,
    },
    /// Answers [`OverlayFrame::Ask`]: those of what was asked that are there.
    #[n(1)]
    Told {
        /// Of the question.
        #[n(0)]
        question: u32,
        /// Apps that are there.
        #[n(1)]
        #[cbor(decode_with = "list::<_, _, MAX_ASKED>")]
        here: Vec<Here>,
        /// Protocols that are spoken.
        #[n(2)]
        #[cbor(decode_with = "some_protocols")]
        protocols: Vec<String>,
    },
    /// The sender wants to pass on messages of an app with the receiver.
    #[n(2)]
    Link(#[n(0)] Here),
    /// Yes to [`OverlayFrame::Link`].
    #[n(3)]
    Linked(#[n(0)] Here),
    /// No to [`OverlayFrame::Link`], or the end of a link.
    #[n(4)]
    Unlink {
        /// The app.
        #[n(0)]
        app: AppId,
        /// Why.
        #[n(1)]
        why: Unlink,
    },
    /// Asks for other members; answered by [`OverlayFrame::Contacts`].
    #[n(5)]
    Pull(#[n(0)] AppId),
    /// Some members, drawn at random.
    #[n(6)]
    Contacts {
        /// The app.
        #[n(0)]
        app: AppId,
        /// The members.
        #[n(1)]
        #[cbor(decode_with = "list::<_, _, MAX_CONTACTS>")]
        contacts: Vec<Contact>,
    },
    /// A message.
    #[n(7)]
    Push {
        /// The sender's number for the app.
        #[n(0)]
        handle: u32,
        /// The receiver asked for it by [`OverlayFrame::Want`]; if not, it counts against the credit.
        #[n(1)]
        wanted: bool,
        /// Nodes that passed it on before.
        #[n(2)]
        hops: u8,
        /// How long it has travelled, milliseconds. Each node adds how long it held it, and something for the way.
        #[n(3)]
        age_ms: u32,
        /// The message.
        #[n(4)]
        #[cbor(encode_with = "write_envelope", decode_with = "read_envelope")]
        envelope: Envelope,
    },
    /// The sender has these messages; each counts against the credit.
    #[n(8)]
    Announce {
        /// The sender's number for the app.
        #[n(0)]
        handle: u32,
        /// The messages.
        #[n(1)]
        #[cbor(decode_with = "list::<_, _, MAX_ITEMS>")]
        items: Vec<Item>,
    },
    /// The sender wants these messages.
    #[n(9)]
    Want {
        /// The sender's number for the app.
        #[n(0)]
        handle: u32,
        /// The messages.
        #[n(1)]
        #[cbor(decode_with = "list::<_, _, MAX_ITEMS>")]
        tags: Vec<Tag>,
    },
    /// How many messages the sender takes of the receiver without having asked.
    #[n(10)]
    Credit {
        /// The sender's number for the app.
        #[n(0)]
        handle: u32,
        /// Since the link began; only grows.
        #[n(1)]
        total: u64,
    },
    /// A message for the receiver alone. The app in the envelope is the sender's.
    #[n(11)]
    Direct {
        /// Whose equals at the receiver it is for.
        #[n(0)]
        app: AppId,
        /// Comes back with the reply; none is awaited if there is no number.
        #[n(1)]
        request: Option<u64>,
        /// The message.
        #[n(2)]
        #[cbor(encode_with = "write_envelope", decode_with = "read_envelope")]
        envelope: Envelope,
    },
    /// Answers [`OverlayFrame::Direct`].
    #[n(12)]
    Reply {
        /// Of the message.
        #[n(0)]
        request: u64,
        /// The answer.
        #[n(1)]
        #[cbor(encode_with = "write_envelope", decode_with = "read_envelope")]
        envelope: Envelope,
    },
    /// The sender checks by other rules from now on.
    #[n(13)]
    Rules {
        /// The sender's number for the app.
        #[n(0)]
        handle: u32,
        /// Hash of the rules.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        rules: [u8; 32],
    },
}

impl OverlayFrame {
    /// Reads a frame; none if its number is of a later version.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_OVERLAY_FRAME`].
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, OverlayFrameError> {
        let what = "overlay frame";
        bounded(what, bytes.len(), MAX_OVERLAY_FRAME)?;
        let malformed = |error: decode::Error| OverlayFrameError::Malformed {
            what,
            why: error.to_string(),
        };
        let mut peek = Decoder::new(bytes);
        let fields = peek.array().map_err(malformed)?;
        if fields == Some(2) && peek.u32().map_err(malformed)? > NEWEST {
            return Ok(None);
        }
        let mut d = Decoder::new(bytes);
        let frame = d.decode().map_err(malformed)?;
        if d.position() != bytes.len() {
            return Err(malformed(decode::Error::message("bytes after its end")));
        }
        Ok(Some(frame))
    }
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory has no error and no frame here refuses to be encoded.
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
}

fn write_envelope<C, W: encode::Write>(
    envelope: &Envelope,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), encode::Error<W::Error>> {
    e.bytes(envelope.as_bytes())?.ok()
}

fn read_envelope<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Envelope, decode::Error> {
    let bytes = d.bytes()?;
    if bytes.len() > MAX_ENVELOPE {
        return Err(decode::Error::message("message over its bound"));
    }
    Envelope::from_bytes(bytes).map_err(|_| decode::Error::message("message over its bound"))
}

fn few_addresses<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Vec<SocketAddr>, decode::Error> {
    let addresses = decode_addresses(d, ctx)?;
    if addresses.len() > MAX_CONTACT_ADDRESSES {
        return Err(decode::Error::message("addresses over their bound"));
    }
    Ok(addresses)
}

fn some_protocols<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<String>, decode::Error> {
    items(d, MAX_PROTOCOLS, |d| {
        let text = d.str()?;
        if text.len() > MAX_PROTOCOL_NAME {
            return Err(decode::Error::message("text over its bound"));
        }
        Ok(text.to_string())
    })
}

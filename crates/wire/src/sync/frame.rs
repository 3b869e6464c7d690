//! What two connected nodes send each other.

use super::{Admission, Claim, Header, LogClaim, MAX_BATCH, MAX_CLAIM, MAX_TAGS, MAX_VECTOR, Signed, SyncFrameError};
use super::{blob, borrowed, list, open, seal, short_name};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{EntryHash, LogId, NodeId, PublicKey, SecretKey, Signature, SpaceId, limits};
use minicbor::{Decode, Encode};

const HELLO_CONTEXT: &str = "hedgerow 2026 sync hello v1";

/// Says "I have this space open" to who has it open too, and nothing to others.
pub type Tag = minicbor::bytes::ByteArray<16>;

/// How far a node is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct VectorItem {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// It has all entries below this number; `u64::MAX` says that it wants none of this log.
    #[n(1)]
    pub next: u64,
    /// First 8 bytes of the hash of its last entry, big endian; 0 for a log that was cut.
    #[n(2)]
    pub head: u64,
}

/// Proves to a peer who one is in a space.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Whose log the sender writes.
    #[n(1)]
    pub cert: Signed<LogClaim>,
    /// Why it may, for a peer that has not seen the log yet.
    #[n(2)]
    pub admission: Admission,
    /// What the sender calls themselves.
    #[n(3)]
    #[cbor(decode_with = "short_name", default)]
    pub name: Option<String>,
    /// Signature by the log's key over session, space, sender and receiver.
    #[n(4)]
    pub signature: Signature,
}

fn hello_bytes(session: &[u8; 32], space: &SpaceId, from: &NodeId, to: &NodeId) -> [u8; 128] {
    let mut bytes = [0; 128];
    for (part, id) in bytes.chunks_exact_mut(32).zip([session, &space.0, &from.0, &to.0]) {
        part.copy_from_slice(id);
    }
    bytes
}

impl Hello {
    /// The signature of a hello.
    pub fn sign(key: &SecretKey, session: &[u8; 32], space: &SpaceId, from: &NodeId, to: &NodeId) -> Signature {
        key.sign(HELLO_CONTEXT, &hello_bytes(session, space, from, to))
    }
    /// The log claim, once both signatures are checked and the space is the same.
    ///
    /// # Errors
    /// When one of them does not hold.
    pub fn verify(&self, session: &[u8; 32], from: &NodeId, to: &NodeId) -> Result<LogClaim, SyncFrameError> {
        let claim = self.cert.verify()?;
        let bytes = hello_bytes(session, &self.space, from, to);
        let holds = claim.log.key().verify(HELLO_CONTEXT, &bytes, &self.signature);
        if holds.is_err() || claim.space != self.space {
            return Err(SyncFrameError::BadSignature { what: "hello" });
        }
        Ok(claim)
    }
}

/// Two entries that one log must not both have: the same number, or one that does not follow the other.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ForkProof {
    /// The one with the lower or same number.
    #[n(0)]
    pub first: Signed<Header>,
    /// The other.
    #[n(1)]
    pub second: Signed<Header>,
}

impl ForkProof {
    /// The log and the number from which it forks, once the proof is checked.
    ///
    /// # Errors
    /// When it proves nothing.
    pub fn verify(&self, space: &SpaceId) -> Result<(LogId, u64), SyncFrameError> {
        let (first, second) = (self.first.verify()?, self.second.verify()?);
        let hash: EntryHash = super::Entry::hash_of(self.first.bytes());
        let same = first.seq == second.seq && self.first.bytes() != self.second.bytes();
        let breaks = first.seq.checked_add(1) == Some(second.seq) && second.prev != Some(hash);
        if first.space != *space || second.space != *space || first.log != second.log || !(same || breaks) {
            return Err(SyncFrameError::Malformed {
                what: "fork proof",
                why: "it proves nothing".into(),
            });
        }
        Ok((first.log, first.seq))
    }
}

/// The signed part of a realtime message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LiveHeader {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// Whose key signs.
    #[n(1)]
    pub log: LogId,
    /// Random; makes two equal messages differ.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The epoch whose key seals the body.
    #[n(3)]
    pub epoch: u64,
    /// Nonce and sealed message.
    #[n(4)]
    #[cbor(
        encode_with = "minicbor::bytes::encode",
        decode_with = "blob::<_, { limits::MAX_UPDATE + 64 }>"
    )]
    pub body: Vec<u8>,
}

impl Claim for LiveHeader {
    const CONTEXT: &'static str = "hedgerow 2026 sync live v1";
    const WHAT: &'static str = "live message";
    const MAX: usize = limits::MAX_UPDATE + 64 + MAX_CLAIM;
    fn signer(&self) -> PublicKey {
        self.log.key()
    }
}

/// A frame of the channels `sync` and `live`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum SyncFrame<'a> {
    /// Tags of spaces that the sender has open; later frames add to earlier ones.
    #[n(0)]
    Tags(
        #[n(0)]
        #[cbor(decode_with = "list::<_, _, MAX_TAGS>")]
        Vec<Tag>,
    ),
    /// Who the sender is in a space that both have open.
    #[n(1)]
    Hello(#[n(0)] Hello),
    /// The sender does not share this space with the receiver any more.
    #[n(2)]
    Refused(#[n(0)] SpaceId),
    /// Digest over all that the sender has in a space.
    #[n(3)]
    Summary {
        /// The space.
        #[n(0)]
        space: SpaceId,
        /// Equal digests mean equal logs.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        digest: [u8; 32],
    },
    /// How far the sender is. A vector may take several frames: the first begins it, the last ends it. A frame
    /// that does neither outside of such a series speaks only of the logs in it.
    #[n(4)]
    Vector {
        /// The space.
        #[n(0)]
        space: SpaceId,
        /// The first frame of a whole vector.
        #[n(1)]
        begin: bool,
        /// The last frame of a whole vector.
        #[n(2)]
        end: bool,
        /// Logs that are not in a whole vector are at 0.
        #[n(3)]
        #[cbor(decode_with = "list::<_, _, MAX_VECTOR>")]
        items: Vec<VectorItem>,
    },
    /// Entries, each as stored.
    #[n(5)]
    Entries {
        /// The space.
        #[n(0)]
        space: SpaceId,
        /// In causal order as far as the sender can.
        #[b(1)]
        #[cbor(decode_with = "list::<_, _, MAX_BATCH>")]
        entries: Vec<EntryBytes<'a>>,
    },
    /// A realtime message.
    #[n(6)]
    Live {
        /// How many times it may still be passed on.
        #[n(0)]
        ttl: u8,
        /// The message.
        #[n(1)]
        message: Signed<LiveHeader>,
        /// Whose log it is, for receivers that have not seen the log yet.
        #[n(2)]
        cert: Option<Signed<LogClaim>>,
    },
    /// Proof that a log was forked.
    #[n(7)]
    Fork {
        /// The space.
        #[n(0)]
        space: SpaceId,
        /// The proof.
        #[n(1)]
        proof: ForkProof,
    },
}

/// The bytes of an [`super::Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct EntryBytes<'a>(
    #[b(0)]
    #[cbor(
        encode_with = "minicbor::bytes::encode",
        decode_with = "borrowed::<_, { limits::MAX_ENTRY }>"
    )]
    pub &'a [u8],
);

impl<'a> SyncFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is malformed or over [`limits::MAX_FRAME`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, SyncFrameError> {
        open("sync frame", limits::MAX_FRAME, bytes)
    }
    /// The bytes on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
}

//! Entries of logs: the signed header, the sealed body, and what a control entry says.

use super::{Claim, Joined, LogClaim, MAX_CUTS, MAX_DEPS, MAX_HEADER, MAX_MEMBERS, Signed, SyncFrameError};
use super::{borrowed, list, open, seal, short_name};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{EntryHash, LogId, Pseudonym, PublicKey, SecretKey, Signature, SpaceId, hash, limits};
use minicbor::{Decode, Encode};

/// [`Header::kind`] of an update of the widget: the opened body is the update itself.
pub const KIND_UPDATE: u8 = 0;
/// [`Header::kind`] of a control entry: the opened body is a [`Control`].
pub const KIND_CONTROL: u8 = 1;

/// A causal parent in another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Dep {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// The entry's number.
    #[n(1)]
    pub seq: u64,
    /// The entry.
    #[n(2)]
    pub hash: EntryHash,
}

/// The signed part of an entry. Its hash names the entry; the body is bound by its hash, so that a proof about
/// an entry needs no body.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// The space.
    #[n(0)]
    pub space: SpaceId,
    /// The log, whose key signs.
    #[n(1)]
    pub log: LogId,
    /// From 0, without gaps.
    #[n(2)]
    pub seq: u64,
    /// The entry before it in the log.
    #[n(3)]
    pub prev: Option<EntryHash>,
    /// Newest known entries of other logs that are not already parents of `prev`.
    #[n(4)]
    #[cbor(decode_with = "list::<_, _, MAX_DEPS>")]
    pub deps: Vec<Dep>,
    /// The author's clock, milliseconds since 1970. Nobody checks it.
    #[n(5)]
    pub time_ms: u64,
    /// The epoch whose key seals the body.
    #[n(6)]
    pub epoch: u64,
    /// [`KIND_UPDATE`] or [`KIND_CONTROL`]; others are carried and not looked into.
    #[n(7)]
    pub kind: u8,
    /// [`Entry::digest`] of the sealed body.
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    pub body: [u8; 32],
}

impl Claim for Header {
    const CONTEXT: &'static str = "hedgerow 2026 sync entry v1";
    const WHAT: &'static str = "entry header";
    const MAX: usize = MAX_HEADER;
    fn signer(&self) -> PublicKey {
        self.log.key()
    }
}

/// An entry as carried and stored, borrowed from its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Entry<'a> {
    /// The CBOR bytes of a [`Header`], exactly as they were signed.
    #[b(0)]
    #[cbor(encode_with = "minicbor::bytes::encode", decode_with = "borrowed::<_, MAX_HEADER>")]
    pub signed: &'a [u8],
    /// Signature by the log's key.
    #[n(1)]
    pub signature: Signature,
    /// 24 bytes of nonce and the sealed body (XChaCha20-Poly1305).
    #[b(2)]
    #[cbor(
        encode_with = "minicbor::bytes::encode",
        decode_with = "borrowed::<_, { limits::MAX_ENTRY }>"
    )]
    pub body: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Signs a header for `body` and answers the entry's bytes and hash.
    pub fn seal(header: &Header, key: &SecretKey, body: &[u8]) -> (Vec<u8>, EntryHash) {
        let signed = seal(header);
        let signature = key.sign(Header::CONTEXT, &signed);
        let entry = Entry {
            signed: &signed,
            signature,
            body,
        };
        let hash = entry.hash();
        (seal(&entry), hash)
    }
    /// Reads an entry; nothing is verified.
    ///
    /// # Errors
    /// When it is malformed or too long.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, SyncFrameError> {
        open("entry", limits::MAX_ENTRY, bytes)
    }
    /// The header; nothing is verified.
    ///
    /// # Errors
    /// When it is malformed or too long.
    pub fn header(&self) -> Result<Header, SyncFrameError> {
        open("entry header", MAX_HEADER, self.signed)
    }
    /// Checks the signature and that the body is the one that was signed for.
    ///
    /// # Errors
    /// When either does not hold.
    pub fn verify(&self, header: &Header) -> Result<(), SyncFrameError> {
        if Self::digest(self.body) != header.body {
            return Err(SyncFrameError::Malformed {
                what: "entry",
                why: "its body is another one's".into(),
            });
        }
        let holds = header.log.key().verify(Header::CONTEXT, self.signed, &self.signature);
        holds.map_err(|_| SyncFrameError::BadSignature { what: "entry" })
    }
    /// What names the entry.
    pub fn hash(&self) -> EntryHash {
        Self::hash_of(self.signed)
    }
    /// Hash of an entry with these signed bytes.
    pub fn hash_of(signed: &[u8]) -> EntryHash {
        EntryHash(hash::hash("hedgerow 2026 sync entry hash v1", &[signed]))
    }
    /// Hash of a sealed body, as in [`Header::body`].
    pub fn digest(body: &[u8]) -> [u8; 32] {
        hash::hash("hedgerow 2026 sync entry body v1", &[body])
    }
}

/// Why a log may write.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Admission {
    /// It is the owner's, or the space is public.
    #[n(0)]
    Plain,
    /// By an invite.
    #[n(1)]
    Joined(#[n(0)] Joined),
    /// The same pseudonym already has this log in the space: another device, or a device that starts again.
    #[n(2)]
    Sibling(#[n(0)] LogId),
}

/// The first entry of every log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Open {
    /// Whose log it is.
    #[n(0)]
    pub cert: Signed<LogClaim>,
    /// Why it may write.
    #[n(1)]
    pub admission: Admission,
    /// What the author calls themselves.
    #[n(2)]
    #[cbor(decode_with = "short_name", default)]
    pub name: Option<String>,
}

/// From where on the entries of a removed member's log no longer count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cut {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// Entries below this number stay.
    #[n(1)]
    pub next: u64,
}

/// A space key for one member.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SealedKey {
    /// The X25519 key that it is sealed to.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub to: [u8; 32],
    /// HPKE encapsulated key.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub enc: [u8; 32],
    /// HPKE ciphertext of the 32-byte key.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub sealed: [u8; 48],
}

/// The owner begins a new epoch: who remains, where removed logs end, the new key for each who remains.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rekey {
    /// The new epoch: one more than the epoch that seals this entry.
    #[n(0)]
    pub epoch: u64,
    /// Who remains, besides the owner.
    #[n(1)]
    #[cbor(decode_with = "list::<_, _, MAX_MEMBERS>")]
    pub members: Vec<Pseudonym>,
    /// Logs of removed members; one that is not listed keeps its first entry only.
    #[n(2)]
    #[cbor(decode_with = "list::<_, _, MAX_CUTS>")]
    pub cuts: Vec<Cut>,
    /// [`super::SpaceGenesis::commit`] of the new key.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub commitment: [u8; 32],
    /// The new key, sealed to each who remains, the owner included.
    #[n(4)]
    #[cbor(decode_with = "list::<_, _, { MAX_MEMBERS + 16 }>")]
    pub keys: Vec<SealedKey>,
}

/// What the opened body of a control entry says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Control {
    /// First entry of a log.
    #[n(0)]
    Open(#[n(0)] Open),
    /// The author calls themselves differently.
    #[n(1)]
    Rename(
        #[n(0)]
        #[cbor(decode_with = "short_name")]
        Option<String>,
    ),
    /// A new epoch.
    #[n(2)]
    Rekey(#[n(0)] Rekey),
    /// The author leaves with this log.
    #[n(3)]
    Leave,
}

impl Control {
    /// The bytes that are sealed.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads an opened body.
    ///
    /// # Errors
    /// When it is malformed or too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SyncFrameError> {
        open("control entry", limits::MAX_ENTRY, bytes)
    }
}

//! Frames of the channels `sync` and `live`: entries of logs, who may write in a space, and how two nodes find
//! out what the other lacks (`docs/wire/sync.md`).
//!
//! Invariants: every list, text and byte string is bounded when it is decoded; what is signed is carried as the
//! exact bytes that were signed; fields that this version does not know are skipped.

mod entry;
mod frame;
mod space;

pub use entry::{Admission, Control, Open, Rekey};
pub use entry::{Cut, Dep, Entry, Header, KIND_CONTROL, KIND_UPDATE, SealedKey};
pub use frame::{EntryBytes, ForkProof, Hello, LiveHeader, SyncFrame, Tag, VectorItem};
pub use space::{EpochKey, Invite, InviteClaim, Joined, Link, LogClaim, SpaceGenesis, SpaceKind};

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::marker::PhantomData;
use hedgerow_base::{Blame, Blamed, PublicKey, SecretKey, Signature, limits};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

/// Most causal parents of an entry besides its predecessor.
pub const MAX_DEPS: usize = 16;
/// Largest signed header of an entry in bytes.
pub const MAX_HEADER: usize = 2048;
/// Most links in the chain of invites from a joiner to the owner or a listed member.
pub const MAX_CHAIN: usize = 8;
/// Most members of an invited space: their keys fit in one [`Rekey`].
pub const MAX_MEMBERS: usize = 768;
/// Most logs that one [`Rekey`] cuts.
pub const MAX_CUTS: usize = 256;
/// Most epochs whose keys an invite carries.
pub const MAX_EPOCHS: usize = 256;
/// Largest signed claim (certificate) in bytes.
pub const MAX_CLAIM: usize = 256;
/// Largest invite in bytes.
pub const MAX_INVITE: usize = 24 << 10;
/// Most tags in one frame.
pub const MAX_TAGS: usize = 4096;
/// Most logs in one [`SyncFrame::Vector`].
pub const MAX_VECTOR: usize = 4096;
/// Most entries in one [`SyncFrame::Entries`].
pub const MAX_BATCH: usize = 8192;
/// Highest number of times that a live message is passed on.
pub const MAX_TTL: u8 = 8;

/// A frame or object of this module that a correct node does not send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncFrameError {
    /// Not CBOR of the expected shape, or a field is over its bound.
    #[error("malformed {what}: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// The decoder's words.
        why: String,
    },
    /// Longer than its bound.
    #[error("{what} of {len} bytes is over the limit of {max}")]
    TooLong {
        /// What was read.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The bound in bytes.
        max: usize,
    },
    /// A signature does not hold.
    #[error("the signature on the {what} does not hold")]
    BadSignature {
        /// What is signed.
        what: &'static str,
    },
}

impl Blamed for SyncFrameError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Decodes the one object in `bytes`, refusing more than `max` bytes and anything after it.
pub(crate) fn open<'b, T: Decode<'b, ()>>(
    what: &'static str,
    max: usize,
    bytes: &'b [u8],
) -> Result<T, SyncFrameError> {
    if bytes.len() > max {
        return Err(SyncFrameError::TooLong {
            what,
            len: bytes.len(),
            max,
        });
    }
    let mut decoder = Decoder::new(bytes);
    let object = decoder.decode().map_err(|error| SyncFrameError::Malformed {
        what,
        why: error.to_string(),
    })?;
    if decoder.position() != bytes.len() {
        return Err(SyncFrameError::Malformed {
            what,
            why: "bytes after its end".into(),
        });
    }
    Ok(object)
}

/// Encodes into memory, which cannot fail.
pub(crate) fn seal<T: Encode<()>>(object: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no error and no object here refuses to be encoded.
    let _ = minicbor::encode(object, &mut bytes);
    bytes
}

/// Something that is signed by a key that it names itself.
pub trait Claim: Encode<()> + for<'b> Decode<'b, ()> {
    /// Context of the signature.
    const CONTEXT: &'static str;
    /// In words, for errors.
    const WHAT: &'static str;
    /// Largest encoded size in bytes.
    const MAX: usize;
    /// Whose signature it needs.
    fn signer(&self) -> PublicKey;
}

/// A claim as the exact bytes that were signed, and the signature. [`Signed::verify`] gives the claim.
pub struct Signed<T> {
    bytes: Vec<u8>,
    signature: Signature,
    claim: PhantomData<fn() -> T>,
}

impl<T: Claim> Signed<T> {
    /// Signs `claim`; `key` is the secret of [`Claim::signer`].
    pub fn sign(claim: &T, key: &SecretKey) -> Self {
        let bytes = seal(claim);
        let signature = key.sign(T::CONTEXT, &bytes);
        Self {
            bytes,
            signature,
            claim: PhantomData,
        }
    }
    /// Takes bytes and signature that were carried apart.
    pub fn from_parts(bytes: Vec<u8>, signature: Signature) -> Self {
        Self {
            bytes,
            signature,
            claim: PhantomData,
        }
    }
    /// The bytes that were signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// The signature, unverified.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
    /// The claim without looking at the signature: for what was verified before.
    ///
    /// # Errors
    /// When it is malformed or too long.
    pub fn read(&self) -> Result<T, SyncFrameError> {
        open(T::WHAT, T::MAX, &self.bytes)
    }
    /// The claim, once its signature is checked.
    ///
    /// # Errors
    /// When it is malformed, too long, or not signed by the key that it names.
    pub fn verify(&self) -> Result<T, SyncFrameError> {
        let claim = self.read()?;
        let holds = claim.signer().verify(T::CONTEXT, &self.bytes, &self.signature);
        holds.map_err(|_| SyncFrameError::BadSignature { what: T::WHAT })?;
        Ok(claim)
    }
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            signature: self.signature,
            claim: PhantomData,
        }
    }
}
impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.signature == other.signature
    }
}
impl<T> Eq for Signed<T> {}
impl<T> core::fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Signed({} bytes)", self.bytes.len())
    }
}
impl<C, T> Encode<C> for Signed<T> {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.bytes)?.bytes(&self.signature.0)?;
        Ok(())
    }
}
impl<'b, C, T: Claim> Decode<'b, C> for Signed<T> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a signed claim has two parts"));
        }
        let bytes = limited(d.bytes()?, T::MAX)?.to_vec();
        let signature = <[u8; 64]>::try_from(d.bytes()?).map_err(|_| decode::Error::message("signature length"))?;
        Ok(Self {
            bytes,
            signature: Signature(signature),
            claim: PhantomData,
        })
    }
}

fn limited(bytes: &[u8], max: usize) -> Result<&[u8], decode::Error> {
    if bytes.len() > max {
        Err(decode::Error::message("bytes over their bound"))
    } else {
        Ok(bytes)
    }
}

/// Reads a definite array of at most `MAX` items.
pub(crate) fn list<'b, C, T: Decode<'b, C>, const MAX: usize>(
    d: &mut Decoder<'b>,
    ctx: &mut C,
) -> Result<Vec<T>, decode::Error> {
    let len = d
        .array()?
        .ok_or_else(|| decode::Error::message("list of unknown length"))?;
    let len = usize::try_from(len).ok().filter(|len| *len <= MAX);
    let len = len.ok_or_else(|| decode::Error::message("list over its bound"))?;
    (0..len).map(|_| T::decode(d, ctx)).collect()
}

/// Reads an optional name of at most [`limits::MAX_NAME`] bytes.
pub(crate) fn short_name<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Option<String>, decode::Error> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.skip()?;
        return Ok(None);
    }
    let text = d.str()?;
    if text.len() > limits::MAX_NAME {
        return Err(decode::Error::message("name over its bound"));
    }
    Ok(Some(text.to_string()))
}

/// Reads a byte string of at most `MAX` bytes.
pub(crate) fn blob<C, const MAX: usize>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<u8>, decode::Error> {
    Ok(limited(d.bytes()?, MAX)?.to_vec())
}

/// Reads a byte string of at most `MAX` bytes without copying it.
pub(crate) fn borrowed<'b, C, const MAX: usize>(d: &mut Decoder<'b>, _: &mut C) -> Result<&'b [u8], decode::Error> {
    limited(d.bytes()?, MAX)
}

//! Where devices are: records that their owners sign, in the shape of BEP 44 items, and how peers pass them on
//! (`docs/wire/lookup.md`).
//!
//! Invariants: a record is at most [`MAX_VALUE`] bytes; its signature covers the bytes that were carried and is
//! checked before they are looked into; nothing here compares times, so that no wrong clock makes a record useless.

use crate::node::address::{decode_addresses, encode_addresses, list};
use alloc::{boxed::Box, format, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{Blame, Blamed, NodeId, PublicKey, SecretKey, Signature, UserId};
use minicbor::{Decode, Decoder, Encode, bytes::ByteVec, decode};

/// Largest value of a record in bytes (BEP 44).
pub const MAX_VALUE: usize = 1000;
/// Largest [`SignedRecord`] in bytes.
pub const MAX_RECORD: usize = MAX_VALUE + 160;
/// Most relays in a device record.
pub const MAX_RELAYS: usize = 3;
/// Most addresses in a device record.
pub const MAX_PLACES: usize = 8;
/// Most devices in a user record.
pub const MAX_DEVICES: usize = 16;
/// Largest request of this module in bytes.
pub const MAX_REQUEST: usize = 2 * MAX_RECORD + 256;
/// Most device records in an answer.
pub const MAX_FOUND: usize = 8;
/// Largest answer of this module in bytes.
pub const MAX_ANSWER: usize = (MAX_FOUND + 1) * (MAX_RECORD + 8) + 256;

const DEVICE_SALT: &[u8] = b"hedgerow device 1";
const USER_SALT: &[u8] = b"hedgerow user 1";

/// A record, request or answer that no correct node sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// Not of the expected shape, or over a bound.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// The signature is not its owner's.
    #[error("the record is not signed by the one whom it is about")]
    Signature,
}

impl Blamed for LookupError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Whom a record is about. The key in it signs the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Subject {
    /// A device: where it is.
    #[n(0)]
    Device(#[n(0)] NodeId),
    /// A user: which devices are theirs.
    #[n(1)]
    User(#[n(0)] UserId),
}

impl Subject {
    /// The key under which the record is found and by which it is signed.
    pub const fn key(&self) -> PublicKey {
        match self {
            Self::Device(node) => node.key(),
            Self::User(user) => user.key(),
        }
    }
    /// The salt of the BEP 44 item.
    pub const fn salt(&self) -> &'static [u8] {
        match self {
            Self::Device(_) => DEVICE_SALT,
            Self::User(_) => USER_SALT,
        }
    }
}

/// What BEP 44 signs. It begins with `4:salt` and so is never what a signature of ours with a context is about.
fn signable(subject: &Subject, seq: u64, value: &[u8]) -> Vec<u8> {
    let salt = subject.salt();
    let mut bytes = format!("4:salt{}:", salt.len()).into_bytes();
    bytes.extend_from_slice(salt);
    bytes.extend_from_slice(format!("3:seqi{seq}e1:v{}:", value.len()).as_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// Where a device is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Place {
    /// When it was made, seconds since 1970 by the device's clock, which may be wrong: for people, never to judge.
    #[n(0)]
    pub made_s: u64,
    /// For how many seconds the device means it to hold.
    #[n(1)]
    pub keep_s: u32,
    /// Relays over which it can be reached, best first; at most [`MAX_RELAYS`].
    #[n(2)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub relays: Vec<SocketAddr>,
    /// Addresses at which it can be reached, best first; at most [`MAX_PLACES`].
    #[n(3)]
    #[cbor(encode_with = "encode_addresses", decode_with = "decode_addresses", default)]
    pub addresses: Vec<SocketAddr>,
}

/// A device of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Listed {
    /// The device.
    #[n(0)]
    pub node: NodeId,
    /// Sequence number of the user record in which the device last put itself on the list. When the list is full,
    /// the smallest goes: no clock is asked.
    #[n(1)]
    pub at: u64,
}

/// Which devices a user has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Devices {
    /// As in [`Place`].
    #[n(0)]
    pub made_s: u64,
    /// As in [`Place`].
    #[n(1)]
    pub keep_s: u32,
    /// At most [`MAX_DEVICES`].
    #[n(2)]
    #[cbor(decode_with = "decode_devices", default)]
    pub devices: Vec<Listed>,
}

fn decode_devices<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<Listed>, decode::Error> {
    list(d, MAX_DEVICES, |d| d.decode())
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// Of a device.
    Place(Place),
    /// Of a user.
    Devices(Devices),
}

/// A record as it travels, not yet checked: the parts of a BEP 44 item.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedRecord {
    /// Whom it is about, and who signed it.
    #[n(0)]
    pub subject: Subject,
    /// Grows with every record of the same subject; the highest is the one that holds.
    #[n(1)]
    pub seq: u64,
    /// CBOR of a [`Place`] or of [`Devices`].
    #[n(2)]
    pub value: ByteVec,
    /// By the subject's key over the item as BEP 44 says.
    #[n(3)]
    pub signature: Signature,
}

fn sealed<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory has no error.
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

impl SignedRecord {
    fn sign(key: &SecretKey, subject: Subject, seq: u64, value: Vec<u8>) -> Self {
        let signature = key.sign_foreign(&signable(&subject, seq, &value));
        Self {
            subject,
            seq,
            value: value.into(),
            signature,
        }
    }

    /// The record of the device with this key. Lists over their bounds are cut.
    pub fn of_device(key: &SecretKey, seq: u64, mut place: Place) -> Self {
        place.relays.truncate(MAX_RELAYS);
        place.addresses.truncate(MAX_PLACES);
        let subject = Subject::Device(key.public().into());
        Self::sign(key, subject, seq, sealed(&place))
    }

    /// The record of the user with this key. A list over its bound is cut.
    pub fn of_user(key: &SecretKey, seq: u64, mut devices: Devices) -> Self {
        devices.devices.truncate(MAX_DEVICES);
        let subject = Subject::User(key.public().into());
        Self::sign(key, subject, seq, sealed(&devices))
    }

    /// Checks bounds and signature, then reads what it says.
    ///
    /// # Errors
    /// [`LookupError`]: it is not its subject's, or malformed.
    pub fn open(&self) -> Result<Says, LookupError> {
        const MALFORMED: LookupError = LookupError::Malformed("record");
        if self.value.len() > MAX_VALUE || i64::try_from(self.seq).is_err() {
            return Err(MALFORMED);
        }
        let signed = signable(&self.subject, self.seq, &self.value);
        let verified = self.subject.key().verify_foreign(&signed, &self.signature);
        verified.map_err(|_| LookupError::Signature)?;
        match self.subject {
            Subject::Device(_) => {
                let place: Place = minicbor::decode(&self.value).map_err(|_| MALFORMED)?;
                let sound = place.relays.len() <= MAX_RELAYS && place.addresses.len() <= MAX_PLACES;
                sound.then_some(Says::Place(place)).ok_or(MALFORMED)
            }
            Subject::User(_) => minicbor::decode(&self.value).map(Says::Devices).map_err(|_| MALFORMED),
        }
    }

    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads a record; [`SignedRecord::open`] checks it.
    ///
    /// # Errors
    /// When it is malformed or over [`MAX_RECORD`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LookupError> {
        if bytes.len() > MAX_RECORD {
            return Err(LookupError::Malformed("record"));
        }
        minicbor::decode(bytes).map_err(|_| LookupError::Malformed("record"))
    }
}

/// What a node tells a connected peer about where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Card {
    /// Its own device record.
    #[n(0)]
    pub device: Option<SignedRecord>,
    /// Its user's record.
    #[n(1)]
    pub user: Option<SignedRecord>,
    /// It is a node of the DHT on this UDP port, at the address that its packets come from.
    #[n(2)]
    pub dht_port: Option<u16>,
}

/// What a peer asks for. The numbers are on the wire, shared with the other requests, and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum LookupRequest {
    /// "Where is it?" Answered with [`Found`].
    #[n(24)]
    Find {
        /// A device or a user.
        #[n(0)]
        subject: Subject,
    },
    /// "This is where I am, for those who ask you." Answered with a [`Card`] of the one who is told.
    #[n(25)]
    Tell {
        /// About the teller.
        #[n(0)]
        card: Box<Card>,
    },
}

/// The answer to [`LookupRequest::Find`]: the newest records that the peer has, if any. The signatures in them are
/// what makes them true; the peer that passes them on can only withhold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Found {
    /// The subject's own.
    #[n(0)]
    pub record: Option<SignedRecord>,
    /// If the subject is a user: those of their devices, at most [`MAX_FOUND`].
    #[n(1)]
    #[cbor(decode_with = "decode_records", default)]
    pub devices: Vec<SignedRecord>,
}

fn decode_records<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<SignedRecord>, decode::Error> {
    list(d, MAX_FOUND, |d| d.decode())
}

impl Card {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads a card; the records in it are not yet checked.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LookupError> {
        if bytes.len() > MAX_REQUEST {
            return Err(LookupError::Malformed("card"));
        }
        minicbor::decode(bytes).map_err(|_| LookupError::Malformed("card"))
    }
}

impl LookupRequest {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads a request; records in it are not yet checked.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LookupError> {
        if bytes.len() > MAX_REQUEST {
            return Err(LookupError::Malformed("request"));
        }
        minicbor::decode(bytes).map_err(|_| LookupError::Malformed("request"))
    }
}

impl Found {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        sealed(self)
    }
    /// Reads an answer; the records in it are not yet checked.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LookupError> {
        if bytes.len() > MAX_ANSWER {
            return Err(LookupError::Malformed("answer"));
        }
        minicbor::decode(bytes).map_err(|_| LookupError::Malformed("answer"))
    }
}

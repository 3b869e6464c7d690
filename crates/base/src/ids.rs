//! Ids: fixed-size newtypes, never aliases, so that the compiler refuses a mix-up.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use minicbor::{Decode, Encode};

/// A text that is not the id it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {expected}")]
pub struct ParseIdError {
    /// What was expected, in words, with its article.
    pub expected: &'static str,
}

macro_rules! id32 {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] #[cbor(with = "minicbor::bytes")] pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] { &self.0 }
            /// First ten hex digits: for logs, never for comparison.
            pub fn short(&self) -> String { HEXLOWER.encode(&self.0[..5]) }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&HEXLOWER.encode(&self.0)) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.short()) }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = ParseIdError { expected: $what };
                if text.len() != 64 { return Err(error); }
                let bytes = HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).map_err(|_| error.clone())?;
                Ok(Self(bytes.try_into().map_err(|_| error)?))
            }
        }
    };
}

id32!(
    /// A node: the public half of its device key (iroh `EndpointId`).
    NodeId, "node id (64 hex digits)");
id32!(
    /// A user: the public half of the root key made from the recovery phrase.
    UserId, "user id (64 hex digits)");
id32!(
    /// Somebody in the directory: the public key under which a user publishes, rates and vouches.
    PersonId, "key of a person (64 hex digits)");
id32!(
    /// What a widget sees of a user (`selfAddr`): a public key per user and widget, unlinkable across widgets.
    Pseudonym, "pseudonym (64 hex digits)");
id32!(
    /// A space: hash of its genesis.
    SpaceId, "space id (64 hex digits)");
id32!(
    /// A log: the public key that signs its entries, one per device and space.
    LogId, "log id (64 hex digits)");
id32!(
    /// An entry of a log: hash of its signed bytes.
    EntryHash, "entry hash (64 hex digits)");
id32!(
    /// A directory record: hash of its signed bytes.
    RecordId, "record id (64 hex digits)");
id32!(
    /// A package's content: hash over its size and the hashes of its chunks, so that each chunk is verified alone.
    ContentId, "content id (64 hex digits)");
id32!(
    /// An app whose equals on other nodes find each other and talk: derived from a widget, a plugin or a component.
    AppId, "app id (64 hex digits)");
id32!(
    /// A message to the equals of an app: hash of its signed bytes.
    MessageId, "message id (64 hex digits)");

/// A widget: a UUIDv8 made from the hash of its genesis record, stable over updates (W23).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct WidgetId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

impl WidgetId {
    /// The UUIDv8 with the first 122 free bits of `digest`.
    pub fn from_genesis_digest(digest: &[u8; 32]) -> Self {
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid().into_bytes())
    }
}
impl fmt::Display for WidgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}
impl fmt::Debug for WidgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WidgetId({self})")
    }
}
impl FromStr for WidgetId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError {
            expected: "a widget UUID",
        };
        let parsed = uuid::Uuid::try_parse(text).map_err(|_| error.clone())?;
        if parsed.get_version_num() != 8 {
            return Err(error);
        }
        Ok(Self(parsed.into_bytes()))
    }
}

/// One widget placed on a dashboard: 80 random bits as 16 lower-case base32 digits, a legal host name label
/// (`<instance>.hub.localhost`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct InstanceId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 10],
);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}
impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({self})")
    }
}
impl FromStr for InstanceId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let error = ParseIdError {
            expected: "an instance id (16 letters and digits)",
        };
        if text.len() != 16 || text != text.to_ascii_lowercase() {
            return Err(error);
        }
        let bytes = BASE32_NOPAD
            .decode(text.to_ascii_uppercase().to_string().as_bytes())
            .map_err(|_| error.clone())?;
        Ok(Self(bytes.try_into().map_err(|_| error)?))
    }
}

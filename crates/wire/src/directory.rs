//! Records of the directory and the frames that spread them, protocol `directory/1` (`docs/wire/directory.md`).
//!
//! Invariants: what is signed is carried as the exact bytes that were signed, and decoded from them. Every text and
//! list is bounded when it is decoded. Map keys that this version does not know are skipped; record kinds that it
//! does not know are told apart from malformed ones.

use alloc::{string::String, vec::Vec};
use hedgerow_base::{
    Blame, Blamed, ContentId, PublicKey, RecordId, SecretKey, Signature, WidgetId,
    hash::hash,
    limits::{MAX_FRAME, MAX_PACKAGE, MAX_RECORD},
};
use minicbor::{Decode, Decoder, Encode, bytes::ByteVec};

/// Kind number of a release.
pub const KIND_RELEASE: u8 = 0;
/// Most author keys of a widget.
pub const MAX_KEYS: usize = 16;
/// Largest icon in a record, in bytes.
pub const MAX_ICON: usize = 8 << 10;
/// Most ids in one frame.
pub const MAX_IDS: usize = 8192;
/// Most records in one frame.
pub const MAX_RECORDS: usize = 1024;
/// Most ranges in one frame.
pub const MAX_RANGES: usize = 4096;

/// Highest frame number that this version knows.
const LAST_FRAME: u32 = 3;
const CONTEXT: &str = "hedgerow 2026 directory record v1";

/// A frame or record that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFrameError {
    /// Not CBOR of the expected shape, or a field is over its bound.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Longer than its bound.
    #[error("{what} of {len} bytes is too long")]
    TooLong {
        /// Which structure.
        what: &'static str,
        /// Its length in bytes.
        len: usize,
    },
    /// Of a kind that a newer version may know.
    #[error("record kind {0} is not known to this version")]
    UnknownKind(u8),
    /// A frame that a newer version may know.
    #[error("frame number {0} is not known to this version")]
    UnknownFrame(u32),
    /// Too few good signatures of the author's keys.
    #[error("the record is not signed by its author")]
    BadSignature,
    /// A text is empty, too long, or has control characters; names the field.
    #[error("the record's {0} is empty, too long or has control characters")]
    BadText(&'static str),
}

impl Blamed for DirectoryFrameError {
    fn blame(&self) -> Blame {
        match self {
            Self::UnknownKind(_) | Self::UnknownFrame(_) => Blame::Local,
            _ => Blame::Peer,
        }
    }
}

/// What a widget's identity is made from. Its hash is the UUID, so nobody can take another's (W23).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Genesis {
    /// Author keys, 32 bytes each.
    #[n(0)]
    pub keys: ByteVec,
    /// How many of them must sign a release.
    #[n(1)]
    pub threshold: u8,
    /// Makes two widgets of one author differ.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

impl Genesis {
    /// A widget of one author.
    pub fn of(key: PublicKey, nonce: [u8; 32]) -> Self {
        Self {
            keys: key.0.to_vec().into(),
            threshold: 1,
            nonce,
        }
    }
    /// The widget's UUID.
    pub fn widget(&self) -> WidgetId {
        WidgetId::from_genesis_digest(&hash("hedgerow 2026 widget genesis v1", &[&encoded(self)]))
    }
    /// The author keys.
    pub fn author_keys(&self) -> impl Iterator<Item = PublicKey> + '_ {
        self.keys.as_chunks::<32>().0.iter().map(|key| PublicKey(*key))
    }
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(self)
    }
    /// Reads and checks a genesis.
    ///
    /// # Errors
    /// `Malformed`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DirectoryFrameError> {
        let genesis: Self = decoded(bytes, "genesis")?;
        if genesis.sound() {
            Ok(genesis)
        } else {
            Err(DirectoryFrameError::Malformed("genesis"))
        }
    }
    fn sound(&self) -> bool {
        let count = self.keys.len() / 32;
        self.keys.len().is_multiple_of(32)
            && (1..=MAX_KEYS).contains(&count)
            && (1..=count).contains(&usize::from(self.threshold))
    }
}

/// A permission that a release asks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Permission {
    /// Name, as in the manifest.
    #[n(0)]
    pub name: String,
    /// The author's reason.
    #[n(1)]
    pub reason: String,
}

/// A signed package of a widget.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Release {
    /// [`KIND_RELEASE`].
    #[n(0)]
    pub kind: u8,
    /// Which widget: carried whole, so that the record stands alone.
    #[n(1)]
    pub genesis: Genesis,
    /// From 1, growing.
    #[n(2)]
    pub sequence: u64,
    /// The release before it.
    #[n(3)]
    pub prev: Option<RecordId>,
    /// Semantic version.
    #[n(4)]
    pub version: String,
    /// The package.
    #[n(5)]
    pub content: ContentId,
    /// The package's size in bytes.
    #[n(6)]
    pub size: u64,
    /// Name of the widget.
    #[n(7)]
    pub name: String,
    /// One line.
    #[n(8)]
    pub summary: String,
    /// Plain text.
    #[n(9)]
    pub description: String,
    /// SPDX expression.
    #[n(10)]
    pub license: String,
    /// A few.
    #[n(11)]
    pub categories: Vec<String>,
    /// A few.
    #[n(12)]
    pub tags: Vec<String>,
    /// What it asks for.
    #[n(13)]
    pub permissions: Vec<Permission>,
    /// Small PNG or JPEG.
    #[n(14)]
    pub icon: Option<ByteVec>,
    /// The widget that this one was forked from.
    #[n(15)]
    pub ancestor: Option<WidgetId>,
    /// Author's clock, milliseconds since 1970; never used for ordering.
    #[n(16)]
    pub created_ms: u64,
    /// What the author calls themselves.
    #[n(17)]
    pub author: String,
}

impl Release {
    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn check(&self) -> Result<(), DirectoryFrameError> {
        use DirectoryFrameError::{BadText, Malformed};
        let line = |text: &str, longest: usize| text.len() <= longest && !text.chars().any(char::is_control);
        let named = |text: &str, longest: usize| !text.trim().is_empty() && line(text, longest);
        if self.kind != KIND_RELEASE || !self.genesis.sound() || self.sequence == 0 || self.sequence > u64::MAX / 2 {
            return Err(Malformed("release"));
        }
        if self.sequence > 1 && self.prev.is_none() || self.size == 0 || self.size > MAX_PACKAGE {
            return Err(Malformed("release"));
        }
        let texts = [
            ("name", named(&self.name, 128)),
            ("version", named(&self.version, 64)),
            ("license", named(&self.license, 256)),
            ("author", line(&self.author, 128)),
            ("summary", line(&self.summary, 320)),
            (
                "categories",
                self.categories.len() <= 8 && self.categories.iter().all(|c| named(c, 48)),
            ),
            ("tags", self.tags.len() <= 16 && self.tags.iter().all(|t| named(t, 48))),
            (
                "permissions",
                self.permissions.len() <= 32
                    && self
                        .permissions
                        .iter()
                        .all(|p| named(&p.name, 48) && line(&p.reason, 320)),
            ),
        ];
        if let Some((field, _)) = texts.iter().find(|(_, good)| !good) {
            return Err(BadText(field));
        }
        let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
        if self.description.len() > 4096 || !self.description.chars().all(plain) {
            return Err(BadText("description"));
        }
        if self.icon.as_ref().is_some_and(|icon| icon.len() > MAX_ICON) {
            return Err(Malformed("icon"));
        }
        Ok(())
    }
}

#[derive(Encode, Decode)]
struct AuthorSignature {
    #[n(0)]
    key: u8,
    #[n(1)]
    signature: Signature,
}

#[derive(Encode, Decode)]
struct Envelope {
    #[n(0)]
    signed: ByteVec,
    #[n(1)]
    signatures: Vec<AuthorSignature>,
}

#[derive(Decode)]
#[cbor(map)]
struct Kind {
    #[n(0)]
    kind: u8,
}

/// A record as carried: checked bounds, and the bytes that were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Hash of the signed bytes.
    pub id: RecordId,
    /// What it says. Other kinds join here.
    pub release: Release,
    signed: Vec<u8>,
    signatures: Vec<(u8, Signature)>,
}

impl Record {
    /// Signs a release with the author's key number `number`.
    ///
    /// # Errors
    /// When a field is out of bounds or the whole is too long.
    pub fn sign(release: Release, number: u8, key: &SecretKey) -> Result<Self, DirectoryFrameError> {
        release.check()?;
        let signed = encoded(&release);
        let signatures = [(number, key.sign(CONTEXT, &signed))].to_vec();
        let record = Self {
            id: Self::id_of(&signed),
            release,
            signed,
            signatures,
        };
        let len = record.to_bytes().len();
        if len > MAX_RECORD {
            Err(DirectoryFrameError::TooLong { what: "record", len })
        } else {
            Ok(record)
        }
    }
    /// Bytes for carrying and storing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|(key, signature)| AuthorSignature {
            key: *key,
            signature: *signature,
        });
        encoded(&Envelope {
            signed: self.signed.clone().into(),
            signatures: signatures.collect(),
        })
    }
    /// Reads a record and checks its bounds; signatures are not checked yet, see [`Record::verify`].
    ///
    /// # Errors
    /// `Malformed`, `TooLong`, `UnknownKind` or `BadText`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DirectoryFrameError> {
        if bytes.len() > MAX_RECORD {
            return Err(DirectoryFrameError::TooLong {
                what: "record",
                len: bytes.len(),
            });
        }
        let envelope: Envelope = decoded(bytes, "record")?;
        let signed: Vec<u8> = envelope.signed.into();
        let Kind { kind } = decoded(&signed, "record")?;
        if kind != KIND_RELEASE {
            return Err(DirectoryFrameError::UnknownKind(kind));
        }
        let release: Release = decoded(&signed, "release")?;
        release.check()?;
        if envelope.signatures.len() > MAX_KEYS {
            return Err(DirectoryFrameError::Malformed("record"));
        }
        let signatures = envelope.signatures.into_iter().map(|s| (s.key, s.signature)).collect();
        Ok(Self {
            id: Self::id_of(&signed),
            release,
            signed,
            signatures,
        })
    }
    /// Checks that enough different author keys signed.
    ///
    /// # Errors
    /// `BadSignature`.
    pub fn verify(&self) -> Result<(), DirectoryFrameError> {
        let keys: Vec<PublicKey> = self.release.genesis.author_keys().collect();
        let mut good = alloc::collections::BTreeSet::new();
        for (number, signature) in &self.signatures {
            let key = keys
                .get(usize::from(*number))
                .ok_or(DirectoryFrameError::BadSignature)?;
            key.verify(CONTEXT, &self.signed, signature)
                .map_err(|_| DirectoryFrameError::BadSignature)?;
            good.insert(*key);
        }
        let enough = good.len() >= usize::from(self.release.genesis.threshold);
        if enough {
            Ok(())
        } else {
            Err(DirectoryFrameError::BadSignature)
        }
    }
    /// The author keys whose signatures it carries; they hold if [`Record::verify`] says so.
    pub fn signers(&self) -> impl Iterator<Item = PublicKey> + '_ {
        let keys = self.release.genesis.keys.as_chunks::<32>().0;
        let numbers = self.signatures.iter().map(|(number, _)| usize::from(*number));
        numbers.filter_map(|number| keys.get(number).map(|key| PublicKey(*key)))
    }
    fn id_of(signed: &[u8]) -> RecordId {
        RecordId(hash(CONTEXT, &[signed]))
    }
}

/// A range of ids, from where the one before it ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Range {
    /// First id after the range; none: to the end.
    #[n(0)]
    pub end: Option<RecordId>,
    /// What the sender says of it.
    #[n(1)]
    pub say: Say,
}

/// What is said of a range.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Say {
    /// Nothing more to do.
    #[n(0)]
    Same,
    /// Fingerprint over the ids in it.
    #[n(1)]
    Print {
        /// Hash over sum and count.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        print: [u8; 16],
    },
    /// All ids in it.
    #[n(2)]
    Ids {
        /// Sorted.
        #[n(0)]
        ids: Vec<RecordId>,
    },
}

/// A frame between two directories. The numbers are on the wire and never reused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum DirectoryFrame {
    /// One step of range-based set reconciliation.
    #[n(0)]
    Reconcile {
        /// Contiguous from the lowest id.
        #[n(0)]
        ranges: Vec<Range>,
    },
    /// Records that the sender has got.
    #[n(1)]
    Offer {
        /// Their ids.
        #[n(0)]
        ids: Vec<RecordId>,
    },
    /// Records that the sender would like.
    #[n(2)]
    Want {
        /// Their ids.
        #[n(0)]
        ids: Vec<RecordId>,
    },
    /// Records.
    #[n(3)]
    Records {
        /// Each as [`Record::to_bytes`].
        #[n(0)]
        records: Vec<ByteVec>,
    },
}

impl DirectoryFrame {
    /// CBOR bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encoded(self)
    }
    /// Reads a frame.
    ///
    /// # Errors
    /// `Malformed`, `TooLong` or `UnknownFrame`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DirectoryFrameError> {
        if bytes.len() > MAX_FRAME {
            return Err(DirectoryFrameError::TooLong {
                what: "directory frame",
                len: bytes.len(),
            });
        }
        let mut peek = Decoder::new(bytes);
        if let Ok(number) = peek.array().and_then(|_| peek.u32())
            && number > LAST_FRAME
        {
            return Err(DirectoryFrameError::UnknownFrame(number));
        }
        let frame: Self = decoded(bytes, "directory frame")?;
        let sound = match &frame {
            Self::Reconcile { ranges } => ranges.len() <= MAX_RANGES,
            Self::Offer { ids } | Self::Want { ids } => ids.len() <= MAX_IDS,
            Self::Records { records } => records.len() <= MAX_RECORDS,
        };
        if sound {
            Ok(frame)
        } else {
            Err(DirectoryFrameError::Malformed("directory frame"))
        }
    }
}

fn encoded<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let _ = minicbor::encode(value, &mut bytes);
    bytes
}

/// Decodes one value that fills `bytes` exactly.
fn decoded<'a, T: Decode<'a, ()>>(bytes: &'a [u8], what: &'static str) -> Result<T, DirectoryFrameError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder
        .decode()
        .map_err(|_: minicbor::decode::Error| DirectoryFrameError::Malformed(what))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(DirectoryFrameError::Malformed(what))
    }
}

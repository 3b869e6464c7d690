//! Releases: the chain of a widget's signed packages, and who may sign the next.

use super::{
    DirectoryFrameError, KIND_AUTHORITY, KIND_RELEASE, MAX_ICON, MAX_KEYS, MAX_PICTURES, MAX_REVOKED, MAX_SEQUENCE,
    decoded, encoded, is_line, is_named, is_text,
};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{ContentId, PublicKey, RecordId, WidgetId, hash::hash, limits::MAX_PACKAGE};
use minicbor::{Decode, Encode, bytes::ByteVec};

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
        keys_of(&self.keys)
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
        is_sound(&self.keys, self.threshold)
    }
}

/// The first epoch is not written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the derive passes a reference")]
const fn is_first(epoch: &u32) -> bool {
    *epoch == 0
}

fn keys_of(bytes: &[u8]) -> impl Iterator<Item = PublicKey> + '_ {
    bytes.as_chunks::<32>().0.iter().map(|key| PublicKey(*key))
}

fn is_sound(keys: &[u8], threshold: u8) -> bool {
    let count = keys.len() / 32;
    keys.len().is_multiple_of(32) && (1..=MAX_KEYS).contains(&count) && (1..=count).contains(&usize::from(threshold))
}

/// A change of who may sign the releases of a widget: new keys, lost keys out, another threshold. Signed by enough of the
/// keys before and by enough of the new ones, so nobody is made an author who does not want to be, and a thief of fewer
/// keys than the threshold changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Authority {
    /// [`KIND_AUTHORITY`].
    #[n(0)]
    pub kind: u8,
    /// Which widget.
    #[n(1)]
    pub genesis: Genesis,
    /// 1 for the first change; the keys of the genesis are epoch 0.
    #[n(2)]
    pub epoch: u32,
    /// The keys from now on, 32 bytes each.
    #[n(3)]
    pub keys: ByteVec,
    /// How many of them must sign a release.
    #[n(4)]
    pub threshold: u8,
    /// First sequence number under the new keys. Releases of earlier epochs from it on do not count any more: so an author
    /// recovers from a thief who used up the numbers.
    #[n(5)]
    pub from: u64,
    /// Releases that are taken back.
    #[n(6)]
    pub revoked: Vec<RecordId>,
    /// Author's clock, milliseconds since 1970; never used for ordering.
    #[n(7)]
    pub created_ms: u64,
}

impl Authority {
    /// The new keys.
    pub fn author_keys(&self) -> impl Iterator<Item = PublicKey> + '_ {
        keys_of(&self.keys)
    }
    /// Checks every bound.
    ///
    /// # Errors
    /// `Malformed`.
    pub fn check(&self) -> Result<(), DirectoryFrameError> {
        let numbers = self.epoch > 0 && (1..=MAX_SEQUENCE).contains(&self.from);
        let sound = self.kind == KIND_AUTHORITY && self.genesis.sound() && is_sound(&self.keys, self.threshold);
        if numbers && sound && self.revoked.len() <= MAX_REVOKED {
            Ok(())
        } else {
            Err(DirectoryFrameError::Malformed("authority"))
        }
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
    /// What it is limited to: short texts. Absent where it is not limited, as in records of earlier versions.
    #[n(2)]
    pub scope: Option<Vec<String>>,
}

/// At most 18 texts of one line, each at most 253 bytes.
fn is_scope(scope: Option<&[String]>) -> bool {
    scope.is_none_or(|texts| texts.len() <= 18 && texts.iter().all(|text| is_named(text, 253)))
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
    /// Under which [`Authority`] it is signed; 0, or nothing, for the keys of the genesis.
    #[n(18)]
    #[cbor(default, skip_if = "is_first")]
    pub epoch: u32,
    /// Not to be taken as the newest after this time, milliseconds since 1970, if the author means to release often.
    #[n(19)]
    pub expires_ms: Option<u64>,
    /// Paths of pictures of it in the package.
    #[n(20)]
    #[cbor(default, skip_if = "Vec::is_empty")]
    pub pictures: Vec<String>,
}

impl Release {
    /// Checks every bound.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn check(&self) -> Result<(), DirectoryFrameError> {
        use DirectoryFrameError::{BadText, Malformed};
        if self.kind != KIND_RELEASE || !self.genesis.sound() || !(1..=MAX_SEQUENCE).contains(&self.sequence) {
            return Err(Malformed("release"));
        }
        if self.sequence > 1 && self.prev.is_none() || self.size == 0 || self.size > MAX_PACKAGE {
            return Err(Malformed("release"));
        }
        let all_named = |texts: &[String], most: usize, longest: usize| {
            texts.len() <= most && texts.iter().all(|text| is_named(text, longest))
        };
        let asked = |p: &Permission| is_named(&p.name, 48) && is_line(&p.reason, 320) && is_scope(p.scope.as_deref());
        let texts = [
            ("name", is_named(&self.name, 128)),
            ("version", is_named(&self.version, 64)),
            ("license", is_named(&self.license, 256)),
            ("author", is_line(&self.author, 128)),
            ("summary", is_line(&self.summary, 320)),
            ("description", is_text(&self.description, 4096)),
            ("categories", all_named(&self.categories, 8, 48)),
            ("tags", all_named(&self.tags, 16, 48)),
            ("pictures", all_named(&self.pictures, MAX_PICTURES, 200)),
            (
                "permissions",
                self.permissions.len() <= 32 && self.permissions.iter().all(asked),
            ),
        ];
        if let Some((field, _)) = texts.iter().find(|(_, good)| !good) {
            return Err(BadText(field));
        }
        if self.icon.as_ref().is_some_and(|icon| icon.len() > MAX_ICON) {
            return Err(Malformed("icon"));
        }
        Ok(())
    }
}

//! What the node keeps in the store's opaque columns, as JSON. Unknown fields are ignored, so that an older program
//! reads what a newer one wrote.

use hedgerow_api::types::{PermissionAsk, SpaceKind};
use hedgerow_base::{ContentId, RecordId};
use hedgerow_overlay::RulesText;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A release in use on this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstalledRelease {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    /// Hex of the content id.
    pub(crate) content: String,
    /// Hex of the release record; none when installed from a file.
    pub(crate) release: Option<String>,
    pub(crate) size: u64,
    pub(crate) permissions: Vec<PermissionAsk>,
    /// `data:` address.
    pub(crate) icon: Option<String>,
    /// What messages between those who have it are checked by.
    #[serde(default)]
    pub(crate) messages: Option<RulesText>,
    /// Its messages are written as ZeroNet wrote them.
    #[serde(default)]
    pub(crate) zeronet: bool,
    /// Path in the package of its background part.
    #[serde(default)]
    pub(crate) component: Option<String>,
}

impl InstalledRelease {
    pub(crate) fn content(&self) -> Option<ContentId> {
        self.content.parse().ok()
    }
    pub(crate) fn release(&self) -> Option<RecordId> {
        self.release.as_ref().and_then(|r| r.parse().ok())
    }
}

/// A widget of one's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Authored {
    pub(crate) name: String,
    /// Base64 of the genesis record.
    pub(crate) genesis: String,
    /// Sequence number and record id of the newest release, if one was published.
    pub(crate) head: Option<(u64, String)>,
}

/// An instance on the dashboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstanceData {
    pub(crate) name: String,
    pub(crate) created_ms: u64,
    pub(crate) summary: Option<String>,
    pub(crate) document: Option<String>,
    /// Where it was before it was removed: board and place.
    #[serde(default)]
    pub(crate) place: Option<(String, hedgerow_api::types::Tile)>,
    /// Package to run when the widget is not installed any more.
    #[serde(default)]
    pub(crate) content: Option<String>,
}

/// A space's description beside what the sync core keeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SpaceData {
    pub(crate) kind: SpaceKind,
    /// Base64 CBOR of the sync core's description: genesis and keys.
    pub(crate) core: String,
    /// Name of the space as the inviter called it.
    pub(crate) name: String,
}

/// A remembered node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeerData {
    /// Socket addresses.
    pub(crate) addresses: Vec<String>,
    /// Relays over which it can be reached.
    #[serde(default)]
    pub(crate) relays: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) name: Option<String>,
    /// The person connected to it on purpose: by ticket, id or invitation.
    #[serde(default)]
    pub(crate) chosen: bool,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NoticeData {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) href: Option<String>,
    pub(crate) time_ms: u64,
}

/// Bytes for a column. Our own types always serialise; an empty column reads back as absent.
pub(crate) fn pack<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// A column's value, or none if it cannot be read.
pub(crate) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

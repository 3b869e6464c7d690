//! What the node tells connected dashboards without being asked: JSON-RPC notifications.

use crate::{
    permission::{Permission, Plugins},
    types::{ComponentRun, Layout, Notice, PluginRun, UpdateOut},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// An event. `event` names it, the rest are its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Peers came, went or changed: read `peers.list` again.
    PeersChanged {
        /// How many are connected now.
        connected: u32,
    },
    /// The directory grew: read lists again.
    DirectoryChanged {
        /// Widgets in it now.
        widgets: u64,
    },
    /// Instances or their spaces changed: read `instance.list` again.
    InstancesChanged {},
    /// What is installed changed: read `widget.list` again.
    WidgetsChanged {},
    /// The layout changed, perhaps in another tab.
    LayoutChanged {
        /// The new one.
        layout: Layout,
    },
    /// A notification to show.
    Notice {
        /// The notification.
        notice: Notice,
    },
    /// A package is being fetched.
    FetchProgress {
        /// The widget.
        uuid: String,
        /// Bytes here and verified.
        done: u64,
        /// Bytes in all.
        total: u64,
        /// Why it ended, if it failed.
        failed: Option<String>,
    },
    /// What an instance may do changed, or something needs a yes: read `grant.list` again.
    GrantsChanged {
        /// The instance.
        instance: String,
    },
    /// The background part of a widget needs a permission that the person has not decided on.
    GrantWanted {
        /// The instance.
        instance: String,
        /// What it needs.
        permission: Permission,
    },
    /// A background component changed its state: read `component.list` again.
    ComponentsChanged {
        /// The instance.
        instance: String,
        /// Its state now.
        state: ComponentRun,
    },
    /// From the background part of a widget to its windows.
    #[serde(rename = "background.message")]
    BackgroundMessage {
        /// The instance.
        instance: String,
        /// What it says.
        message: Value,
    },
    /// Files came, went or changed: read `files.list` again.
    FilesChanged {},
    /// A file moves.
    FileProgress {
        /// The transfer.
        number: u64,
        /// Bytes that are done: verified here, or on their way to the peer.
        done: u64,
    },
    /// A plugin changed its state: read `plugin.list` again.
    PluginsChanged {
        /// Its name.
        name: String,
        /// Its state now.
        state: PluginRun,
    },
    /// An update for an open instance, in order, without gaps.
    AppUpdate {
        /// The instance.
        instance: String,
        /// The update.
        update: UpdateOut,
    },
    /// A message of another who has the app (Z2).
    #[serde(rename = "peers.message")]
    PeersMessage {
        /// Who it is for: an instance, `plugin:` and a name, or `app:` and 64 hex digits.
        listener: String,
        /// Of a direct message and a reply who sent it, which is proven. Of a broadcast who says to have sent it; if it
        /// matters, look at `signed`.
        from: String,
        /// Its id.
        id: String,
        /// What was said.
        message: Value,
        /// Pseudonym of who signed it; the signature was checked.
        signed: Option<String>,
        /// How it was encrypted: `to_me`, `group:` and a name, or `sealed` if it could not be opened here; null if it
        /// was not.
        encrypted: Option<String>,
        /// Of an encrypted message, what everybody can read.
        clear: Option<Value>,
        /// It was sent to this node alone.
        direct: bool,
        /// Nodes that passed it on, this one included.
        hops: u8,
        /// The app that it is from, if that is another one.
        from_app: Option<String>,
        /// What to give to `peers.reply`, if a reply is awaited.
        reply: Option<String>,
        /// `peers.verdict` is awaited.
        judge: bool,
    },
    /// A member of an app was found, or is not found any more.
    #[serde(rename = "peers.presence")]
    PeersPresence {
        /// Who is told: as in `peers.message`.
        listener: String,
        /// The member.
        peer: String,
        /// Its pseudonym in the app, proven, if it says so.
        who: Option<String>,
        /// Found or lost.
        there: bool,
    },
    /// A member opens a stream to an app: `streams.accept` takes it, within 30 seconds.
    #[serde(rename = "streams.incoming")]
    StreamsIncoming {
        /// Who is told: as in `peers.message`.
        listener: String,
        /// The member.
        from: String,
        /// What it is for.
        name: String,
    },
    /// Realtime bytes for an open instance.
    AppRealtime {
        /// The instance.
        instance: String,
        /// Verified author.
        sender: String,
        /// Base64.
        data: String,
    },
}

impl Event {
    /// Whom it is for, if it is for one listener alone.
    pub fn listener(&self) -> Option<&str> {
        match self {
            Self::PeersMessage { listener, .. }
            | Self::PeersPresence { listener, .. }
            | Self::StreamsIncoming { listener, .. } => Some(listener),
            _ => None,
        }
    }

    /// Which plugins hear of it. Every event is decided here, one by one.
    pub const fn plugins(&self) -> Plugins {
        match self {
            Self::PeersChanged { .. } => Plugins::With(Permission::Contacts),
            Self::DirectoryChanged { .. } => Plugins::With(Permission::Directory),
            Self::FilesChanged {} | Self::FileProgress { .. } => Plugins::With(Permission::Files),
            Self::PeersMessage { .. } | Self::PeersPresence { .. } => Plugins::With(Permission::Peers),
            Self::StreamsIncoming { .. } => Plugins::With(Permission::Streams),
            Self::InstancesChanged {}
            | Self::WidgetsChanged {}
            | Self::LayoutChanged { .. }
            | Self::Notice { .. }
            | Self::FetchProgress { .. }
            | Self::PluginsChanged { .. }
            | Self::GrantsChanged { .. }
            | Self::GrantWanted { .. }
            | Self::ComponentsChanged { .. }
            | Self::BackgroundMessage { .. }
            | Self::AppUpdate { .. }
            | Self::AppRealtime { .. } => Plugins::Never,
        }
    }
}

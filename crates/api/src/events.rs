//! What the node tells connected dashboards without being asked: JSON-RPC notifications.

use crate::{
    permission::{Permission, Plugins},
    types::{Layout, Notice, PluginRun, UpdateOut},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
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
    /// Which plugins hear of it. Every event is decided here, one by one.
    pub const fn plugins(&self) -> Plugins {
        match self {
            Self::PeersChanged { .. } => Plugins::With(Permission::Contacts),
            Self::DirectoryChanged { .. } => Plugins::With(Permission::Directory),
            Self::FilesChanged {} | Self::FileProgress { .. } => Plugins::With(Permission::Files),
            Self::InstancesChanged {}
            | Self::WidgetsChanged {}
            | Self::LayoutChanged { .. }
            | Self::Notice { .. }
            | Self::FetchProgress { .. }
            | Self::PluginsChanged { .. }
            | Self::AppUpdate { .. }
            | Self::AppRealtime { .. } => Plugins::Never,
        }
    }
}

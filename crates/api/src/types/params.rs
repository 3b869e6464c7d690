//! What callers hand in.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

params! {
    /// No parameters, or nothing to say.
    Nothing {}
    /// Where to write a backup.
    BackupParams {
        /// Absolute path of the file to write; it must not exist.
        path: String,
        /// Encrypts the file; required, at least 8 characters.
        passphrase: String,
    }
    /// Another node.
    ConnectParams {
        /// Its ticket, or its node id alone.
        ticket: String,
    }
    /// Whom to look for.
    FindParams {
        /// A node id or a user id.
        id: String,
    }
    /// Names a node.
    NodeParams {
        /// 64 hex digits.
        node: String,
    }
    /// Measures the way to a peer and back.
    PingParams {
        /// 64 hex digits.
        node: String,
        /// How often, at most 100; once unless told.
        #[serde(default)] #[ts(optional)] count: Option<u32>,
    }
    /// Times of a ping.
    PingAnswer {
        /// Milliseconds, one for each.
        times_ms: Vec<f64>,
    }
    /// A TCP port of this machine that peers may reach.
    AllowedPort {
        /// On this machine's loopback interface.
        port: u16,
        /// Only this node, 64 hex digits; every connected node unless given.
        #[serde(default)] #[ts(optional)] from: Option<String>,
    }
    /// A port.
    PortParams {
        /// Its number.
        port: u16,
    }
    /// What others see of a user.
    Profile {
        /// At most 64 characters, shown beside what one writes.
        name: String,
    }
    /// Words typed back to prove that they were written down.
    RecoveryConfirmParams {
        /// Position (from 0) and word.
        words: BTreeMap<u8, String>,
    }
    /// A search in the directory.
    SearchParams {
        /// Words or beginnings of words; all must be found. Empty: everything, newest first.
        #[serde(default)] #[ts(as = "Option<_>", optional)] query: String,
        /// Only this category.
        #[serde(default)] category: Option<String>,
        /// At most 100; 30 unless told.
        #[serde(default)] limit: Option<u32>,
        /// How many to skip.
        #[serde(default)] offset: Option<u32>,
        /// Order; without it, where the words were found and then the newest.
        #[serde(default)] order: Option<Order>,
        /// Only with this tag.
        #[serde(default)] tag: Option<String>,
        /// Only of this author, by key.
        #[serde(default)] author: Option<String>,
        /// Only what somebody trusted vouches for.
        #[serde(default)] #[ts(as = "Option<_>", optional)] vouched: bool,
        /// At least so many stars.
        #[serde(default)] stars: Option<f64>,
    }
    /// Names a widget.
    WidgetParams {
        /// The widget.
        uuid: String,
    }
    /// Names a widget and perhaps one of its releases.
    FilesParams {
        /// The widget.
        uuid: String,
        /// A release id; the installed or else the newest unless told.
        #[serde(default)] release: Option<String>,
    }
    /// Names a file of a release.
    FileParams {
        /// The widget.
        uuid: String,
        /// A release id; the installed or else the newest unless told.
        #[serde(default)] release: Option<String>,
        /// Path inside the package.
        path: String,
    }
    /// What to install: exactly one of the two.
    InstallParams {
        /// A widget in the directory.
        #[serde(default)] uuid: Option<String>,
        /// A file uploaded before.
        #[serde(default)] package: Option<String>,
        /// Name to use if an uploaded file has none.
        #[serde(default)] file_name: Option<String>,
    }
    /// An update.
    UpdateParams {
        /// The widget.
        uuid: String,
        /// Agree to permissions that the new release adds.
        #[serde(default)] #[ts(as = "Option<_>", optional)] accept_permissions: bool,
    }
    /// An uninstall.
    RemoveWidgetParams {
        /// The widget.
        uuid: String,
        /// Also take its instances off the dashboard (they can be brought back).
        #[serde(default)] #[ts(as = "Option<_>", optional)] with_instances: bool,
    }
    /// A release to sign.
    PublishParams {
        /// The uploaded file.
        package: String,
        /// Base name of the file, used as name when there is no other.
        #[serde(default)] file_name: Option<String>,
        /// Overrides or supplies `name`.
        #[serde(default)] name: Option<String>,
        /// Overrides or supplies `version`.
        #[serde(default)] version: Option<String>,
        /// Overrides or supplies `license` (SPDX).
        #[serde(default)] license: Option<String>,
        /// Next release of this widget of one's own; without it, of the own widget with the same name, else a new one.
        #[serde(default)] uuid: Option<String>,
    }
    /// A new instance.
    AddInstanceParams {
        /// The widget; installed first when it is not yet.
        uuid: String,
        /// Who shares it; private unless told.
        #[serde(default)] #[ts(as = "Option<_>", optional)] space: SpaceKind,
        /// Name on the dashboard; the widget's own unless told.
        #[serde(default)] name: Option<String>,
        /// Board to place it on; the first unless told.
        #[serde(default)] board: Option<String>,
    }
    /// Names an instance.
    InstanceParams {
        /// 16 letters and digits.
        instance: String,
    }
    /// A new name for an instance.
    RenameInstanceParams {
        /// The instance.
        instance: String,
        /// At most 64 characters.
        name: String,
    }
    /// An invitation as text or link.
    InviteParams {
        /// `hedgeinvite1…` or a link that contains it.
        invite: String,
    }
    /// A member to remove.
    RemoveMemberParams {
        /// The instance.
        instance: String,
        /// The member's pseudonym.
        pseudonym: String,
    }
    /// Boards, in order. Kept by the node, the same in every tab.
    Layout {
        /// Grows by one with every change.
        revision: u64,
        /// At least one.
        boards: Vec<Board>,
    }
    /// One tab of the dashboard.
    Board {
        /// Short id, unique in the layout.
        id: String,
        /// Shown on the tab.
        name: String,
        /// Instances on it.
        tiles: Vec<Tile>,
    }
    /// Place of an instance on a board of 12 columns.
    Tile {
        /// The instance.
        instance: String,
        /// Column from 0.
        x: u16,
        /// Row from 0.
        y: u16,
        /// Columns.
        w: u16,
        /// Rows of 84 px.
        h: u16,
    }
    /// Names notifications.
    NoticeParams {
        /// Ids; empty means all.
        #[serde(default)] #[ts(as = "Option<_>", optional)] ids: Vec<u64>,
    }
    /// Opens an instance.
    AppOpenParams {
        /// The instance.
        instance: String,
    }
    /// An update from a widget.
    SendUpdateParams {
        /// The instance.
        instance: String,
        /// The update as webxdc defines it.
        update: UpdateIn,
    }
    /// What a widget hands to `sendUpdate` (webxdc 1.3).
    UpdateIn {
        /// Any JSON value.
        payload: Value,
        /// Short text for the space's history.
        #[serde(default, skip_serializing_if = "Option::is_none")] info: Option<String>,
        /// Relative link opened from `info`.
        #[serde(default, skip_serializing_if = "Option::is_none")] href: Option<String>,
        /// Name of the document being edited.
        #[serde(default, skip_serializing_if = "Option::is_none")] document: Option<String>,
        /// Short state, shown beside the icon.
        #[serde(default, skip_serializing_if = "Option::is_none")] summary: Option<String>,
        /// Address (or `*`) to text.
        #[serde(default, skip_serializing_if = "Option::is_none")] notify: Option<BTreeMap<String, String>>,
    }
    /// Which updates.
    UpdatesParams {
        /// The instance.
        instance: String,
        /// Last serial that is known already.
        #[serde(default)] #[ts(as = "Option<_>", optional)] serial: u64,
    }
    /// Realtime bytes.
    RealtimeParams {
        /// The instance.
        instance: String,
        /// Base64, at most 128,000 bytes decoded.
        data: String,
    }
    /// Realtime membership.
    RealtimeJoinParams {
        /// The instance.
        instance: String,
        /// Join or leave.
        joined: bool,
    }
    /// For which browser a login link is.
    LoginLinkParams {
        /// For the browser that `hedgerow open` starts, which keeps widgets from the network. Only programs may say so;
        /// from the dashboard it counts for nothing.
        #[serde(default)] #[ts(as = "Option<_>", optional)] strict: bool,
    }
}

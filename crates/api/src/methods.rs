//! The methods, once: name, parameters, result, who may call.

use crate::{
    error::ApiError,
    error::ErrorCode,
    permission::{Permission, Plugins},
    types::*,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use ts_rs::{Config, TS};

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The owner of the node: dashboard and command line, proven by the session or file token.
    Owner,
    /// The hub on behalf of one running widget instance; the parameters name the instance.
    Widget,
}

/// A method as documentation and generators see it.
#[derive(Clone, Copy)]
pub struct MethodInfo {
    /// `noun.verb`.
    pub name: &'static str,
    /// First lines of its documentation.
    pub doc: &'static str,
    /// Who may call it.
    pub door: Door,
    /// Which plugins may call it, too.
    pub plugins: Plugins,
    /// TypeScript of the parameters: the name, or written out when called with `true`.
    pub params: fn(bool) -> String,
    /// TypeScript of the result: the name, or written out when called with `true`.
    pub result: fn(bool) -> String,
    /// JSON Schema of the parameters and of the result.
    pub schemas: fn(&mut SchemaGenerator) -> (Schema, Schema),
}

fn type_text<T: TS>(inline: bool) -> String {
    let text = if inline {
        T::inline(&Config::default())
    } else {
        T::name(&Config::default())
    };
    text.replace("bigint", "number")
}

fn schemas<P: JsonSchema, R: JsonSchema>(generator: &mut SchemaGenerator) -> (Schema, Schema) {
    (generator.subschema_for::<P>(), generator.subschema_for::<R>())
}

/// What is in brackets behind the door: nothing, `*`, or a permission.
macro_rules! plugins {
    () => {
        Plugins::Never
    };
    (*) => {
        Plugins::Always
    };
    ($permission:ident) => {
        Plugins::With(Permission::$permission)
    };
}

macro_rules! methods {
    ($( $(#[doc = $doc:literal])+ $variant:ident $name:literal $door:ident $([$plugins:tt])?
        ($params:ty) -> $result:ty; )+) => {
        /// A call with checked parameters, ready to be matched by the one dispatcher.
        #[derive(Clone, Debug)]
        pub enum Request { $( $(#[doc = $doc])+ $variant($params), )+ }

        /// Every method.
        pub const METHODS: &[MethodInfo] = &[ $( MethodInfo {
            name: $name, doc: concat!($($doc, "\n"),+), door: Door::$door,
            plugins: plugins!($($plugins)?),
            params: |inline| type_text::<$params>(inline),
            result: |inline| type_text::<$result>(inline),
            schemas: schemas::<$params, $result>,
        }, )+ ];

        impl Request {
            /// Checks the name and the parameters of a call.
            ///
            /// # Errors
            /// `UnknownMethod` or `BadParams`, with a sentence that names the method or field.
            pub fn parse(method: &str, params: Value) -> Result<Self, ApiError> {
                let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
                match method {
                    $( $name => serde_json::from_value::<$params>(params).map(Self::$variant)
                        .map_err(|e| ApiError::new(ErrorCode::BadParams, format!("{}: {e}", $name))), )+
                    _ => Err(ApiError::new(ErrorCode::UnknownMethod, format!("there is no method {method:?}; `hedgerow call api.methods` lists all"))),
                }
            }
            /// The method's name.
            pub const fn name(&self) -> &'static str { match self { $( Self::$variant(_) => $name, )+ } }
            /// Who may call it.
            pub const fn door(&self) -> Door { match self { $( Self::$variant(_) => Door::$door, )+ } }
            /// Which plugins may call it: none, unless the method says so in the list below.
            pub const fn plugins(&self) -> Plugins { match self { $( Self::$variant(_) => plugins!($($plugins)?), )+ } }
        }
    };
}

methods! {
    /// Lists every method with its documentation.
    ApiMethods "api.methods" Owner [*] (Nothing) -> Vec<MethodDoc>;

    /// What this node is, how it is doing, and what the person has still to set up.
    NodeStatus "node.status" Owner [Node] (Nothing) -> Status;
    /// A text that lets another node connect to this one, with a QR picture.
    NodeTicket "node.ticket" Owner (Nothing) -> Ticket;
    /// A fresh one-time address that logs a browser in to the dashboard.
    NodeLoginLink "node.login_link" Owner (LoginLinkParams) -> LoginLink;
    /// Ends the node cleanly.
    NodeShutdown "node.shutdown" Owner (Nothing) -> Nothing;
    /// Writes everything needed to continue elsewhere into one encrypted file on the node's machine.
    NodeBackup "node.backup" Owner (BackupParams) -> BackupResult;

    /// The other nodes that are connected now or remembered.
    PeersList "peers.list" Owner [Contacts] (Nothing) -> Vec<Peer>;
    /// Connects to the node of a ticket, or to a node of which only the id is known: it is looked up. Waits until it
    /// answered, or 15 seconds for a ticket and 30 for an id are over. A failure names every way that was tried.
    PeersConnect "peers.connect" Owner (ConnectParams) -> Connected;
    /// Where a node is, or where the devices of a user are, and from where that is known.
    PeersFind "peers.find" Owner (FindParams) -> FindResult;
    /// Disconnects and forgets a peer; it may come back by itself unless it is blocked.
    PeersForget "peers.forget" Owner (NodeParams) -> Nothing;
    /// Never talks to this node again, until it is unblocked.
    PeersBlock "peers.block" Owner (NodeParams) -> Nothing;
    /// Takes a block back.
    PeersUnblock "peers.unblock" Owner (NodeParams) -> Nothing;
    /// How this node is connected and why: what peers see of it, over what it can be reached, what it does for others.
    NodeDoctor "node.doctor" Owner (Nothing) -> Doctor;
    /// Measures the way to a connected peer and back, answered by the program over there.
    PeersPing "peers.ping" Owner [Contacts] (PingParams) -> PingAnswer;
    /// TCP ports of this machine that peers may reach with `hedgerow forward`. None unless allowed.
    ForwardList "forward.list" Owner (Nothing) -> Vec<AllowedPort>;
    /// Lets connected peers, or one of them, reach a TCP port of this machine.
    ForwardAllow "forward.allow" Owner (AllowedPort) -> Vec<AllowedPort>;
    /// Takes a port off that list. Connections that stand go on.
    ForwardForbid "forward.forbid" Owner (PortParams) -> Vec<AllowedPort>;

    /// Whether and how much this node relays for others, and what it did.
    RelayGet "relay.get" Owner (Nothing) -> RelaySettings;
    /// Changes that; what is left out stays. Whoever is served now goes on to be, within the new limits.
    RelaySet "relay.set" Owner (SetRelayParams) -> RelaySettings;

    /// How this node is connected, as a text to show to others: without names, ids and addresses.
    NodeReport "node.report" Owner (Nothing) -> Report;
    /// How the connection to a peer came to be and is now: every way to it, what was tried, and how that ended.
    PeersTrace "peers.trace" Owner (NodeParams) -> Trace;

    /// Files that come and go, newest first.
    FilesList "files.list" Owner [Files] (Nothing) -> Vec<FileTransfer>;
    /// One of them.
    FilesGet "files.get" Owner [Files] (FileNumber) -> FileTransfer;
    /// Reads a file of this machine and offers it to a peer, now or when it is connected. The same file to the same
    /// peer, while it is not over, is the same transfer.
    FilesSend "files.send" Owner (SendFileParams) -> FileTransfer;
    /// Takes an offered file.
    FilesAccept "files.accept" Owner (AcceptFileParams) -> FileTransfer;
    /// Does not take an offered file.
    FilesRefuse "files.refuse" Owner (FileNumber) -> FileTransfer;
    /// Ends a transfer in either direction. What came of it is deleted.
    FilesStop "files.stop" Owner (FileNumber) -> FileTransfer;
    /// Takes finished transfers off the list; the files stay.
    FilesClear "files.clear" Owner (Nothing) -> Nothing;
    /// Where files of others go, and who may send what without asking.
    FilesSettings "files.settings" Owner (Nothing) -> FileSettings;
    /// Changes that; what is left out stays.
    FilesSet "files.set" Owner (SetFilesParams) -> FileSettings;

    /// The name that others see.
    ProfileGet "profile.get" Owner (Nothing) -> Profile;
    /// Changes the name that others see.
    ProfileSet "profile.set" Owner (Profile) -> Profile;
    /// The recovery words; only until they were checked back once.
    RecoveryWords "recovery.words" Owner (Nothing) -> RecoveryWords;
    /// Checks some of the words back; when right, the words are never shown again.
    RecoveryConfirm "recovery.confirm" Owner (RecoveryConfirmParams) -> RecoveryConfirmed;

    /// Searches the directory on this machine: whole words and beginnings of words in name, summary, description,
    /// tags, categories and author. Without a query: the newest.
    WidgetSearch "widget.search" Owner [Directory] (SearchParams) -> Vec<WidgetSummary>;
    /// The categories in use, with how many widgets each has.
    WidgetCategories "widget.categories" Owner [Directory] (Nothing) -> Vec<CategoryCount>;
    /// All about one widget: its releases, permissions, size, and what is installed here. Plugins are not told what the
    /// person makes of its author and of those who vouch.
    WidgetShow "widget.show" Owner [Directory] (WidgetParams) -> WidgetDetail;
    /// The files of a release (the newest, or the installed one), for the source viewer. Fetches the package if needed.
    WidgetFiles "widget.files" Owner (FilesParams) -> Vec<FileEntry>;
    /// One file of a release, as text or, if it is none, as base64.
    WidgetFile "widget.file" Owner (FileParams) -> FileContent;
    /// Fetches a widget from peers, checks and installs it. Give `uuid`, or `package` for an uploaded file
    /// (`POST /api/packages`), which is then installed for oneself, unpublished.
    WidgetInstall "widget.install" Owner (InstallParams) -> Installed;
    /// Ends a download of a widget. What was fetched is kept: the next attempt goes on from there.
    WidgetCancel "widget.cancel" Owner (WidgetParams) -> Nothing;
    /// What an update would change, without doing it: new version and the difference in permissions.
    WidgetUpdatePlan "widget.update_plan" Owner (WidgetParams) -> UpdatePlan;
    /// Installs the newest release. Refused if it wants more permissions and `accept_permissions` is not true.
    WidgetUpdate "widget.update" Owner (UpdateParams) -> Installed;
    /// Goes back to the release that was installed before; the data stays.
    WidgetRollback "widget.rollback" Owner (WidgetParams) -> Installed;
    /// What is installed here.
    WidgetList "widget.list" Owner (Nothing) -> Vec<InstalledWidget>;
    /// Uninstalls a widget. Refused while instances of it are on a board, unless `with_instances`.
    WidgetRemove "widget.remove" Owner (RemoveWidgetParams) -> Nothing;
    /// Signs an uploaded package (`POST /api/packages`) as the next release of a widget and spreads it.
    WidgetPublish "widget.publish" Owner (PublishParams) -> Published;

    /// Copies a widget, its source and all, as a new one of one's own: new UUID, the ancestor kept (W4).
    WidgetFork "widget.fork" Owner (WidgetParams) -> Installed;
    /// Who signs the releases of a widget.
    WidgetSigners "widget.signers" Owner (WidgetParams) -> Signers;
    /// Changes who signs the releases of an own widget, how many of them, and takes releases back.
    WidgetChangeSigners "widget.change_signers" Owner (ChangeSignersParams) -> Cosigned;
    /// Signs what another author of a widget began, and publishes it when enough did.
    WidgetCosign "widget.cosign" Owner (CosignParams) -> Cosigned;
    /// Figures of a widget for its author, from what peers say.
    WidgetStatistics "widget.statistics" Owner [Directory] (WidgetParams) -> WidgetStatistics;

    /// The front page of the directory: shelves of widgets, as this node sees them.
    DirectoryFront "directory.front" Owner [Directory] (FrontParams) -> FrontPage;
    /// Why a widget stands where it stands, in sentences.
    DirectoryWhy "directory.why" Owner (WidgetParams) -> Why;
    /// What people think of a widget.
    DirectoryRatings "directory.ratings" Owner (WidgetPage) -> Ratings;
    /// Rates a widget, or changes the rating: one per person and widget, signed, for everybody to read.
    DirectoryRate "directory.rate" Owner (RateParams) -> Ratings;
    /// Takes the own rating back.
    DirectoryUnrate "directory.unrate" Owner (WidgetParams) -> Ratings;
    /// The discussion of a widget, or its issues; oldest first, replies after what they reply to.
    DirectoryComments "directory.comments" Owner (CommentsParams) -> Vec<Comment>;
    /// Writes a comment, a reply or an issue, signed, for everybody to read.
    DirectoryComment "directory.comment" Owner (CommentParams) -> Comment;
    /// Changes an own comment.
    DirectoryEditComment "directory.edit_comment" Owner (EditCommentParams) -> Comment;
    /// Takes an own comment back; replies to it stay.
    DirectoryRemoveComment "directory.remove_comment" Owner (CommentId) -> Comment;
    /// Closes an issue or opens it again: one's own, or any of an own widget.
    DirectoryCloseIssue "directory.close_issue" Owner (CloseIssueParams) -> Comment;
    /// What a widget was forked from, and what was forked from it.
    DirectoryLineage "directory.lineage" Owner [Directory] (WidgetParams) -> Lineage;
    /// Somebody who publishes, rates or vouches.
    DirectoryPerson "directory.person" Owner (PersonParams) -> PersonDetail;
    /// Signed statements about a widget or a person, or by a person.
    DirectoryCertificates "directory.certificates" Owner (CertificatesParams) -> Vec<Certificate>;
    /// Signs a statement about a widget or a person (W21).
    DirectoryCertify "directory.certify" Owner (CertifyParams) -> Certificate;
    /// Takes such a statement back; that spreads like the statement did.
    DirectoryRevoke "directory.revoke" Owner (RevokeParams) -> Nothing;
    /// Blocks a widget or a person here, and in the shared block list if wanted (C11).
    DirectoryBlock "directory.block" Owner (BlockParams) -> DirectorySettings;
    /// Takes that back.
    DirectoryUnblock "directory.unblock" Owner (SubjectParams) -> DirectorySettings;
    /// Uses the block list of somebody.
    DirectorySubscribe "directory.subscribe" Owner (PersonParams) -> DirectorySettings;
    /// Ends that.
    DirectoryUnsubscribe "directory.unsubscribe" Owner (PersonParams) -> DirectorySettings;
    /// Adds somebody to the people whose word counts.
    DirectoryTrust "directory.trust" Owner (PersonParams) -> DirectorySettings;
    /// Takes somebody off that list.
    DirectoryDistrust "directory.distrust" Owner (PersonParams) -> DirectorySettings;
    /// Whom one trusts, what is hidden and shared, and what may be spent.
    DirectorySettings "directory.settings" Owner (Nothing) -> DirectorySettings;
    /// Changes that.
    DirectorySet "directory.set" Owner (SetDirectoryParams) -> DirectorySettings;

    /// The most popular widgets (W14).
    StatsTopWidgets "stats.top_widgets" Widget [Directory] (StatsParams) -> Vec<TopWidget>;
    /// The newest widgets (W14).
    StatsNewestWidgets "stats.newest_widgets" Widget [Directory] (StatsParams) -> Vec<TopWidget>;
    /// The authors of best repute (W14).
    StatsTopAuthors "stats.top_authors" Widget [Directory] (StatsParams) -> Vec<TopPerson>;
    /// Those whose certificates are followed most (W14).
    StatsTopModerators "stats.top_moderators" Widget [Directory] (StatsParams) -> Vec<TopPerson>;
    /// Peers with the most similar widgets (W14).
    StatsSimilarPeers "stats.similar_peers" Widget [Directory] (StatsParams) -> Vec<TopPerson>;

    /// Places a widget on the dashboard, alone or with others.
    InstanceAdd "instance.add" Owner (AddInstanceParams) -> Instance;
    /// Every instance on this node.
    InstanceList "instance.list" Owner (Nothing) -> Vec<Instance>;
    /// Gives an instance another name on this dashboard.
    InstanceRename "instance.rename" Owner (RenameInstanceParams) -> Instance;
    /// Places the same widget again with the data it has now, in a new private space.
    InstanceDuplicate "instance.duplicate" Owner (InstanceParams) -> Instance;
    /// Takes an instance off the dashboard. `instance.undo_remove` brings it back within 30 days.
    InstanceRemove "instance.remove" Owner (InstanceParams) -> Nothing;
    /// Brings a removed instance back, data and place.
    InstanceUndoRemove "instance.undo_remove" Owner (InstanceParams) -> Instance;
    /// Instances that were removed and can still be brought back.
    InstanceRemoved "instance.removed" Owner (Nothing) -> Vec<Instance>;
    /// An invitation to the space of an instance: text, link and QR picture.
    InstanceInvite "instance.invite" Owner (InstanceParams) -> Invite;
    /// Who invites to what, read from an invitation; changes nothing.
    InstancePreviewInvite "instance.preview_invite" Owner (InviteParams) -> InvitePreview;
    /// Accepts an invitation: fetches the widget if needed, joins the space and places the instance.
    InstanceJoin "instance.join" Owner (InviteParams) -> Instance;
    /// Who is in the space of an instance.
    InstanceMembers "instance.members" Owner (InstanceParams) -> Vec<Member>;
    /// Removes a member and changes the key of the space. For the space's owner only.
    InstanceRemoveMember "instance.remove_member" Owner (RemoveMemberParams) -> Vec<Member>;
    /// Tells the members that one leaves, then takes the instance off the dashboard.
    InstanceLeave "instance.leave" Owner (InstanceParams) -> Nothing;

    /// Boards and the places of the instances on them.
    LayoutGet "layout.get" Owner (Nothing) -> Layout;
    /// Replaces the layout. `revision` must be the one last read, else it is refused with the newer one in an event.
    LayoutSet "layout.set" Owner (Layout) -> Layout;

    /// Notifications from widgets and from the node, newest first.
    NoticesList "notices.list" Owner (Nothing) -> Vec<Notice>;
    /// Marks notifications as seen, all of them when `ids` is empty.
    NoticesDismiss "notices.dismiss" Owner (NoticeParams) -> Nothing;

    /// Shows a notification on the dashboard.
    NoticesAdd "notices.add" Widget [Notifications] (NotifyParams) -> Nothing;

    /// What instances ask for, and what they got.
    GrantList "grant.list" Owner (GrantListParams) -> Vec<InstanceGrants>;
    /// Grants something that an instance asks for in its manifest.
    GrantGive "grant.give" Owner (GrantParams) -> InstanceGrants;
    /// Says no to an instance, for now or for good. What it had is taken back.
    GrantDeny "grant.deny" Owner (DenyParams) -> InstanceGrants;
    /// Takes back what an instance was granted, at once; it may ask again. After a no, it may ask again, too.
    GrantRevoke "grant.revoke" Owner (RevokeGrantParams) -> InstanceGrants;
    /// What widgets may do without being asked for.
    GrantPolicy "grant.policy" Owner (Nothing) -> GrantPolicy;
    /// Changes that.
    GrantSetPolicy "grant.set_policy" Owner (SetGrantPolicyParams) -> GrantPolicy;

    /// Fetches something from a web site that the widget names in its manifest. The node does it, without cookies, and
    /// never from this machine or its network.
    WebFetch "web.fetch" Widget [Web] (WebFetchParams) -> WebAnswer;
    /// The people with whom the owner shares spaces (W2).
    ContactsList "contacts.list" Widget [Contacts] (WidgetDoorParams) -> Vec<WidgetContact>;

    /// The background components, how they are, and what they use.
    ComponentList "component.list" Owner (Nothing) -> Vec<ComponentInfo>;
    /// What a component wrote, oldest first.
    ComponentLogs "component.logs" Owner (ComponentLogParams) -> Vec<ComponentLogLine>;
    /// Starts a component anew. What it keeps stays.
    ComponentRestart "component.restart" Owner (InstanceParams) -> Nothing;
    /// Whether the background part of a widget runs.
    BackgroundStatus "background.status" Widget [Background] (WidgetDoorParams) -> BackgroundStatus;
    /// Tells something to the background part of a widget; it answers with `host.tell-page`, which comes as the event
    /// `background.message`.
    BackgroundTell "background.tell" Widget [Background] (BackgroundTellParams) -> Nothing;

    /// The plugins in the `plugins` folder, how they are, and what they use.
    PluginList "plugin.list" Owner (Nothing) -> Vec<PluginInfo>;
    /// Copies a folder with a `plugin.toml` into the `plugins` folder. It does not run before it is allowed.
    PluginAdd "plugin.add" Owner (PluginAddParams) -> PluginInfo;
    /// The owner's yes to a plugin as it is now: its command and its permissions. One that starts with the node starts.
    PluginAllow "plugin.allow" Owner (PluginAllowParams) -> PluginInfo;
    /// Takes that back: the plugin ends and its token is dead.
    PluginRevoke "plugin.revoke" Owner (PluginParams) -> PluginInfo;
    /// Starts a plugin that is allowed. Answers when it runs, or says why it does not.
    PluginStart "plugin.start" Owner (PluginParams) -> PluginInfo;
    /// Ends a plugin and all that it started. Answers when they are gone.
    PluginStop "plugin.stop" Owner (PluginParams) -> PluginInfo;
    /// Both, one after the other.
    PluginRestart "plugin.restart" Owner (PluginParams) -> PluginInfo;
    /// What a plugin wrote, oldest first.
    PluginLogs "plugin.logs" Owner (PluginLogParams) -> Vec<PluginLogLine>;
    /// Ends a plugin and takes it out of the folder. `plugin.undo_remove` brings it back until another is removed.
    PluginRemove "plugin.remove" Owner (PluginParams) -> Nothing;
    /// Brings the plugin back that was removed last, with its data; it has to be allowed again.
    PluginUndoRemove "plugin.undo_remove" Owner (PluginParams) -> PluginInfo;
    /// What plugins, widgets, programs and the dashboard called, newest first.
    AuditList "audit.list" Owner (AuditParams) -> Vec<AuditLine>;

    /// Opens an instance for a running widget: who one is, the limits, and a ticket for its origin. From now on
    /// `app.update` and `app.realtime` events of this instance come to this connection.
    AppOpen "app.open" Widget (AppOpenParams) -> AppInfo;
    /// Stops the events of an instance on this connection.
    AppClose "app.close" Widget (InstanceParams) -> Nothing;
    /// Adds an update. Answers when it is durable on this machine.
    AppSendUpdate "app.send_update" Widget (SendUpdateParams) -> UpdateAccepted;
    /// Updates after `serial`, at most 500 and 1 MiB at once.
    AppUpdates "app.updates" Widget (UpdatesParams) -> Updates;
    /// Sends bytes to all who have the instance open now; not stored.
    AppRealtimeSend "app.realtime_send" Widget (RealtimeParams) -> Nothing;
    /// Joins or leaves the realtime channel: only joined instances get `app.realtime` events.
    AppRealtimeJoin "app.realtime_join" Widget (RealtimeJoinParams) -> Nothing;

    /// Begins to take part: from now on `peers.message`, `peers.presence` and `streams.incoming` events of the app come
    /// to this connection, and messages that were kept while it was not running. A plugin with the permission takes
    /// part from its first connection on.
    PeersOpen "peers.open" Widget [Peers] (OpenPeersParams) -> AppPeers;
    /// Ends that for this connection.
    PeersClose "peers.close" Widget [Peers] (AppParams) -> Nothing;
    /// Sends a message to all who have the app, or to some of them who may reply (Z1, Z4).
    PeersBroadcast "peers.broadcast" Widget [Peers] (BroadcastParams) -> BroadcastSent;
    /// Sends a message to one member and waits for a reply, unless `timeout` is 0 (Z5). To another app, too (Z6).
    PeersSend "peers.send" Widget [Peers] (SendParams) -> MessageSent;
    /// Replies to a message that awaits a reply.
    PeersReply "peers.reply" Widget [Peers] (ReplyParams) -> Nothing;
    /// Who else has the app: those that this node knows, a uniform sample of all.
    PeersMembers "peers.members" Widget [Peers] (AppParams) -> Vec<AppMember>;
    /// Says whether a message is valid (Z8).
    PeersVerdict "peers.verdict" Widget [Peers] (VerdictParams) -> Nothing;
    /// Which apps and protocols a connected node speaks. Asking costs nobody anything (Z12).
    PeersFeatures "peers.features" Owner (FeaturesParams) -> Features;
    /// The groups whose keys this node has, of one app (Z10).
    SecretsGroups "secrets.groups" Widget [Peers] (AppParams) -> Vec<AppGroup>;
    /// Gives a group a new key, or takes the one that a member gave. From now on it seals; older ones still open.
    SecretsAddGroup "secrets.add_group" Widget [Peers] (GroupParams) -> GroupKeyText;
    /// Forgets a group with all its keys.
    SecretsForgetGroup "secrets.forget_group" Widget [Peers] (GroupNameParams) -> Nothing;
    /// Seals something for a pseudonym or a group, to be kept or carried in any way.
    SecretsSeal "secrets.seal" Widget [Peers] (SealParams) -> Sealed;
    /// Opens it. Messages that come are opened without asking, if the key is here.
    SecretsOpen "secrets.open" Widget [Peers] (OpenSecretParams) -> OpenedSecret;
    /// Opens a stream of bytes to a member; answers when the app over there accepted it, within 30 seconds.
    StreamsOpen "streams.open" Widget [Streams] (OpenStreamParams) -> AppStream;
    /// Waits for the next stream that a member opens to the app.
    StreamsAccept "streams.accept" Widget [Streams] (AcceptStreamParams) -> AppStream;
    /// Writes to a stream. Answers when there is room for more, so that nobody is flooded.
    StreamsWrite "streams.write" Widget [Streams] (WriteStreamParams) -> Nothing;
    /// Reads from a stream: waits until something is there or it ended.
    StreamsRead "streams.read" Widget [Streams] (ReadStreamParams) -> StreamBytes;
    /// Ends a stream in both directions.
    StreamsClose "streams.close" Widget [Streams] (StreamParams) -> Nothing;
}

//! What they get.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

results! {
    /// A method and its documentation.
    MethodDoc {
        name: String,
        doc: String,
        /// TypeScript.
        params: String,
        /// TypeScript.
        result: String,
        /// Who may call it: `owner`, `owner, plugins`, or `owner, plugins with …`.
        callers: String,
        /// A call.
        example: Value,
    }
    /// What this node is and how it is doing.
    Status {
        /// Node id.
        node: String,
        /// User id.
        user: String,
        /// Key under which this user publishes, rates and vouches.
        person: String,
        /// Name that others see; empty until set.
        name: String,
        /// Version of the program.
        version: String,
        /// Address of the dashboard, without login.
        hub: String,
        /// How many peers are connected now.
        peers: u32,
        /// How many peers are remembered.
        known_peers: u32,
        /// Widgets in the directory here.
        directory_size: u64,
        /// When the node started.
        started_ms: u64,
        /// Whether the recovery words were checked back.
        recovery_confirmed: bool,
        /// Whether the key file is protected by a passphrase.
        passphrase_set: bool,
        /// Resident memory in bytes, 0 if unknown.
        rss_bytes: u64,
        /// Something that the person should know now: read-only folder, disk full. Empty when all is well.
        trouble: Option<String>,
        /// Where programs find this API.
        api: Option<ApiDoors>,
    }
    /// Lets another node connect.
    Ticket { /** `hedge1…` */ ticket: String, /** SVG picture. */ qr_svg: String, }
    /// Logs a browser in, once.
    LoginLink { /** Address with a code in the fragment. */ hub: String, }
    /// A backup was written.
    BackupResult { path: String, bytes: u64, }
    /// Another node.
    Peer {
        /// Node id.
        node: String,
        /// User id, when known.
        user: Option<String>,
        /// Name that the peer gives itself; not verified to be unique.
        name: Option<String>,
        /// How it is reached now.
        path: Path,
        /// Round trip, when connected.
        rtt_ms: Option<f64>,
        /// Connected since, when connected.
        since_ms: Option<u64>,
        /// Last seen.
        last_seen_ms: Option<u64>,
        /// Received in this connection.
        bytes_in: u64,
        /// Sent in this connection.
        bytes_out: u64,
        /// A device of one's own.
        own: bool,
        /// Blocked by the owner.
        blocked: bool,
    }
    /// A connection stands.
    Connected { node: String, name: Option<String>, path: Path, }
    /// The recovery phrase.
    RecoveryWords { words: Vec<String>, }
    /// Whether the words were right.
    RecoveryConfirmed { confirmed: bool, }
    /// A widget in a list.
    WidgetSummary {
        uuid: String,
        name: String,
        version: String,
        /// Author's name, as they give it.
        author: String,
        /// Author's key: two authors of one name differ here.
        author_key: String,
        /// Release id.
        release: String,
        license: String,
        summary: String,
        categories: Vec<String>,
        tags: Vec<String>,
        /// Package size.
        size: u64,
        created_ms: u64,
        /// `data:` address of the icon, if there is one.
        icon: Option<String>,
        /// Installed version here, if any.
        installed: Option<String>,
        /// Two different releases carry one number: the author's key is not safe.
        forked: bool,
        /// How it stands here.
        #[serde(default)] standing: Standing,
    }
    /// A permission and why it is wanted.
    PermissionAsk {
        /// Name as in the manifest.
        name: String,
        /// As a sentence: "Can talk to other people who use it".
        sentence: String,
        /// The author's reason.
        reason: String,
        /// What it is limited to: hosts, widgets, bytes a day.
        #[serde(default)]
        scope: Vec<String>,
    }
    /// One release in a widget's history.
    ReleaseInfo { release: String, version: String, sequence: u64, created_ms: u64, size: u64, permissions: Vec<PermissionAsk>, }
    /// All about one widget.
    WidgetDetail {
        #[serde(flatten)] summary: WidgetSummary,
        description: String,
        permissions: Vec<PermissionAsk>,
        releases: Vec<ReleaseInfo>,
        /// Whether the package is on this machine.
        local: bool,
        /// Connected peers known to hold the package.
        holders: u32,
        /// Instances of it here.
        instances: Vec<String>,
        /// Published by oneself.
        own: bool,
        /// Version that `widget.rollback` would go back to.
        previous: Option<String>,
        /// Installed from a file, not from the directory.
        unpublished: bool,
        /// Paths of pictures in the package, for `widget.file`.
        pictures: Vec<String>,
        /// Forks of it.
        forks: u32,
        /// What trusted people say of it and of its author.
        certificates: Vec<Certificate>,
        /// Its author as the directory knows them.
        by: Option<Person>,
        /// Keys that have to sign a release, and keys in all.
        threshold: [u32; 2],
        /// Whether nothing newer is withheld: enough peers were asked lately, and none knows anything newer.
        fresh: bool,
    }
    /// A category in use.
    CategoryCount { category: String, widgets: u64, }
    /// A file in a package.
    FileEntry { path: String, size: u64, }
    /// A file's content: one of the two.
    FileContent { path: String, mime: String, text: Option<String>, base64: Option<String>, }
    /// A widget is installed.
    Installed { uuid: String, version: String, name: String, release: Option<String>, }
    /// What an update would do.
    UpdatePlan {
        uuid: String,
        from: String,
        /// None: nothing newer is known.
        to: Option<String>,
        added: Vec<PermissionAsk>,
        removed: Vec<PermissionAsk>,
    }
    /// A widget that is installed here.
    InstalledWidget {
        uuid: String,
        name: String,
        version: String,
        release: Option<String>,
        /// Newer version in the directory.
        update: Option<String>,
        previous: Option<String>,
        instances: u32,
        icon: Option<String>,
        summary: String,
        size: u64,
        unpublished: bool,
    }
    /// A release is signed and on its way.
    Published {
        uuid: String,
        version: String,
        release: String,
        name: String,
        /// It needs more signatures: give this to the other authors, for `widget.cosign`.
        awaits: Option<String>,
    }
    /// A widget on the dashboard.
    Instance {
        instance: String,
        uuid: String,
        name: String,
        /// `http://<instance>.hub.localhost:PORT`
        origin: String,
        space: SpaceKind,
        /// Space id.
        space_id: String,
        /// Name of the widget itself.
        widget_name: String,
        /// Latest `summary` given by the widget.
        summary: Option<String>,
        /// Latest `document` given by the widget.
        document: Option<String>,
        icon: Option<String>,
        /// Whether one owns the space and so may remove members.
        owner: bool,
        /// Members that one knows of, oneself included.
        members: u32,
        /// Peers in this space that are connected now.
        online: u32,
        /// Own changes that no peer has confirmed yet.
        unsent: u64,
        /// Version of the widget that runs.
        version: String,
        /// One was removed from the space, or it was closed: reading only.
        closed: bool,
        /// The widget's package is not on this machine (yet).
        missing: bool,
    }
    /// An invitation.
    Invite {
        /// `hedgeinvite1…`
        invite: String,
        /// Address that opens it in the receiver's dashboard.
        link: String,
        qr_svg: String,
    }
    /// Who invites to what.
    InvitePreview {
        /// Name of who invites, as they give it.
        from: String,
        /// Pseudonym of who invites.
        from_pseudonym: String,
        uuid: String,
        widget_name: String,
        /// Name of the instance on the inviter's dashboard.
        name: String,
        space: SpaceKind,
        /// Already joined as this instance.
        joined: Option<String>,
        /// Whether the package is here already.
        local: bool,
        summary: Option<WidgetSummary>,
    }
    /// Somebody in a space.
    Member {
        pseudonym: String,
        name: String,
        /// Oneself.
        me: bool,
        owner: bool,
        online: bool,
        /// Last change seen from them.
        last_change_ms: Option<u64>,
    }
    /// A notification.
    Notice {
        id: u64,
        /// Instance it comes from; none: from the node.
        instance: Option<String>,
        title: String,
        text: String,
        /// Relative link inside the widget.
        href: Option<String>,
        time_ms: u64,
        seen: bool,
    }
    /// What a running widget needs to know.
    AppInfo {
        instance: String,
        self_addr: String,
        self_name: String,
        send_update_interval: u32,
        send_update_max_size: u32,
        /// Highest serial now.
        max_serial: u64,
        /// Version of Hedgerow, for `window.hedgerow`.
        version: String,
        /// Features, for `window.hedgerow`.
        features: Vec<String>,
    }
    /// An update is durable.
    UpdateAccepted { serial: u64, }
    /// An update as a widget receives it.
    UpdateOut {
        payload: Value,
        serial: u64,
        max_serial: u64,
        #[serde(skip_serializing_if = "Option::is_none")] info: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] href: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] document: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] summary: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")] notify: Option<BTreeMap<String, String>>,
        /// Verified author: the pseudonym that signed it.
        sender: String,
        /// Author's clock, not verified.
        time_ms: u64,
    }
    /// A piece of the history.
    Updates { updates: Vec<UpdateOut>, max_serial: u64, }
    /// What the router in between does (words of RFC 4787), measured with the help of peers.
    DoctorNat {
        /// `none`, `firewall`, `full-cone`, `hairpin`, `address-restricted`, `port-restricted`, `early-inbound`,
        /// `symmetric-random`, `symmetric-sequential`, `symmetric-block`, `udp-blocked`; or `cone`, `symmetric` or
        /// `unknown` while less is known. A provider's second NAT is not told apart from one.
        class: String,
        /// `none`, `endpoint-independent`, `address-dependent`, `address-and-port-dependent`, `blocked` or `unknown`.
        mapping: String,
        /// `none`, `endpoint-independent`, `address-dependent`, `address-and-port-dependent` or `unknown`.
        filtering: String,
        /// How outer ports are chosen: `kept`, `changed`, `sequential`, `block`, `random` or `unknown`.
        ports: String,
        /// From one sequential port to the next.
        step: Option<i16>,
        /// The first and the last port of a block, as far as they can be guessed.
        block: Option<[u16; 2]>,
        /// Whether a packet that comes first from outside changes the mapping to its sender.
        early_inbound: Option<bool>,
        /// Whether it lets two nodes behind it meet at its outer address.
        hairpin: Option<bool>,
        /// After how many seconds of silence it surely has not forgotten yet; measured in the background for up to five
        /// minutes.
        timeout_s: Option<u32>,
    }
    /// What came of asking the router to let others in.
    DoctorMapping {
        /// `off`, `not needed`, `asking`, `refused` (or nobody answers), `private` (behind another router), `elsewhere`
        /// (not where peers see this node), `claimed` (nobody has tried it yet), `broken` (peers tried in vain) or
        /// `works` (peers came in).
        state: String,
        /// `pcp`, `nat-pmp` or `upnp`.
        protocol: Option<String>,
        /// Where it lets UDP in.
        outer: Option<String>,
        /// Where it lets TCP in, for relaying.
        relay: Option<String>,
        /// For people.
        why: String,
    }
    /// Something that this node does for others.
    DoctorRelay {
        /// `relay`.
        role: String,
        address: String,
        /// Nodes that use it now, and most at once.
        clients: u32,
        most_clients: u32,
        /// Bytes since the start, in and out.
        bytes: u64,
        /// Bytes of this month, in and out, and most in a month; absent is no limit.
        month_bytes: u64,
        most_month_bytes: Option<u64>,
        /// Most bytes a second from one node, and from all; absent is no limit.
        rate: Option<u64>,
        total_rate: Option<u64>,
        /// `open`, `full`, `slowing` or `spent`.
        state: String,
    }
    /// The way to a connected peer.
    DoctorPeer { node: String, path: String, rtt_ms: f64, bytes_in: u64, bytes_out: u64, connected_since_ms: u64, }
    /// How this node is found, and finds others.
    DoctorLookup {
        /// Its part in the DHT: `off`, `client` or `server`.
        dht: String,
        /// Nodes in its table, as of its last use. A client that nobody needs is at rest.
        nodes: u32,
        /// UDP port on which it keeps records for others.
        port: Option<u16>,
        /// How long ago its own record was last put there.
        published_ms_ago: Option<u64>,
        /// It is left to connected peers that serve the DHT to put it there.
        carried: bool,
        /// Why publishing failed the last time, if it did.
        trouble: Option<String>,
        /// Lookups since the start.
        lookups: u64,
        /// Names that were given with `--seed`, with what each said the last time.
        seeds: Vec<FindWay>,
    }
    /// A way to find nodes, and what came of it.
    FindWay { way: String, said: String, }
    /// A device, and where it says that it is.
    FoundDevice {
        node: String,
        /// It is connected now.
        connected: bool,
        /// Relays over which it can be reached.
        relays: Vec<String>,
        addresses: Vec<String>,
        /// From where this is known: `itself`, `dht`, `remembered`, `connection`, or `peer` and the id of that peer.
        source: String,
        /// How long ago it was learnt.
        learnt_ms_ago: Option<u64>,
        /// When the device signed it, by its own clock.
        made_ms: Option<u64>,
        /// Number of the record; the highest holds.
        sequence: Option<u64>,
    }
    /// What a search brought.
    FindResult { devices: Vec<FoundDevice>, /** Every way that was tried. */ ways: Vec<FindWay>, }
    /// What this node does to stay within reach while there is nothing to say.
    DoctorIdle {
        /// Connections without use are given up until there is something to say.
        enabled: bool,
        /// Peers that are there without a connection.
        parked: u32,
        /// It has left its relay too, and only beats for a home that wakes it.
        asleep: bool,
        /// The home.
        home: Option<String>,
        /// Seconds between beats.
        beat_s: Option<f64>,
        /// What the beats and their answers cost, headers included.
        bytes_per_hour: Option<f64>,
        /// Nodes that sleep here and that this one wakes.
        sleepers: u32,
    }
    /// How this node is connected and why.
    Doctor {
        /// One or two sentences for people.
        advice: String,
        nat: DoctorNat,
        /// Whether strangers can open a connection to it; absent while nothing is known.
        reachable: Option<bool>,
        /// `own address`, `port mapping`, `open router`, `relay`, `outgoing only` or `nothing`.
        via: String,
        /// Relays over which it can be reached now; the first is in use, it moves to the others when that one goes.
        homes: Vec<String>,
        /// Relays of connected peers.
        relays: Vec<String>,
        /// Addresses under which peers see it.
        observed: Vec<String>,
        /// Its own addresses.
        local: Vec<String>,
        /// Asking the router to let others in.
        port_mapping: DoctorMapping,
        /// What it does for others.
        roles: Vec<DoctorRelay>,
        /// Why it does not relay for others.
        no_relay_because: Option<String>,
        /// This connection costs money: nothing is done for others, and nothing is fetched that nobody asked for.
        metered: bool,
        /// Since the start, with all peers that are connected now.
        bytes_per_hour: f64,
        idle: DoctorIdle,
        peers: Vec<DoctorPeer>,
        lookup: DoctorLookup,
    }
}

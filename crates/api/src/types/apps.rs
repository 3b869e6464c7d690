//! Messages and streams between the equals of an app (Z1–Z6, Z8).
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

/// Links that a message goes out over, and members that are asked, unless told (Z1).
const fn five() -> u32 {
    5
}
/// Seconds, unless told (Z1).
const fn minute() -> f64 {
    60.0
}
const fn yes() -> bool {
    true
}

params! {
    /// Which app speaks. A plugin is its own app and names none; a widget is named by its instance, which the hub does
    /// for it; the owner names an instance or an app.
    AppParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
    }
    /// How an app takes part.
    OpenPeersParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// It says of each message whether it is valid; messages wait up to five seconds for that (Z8).
        #[serde(default)] #[ts(as = "Option<_>", optional)] judge: bool,
        /// For the owner only: what to check messages by, with the keys of `[messages]` in a manifest. An app that is
        /// installed here brings its own.
        #[serde(default)] #[ts(optional)] rules: Option<Value>,
    }
    /// A message to the others who have the app.
    BroadcastParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// Any JSON value.
        message: Value,
        /// How many members are asked when `broadcast` is false, at most 32.
        #[serde(default = "five", rename = "peerCount", alias = "peer_count")] #[ts(as = "Option<_>", optional)] peer_count: u32,
        /// Whoever gets it passes it on, so all members get it. If false, it goes to `peerCount` members at random, who
        /// may reply; the replies are the answer.
        #[serde(default = "yes")] #[ts(as = "Option<_>", optional)] broadcast: bool,
        /// Members keep it while the app is not running there, and hand it over when it runs.
        #[serde(default)] #[ts(as = "Option<_>", optional)] immediate: bool,
        /// Seconds, at most 600: how long it may travel, or how long replies are awaited.
        #[serde(default = "minute")] #[ts(as = "Option<_>", optional)] timeout: f64,
        /// Signed with one's pseudonym in the app.
        #[serde(default = "yes")] #[ts(as = "Option<_>", optional)] signed: bool,
        /// Whom it is encrypted to: a pseudonym, or `group:` and the name of a group that was added with
        /// `secrets.add_group`.
        #[serde(default)] #[ts(optional)] encrypt: Option<String>,
        /// Of an encrypted message, what everybody can read and nobody change: an object. Filters see this.
        #[serde(default)] #[ts(optional)] clear: Option<Value>,
    }
    /// A message to one member.
    SendParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app: who speaks.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// The member: `from` of a message, `peer` of `peers.members`, or a pseudonym.
        to: String,
        /// Any JSON value.
        message: Value,
        /// Seconds for which a reply is awaited, at most 600. With 0 it is only sent.
        #[serde(default = "minute")] #[ts(as = "Option<_>", optional)] timeout: f64,
        /// It is kept while the app is not running there.
        #[serde(default)] #[ts(as = "Option<_>", optional)] immediate: bool,
        /// Signed with one's pseudonym in the app.
        #[serde(default = "yes")] #[ts(as = "Option<_>", optional)] signed: bool,
        /// Whom it is encrypted to: a pseudonym, or `group:` and the name of a group that was added with
        /// `secrets.add_group`.
        #[serde(default)] #[ts(optional)] encrypt: Option<String>,
        /// Of an encrypted message, what everybody can read and nobody change: an object. Filters see this.
        #[serde(default)] #[ts(optional)] clear: Option<Value>,
        /// Another app that it is for (Z6), named as `app` is; `to` is a member of that one then. What it does with it
        /// is up to it.
        #[serde(default, rename = "toApp", alias = "to_app")] #[ts(optional)] to_app: Option<String>,
    }
    /// A reply to a message that awaits one.
    ReplyParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// `reply` of the message.
        to: String,
        /// Any JSON value.
        message: Value,
        /// Whom it is encrypted to: a pseudonym, or `group:` and the name of a group that was added with
        /// `secrets.add_group`.
        #[serde(default)] #[ts(optional)] encrypt: Option<String>,
        /// Of an encrypted message, what everybody can read and nobody change: an object. Filters see this.
        #[serde(default)] #[ts(optional)] clear: Option<Value>,
    }
    /// What an app thinks of a message (Z8).
    VerdictParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// `id` of the message.
        id: String,
        /// A valid one travels on at once. An invalid one does not, and its signer pays ten points.
        valid: bool,
    }
    /// A group of people who have a key.
    GroupParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// Its name, on this node.
        group: String,
        /// `hgk1…`, from another member. A new key is made without it.
        #[serde(default)] #[ts(optional)] key: Option<String>,
    }
    /// Names a group.
    GroupNameParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// Its name.
        group: String,
    }
    /// Something to seal.
    SealParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// A pseudonym, or `group:` and a name.
        to: String,
        /// Any JSON value.
        message: Value,
        /// What everybody can read and nobody change.
        #[serde(default)] #[ts(optional)] clear: Option<Value>,
    }
    /// Something to open.
    OpenSecretParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// As `secrets.seal` gave it.
        sealed: String,
        /// Pseudonym of who sealed it.
        from: String,
    }
    /// What a node is asked about (Z12).
    FeaturesParams {
        /// 64 hex digits.
        node: String,
        /// Apps, each named by UUID, plugin name or 64 hex digits; at most 16.
        #[serde(default)] #[ts(as = "Option<_>", optional)] apps: Vec<String>,
        /// Protocols such as `overlay/1`; at most 16.
        #[serde(default)] #[ts(as = "Option<_>", optional)] protocols: Vec<String>,
    }
    /// A stream to a member.
    OpenStreamParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// The member: `from` of a message, `peer` of `peers.members`, or a pseudonym.
        to: String,
        /// What it is for: letters, digits and `- _ .`, at most 64.
        #[serde(default)] #[ts(as = "Option<_>", optional)] name: String,
    }
    /// The next stream that a member opens to the app.
    AcceptStreamParams {
        /// The instance of a widget.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// UUID of a widget, name of a plugin, or 64 hex digits of an app.
        #[serde(default)] #[ts(optional)] app: Option<String>,
        /// Only one with this name.
        #[serde(default)] #[ts(optional)] name: Option<String>,
        /// Seconds to wait for one, at most 600.
        #[serde(default = "minute")] #[ts(as = "Option<_>", optional)] timeout: f64,
    }
    /// Bytes for a stream.
    WriteStreamParams {
        /// The stream.
        stream: u64,
        /// Base64, at most 128,000 bytes decoded.
        #[serde(default)] #[ts(as = "Option<_>", optional)] data: String,
        /// Nothing comes after that.
        #[serde(default)] #[ts(as = "Option<_>", optional)] end: bool,
    }
    /// How many bytes of a stream.
    ReadStreamParams {
        /// The stream.
        stream: u64,
        /// At most so many bytes, at most 128,000.
        #[serde(default)] #[ts(optional)] max: Option<u32>,
    }
    /// Names a stream.
    StreamParams {
        /// The stream.
        stream: u64,
    }
}

results! {
    /// How an app takes part now.
    AppPeers {
        /// 64 hex digits, the same for all who have the app.
        app: String,
        /// As whom other members see this node in the app: `from` of its messages.
        me: String,
        /// One's pseudonym in the app, which signs.
        who: String,
        /// Nodes with which messages are exchanged.
        links: u32,
        /// Members that are known.
        members: u32,
    }
    /// Another node that has the app.
    AppMember {
        /// What to send to: 16 hex digits that mean this node in this app and nothing elsewhere.
        peer: String,
        /// Its pseudonym in the app, proven, if it says so.
        who: Option<String>,
        /// Whether messages are exchanged with it directly.
        linked: bool,
    }
    /// A message was sent.
    BroadcastSent {
        /// Its id, unless it went to a few members only.
        id: Option<String>,
        /// Nodes that it went to first.
        peers: u32,
        /// What those replied who were asked.
        replies: Vec<PeerReply>,
    }
    /// A message was sent to one member.
    MessageSent {
        /// What was replied in time, if a reply was awaited.
        reply: Option<PeerReply>,
    }
    /// A reply.
    PeerReply {
        /// Who replied, as `peer` of `peers.members`.
        from: String,
        /// Id of the reply.
        id: String,
        /// What was replied.
        message: Value,
        /// Pseudonym of who signed it.
        signed: Option<String>,
        /// How it was encrypted, as in `peers.message`.
        encrypted: Option<String>,
    }
    /// What a node speaks.
    Features {
        /// Of the apps asked about, those that it has open.
        apps: Vec<String>,
        /// Of the protocols asked about, those that it speaks.
        protocols: Vec<String>,
    }
    /// A group that this node knows.
    AppGroup {
        /// Its name here.
        group: String,
        /// Ids of its keys, the newest first: that one seals, all of them open.
        keys: Vec<String>,
    }
    /// A key of a group.
    GroupKeyText {
        /// Name of the group here.
        group: String,
        /// `hgk1…`: whoever has it reads the group.
        key: String,
        /// Its id.
        id: String,
    }
    /// Something sealed.
    Sealed {
        /// Base64.
        sealed: String,
    }
    /// Something opened.
    OpenedSecret {
        /// What was sealed.
        message: Value,
        /// What everybody could read.
        clear: Option<Value>,
        /// `to_me`, or `group:` and a name.
        encrypted: String,
    }
    /// A stream to a member of the app.
    AppStream {
        /// Its number, for `streams.write`, `streams.read` and `streams.close`.
        stream: u64,
        /// The member.
        peer: String,
        /// What it is for, as who opened it said.
        name: String,
    }
    /// Bytes of a stream.
    StreamBytes {
        /// Base64; empty only at the end.
        data: String,
        /// Nothing comes after that.
        end: bool,
    }
}

//! The living directory: what people say of widgets and of each other, and what follows from it on this node.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

/// What a person says of a widget or of somebody, signed and for everybody to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is what it says, and does no harm.
    Vouch,
    /// Their judgement of others is worth following.
    Moderator,
    /// It should not be shown, for the given reason. An entry of one's block list, if that is shared.
    Block,
    /// Something is wrong with it; moderators please look.
    Report,
}

/// Whether new releases of installed widgets are installed by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePolicy {
    /// Never; they are shown.
    Off,
    /// When the author is one that this node trusts and the release asks for nothing new.
    #[default]
    Trusted,
    /// When the release asks for nothing new.
    All,
}

/// How a list of widgets is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Best rated, as far as this node trusts those who rate.
    Rating,
    /// Used by most, as far as this node believes the reports.
    Popular,
    /// Newest widget.
    Newest,
    /// Most ratings, comments and releases of the last 30 days.
    Active,
}

results! {
    /// How a widget stands on this node. Two nodes may see it differently: each trusts whom it trusts.
    Standing {
        /// Mean number of stars, as far as those who rate are trusted; none without ratings.
        stars: Option<f64>,
        /// Ratings in all.
        ratings: u32,
        /// Different people who say to use it, as met by this node.
        users: u32,
        /// Share of people who use it, estimated from what is reported, 0 to 1.
        popularity: f64,
        /// People this node trusts who use it, rate it well or vouch for it.
        known: u32,
        /// Whether somebody trusted vouches for it or for its author, or it is one's own.
        vouched: bool,
        /// Why it is not shown: a block list or the author's two-faced releases.
        blocked: Option<String>,
        /// Something to know before using it, as a sentence.
        warning: Option<String>,
        /// UUID of the widget that it was forked from.
        ancestor: Option<String>,
    }
    /// A shelf of the directory's front page.
    Shelf {
        /// `trusted`, `top_rated`, `rising`, `active` or `newest`.
        name: String,
        widgets: Vec<WidgetSummary>,
    }
    /// The front page of the directory.
    FrontPage {
        /// Those without widgets are left out.
        shelves: Vec<Shelf>,
        /// Widgets in all.
        widgets: u64,
        /// Peers that this node compared its directory with lately.
        compared: u32,
        /// When it did last; none: not since it started.
        compared_ms: Option<u64>,
    }
    /// Why a widget is where it is: sentences, the weightiest first.
    Why {
        uuid: String,
        reasons: Vec<Reason>,
    }
    /// One reason.
    Reason {
        /// As a sentence.
        text: String,
        /// For it (positive) or against it (negative), from -1 to 1.
        weight: f64,
    }
    /// Somebody as the directory knows them: by key.
    Person {
        /// Public key under which they publish, rate and vouch; 64 hex digits.
        key: String,
        /// As they call themselves; two of one name differ in `key`.
        name: String,
        /// What this node makes of them, 0 to 1.
        trust: f64,
        /// Oneself.
        me: bool,
        /// On one's list of trusted people.
        trusted: bool,
    }
    /// What somebody thinks of a widget.
    Rating {
        by: Person,
        /// 1 to 5.
        stars: u8,
        /// May be empty.
        text: String,
        /// By the clock of who wrote it, but not later than it came.
        time_ms: u64,
        /// It was changed after it was first written.
        edited: bool,
    }
    /// The ratings of a widget.
    Ratings {
        stars: Option<f64>,
        count: u32,
        /// How many gave one star, two, … five.
        each: Vec<u32>,
        mine: Option<Rating>,
        /// Those of trusted people first, then the newest.
        list: Vec<Rating>,
    }
    /// A comment, or an issue of a widget.
    Comment {
        /// To reply to it or change it.
        id: String,
        uuid: String,
        by: Person,
        /// Only issues have one.
        title: String,
        text: String,
        /// What it replies to.
        parent: Option<String>,
        /// Something to be fixed, for the author.
        issue: bool,
        /// Of an issue: done, says who opened it or the author of the widget.
        closed: bool,
        time_ms: u64,
        edited: bool,
        /// It was taken back; it stays as the place of its replies.
        removed: bool,
    }
    /// Widgets that come from each other by forking.
    Lineage {
        uuid: String,
        /// The oldest ancestor first, each followed by its forks.
        widgets: Vec<Descent>,
    }
    /// A widget in a lineage.
    Descent {
        uuid: String,
        name: String,
        author: String,
        /// UUID of what it was forked from.
        ancestor: Option<String>,
        /// Steps from the oldest known ancestor.
        depth: u32,
        stars: Option<f64>,
        users: u32,
        /// Whether this node has a release of it.
        known: bool,
    }
    /// What is known of somebody who publishes, rates or vouches.
    PersonDetail {
        #[serde(flatten)] person: Person,
        /// Lower bound of the share of good verdicts on what they published, by trusted people; 0 for who is new.
        reputation: f64,
        /// They signed two releases that exclude each other.
        two_faced: bool,
        blocked: Option<String>,
        widgets: Vec<WidgetSummary>,
        /// Ratings and comments that they wrote.
        ratings: u32,
        comments: u32,
        /// What others say of them.
        about: Vec<Certificate>,
        /// What they say of others.
        given: Vec<Certificate>,
        /// Why this node trusts them or does not.
        reasons: Vec<Reason>,
    }
    /// A signed statement about a widget or somebody.
    Certificate {
        /// Its record.
        id: String,
        by: Person,
        role: Role,
        /// UUID of a widget or key of a person.
        subject: String,
        /// Name of that, if it is known.
        name: String,
        reason: String,
        time_ms: u64,
    }
    /// Who a person trusts, what they hide and share, and how much may be spent on widgets that are fetched ahead.
    DirectorySettings {
        /// People whose word counts: whoever one added.
        trusted: Vec<Person>,
        /// People whose block lists are used.
        block_lists: Vec<Person>,
        /// What one blocked oneself: UUIDs and keys, with the reason.
        blocked: Vec<Blocked>,
        /// Whether peers are told which widgets are installed here.
        share_installs: bool,
        /// Whether popular widgets are fetched ahead, so that they are there at once.
        collect: bool,
        /// Also those that nobody trusted vouches for.
        collect_unknown: bool,
        /// Bytes on the disk for widgets that were fetched ahead.
        collect_disk: u64,
        /// Bytes of traffic a day for that.
        collect_daily: u64,
        /// Bytes on the disk that are used for it now.
        collected: u64,
        updates: UpdatePolicy,
        /// Hours that a release has to be known before it is installed by itself.
        update_hold_hours: u32,
    }
    /// Something that one blocked.
    Blocked {
        /// UUID of a widget or key of a person.
        subject: String,
        name: String,
        reason: String,
        /// For everybody who uses this block list to see.
        shared: bool,
    }
    /// Who signs the releases of a widget.
    Signers {
        uuid: String,
        /// How often that was changed.
        epoch: u32,
        people: Vec<Person>,
        /// How many of them must sign a release.
        threshold: u32,
    }
    /// Something that several people sign, each at home.
    Cosigned {
        /// What is signed, as a sentence.
        what: String,
        /// To be given to the others: `widget.cosign` takes it. Nothing of it is secret.
        record: String,
        /// Signatures that are still needed.
        needed: u32,
        /// Enough signed: it is published.
        published: bool,
    }
    /// Figures of a widget for its author, from what peers say.
    WidgetStatistics {
        uuid: String,
        /// Different people met who use it.
        users: u32,
        popularity: f64,
        stars: Option<f64>,
        ratings: u32,
        comments: u32,
        open_issues: u32,
        forks: u32,
        /// Users by release number, the newest first.
        versions: Vec<VersionUse>,
    }
    /// How many use a release.
    VersionUse { version: String, sequence: u64, users: u32, }
    /// A widget in a list for the front page (W14).
    TopWidget {
        uuid: String,
        name: String,
        author: String,
        icon: Option<String>,
        stars: Option<f64>,
        users: u32,
        popularity: f64,
        created_ms: u64,
        installed: bool,
    }
    /// A person in a list for the front page (W14).
    TopPerson {
        /// As they call themselves; may be empty.
        name: String,
        /// First digits of the key, to tell two of one name apart.
        mark: String,
        /// 0 to 1: reputation of an author, trust in a moderator, likeness of a peer.
        score: f64,
        /// Widgets published, certificates given, or widgets in common.
        count: u32,
    }
}

impl Default for Standing {
    /// Of a widget of which nobody said anything.
    fn default() -> Self {
        Self {
            stars: None,
            ratings: 0,
            users: 0,
            popularity: 0.0,
            known: 0,
            vouched: false,
            blocked: None,
            warning: None,
            ancestor: None,
        }
    }
}

params! {
    /// A front page.
    FrontParams {
        /// Widgets on each shelf, at most 50; 12 unless told.
        #[serde(default)] #[ts(optional)] limit: Option<u32>,
    }
    /// A rating.
    RateParams {
        uuid: String,
        /// 1 to 5.
        stars: u8,
        /// At most 2,000 characters.
        #[serde(default)] #[ts(as = "Option<_>", optional)] text: String,
    }
    /// Part of a list about a widget.
    WidgetPage {
        uuid: String,
        /// At most 100; 30 unless told.
        #[serde(default)] #[ts(optional)] limit: Option<u32>,
        #[serde(default)] #[ts(optional)] offset: Option<u32>,
    }
    /// Which comments.
    CommentsParams {
        uuid: String,
        /// Issues instead of comments.
        #[serde(default)] #[ts(as = "Option<_>", optional)] issues: bool,
    }
    /// A comment or an issue.
    CommentParams {
        uuid: String,
        /// At most 4,000 characters.
        text: String,
        /// Makes it an issue; at most 120 characters.
        #[serde(default)] #[ts(optional)] title: Option<String>,
        /// Id of the comment that it replies to.
        #[serde(default)] #[ts(optional)] parent: Option<String>,
    }
    /// A change of one's own comment. What is left out stays.
    EditCommentParams {
        id: String,
        #[serde(default)] #[ts(optional)] text: Option<String>,
        #[serde(default)] #[ts(optional)] title: Option<String>,
    }
    /// Names a comment.
    CommentId { id: String, }
    /// Closes or opens an issue.
    CloseIssueParams {
        id: String,
        closed: bool,
    }
    /// Names somebody.
    PersonParams {
        /// 64 hex digits.
        key: String,
    }
    /// A statement to sign.
    CertifyParams {
        role: Role,
        /// UUID of a widget or key of a person.
        subject: String,
        /// At most 300 characters.
        #[serde(default)] #[ts(as = "Option<_>", optional)] reason: String,
    }
    /// Which statements: about something, or by somebody.
    CertificatesParams {
        #[serde(default)] #[ts(optional)] subject: Option<String>,
        #[serde(default)] #[ts(optional)] by: Option<String>,
    }
    /// Names a statement of one's own.
    RevokeParams {
        role: Role,
        subject: String,
    }
    /// Blocks a widget or a person, here at once.
    BlockParams {
        /// UUID of a widget or key of a person.
        subject: String,
        #[serde(default)] #[ts(as = "Option<_>", optional)] reason: String,
        /// Also tell everybody who uses one's block list.
        #[serde(default)] #[ts(as = "Option<_>", optional)] share: bool,
    }
    /// Names what was blocked.
    SubjectParams {
        /// UUID of a widget or key of a person.
        subject: String,
    }
    /// Changes of the directory's settings. What is left out stays.
    SetDirectoryParams {
        #[serde(default)] #[ts(optional)] share_installs: Option<bool>,
        #[serde(default)] #[ts(optional)] collect: Option<bool>,
        #[serde(default)] #[ts(optional)] collect_unknown: Option<bool>,
        #[serde(default)] #[ts(optional)] collect_disk: Option<u64>,
        #[serde(default)] #[ts(optional)] collect_daily: Option<u64>,
        #[serde(default)] #[ts(optional)] updates: Option<UpdatePolicy>,
        #[serde(default)] #[ts(optional)] update_hold_hours: Option<u32>,
    }
    /// A change of who signs the releases of a widget.
    ChangeSignersParams {
        uuid: String,
        /// Keys of people, all who sign from now on; oneself too, if one goes on to sign.
        keys: Vec<String>,
        /// How many of them must sign a release; 1 unless told.
        #[serde(default)] #[ts(optional)] threshold: Option<u32>,
        /// Releases that are taken back, by id.
        #[serde(default)] #[ts(as = "Option<_>", optional)] revoke: Vec<String>,
    }
    /// Something to sign with others.
    CosignParams {
        /// As `widget.publish`, `widget.change_signers` or another's `widget.cosign` gave it.
        record: String,
        /// Only say what it is.
        #[serde(default)] #[ts(as = "Option<_>", optional)] preview: bool,
    }
    /// A list for a widget on the front page.
    StatsParams {
        /// The instance, if a widget asks.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// At most 100; 10 unless told.
        #[serde(default)] #[ts(optional)] limit: Option<u32>,
    }
}

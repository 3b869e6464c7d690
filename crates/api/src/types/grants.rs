//! What widgets may do, web requests made for them, and their background components.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;
use crate::permission::Permission;

/// For how long something is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// For one call, within a minute.
    Once,
    /// Until the widget is not open any more on any dashboard.
    WhileOpen,
    /// Until it is revoked.
    Always,
}

/// How a permission of an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// The person is asked when it is first needed.
    Ask,
    /// The widget may.
    Allowed,
    /// The person said no for now: not asked again while the widget is open.
    NotNow,
    /// The person said never.
    Never,
}

/// Where a widget comes from, as far as it matters for what it may do unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Comes with the program.
    Shipped,
    /// Published by the owner.
    Own,
    /// By an author whom the owner put on the list of trusted people.
    Trusted,
    /// Everything else.
    Stranger,
}

/// How well the browser of a dashboard keeps widgets off the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The browser that `hedgerow open` starts: it looks up no names, has no way to a proxy and no WebRTC outside.
    /// What a widget does in it stays in it, whatever its headers say.
    Strict,
    /// Any other browser. The headers of every answer are all there is; where the browser does not know
    /// `Connection-Allowlist`, a widget can leak by name lookups, preconnections and WebRTC.
    #[default]
    Partial,
}

impl Tier {
    /// What programs call it: `strict` or `partial`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Partial => "partial",
        }
    }
}

/// How a background component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentRun {
    /// The permission `background` is not granted.
    NotAllowed,
    /// Is being made ready for this machine, once for each version.
    Compiling,
    /// Runs: waits for events, or handles one.
    Running,
    /// Used up what it may use in a minute; goes on in the next.
    Paused,
    /// Failed, and is started anew in a moment.
    Waiting,
    /// Failed too often, or cannot be used: the owner has to look.
    Held,
}

params! {
    /// Of which instance; of all unless given.
    GrantListParams {
        #[serde(default)] #[ts(optional)] instance: Option<String>,
    }
    /// Grants something to an instance.
    GrantParams {
        instance: String,
        permission: Permission,
        how: How,
        /// Also where the browser fences widgets only in part. Needed there for what is private.
        #[serde(default)] #[ts(as = "Option<bool>", optional)] anyway: bool,
    }
    /// Says no.
    DenyParams {
        instance: String,
        permission: Permission,
        /// Also in future; else until the widget is opened anew.
        #[serde(default)] #[ts(as = "Option<bool>", optional)] never: bool,
    }
    /// Takes back what was granted, or asks again after a no.
    RevokeGrantParams {
        instance: String,
        /// All of them unless given.
        #[serde(default)] #[ts(optional)] permission: Option<Permission>,
    }
    /// What widgets may do without being asked for; what is left out stays.
    SetGrantPolicyParams {
        #[serde(default)] #[ts(optional)] own: Option<Vec<Permission>>,
        #[serde(default)] #[ts(optional)] trusted: Option<Vec<Permission>>,
        #[serde(default)] #[ts(optional)] strangers: Option<Vec<Permission>>,
    }
    /// A request to a web site, made by the node.
    WebFetchParams {
        /// The widget that asks.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// `https:` or `http:`, to a host that the widget names in its manifest.
        url: String,
        /// `GET` unless given; `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
        #[serde(default)] #[ts(optional)] method: Option<String>,
        /// At most 32; those that say who asks or how to connect are refused.
        #[serde(default)] #[ts(as = "Option<BTreeMap<String, String>>", optional)] headers: BTreeMap<String, String>,
        /// Base64, at most 1 MiB.
        #[serde(default)] #[ts(optional)] body: Option<String>,
    }
    /// Names the widget that asks.
    WidgetDoorParams {
        #[serde(default)] #[ts(optional)] instance: Option<String>,
    }
    /// From a widget's window to its component, or back.
    BackgroundTellParams {
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// At most 64 KiB as JSON.
        message: Value,
    }
    /// Which lines of a component.
    ComponentLogParams {
        instance: String,
        /// At most so many lines, the newest: 1 to 500; 100 unless given.
        #[serde(default)] #[ts(optional)] lines: Option<u32>,
    }
}

results! {
    /// A permission of an instance.
    GrantInfo {
        permission: Permission,
        /// What it allows, with the hosts or widgets that it is about, as people read it.
        sentence: String,
        /// The author's reason.
        reason: String,
        /// What it is limited to: hosts, widgets, bytes a day.
        scope: Vec<String>,
        state: GrantState,
        /// For how long, if the person granted it.
        how: Option<How>,
        /// Allowed because of where the widget comes from, without being asked.
        by_policy: bool,
        /// Since when.
        since_ms: Option<u64>,
        /// Shows something about the person: refused in the partial tier, unless `anyway`.
        private: bool,
        /// Granted also for the partial tier.
        anyway: bool,
        /// Whether it can be granted for one call.
        single: bool,
        /// Bytes of web requests today.
        bytes_today: u64,
        /// What of the browser comes with it, for the attribute `allow` of the widget's frame.
        features: Vec<String>,
    }
    /// What an instance asks for, and what it got.
    InstanceGrants {
        instance: String,
        name: String,
        uuid: String,
        level: Level,
        grants: Vec<GrantInfo>,
    }
    /// What widgets may do without being asked for, by where they come from. Nothing private is ever among it.
    GrantPolicy {
        own: Vec<Permission>,
        trusted: Vec<Permission>,
        strangers: Vec<Permission>,
    }
    /// What a web site answered.
    WebAnswer {
        /// The address after redirections.
        url: String,
        status: u16,
        /// Names in lower case; no cookies.
        headers: BTreeMap<String, String>,
        /// Base64, at most 4 MiB.
        body: String,
    }
    /// Somebody with whom the owner shares a space.
    WidgetContact {
        /// As they call themselves; may be empty.
        name: String,
        /// The same for this widget each time, and another one for every other widget.
        id: String,
        /// Spaces that are shared with them.
        spaces: u32,
    }
    /// Whether the background part runs, as a widget sees it.
    BackgroundStatus {
        /// Whether the package has one.
        has_component: bool,
        running: bool,
    }
    /// A background component.
    ComponentInfo {
        instance: String,
        name: String,
        uuid: String,
        state: ComponentRun,
        /// More about the state, in words.
        why: Option<String>,
        /// Since when it runs.
        since_ms: Option<u64>,
        memory_bytes: u64,
        /// Since it was started.
        cpu_ms: u64,
        /// Of the present minute.
        cpu_ms_minute: u64,
        /// What it may use in a minute.
        cpu_ms_minute_most: u64,
        events: u64,
        calls: u64,
        bytes: u64,
        restarts: u32,
        /// Bytes that it keeps.
        kept_bytes: u64,
    }
    /// A line that a component wrote.
    ComponentLogLine { time_ms: u64, text: String, }
}

//! Plugins: native programs that the node starts and ends.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;
use crate::permission::Permission;

params! {
    /// Names a plugin.
    PluginParams {
        /// As its folder is called.
        name: String,
    }
    /// Where a new plugin is.
    PluginAddParams {
        /// Absolute path of a folder with a `plugin.toml`; it is copied.
        folder: String,
    }
    /// What is granted to a plugin.
    PluginAllowParams {
        name: String,
        /// The `hash` that was shown when the person agreed: refused if `plugin.toml` is another one by now.
        #[serde(default)] #[ts(optional)] hash: Option<String>,
        /// Only these of the permissions it asks for; all of them unless given.
        #[serde(default)] #[ts(optional)] permissions: Option<Vec<Permission>>,
    }
    /// Which output.
    PluginLogParams {
        name: String,
        /// At most so many lines, the newest: 1 to 2000; 200 unless given.
        #[serde(default)] #[ts(optional)] lines: Option<u32>,
    }
    /// What to show to the person.
    NotifyParams {
        /// The widget that notifies; left out by others.
        #[serde(default)] #[ts(optional)] instance: Option<String>,
        /// At most 80 characters; the name of the plugin unless given.
        #[serde(default)] #[ts(optional)] title: Option<String>,
        /// At most 300 characters.
        text: String,
    }
    /// Which calls.
    AuditParams {
        /// Only of this caller: the name of a plugin, the id of an instance, `dashboard` or `program`.
        #[serde(default)] #[ts(optional)] name: Option<String>,
        /// At most so many lines, the newest: 1 to 5000; 200 unless given.
        #[serde(default)] #[ts(optional)] lines: Option<u32>,
    }
}

results! {
    /// Where programs find the API.
    ApiDoors {
        /// For WebSocket.
        websocket: String,
        /// Path of the Unix socket, where the system has them.
        unix: Option<String>,
        /// File with the token that is the first frame's `{"token": "…"}`.
        token_file: String,
    }
    /// A permission of a plugin.
    PluginPermission {
        name: Permission,
        /// What it allows, as people read it.
        sentence: String,
        /// Why the author wants it.
        reason: String,
        /// Whether the owner granted it.
        granted: bool,
    }
    /// A line of a plugin's output.
    PluginLogLine {
        time_ms: u64,
        /// `out`, `err`, or `node` for what the node says about the plugin.
        stream: String,
        /// Cut at 4096 bytes.
        text: String,
    }
    /// What was called by whom: one line for each caller, method and minute.
    AuditLine {
        /// Begin of the minute.
        time_ms: u64,
        kind: CallerKind,
        /// Of the plugin or the instance; empty for others.
        name: String,
        /// The method; or what became of a permission, such as `grant peers: always`.
        method: String,
        /// How often in this minute.
        calls: u64,
        /// How many of them were refused for lack of a permission.
        refused: u64,
        /// How many of them failed otherwise.
        failed: u64,
        /// Bytes of the calls, and of what they fetched.
        bytes: u64,
    }
    /// A plugin.
    PluginInfo {
        /// As its folder is called.
        name: String,
        version: String,
        description: String,
        /// Program and arguments, as they are started in the plugin's folder.
        command: Vec<String>,
        /// Where it is.
        folder: String,
        state: PluginRun,
        /// More about the state, in words.
        why: Option<String>,
        /// Of `plugin.toml`: what the owner agrees to.
        hash: String,
        /// Whether the owner agreed to exactly this.
        allowed: bool,
        permissions: Vec<PluginPermission>,
        /// Whether it runs in the sandbox of the system; else it has all rights of the owner.
        sandbox: bool,
        /// What that means, as people read it.
        rights: String,
        /// Whether it starts with the node.
        autostart: bool,
        /// `on-failure`, `always` or `never`.
        restart: String,
        pid: Option<u32>,
        /// Since when it runs.
        since_ms: Option<u64>,
        /// How often it was started anew by the node.
        restarts: u32,
        /// How it ended last.
        last_exit: Option<String>,
        /// Of all its processes; unknown where the system does not tell.
        memory_bytes: Option<u64>,
        /// Of all its processes since the start.
        cpu_ms: Option<u64>,
        processes: Option<u32>,
        /// Bytes of its logs.
        log_bytes: u64,
    }
}

/// How a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PluginRun {
    /// Waits for the owner's first yes.
    New,
    /// `plugin.toml` is another one than the owner agreed to.
    Changed,
    /// `plugin.toml` cannot be used.
    Broken,
    /// Does not run.
    Stopped,
    /// Is being started.
    Starting,
    /// Runs.
    Running,
    /// Ended, and is started anew in a moment.
    Waiting,
    /// Ended too often or cannot be started: the owner has to look.
    Held,
    /// Is being ended.
    Stopping,
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallerKind {
    /// The dashboard.
    Dashboard,
    /// A program of the owner, the command line among them.
    Program,
    /// A widget, over the dashboard.
    Widget,
    /// A plugin.
    Plugin,
    /// The background part of a widget.
    Component,
}

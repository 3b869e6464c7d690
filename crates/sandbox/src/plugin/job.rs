//! What node, guard and launcher tell each other: one line of JSON each.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Node to guard, guard to launcher: what to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Program and arguments.
    pub(super) command: Vec<String>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// All of its environment.
    pub(super) environment: BTreeMap<String, String>,
    /// How it is fenced in, if it is.
    pub(super) fence: Option<Fence>,
    /// How long it may take to end when it is asked to, milliseconds.
    pub(super) grace_ms: u64,
}

/// The sandbox of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fence {
    /// May be written.
    pub(super) write: Vec<PathBuf>,
    /// May be read and run, beside what belongs to the system.
    pub(super) read: Vec<PathBuf>,
    /// May reach other machines.
    pub(super) network: bool,
    /// The API's own port, when it is reached by TCP.
    pub(super) port: Option<u16>,
}

/// Guard to node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// It runs, under this process id.
    Running(u32),
    /// It could not be started, and starting it again would not help.
    Failed(String),
    /// It ended with this code; all that it left behind is gone.
    Ended(i32),
    /// It ended by this signal; all that it left behind is gone.
    Killed(i32),
}

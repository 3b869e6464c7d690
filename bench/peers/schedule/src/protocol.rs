//! What parent and children say to each other: a line of JSON each.

use serde::{Deserialize, Serialize};

/// To a child, on its standard input. Its end ends the child.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    Join(Vec<String>),
    Neighbours,
    Phase(Phase),
}

/// From a child, on its standard output: one answer to each order, and its address before all.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Address(String),
    Joined,
    Neighbours(usize),
    Report(Report),
}

/// One part of the measurement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) number: u32,
    pub(crate) per_node: u32,
    pub(crate) pace: Pace,
    /// When to begin, in microseconds since 1970.
    pub(crate) start_us: u64,
    /// When to end at the latest.
    pub(crate) limit_us: u64,
}

/// When a node sends its next message.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Pace {
    /// Every so many microseconds.
    Steady { every_us: u64 },
    /// Number n as soon as number n − window of every other node came.
    Window(u32),
}

/// What a node saw in one part.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) sent: u64,
    /// Not taken by the contestant, after several attempts.
    pub(crate) refused: u64,
    pub(crate) delivered: u64,
    pub(crate) repeated: u64,
    pub(crate) first_us: u64,
    pub(crate) last_us: u64,
    /// Processor time of this node in this part.
    pub(crate) cpu_us: u64,
    pub(crate) took_us: Vec<u32>,
}

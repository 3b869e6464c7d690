//! How a connection came to be and is now.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

results! {
    /// How this node is connected, to show to others.
    Report { text: String, }
    /// A way to a peer.
    TracePath {
        /// `lan`, `direct` or `relay`.
        kind: String,
        /// Address of the peer, or of the relay.
        address: String,
        /// The node that relays, 64 hex digits, if it is a connected peer or this node.
        relay_node: Option<String>,
        /// `used`, `open` (it works and waits) or `known`.
        state: String,
        rtt_ms: Option<f64>,
    }
    /// Something that happened.
    TraceNote {
        at_ms: u64,
        /// `found`, `lookup`, `dial`, `failed`, `connected`, `path opened`, `path closed`, `path chosen` or
        /// `disconnected`.
        step: String,
        /// For people: addresses, reasons.
        text: String,
    }
    /// All about the connection to a peer.
    Trace {
        /// 64 hex digits.
        node: String,
        name: Option<String>,
        /// How it is reached now.
        path: Path,
        /// Address of the peer or the relay in use.
        via: Option<String>,
        rtt_ms: Option<f64>,
        since_ms: Option<u64>,
        bytes_in: u64,
        bytes_out: u64,
        /// Whether this node began the connection.
        dialled: Option<bool>,
        /// A dial is under way.
        dialling: bool,
        /// In how many milliseconds it is dialled next.
        next_dial_ms: Option<u64>,
        /// All ways, the one in use first.
        paths: Vec<TracePath>,
        /// What happened lately, oldest first. Kept in memory only.
        log: Vec<TraceNote>,
    }
}

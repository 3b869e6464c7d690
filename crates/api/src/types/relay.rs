//! What this node relays for others.
#![allow(missing_docs, reason = "fields whose name says it all; the others are documented")]

use super::*;

results! {
    /// Whether and how much this node relays for others, and what it did.
    RelaySettings {
        /// Whether it does when it can be reached.
        on: bool,
        /// Where it does now.
        address: Option<String>,
        /// Why it does not.
        why_not: Option<String>,
        /// Most nodes at once.
        clients: u32,
        /// Most bytes a second from one node; absent is no limit.
        rate: Option<u64>,
        /// Most bytes a second from all.
        total: Option<u64>,
        /// Most bytes in a month (UTC), in and out.
        month: Option<u64>,
        /// This connection costs money: nothing is relayed.
        metered: bool,
        /// Whether routers are asked to let others in (UPnP, PCP, NAT-PMP).
        port_mapping: bool,
        /// Nodes that use it now.
        clients_now: u32,
        /// Bytes since the start, in and out.
        bytes: u64,
        /// Bytes of this month, in and out.
        month_bytes: u64,
        /// Clients that were not let in since the start.
        refused: u64,
        /// `open`, `full` (nobody new is let in), `slowing` (large users are slowed, too) or `spent` (until next month).
        state: String,
    }
}

params! {
    /// What is left out stays as it is.
    SetRelayParams {
        /// Relay for others when this node can be reached.
        #[serde(default)] #[ts(optional)] on: Option<bool>,
        /// Most nodes at once: 1 to 10000.
        #[serde(default)] #[ts(optional)] clients: Option<u32>,
        /// Most bytes a second from one node: at least 16000, or 0 for no limit.
        #[serde(default)] #[ts(optional)] rate: Option<u64>,
        /// Most bytes a second from all: at least 16000, or 0 for no limit.
        #[serde(default)] #[ts(optional)] total: Option<u64>,
        /// Most bytes in a calendar month (UTC), in and out; 0 is no limit.
        #[serde(default)] #[ts(optional)] month: Option<u64>,
        /// This connection costs money: nothing is relayed.
        #[serde(default)] #[ts(optional)] metered: Option<bool>,
        /// Ask routers to let others in.
        #[serde(default)] #[ts(optional)] port_mapping: Option<bool>,
    }
}

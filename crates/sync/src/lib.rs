//! Spaces: signed hash-linked logs, causal order, members and keys, reconciliation (J3 J4 J5 J6).
//!
//! A sans-IO core: the node and the simulator drive the same [`Sync`]. It reads no clock, opens no socket, stores
//! nothing and draws no randomness of its own; the crate is `no_std`, so it cannot.
//!
//! Invariants
//! - An entry is persisted before anybody hears of it, and delivered after everything that its author had seen.
//! - What counts in a space is a function of the set of entries, never of the order in which they came: nodes that
//!   have the same entries have the same members and the same data.
//! - A peer learns that one has a space open only if it holds the space's key, and is sent entries only if it is a
//!   member.
//! - Whatever a peer sends, memory is bounded and the core does not panic.
#![no_std]
extern crate alloc;

mod admit;
mod api;
mod config;
mod core;
mod crypto;
mod deliver;
mod exchange;
mod live;
mod meet;
mod neighbour;
mod pending;
mod space;
mod write;

pub use crate::core::Sync;
pub use api::{Effect, EntryRange, Identity, Input, Member, SyncError, entries_frame};
pub use config::{ConfigError, SpaceConfig};
pub use hedgerow_wire::sync::{Invite, SpaceGenesis, SpaceKind};

/// Bounds of this core. Times in milliseconds, sizes in bytes.
pub mod bounds {
    /// Most entries of one log in a public space.
    pub const PUBLIC_LOG_ENTRIES: u64 = 10_000;
    /// Most bytes of one log in a public space.
    pub const PUBLIC_LOG_BYTES: u64 = 8 << 20;
    /// Most bytes of all logs in a public space.
    pub const PUBLIC_SPACE_BYTES: u64 = 1 << 30;
    /// Most logs in a space.
    pub const SPACE_LOGS: usize = 10_000;
    /// Most logs of one pseudonym in a space: devices, and devices that started again.
    pub const AUTHOR_LOGS: usize = 16;
    /// Most entries that wait for their causal parents, for each peer that sent them.
    pub const PENDING_ENTRIES: usize = 4096;
    /// Most bytes that wait, for each peer.
    pub const PENDING_BYTES: usize = 8 << 20;
    /// Most bytes that wait in one space.
    pub const PENDING_SPACE_BYTES: usize = 32 << 20;
    /// Digests are exchanged this often while connected, give or take an eighth.
    pub const ANTI_ENTROPY_MS: u64 = 30_000;
    /// Entries up to this sum are pushed from memory; more are read from the store as the peer takes them.
    pub const PUSH_BYTES: usize = 128 << 10;
    /// Newest epochs under which a space is announced.
    pub const TAG_EPOCHS: usize = 8;
    /// Most fork proofs that are kept in a space.
    pub const FORKS: usize = 1024;
    /// Live messages that are remembered, to pass each on once.
    pub const LIVE_SEEN: usize = 4096;
    /// Most live messages that are taken from one peer in a second.
    pub const LIVE_RATE: u32 = 500;
}

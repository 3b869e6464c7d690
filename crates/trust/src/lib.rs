//! What is popular, whom to believe, which certificates spread, what to fetch ahead, which update to take (W3, W4,
//! W19–W24, J10).
//!
//! Sans-IO: the node and the simulator drive the same code. It reads no clock, opens no socket, stores nothing and draws
//! no randomness of its own; the crate is `no_std`, so it cannot. Everything is subjective: the same reports give another
//! answer to another node, and there is no global score. `docs/simulation.md` says what it reaches.
//!
//! Invariants
//! - Identities cost nothing, so they buy nothing: what counts is edges that honest people made.
//! - What a peer reports is bounded before it counts; no number of one peer moves an estimate by more than its weight.
//! - Memory is bounded whatever peers send, and no input makes the code panic.
#![no_std]
extern crate alloc;

mod agreement;
mod buddies;
mod certificates;
pub mod chain;
mod chance;
mod collect;
mod distinct;
mod history;
mod interval;
mod latest;
mod merit;
mod names;
mod popularity;
pub mod rounds;
pub mod standing;
mod votes;

pub use agreement::agreement;
pub use buddies::{Buddies, PAUSE_MS, Peer, SLOTS, TASTE, likeness};
pub use certificates::{Certificate, Certificates, FLAGS, Learned, MAX_PER_EXCHANGE, Room};
pub use chance::{Chance, mix};
pub use collect::{Budget, Candidate};
pub use distinct::Distinct;
pub use history::History;
pub use interval::{reputation, wilson};
pub use latest::Latest;
pub use merit::{Graph, MAX_EDGES, MeritRank};
pub use names::{hides_something, skeleton};
pub use popularity::{Function, Report, weighted_median};
pub use votes::{Common, edge};

#[cfg(test)]
mod tests;

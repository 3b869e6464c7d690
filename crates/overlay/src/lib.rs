//! Who else has an app, and messages between them with defences (Z1–Z9, Z12; O1; W11).
//!
//! A sans-IO core: the node and the simulator drive the same [`Overlay`]. It reads no clock, opens no socket, stores
//! nothing and draws no randomness of its own; the crate is `no_std`, so it cannot. `docs/overlay.md` says how it works
//! and what it reaches.
//!
//! Invariants
//! - A message is checked by the rules of its app before it travels on, and travels on from a node at most once.
//! - Whose fault it is, pays: the signer where the signature proves it; the forwarder only for what every forwarder can
//!   see by itself under the same rules. What depends on when or by which way something came is never charged to a
//!   forwarder, so no honest one is cut off for somebody else's message.
//! - Whoever spends more than the credit that it was given is at fault, however the network delayed things, because the
//!   credit had to arrive first.
//! - Links are opened to a uniform sample of the members, one network prefix counting as one, so that ids, which cost
//!   nothing, buy nothing.
//! - Whatever a peer sends, memory is bounded and the core does not panic.
#![no_std]
extern crate alloc;

pub mod bounds;

mod api;
mod bucket;
mod chance;
mod check;
mod core;
mod direct;
mod features;
mod links;
mod peers;
mod prefix;
mod recent;
mod round;
mod rules;
mod score;
mod seen;
mod signers;
mod spread;
mod swarm;
mod verdict;
mod view;
mod wanted;

pub use crate::core::Overlay;
pub use api::{
    Answer, AppConfig, Effect, Facts, Input, Outgoing, Owed, Received, Running, SendError, Strict, Validator, Verify,
};
pub use bucket::Rate;
pub use prefix::Prefix;
pub use rules::{MAX_EXPRESSION, MAX_PATTERN, MAX_RATE, MAX_SIGNERS, Rules, RulesError, RulesText};
pub use score::{CUT, FORGIVE_MS, Fault, MOST, Payer, SLOW, Standing};

#[cfg(test)]
mod tests;

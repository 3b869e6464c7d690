//! Files from one person to another (issue 3, item 7): who offers what to whom, what was decided, what moves when; how
//! a file is cut and verified; and which names are safe.
//!
//! Sans-IO: [`Book`] is driven with the time and answers with [`Effect`]s. The crate is `no_std`.
//!
//! Invariants: nothing is fetched that a person, or a rule which a person set, did not agree to; every transfer of one
//! peer is bounded; a transfer that ended never moves again; what is `Done` was verified whole by the receiver.
#![no_std]
extern crate alloc;

mod book;
mod name;
mod plan;
mod transfer;

pub use crate::{
    book::{Book, Offer, Outcome, Refusal, Sender},
    name::{numbered, safe_name},
    plan::{Builder, MAX_PIECES, MIN_PIECE, Plan},
    transfer::{Effect, Settings, State, Transfer},
};
pub use hedgerow_wire::send::{TransferId, Verdict};

#[cfg(test)]
extern crate std;
#[cfg(test)]
mod tests;

//! Ids, keys, signatures, limits and blame: the words every other crate speaks (DESIGN §2).
//!
//! Invariants: nothing here reads a clock, a socket or a source of randomness; the crate is `no_std`, so it
//! cannot. An id is always its own type, so that a user is never mistaken for a node. Signatures are made over
//! a context string and the exact bytes carried.
#![no_std]
extern crate alloc;

pub mod app;
pub mod blame;
pub mod hash;
pub mod ids;
pub mod keys;
pub mod limits;
pub mod tree;

pub use app::{Alias, AppName};
pub use blame::{Blame, Blamed};
pub use ids::{
    AppId, ContentId, EntryHash, InstanceId, LogId, MessageId, NodeId, ParseIdError, PersonId, Pseudonym, RecordId,
    SpaceId, UserId, WidgetId,
};
pub use keys::{PublicKey, SecretKey, Signature, SignatureError};

#[cfg(test)]
mod tests;

//! The directory: signed records that every node keeps, exchanges and searches locally; and the fetching of packages.
//!
//! Two sans-IO cores, [`Directory`] and [`fetch::Fetch`]; the crate is `no_std`, so it reads no clock and opens no
//! socket. Records are kept by the driver; the core remembers ids, sequence numbers and counts.
//!
//! Invariants: a record is verified before it is kept or passed on; what is kept is bounded per person, per widget
//! and in all; two stores that talk converge, at a cost that grows with their difference and not with their size.
#![no_std]
extern crate alloc;

mod api;
mod chain;
mod core;
pub mod fetch;
pub mod recon;
pub mod riblt;
mod sayings;
mod sketch;
mod take;

pub use crate::{
    api::{Effect, Input, PublishError},
    core::Directory,
};
pub use hedgerow_wire::directory::{Authority, Body, Genesis, Permission, Record, Release, Said};

#[cfg(test)]
extern crate std;
#[cfg(test)]
mod tests;

//! The promises of the core, kept by several nodes on virtual time.
#![allow(clippy::unwrap_used)] // tests

mod converge;
mod hostile;
mod members;
mod world;

//! Real endpoints on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod connect;
mod flow;
mod hostile;
mod lookup;
mod lookup_hostile;
mod park;
mod reconnect;
mod support;

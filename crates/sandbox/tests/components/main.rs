//! Components, made from WebAssembly text and the real hedgerow.wit, in a host with real limits.
#![allow(clippy::unwrap_used)]

mod calls;
mod code;
mod guest;
mod limits;
mod refusals;
mod world;

//! L2 core: what the router in front of a node does with its packets, judged from what others saw of them ([`nat`]), and
//! how two nodes open a direct path through their routers ([`punch`]), and how a node that has nothing to say stays within
//! reach for next to nothing ([`park`]). Without sockets and clocks: the node and the
//! tests' own routers drive the same code.
//!
//! Words are those of RFC 4787 (mapping, filtering, hairpinning) and RFC 5780 (how to find out).
#![no_std]
extern crate alloc;

pub mod nat;
pub mod park;
pub mod punch;
mod random;

//! L0: every frame that crosses machines, one module per protocol.
#![no_std]
extern crate alloc;

pub mod directory;
pub mod fetch;
pub mod lookup;
pub mod node;
pub mod overlay;
pub mod park;
pub mod reach;
pub mod send;
pub mod side;
pub mod stream;
pub mod sync;

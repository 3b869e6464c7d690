//! Hosts, routers and links in Linux network namespaces, from a short description, with real nodes in them.
//!
//! A [`Lab`] is made of a [`Description`]; programs run in its hosts' [`Space`]s. Everything ends with the value, on
//! Ctrl-C (see [`stop`]), and at the latest when the next lab starts (see [`space::sweep`]).
#![cfg(target_os = "linux")]

pub mod by;
pub mod check;
pub mod description;
pub mod echo;
pub mod events;
pub mod figures;
mod forgetting;
pub mod hostile;
pub mod idle;
mod ipv6;
pub mod lookup;
pub mod mapping;
pub mod nat;
pub mod node;
pub mod pairs;
pub mod probe;
pub mod punch;
pub mod relays;
pub mod report;
pub mod space;
pub mod stop;
pub mod table;
mod talk;
mod tap;
pub mod topology;
pub mod traffic;
pub mod verdict;
pub mod wire;

pub use description::{Description, Ip, Link, Place, Role};
pub use nat::NatKind;
pub use space::Space;
pub use topology::Lab;

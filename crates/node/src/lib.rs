//! A node: drives the cores with the real network, store and clock. Composition only, no protocol logic.
//!
//! One thread, the engine ([`engine`]), owns the store and the cores; everything else talks to it through its queue.
//! Work that blocks or takes long (unpacking, hashing, files, streams) runs beside it.

mod apps;
mod audit;
pub mod backup;
mod caller;
mod catalogue;
mod components;
mod contacts;
mod cosigning;
mod detail;
mod devices;
mod dispatch;
mod doctor;
mod engine;
mod fetching;
mod files;
pub mod grants;
mod handle;
#[doc(hidden)]
pub mod hostile;
pub mod identity;
mod instances;
mod invites;
mod layout;
mod lookup;
mod members;
mod model;
mod notices;
mod opinions;
mod packages;
mod parking;
mod people;
mod plugins;
mod publishing;
mod relaying;
mod report;
mod spaces;
mod start;
mod starters;
mod status;
pub mod streams;
mod trace;
mod updates;
mod web;
mod widgets;

pub use caller::Caller;
pub use handle::{AppFile, AppIdentity, NodeConfig, NodeHandle, ReadyInfo, StartError};
pub use hedgerow_sandbox::plugin::Session;
pub use lookup::LookupOptions;
pub use start::start;

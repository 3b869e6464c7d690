//! A node: drives the cores with the real network, store and clock. Composition only, no protocol logic.

pub mod handle;

pub use handle::{AppFile, AppIdentity, NodeConfig, NodeHandle, StartError};

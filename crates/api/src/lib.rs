//! The app API, defined once: methods, events, errors (DESIGN §3, `api`). The command line, the dashboard and the
//! widget bridge all speak these types; TypeScript and `docs/api/` are generated from them (`cargo xtask api`).
//!
//! JSON-RPC 2.0. Fields are snake_case; times are milliseconds since 1970 (`_ms`), sizes are bytes.

pub mod call;
pub mod doc;
pub mod error;
pub mod events;
pub mod methods;
pub mod permission;
pub mod types;

pub use error::{ApiError, ErrorCode};
pub use events::Event;
pub use methods::{Door, METHODS, MethodInfo, Request};
pub use permission::{Permission, Plugins};

/// Version of this API: raised by one when a method or field that somebody may use goes away.
pub const API_VERSION: u32 = 1;

#[cfg(test)]
mod tests;

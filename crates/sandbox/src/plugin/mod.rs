//! Plugins: native programs that the node starts, watches and ends (O2). What one may call is decided where calls
//! are carried out; here it is a process with a token.
//!
//! node ─ socket ─ guard ─ launcher, which becomes the plugin. See [`guard`] for why nobody outlives the node.

mod backoff;
pub mod fence;
mod job;
mod keeper;
mod logs;
mod manifest;
mod session;
mod supervisor;
mod usage;

#[cfg(unix)]
mod guard;
#[cfg(unix)]
mod launch;

pub use keeper::{State, Status};
pub use logs::{Line, MAX_LINE};
pub use manifest::{Asked, FILE, Manifest, ManifestError, Restart, is_name};
pub use session::Session;
pub use supervisor::{Found, PluginError, Settings, Supervisor};
pub use usage::Usage;

#[cfg(unix)]
pub use {guard::guard, launch::launch};

/// Milliseconds since 1970 by the system's clock.
fn now_ms() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

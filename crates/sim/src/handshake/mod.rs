//! What it costs that ordinary nodes do the handshakes of all, and what happens when many of those vanish at once
//! (O5, O7, O8).
//!
//! A *micro-server* is a reachable node that serves others: relay, reflector, DHT node. Every user is registered with
//! some of them, their *homes*, through which they can be called.

mod aggregate;
mod events;
mod page;
mod report;
mod steady;
mod vanish;

#[cfg(test)]
mod tests;

pub use report::{Check, Reaction, Report, run};
pub use steady::{Central, Load, Steady, central, events as steady_events, steady};
pub use vanish::{Blow, HORIZON, Recovery};

/// Microseconds, as [`crate::queue::Queue`] counts.
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

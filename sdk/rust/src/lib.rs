//! A Hedgerow node for plugins and programs: calls, events, errors. See `README.md` beside this.
//!
//! ```no_run
//! # async fn example() -> Result<(), hedgerow_sdk::Error> {
//! let node = hedgerow_sdk::connect().await?;
//! let status = node.call("node.status", ()).await?;
//! println!("{} of {}", status["node"], status["user"]);
//! # Ok(()) }
//! ```

mod error;
mod events;
mod link;
mod node;
mod place;

pub use error::Error;
pub use events::{Event, Events, MAX_EVENTS};
#[cfg(feature = "types")]
pub use hedgerow_api as api;
pub use node::{Node, connect, connect_to, connect_to_data};
pub use serde_json::{Value, json};

//! The fence around widgets: who may ask for what (`origin`), what every answer carries (`headers`), which file a
//! path names (`path`, `range`), and the script that gives a widget its API (`script`). Around native programs that the
//! owner lets the node start: `plugin`. Around WebAssembly programs that judge the messages of an app: `validator`. Around the
//! background parts of widgets: `component`.
//!
//! Invariants: but for `plugin` and `component`, pure functions and text; no socket, clock or thread. Each widget instance has its own origin, and a
//! single answer without the headers would be a way around them all, so the headers are chosen here, in one place,
//! for every kind of answer.

pub mod component;
pub mod headers;
pub mod origin;
pub mod path;
pub mod plugin;
pub mod range;
pub mod script;
pub mod validator;

pub use headers::{HeaderSet, Page};
pub use hedgerow_api::types::Tier;
pub use origin::{Asked, Door, Field, Origins, Refusal};

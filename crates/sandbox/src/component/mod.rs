//! Components: the background parts of widgets (W25), WebAssembly that runs whether a dashboard is open or not. A
//! component gets the methods of the API that its widget was granted, and a few of its own (`docs/api/hedgerow.wit`);
//! there is no WASI, no file, no socket, no environment. Everything that it can do ends in a typed error.
//!
//! The node installs with [`Components`], starts a [`Program`] and drives a [`Running`] one from a task of its own:
//! one event after the other. What a component calls comes to [`Calls`].

mod budget;
mod cache;
mod check;
mod compile;
mod convert;
mod encode;
mod error;
mod fit;
mod guest;
mod kept;
mod limits;
mod link;
mod machine;
mod meter;
mod program;
mod running;
mod store;
mod trusted;

pub use check::check;
pub use compile::child_main;
#[doc(hidden)]
pub use convert::there_and_back;
pub use encode::encode;
pub use error::{Fault, LoadError};
pub use guest::{Answer, Calls};
pub use kept::Kept;
pub use limits::Limits;
pub use machine::step_back;
pub use meter::{Figures, State, Usage};
pub use program::Program;
pub use running::{Done, Outcome, Running, Stopper};
pub use store::{Components, Progress, Settings, hash_of};

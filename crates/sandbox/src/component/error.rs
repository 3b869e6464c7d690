//! Why a component cannot be used, and how a running one ends.

use hedgerow_base::{Blame, Blamed};

/// Longest reason of the engine that is told, characters.
const MAX_REASON: usize = 300;

/// Why a component cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// More bytes than are allowed.
    #[error("the component is too large: {0} bytes are allowed")]
    TooLarge(usize),
    /// Something else than a component.
    #[error(
        "this is {0}, not a WebAssembly component; componentize-js, componentize-py and `hedgerow widget component` make one"
    )]
    NoComponent(&'static str),
    /// Something else than a module.
    #[error("this is not a WebAssembly module; compile it for wasm32 without a system, and link it as a library")]
    NoModule,
    /// A module that has not the functions of the world.
    #[error(
        "no component can be made of it: {0}; it has to export `handle` and to import what hedgerow.wit has, and nothing else"
    )]
    NoWorld(String),
    /// It wants something that there is not.
    #[error("the component imports {name:?}, which components do not get: {advice}")]
    Import {
        /// What it imports.
        name: String,
        /// What its author can do.
        advice: &'static str,
    },
    /// It imports or exports something in another form than `hedgerow.wit` says.
    #[error("{0}; build the component with the hedgerow.wit of this version")]
    Form(String),
    /// Not valid, or beyond what the engine translates.
    #[error("the component cannot be translated: {0}")]
    Unsound(String),
    /// The process that translates it did not come to an end as it should.
    #[error("the component was not translated: {0}")]
    Compiler(String),
    /// This machine failed.
    #[error("translated components cannot be kept: {0}")]
    Local(String),
}

impl Blamed for LoadError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// How a running component ended, or why it could not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It did not come to an end with one event.
    #[error("it computed for more than {0} ms on one event")]
    Runaway(u64),
    /// It wanted more memory than it may have, and gave up.
    #[error("it needs more than {0} MiB of memory")]
    Memory(usize),
    /// It called itself too deeply.
    #[error("it called itself too deeply")]
    Stack,
    /// It failed.
    #[error("it failed: {0}")]
    Trap(String),
    /// It was stopped from outside.
    #[error("it was stopped")]
    Stopped,
    /// It ended before.
    #[error("it is not running any more")]
    Gone,
}

/// The reason of the engine, as one line of bounded length.
pub(super) fn reason(why: &impl ToString) -> String {
    let line = why.to_string().replace(char::is_control, " ");
    line.chars().take(MAX_REASON).collect()
}

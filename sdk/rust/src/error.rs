//! What can go wrong.

use std::{io, path::PathBuf};

/// What the node refused or could not do, or why it cannot be asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The node refused, or it could not.
    #[error("{message}")]
    Node {
        /// For programs: `denied`, `not_found`, `bad_params` and so on (`docs/api/doors.md`).
        code: String,
        /// For people: what happened and the next step.
        message: String,
    },
    /// The connection has ended.
    #[error("the connection to the node ended: {0}")]
    Closed(String),
    /// No node started this program.
    #[error("not started by a node: connect to its data folder instead (connect_to_data)")]
    NoNode,
    /// The node has no Unix socket.
    #[error("the node is at {0}, and this library speaks over the Unix socket only")]
    NoSocket(String),
    /// The socket or the token cannot be used.
    #[error("{path}: {kind}; is the node running?")]
    Io {
        /// Of the socket or the token.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// Parameters that are no JSON object.
    #[error("parameters must be an object: {0}")]
    Params(String),
    /// The result has another shape than the one that was asked for.
    #[error("the answer to {method} is not what was expected: {why}")]
    Shape {
        /// Which method.
        method: String,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    /// For programs: the node's code, or `closed`, `bad_params`, `local` for what went wrong here.
    pub fn code(&self) -> &str {
        match self {
            Self::Node { code, .. } => code,
            Self::Closed(_) => "closed",
            Self::NoNode | Self::Params(_) => "bad_params",
            Self::NoSocket(_) | Self::Io { .. } | Self::Shape { .. } => "local",
        }
    }
}

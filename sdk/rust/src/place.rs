//! Where the node is.

use crate::Error;
use std::{
    env,
    path::{Path, PathBuf},
};

/// A socket and the token for it.
pub(crate) struct Place {
    pub(crate) socket: PathBuf,
    pub(crate) token: String,
}

impl Place {
    /// From what the node told its plugin, or `HEDGEROW_DATA`.
    pub(crate) fn of_environment() -> Result<Self, Error> {
        let var = |name| env::var_os(name).map(PathBuf::from);
        match (var("HEDGEROW_API"), var("HEDGEROW_TOKEN_FILE"), var("HEDGEROW_DATA")) {
            (Some(api), Some(token), _) => Self::new(&api, &token),
            (None, _, Some(data)) => Self::of_data(&data),
            _ => Err(Error::NoNode),
        }
    }

    /// Of the owner, in the data folder of a node that runs.
    pub(crate) fn of_data(data: &Path) -> Result<Self, Error> {
        Self::new(&data.join("api.sock"), &data.join("api.token"))
    }

    pub(crate) fn new(api: &Path, token_file: &Path) -> Result<Self, Error> {
        if let Some(address) = api.to_str().filter(|api| api.starts_with("ws://")) {
            return Err(Error::NoSocket(address.to_owned()));
        }
        let token = std::fs::read_to_string(token_file).map_err(|error| Error::Io {
            path: token_file.to_owned(),
            kind: error.kind(),
        })?;
        Ok(Self {
            socket: api.to_owned(),
            token: token.trim().to_owned(),
        })
    }
}

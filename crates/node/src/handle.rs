//! The face that the binary's doors (HTTP, command line) see.

use hedgerow_api::{ApiError, Event, Request};
use hedgerow_base::{Blame, Blamed, ContentId, InstanceId};
use serde_json::Value;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::{broadcast, mpsc, oneshot};

/// How a node is started.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Folder of everything that this node keeps; made when it is missing.
    pub data: PathBuf,
    /// Port of the dashboard's HTTP server, already bound: origins are made from it.
    pub hub_port: u16,
    /// Announce and find nodes on the local network.
    pub lan: bool,
    /// Tickets to connect to at the start.
    pub peers: Vec<String>,
    /// Opens the key file when it is protected.
    pub passphrase: Option<String>,
    /// Packages to offer and install at the first start: file name and bytes.
    pub starters: Vec<(String, Vec<u8>)>,
}

/// Why a node did not start: one sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another node runs on this data folder.
    #[error("another node already uses {0}; stop it, or choose another folder with --data")]
    InUse(PathBuf),
    /// The folder cannot be written.
    #[error("cannot use the data folder {path}: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason and what to do.
        why: String,
    },
    /// The key file is protected and no or the wrong passphrase was given.
    #[error("{0}")]
    Locked(String),
    /// The database is damaged and could not be opened.
    #[error("{0}")]
    Database(String),
    /// The network endpoint could not be opened.
    #[error("cannot open the network: {0}")]
    Network(String),
}

impl Blamed for StartError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// A file of a running instance, for its origin.
#[derive(Clone, Debug)]
pub struct AppFile {
    /// Bytes of the file.
    pub bytes: Vec<u8>,
    /// Content type, from a fixed table.
    pub mime: &'static str,
}

/// Names and limits that `webxdc.js` carries, since widgets read them without waiting.
#[derive(Clone, Debug)]
pub struct AppIdentity {
    /// `webxdc.selfAddr`: the pseudonym.
    pub self_addr: String,
    /// `webxdc.selfName`.
    pub self_name: String,
}

pub(crate) enum Command {
    Call(Request, oneshot::Sender<Result<Value, ApiError>>),
    File(InstanceId, String, oneshot::Sender<Result<AppFile, ApiError>>),
    Identity(InstanceId, oneshot::Sender<Result<AppIdentity, ApiError>>),
    Upload(Vec<u8>, oneshot::Sender<Result<ContentId, ApiError>>),
    Shutdown(oneshot::Sender<()>),
}

/// A running node. Clones name the same node; it ends with [`NodeHandle::shutdown`].
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: broadcast::Sender<Arc<Event>>,
}

impl NodeHandle {
    /// Makes a call as the owner. The one dispatcher behind it checks who may do what.
    ///
    /// # Errors
    /// What the method refuses, or `Local` when the node is shutting down.
    pub async fn call(&self, request: Request) -> Result<Value, ApiError> {
        self.ask(|reply| Command::Call(request, reply)).await
    }
    /// A file of the package that an instance runs. `Ok(None)` is never returned: a missing file is `NotFound`.
    ///
    /// # Errors
    /// `NotFound` for an unknown instance or path.
    pub async fn app_file(&self, instance: InstanceId, path: String) -> Result<AppFile, ApiError> {
        self.ask(|reply| Command::File(instance, path, reply)).await
    }
    /// Who the owner is inside an instance.
    ///
    /// # Errors
    /// `NotFound` for an unknown instance.
    pub async fn app_identity(&self, instance: InstanceId) -> Result<AppIdentity, ApiError> {
        self.ask(|reply| Command::Identity(instance, reply)).await
    }
    /// Keeps uploaded bytes as a package, checked, not yet installed or published.
    ///
    /// # Errors
    /// `Refused` with the reason when it is no sound package.
    pub async fn upload(&self, bytes: Vec<u8>) -> Result<ContentId, ApiError> {
        self.ask(|reply| Command::Upload(bytes, reply)).await
    }
    /// Events from now on. A receiver that lags must reconnect and read again.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }
    /// Ends the node: peers are told, everything is on disk.
    pub async fn shutdown(&self) {
        let (reply, done) = oneshot::channel();
        if self.commands.send(Command::Shutdown(reply)).await.is_ok() {
            let _ = done.await;
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, ApiError>>) -> Command,
    ) -> Result<T, ApiError> {
        let stopping = || {
            ApiError::new(
                hedgerow_api::ErrorCode::Local,
                "the node is shutting down; start it again with `hedgerow up`",
            )
        };
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

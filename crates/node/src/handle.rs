//! The face that the binary's doors (HTTP, command line) see.

use crate::{
    caller::Caller,
    engine::{Engine, Input, Reply},
    packages::Shared,
};
use hedgerow_api::{ApiError, ErrorCode, Event, Request};
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
    /// Relay for others when this node turns out to be reachable.
    pub serve: bool,
    /// How it is found, and finds others.
    pub lookup: crate::LookupOptions,
    /// Do without connections that were not used for so long; nothing keeps all of them.
    pub park: Option<std::time::Duration>,
    /// This connection costs money: do nothing for others in this run.
    pub metered: bool,
    /// Ask routers to let others in.
    pub port_mapping: bool,
    /// Tickets to connect to at the start.
    pub peers: Vec<String>,
    /// Opens the key file when it is protected.
    pub passphrase: Option<String>,
    /// Program and arguments that guard a plugin.
    pub guard: Vec<std::ffi::OsString>,
    /// Program and arguments that translate a component.
    pub compiler: Vec<std::ffi::OsString>,
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

/// What a started node is, for the line that says so.
#[derive(Clone, Debug)]
pub struct ReadyInfo {
    /// This node.
    pub node: hedgerow_base::NodeId,
    /// Its user.
    pub user: hedgerow_base::UserId,
    /// A text that lets another node connect.
    pub ticket: String,
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

/// A running node. Clones name the same node; it ends with [`NodeHandle::shutdown`].
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) events: broadcast::Sender<Arc<Event>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) background: Arc<crate::components::Background>,
    pub(crate) plugins: Arc<crate::plugins::Plugins>,
    pub(crate) audit: Arc<crate::audit::Audit>,
}

impl NodeHandle {
    /// Makes a call that came as `bytes`. The one dispatcher behind it checks who may do what.
    ///
    /// # Errors
    /// `Denied` when the caller may not, what the method refuses, or `Local` when the node is shutting down.
    pub async fn call(&self, caller: &Caller, request: Request, bytes: usize) -> Result<Value, ApiError> {
        crate::dispatch::call(self, caller, request, bytes).await
    }
    /// Ends what a connection that is gone had open, whether its token counts still or not. Nothing else is taken.
    ///
    /// # Errors
    /// `Bug` for another request.
    pub async fn leave(&self, caller: &Caller, request: Request) -> Result<Value, ApiError> {
        crate::dispatch::leave(self, caller, request).await
    }
    /// A file of the package that an instance runs. A missing file is `NotFound`.
    ///
    /// # Errors
    /// `NotFound` for an unknown instance or path.
    pub async fn app_file(&self, instance: InstanceId, path: String) -> Result<AppFile, ApiError> {
        let content = self
            .shared
            .content_of(&instance)
            .ok_or_else(|| unknown_instance(&instance))?;
        let shared = self.shared.clone();
        blocking(move || {
            let package = shared.package(&content)?;
            let file = package
                .file(&path)
                .map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
            let bytes = file.ok_or_else(|| {
                ApiError::new(ErrorCode::NotFound, format!("there is no file {path:?} in this widget"))
            })?;
            Ok(AppFile {
                bytes,
                mime: hedgerow_bundle::mime_for(&path),
            })
        })
        .await
    }
    /// Features of the browser that an instance may use now.
    pub fn app_features(&self, instance: &InstanceId) -> Vec<&'static str> {
        self.shared.grants.features(instance)
    }
    /// Who the owner is inside an instance.
    ///
    /// # Errors
    /// `NotFound` for an unknown instance.
    pub async fn app_identity(&self, instance: InstanceId) -> Result<AppIdentity, ApiError> {
        self.with(move |engine| engine.app_identity(&instance)).await
    }
    /// Keeps uploaded bytes as a package, checked, not yet installed or published.
    ///
    /// # Errors
    /// `Refused` with the reason when it is no sound package; `Local` when the disk refuses.
    pub async fn upload(&self, bytes: Vec<u8>) -> Result<ContentId, ApiError> {
        let shared = self.shared.clone();
        blocking(move || shared.keep_upload(bytes)).await
    }
    /// Events from now on. A receiver that lags must reconnect and read again.
    pub fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }
    /// Ends the node: peers are told, everything is on disk.
    pub async fn shutdown(&self) {
        let closing = self.with(|e| {
            e.closing = true;
            Ok(())
        });
        let _ = closing.await;
        self.background.shutdown().await;
        self.plugins.shutdown().await;
        let audit = self.audit.clone();
        let written = blocking(move || Ok(audit.write())).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("the list of calls could not be written");
        }
        let (reply, done) = oneshot::channel();
        if self.inputs.send(Input::Shutdown(reply)).await.is_ok() {
            let _ = done.await;
        }
    }

    /// Sees to it that a package is on this machine: at once if it is, else fetched from connected peers.
    pub(crate) async fn fetch(&self, content: ContentId, uuid: &str) -> Result<(), ApiError> {
        if self.shared.files.has(&content) {
            return Ok(());
        }
        let (waiter, done) = oneshot::channel();
        let uuid = uuid.to_owned();
        self.with(move |engine| engine.start_fetch(content, &uuid, waiter))
            .await?;
        done.await.map_err(|_| stopping())?
    }

    /// Runs `work` on the engine and answers once its batch is durable.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (reply, answer) = oneshot::channel();
        let step = move |engine: &mut Engine| -> Option<Reply> {
            let result = work(engine);
            Some(Box::new(move |committed| {
                let _ = reply.send(committed.and(result));
            }))
        };
        self.inputs
            .send(Input::Do(Box::new(step)))
            .await
            .map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())?
    }
}

/// Runs work that reads or writes files, or takes long, beside the engine.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| ApiError::new(ErrorCode::Bug, format!("a task ended early: {e}")))?
}

pub(crate) fn unknown_instance(instance: &InstanceId) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("there is no instance {instance}; `hedgerow instance list` shows all"),
    )
}

fn stopping() -> ApiError {
    ApiError::new(
        ErrorCode::Local,
        "the node is shutting down; start it again with `hedgerow up`",
    )
}

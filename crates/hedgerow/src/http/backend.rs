//! What the server needs of a node.

use hedgerow_api::{ApiError, Event, Request};
use hedgerow_base::{ContentId, InstanceId, NodeId};
use hedgerow_node::{AppFile, AppIdentity, Caller, NodeHandle, Session, streams::PeerStream};
use serde_json::Value;
use std::{future::Future, sync::Arc};
use tokio::sync::broadcast;

/// A node as the server sees it; tests have another.
pub(crate) trait Backend: Clone + Send + Sync + 'static {
    /// Makes a call that came as `bytes`.
    fn call(
        &self,
        caller: &Caller,
        request: Request,
        bytes: usize,
    ) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// Ends what a connection that is gone had open, whether its token counts still or not.
    fn leave(&self, caller: &Caller, request: Request) -> impl Future<Output = Result<Value, ApiError>> + Send;
    /// The running plugin whose token this is.
    fn plugin(&self, token: &str) -> Option<Session>;
    /// A file of the package that an instance runs.
    fn app_file(&self, instance: InstanceId, path: String) -> impl Future<Output = Result<AppFile, ApiError>> + Send;
    /// Features of the browser that an instance may use now.
    fn app_features(&self, instance: &InstanceId) -> Vec<&'static str>;
    /// Who the owner is inside an instance.
    fn app_identity(&self, instance: InstanceId) -> impl Future<Output = Result<AppIdentity, ApiError>> + Send;
    /// Keeps uploaded bytes as a package.
    fn upload(&self, bytes: Vec<u8>) -> impl Future<Output = Result<ContentId, ApiError>> + Send;
    /// Waits for a peer to open a named stream.
    fn listen_stream(
        &self,
        name: String,
        from: Option<NodeId>,
    ) -> impl Future<Output = Result<PeerStream, ApiError>> + Send;
    /// Opens a named stream to a peer.
    fn connect_stream(&self, peer: NodeId, name: String) -> impl Future<Output = Result<PeerStream, ApiError>> + Send;
    /// Reaches a TCP port of a peer's machine.
    fn forward_stream(&self, peer: NodeId, port: u16) -> impl Future<Output = Result<PeerStream, ApiError>> + Send;
    /// Events from now on.
    fn events(&self) -> broadcast::Receiver<Arc<Event>>;
}

impl Backend for NodeHandle {
    fn call(
        &self,
        caller: &Caller,
        request: Request,
        bytes: usize,
    ) -> impl Future<Output = Result<Value, ApiError>> + Send {
        Self::call(self, caller, request, bytes)
    }
    fn leave(&self, caller: &Caller, request: Request) -> impl Future<Output = Result<Value, ApiError>> + Send {
        Self::leave(self, caller, request)
    }
    fn plugin(&self, token: &str) -> Option<Session> {
        self.plugin_session(token)
    }
    fn app_file(&self, instance: InstanceId, path: String) -> impl Future<Output = Result<AppFile, ApiError>> + Send {
        Self::app_file(self, instance, path)
    }
    fn app_features(&self, instance: &InstanceId) -> Vec<&'static str> {
        Self::app_features(self, instance)
    }
    fn app_identity(&self, instance: InstanceId) -> impl Future<Output = Result<AppIdentity, ApiError>> + Send {
        Self::app_identity(self, instance)
    }
    fn upload(&self, bytes: Vec<u8>) -> impl Future<Output = Result<ContentId, ApiError>> + Send {
        Self::upload(self, bytes)
    }
    async fn listen_stream(&self, name: String, from: Option<NodeId>) -> Result<PeerStream, ApiError> {
        Self::listen_stream(self, &name, from).await
    }
    async fn connect_stream(&self, peer: NodeId, name: String) -> Result<PeerStream, ApiError> {
        Self::connect_stream(self, peer, &name).await
    }
    async fn forward_stream(&self, peer: NodeId, port: u16) -> Result<PeerStream, ApiError> {
        Self::forward_stream(self, peer, port).await
    }
    fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        Self::events(self)
    }
}

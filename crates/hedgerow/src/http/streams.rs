//! `/api/stream`: a program's socket becomes a stream to a peer (J1). The request asks to switch protocols; after the
//! answer, the bytes of both directions are those of the stream.

use super::{
    Shared,
    backend::Backend,
    reply::{self, Answer},
};
use axum::{
    body::Body,
    extract::Query,
    http::{HeaderValue, Method, Request, StatusCode, header},
    response::Response,
};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_base::NodeId;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::sync::Arc;

/// Name of the protocol that follows.
const PROTOCOL: &str = "hedgerow-stream";

/// Who is wanted: `listen`, or `peer` with `name` or `port`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Wait for a peer under this name.
    listen: Option<String>,
    /// With `listen`: only this peer.
    from: Option<String>,
    /// The peer to reach.
    peer: Option<String>,
    /// The name under which it listens.
    name: Option<String>,
    /// The TCP port of its machine.
    port: Option<u16>,
}

/// Answers a request of a program that showed its token.
pub(super) async fn answer<B: Backend>(shared: &Arc<Shared<B>>, mut request: Request<Body>) -> Answer {
    if request.method() != Method::GET {
        return reply::wrong_method("GET");
    }
    let asked = request.headers().get(header::UPGRADE).and_then(|v| v.to_str().ok());
    if asked != Some(PROTOCOL) {
        let message = "this address answers to `Connection: Upgrade` with `Upgrade: hedgerow-stream`";
        return reply::error(StatusCode::UPGRADE_REQUIRED, ErrorCode::Malformed, message);
    }
    let stream = match Query::<Wanted>::try_from_uri(request.uri()) {
        Ok(Query(wanted)) => open(shared, wanted).await,
        Err(e) => Err(ApiError::new(ErrorCode::BadParams, e.body_text())),
    };
    let stream = match stream {
        Ok(stream) => stream,
        Err(e) => return reply::error(reply::status(&e), e.code, &e.message),
    };
    let permit = request.extensions_mut().remove::<Arc<super::crowd::Seat>>();
    let upgrade = hyper::upgrade::on(&mut request);
    let peer = stream.peer.to_string();
    tokio::spawn(async move {
        let _counted = permit;
        let Ok(socket) = upgrade.await else { return };
        let (reader, writer) = tokio::io::split(TokioIo::new(socket));
        if let Err(error) = stream.pipe(reader, writer).await {
            tracing::debug!(%error, "a stream broke off");
        }
    });
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
    reply::set(&mut answer, header::HeaderName::from_static("hedgerow-peer"), &peer);
    answer
}

async fn open<B: Backend>(
    shared: &Arc<Shared<B>>,
    wanted: Wanted,
) -> Result<hedgerow_node::streams::PeerStream, ApiError> {
    let node = |text: &str| {
        text.parse::<NodeId>()
            .map_err(|e| ApiError::new(ErrorCode::BadParams, format!("{text:?}: {e}")))
    };
    match wanted {
        Wanted {
            listen: Some(name),
            from,
            peer: None,
            name: None,
            port: None,
        } => {
            let from = from.as_deref().map(node).transpose()?;
            shared.backend.listen_stream(name, from).await
        }
        Wanted {
            listen: None,
            from: None,
            peer: Some(peer),
            name: Some(name),
            port: None,
        } => shared.backend.connect_stream(node(&peer)?, name).await,
        Wanted {
            listen: None,
            from: None,
            peer: Some(peer),
            name: None,
            port: Some(port),
        } => shared.backend.forward_stream(node(&peer)?, port).await,
        _ => Err(ApiError::new(
            ErrorCode::BadParams,
            "say either `listen` (and `from`), or `peer` with `name` or `port`",
        )),
    }
}

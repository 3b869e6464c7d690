//! The way into the relay: TCP, TLS, the HTTP of the engine's relay protocol, and the frames that pass, counted and
//! slowed as the [`Quota`] says. Behind it the engine's own relay passes them on.

use super::quota::Quota;
use crate::{address::is_local, queue::lock};
use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{Sink, Stream, StreamExt as _, ready};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use iroh_relay::{
    ExportKeyingMaterial, KeyCache,
    http::{CLIENT_AUTH_HEADER, ProtocolVersion, RELAY_PATH, RELAY_PROBE_PATH},
    protos::{handshake, streams::StreamError},
    server::{ClientRequest, DynAccessControl, Metrics, client::Config, clients::Clients, streams::RelayedStream},
};
use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, Sleep, sleep, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_websockets::{Message, Payload, ServerBuilder, WebSocketStream};
use tracing::debug;

/// How long a connection may take until it is a client.
const ESTABLISH: Duration = Duration::from_secs(10);
/// The largest frame of the relay protocol.
const MAX_FRAME: usize = 1 << 20;
/// Keys of clients that are kept decoded.
const KEYS: usize = 1024;
/// What WebSocket adds to the client's key (RFC 6455, section 1.3).
const WEBSOCKET: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

type Io = TlsStream<TcpStream>;

/// What all connections share.
pub(super) struct Door {
    pub(super) quota: Arc<Mutex<Quota>>,
    pub(super) clients: Clients,
    pub(super) access: Arc<dyn DynAccessControl>,
    pub(super) tls: TlsAcceptor,
    pub(super) begin: Instant,
    pub(super) next: AtomicU64,
    pub(super) keys: KeyCache,
    pub(super) metrics: Arc<Metrics>,
}

pub(super) fn keys() -> KeyCache {
    KeyCache::new(KEYS)
}

/// Gives the place back when the connection ends.
struct Place {
    door: Arc<Door>,
    id: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.door.quota).leave(self.id);
    }
}

impl Door {
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Lets connections in for as long as it is polled.
    pub(super) async fn open(self: Arc<Self>, listener: TcpListener) {
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = tasks.join_next() => continue,
            };
            match accepted {
                Ok((stream, from)) => {
                    tasks.spawn(self.clone().enter(stream, from));
                }
                Err(error) => {
                    // Out of descriptors, mostly: those who are here go first.
                    debug!(%error, "cannot accept");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn enter(self: Arc<Self>, stream: TcpStream, from: SocketAddr) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let ip = from.ip().to_canonical();
        let admitted = lock(&self.quota).admit(id, ip, is_local(ip), self.now());
        if let Err(refusal) = admitted {
            debug!(%from, %refusal, "not let in");
            return;
        }
        let place = Place { door: self.clone(), id };
        let _ = stream.set_nodelay(true);
        let established = timeout(ESTABLISH, async {
            let tls = self.tls.accept(stream).await.ok()?;
            self.speak(tls).await
        });
        let Some((io, parts, version)) = established.await.ok().flatten() else {
            debug!(%from, "not a client");
            return;
        };
        let frames = Frames::new(io, place);
        if let Ok(Err(error)) = timeout(ESTABLISH, self.register(frames, parts, version)).await {
            debug!(%from, error, "a client was not let in");
        }
    }

    /// HTTP until a client wants to become one.
    async fn speak(self: &Arc<Self>, tls: Io) -> Option<(Io, Parts, ProtocolVersion)> {
        let (found, mut upgraded) = tokio::sync::mpsc::channel(1);
        let service = service_fn(move |mut request: Request<Incoming>| {
            let answer = answer(&request);
            if let Ok(version) = answer.1 {
                let (found, upgrade) = (found.clone(), hyper::upgrade::on(&mut request));
                let parts = request.into_parts().0;
                tokio::spawn(async move {
                    if let Ok(upgraded) = upgrade.await {
                        let _ = found.send((upgraded, parts, version)).await;
                    }
                });
            }
            async move { Ok::<_, Infallible>(answer.0) }
        });
        let served = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(tls), service)
            .with_upgrades();
        served.await.ok()?;
        let (upgraded, parts, version): (Upgraded, Parts, ProtocolVersion) = upgraded.recv().await?;
        let io = upgraded.downcast::<TokioIo<Io>>().ok()?;
        // Whoever sends frames before it is told to does not speak the protocol.
        io.read_buf.is_empty().then(|| (io.io.into_inner(), parts, version))
    }

    async fn register(&self, mut frames: Frames, parts: Parts, version: ProtocolVersion) -> Result<(), String> {
        let header = parts.headers.get(CLIENT_AUTH_HEADER).cloned();
        let proven = handshake::serverside(&mut frames, header)
            .await
            .map_err(|e| e.to_string())?;
        let node = hedgerow_base::NodeId(*proven.client_key.as_bytes());
        let known = lock(&self.quota).prove(frames.place.id, node);
        known.map_err(|e| e.to_string())?;
        let request = ClientRequest::new(proven.client_key, version, parts);
        let guard = proven
            .authorize_with(&request, &self.access, &mut frames)
            .await
            .map_err(|e| e.to_string())?;
        let stream = RelayedStream::new(frames, self.keys.clone());
        self.clients
            .register(Config::new(guard, stream, version), self.metrics.clone());
        Ok(())
    }
}

/// The answer to a request, and whether it makes a client.
fn answer(request: &Request<Incoming>) -> (Response<Full<Bytes>>, Result<ProtocolVersion, ()>) {
    let mut response = Response::new(Full::default());
    let version = match (request.method(), request.uri().path()) {
        (&Method::GET, RELAY_PATH) => match upgrade(request.headers(), response.headers_mut()) {
            Some(version) => {
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                return (response, Ok(version));
            }
            None => StatusCode::BAD_REQUEST,
        },
        (&Method::GET, RELAY_PROBE_PATH) => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    };
    *response.status_mut() = version;
    (response, Err(()))
}

/// The headers of an upgrade to a WebSocket with the relay's protocol.
fn upgrade(asked: &HeaderMap, answer: &mut HeaderMap) -> Option<ProtocolVersion> {
    let text = |name: HeaderName| asked.get(name)?.to_str().ok();
    if !text(header::UPGRADE)?.eq_ignore_ascii_case("websocket") || text(header::SEC_WEBSOCKET_VERSION)? != "13" {
        return None;
    }
    let version = text(header::SEC_WEBSOCKET_PROTOCOL)?
        .split(',')
        .filter_map(|name| ProtocolVersion::match_from_str(name.trim()))
        .max()?;
    let mut hash = sha1_smol::Sha1::from(text(header::SEC_WEBSOCKET_KEY)?);
    hash.update(WEBSOCKET.as_bytes());
    let accept = HeaderValue::from_str(&BASE64.encode(&hash.digest().bytes())).ok()?;
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    answer.insert(header::SEC_WEBSOCKET_PROTOCOL, version.to_header_value());
    Some(version)
}

/// The frames of one client, counted; reading pauses when it has sent enough.
struct Frames {
    io: WebSocketStream<Io>,
    place: Place,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Frames {
    fn new(io: Io, place: Place) -> Self {
        let limits = tokio_websockets::Limits::default().max_payload_len(Some(MAX_FRAME));
        Self {
            io: ServerBuilder::new().limits(limits).serve(io),
            place,
            pause: None,
        }
    }
}

impl ExportKeyingMaterial for Frames {
    fn export_keying_material<T: AsMut<[u8]>>(&self, output: T, label: &[u8], context: Option<&[u8]>) -> Option<T> {
        let tls = self.io.get_ref().get_ref().1;
        tls.export_keying_material(output, label, context).ok()
    }
}

impl Stream for Frames {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        loop {
            let message = match ready!(self.io.poll_next_unpin(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(StreamError::from_std(error)))),
                Some(Ok(message)) if message.is_close() => return Poll::Ready(None),
                Some(Ok(message)) => message,
            };
            let binary = message.is_binary();
            let bytes = Bytes::from(message.into_payload());
            let (door, id) = (&self.place.door, self.place.id);
            let wait = lock(&door.quota).received(id, bytes.len() as u64, door.now());
            if wait > 0 {
                self.pause = Some(Box::pin(sleep_until(Instant::now() + Duration::from_millis(wait))));
            }
            if binary {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

impl Sink<Bytes> for Frames {
    type Error = StreamError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.io).poll_ready(cx).map_err(StreamError::from_std)
    }
    fn start_send(mut self: Pin<&mut Self>, bytes: Bytes) -> Result<(), StreamError> {
        let (door, id) = (&self.place.door, self.place.id);
        lock(&door.quota).sent(id, bytes.len() as u64, door.now());
        let message = Message::binary(Payload::from(bytes));
        Pin::new(&mut self.io)
            .start_send(message)
            .map_err(StreamError::from_std)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.io).poll_flush(cx).map_err(StreamError::from_std)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Pin::new(&mut self.io).poll_close(cx).map_err(StreamError::from_std)
    }
}

#[cfg(test)]
mod tests;

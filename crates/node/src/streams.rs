//! Streams for people and programs (J1): bytes between a socket here and one on another machine, through the
//! connection that the two nodes have anyway.
//!
//! Nothing is open by itself. A named stream needs somebody who listens for it; a port must be on the list of ports
//! that the owner allows.

use crate::{
    engine::{Engine, store_error},
    handle::NodeHandle,
    model::{pack, unpack},
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{AllowedPort, PingAnswer},
};
use hedgerow_base::NodeId;
use hedgerow_net::{RequestRecv, RequestSend};
use hedgerow_wire::stream::{MAX_ANSWER, MAX_REASON, StreamAnswer, StreamRequest, is_stream_name};
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
};

const ALLOWED: &str = "allowed_ports";
/// Most ports that are allowed at a time.
const MOST_PORTS: usize = 100;
/// How long the other side has to say yes or no.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// Bytes read from a socket at once.
const PIECE: usize = 128 << 10;
/// Most that listen at a time.
const MOST_LISTENERS: usize = 1000;

/// A stream to another node, ready for bytes.
#[derive(Debug)]
pub struct PeerStream {
    /// The other node.
    pub peer: NodeId,
    send: RequestSend,
    recv: RequestRecv,
}

impl PeerStream {
    /// Its two directions.
    pub(crate) fn parts(self) -> (RequestSend, RequestRecv) {
        (self.send, self.recv)
    }

    /// Carries bytes both ways until both directions ended. Each end is passed on by itself, as TCP does it.
    ///
    /// # Errors
    /// When either side broke off.
    pub async fn pipe(
        self,
        reader: impl tokio::io::AsyncRead + Unpin,
        mut writer: impl tokio::io::AsyncWrite + Unpin,
    ) -> std::io::Result<()> {
        let (mut send, mut recv) = (self.send.patient(), self.recv.patient());
        let broken = |e: hedgerow_net::StreamError| std::io::Error::other(e.to_string());
        let out = async move {
            let mut reader = reader;
            let mut buffer = bytes::BytesMut::with_capacity(PIECE);
            loop {
                buffer.reserve(PIECE);
                if reader.read_buf(&mut buffer).await? == 0 {
                    send.finish();
                    return Ok(());
                }
                send.write(buffer.split().freeze()).await.map_err(broken)?;
            }
        };
        let back = async move {
            while let Some(bytes) = recv.read_some(PIECE).await.map_err(broken)? {
                writer.write_all(&bytes).await?;
            }
            writer.shutdown().await
        };
        tokio::try_join!(out, back).map(|_: ((), ())| ())
    }
}

struct Listener {
    from: Option<NodeId>,
    deliver: oneshot::Sender<PeerStream>,
}

/// Who listens here, by name.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<BTreeMap<String, Listener>>);

impl Listeners {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Listener>) -> T) -> T {
        let mut map = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        map.retain(|_, listener| !listener.deliver.is_closed());
        work(&mut map)
    }
    fn take(&self, name: &str, peer: NodeId) -> Option<Listener> {
        self.with(|map| match map.get(name) {
            Some(listener) if listener.from.is_none_or(|from| from == peer) => map.remove(name),
            _ => None,
        })
    }
}

impl NodeHandle {
    /// Opens a named stream to a connected peer.
    ///
    /// # Errors
    /// `Unreachable` when it is not connected or does not answer, `Refused` with its reason.
    pub async fn connect_stream(&self, peer: NodeId, name: &str) -> Result<PeerStream, ApiError> {
        check_name(name)?;
        self.open_stream(peer, StreamRequest::Named { name: name.into() }, ANSWER_TIME)
            .await
    }

    /// Opens a connection to a TCP port of a peer's machine.
    ///
    /// # Errors
    /// As [`NodeHandle::connect_stream`].
    pub async fn forward_stream(&self, peer: NodeId, port: u16) -> Result<PeerStream, ApiError> {
        self.open_stream(peer, StreamRequest::Forward { port }, ANSWER_TIME)
            .await
    }

    /// Opens a stream; the other side has so much time to say yes or no.
    pub(crate) async fn open_stream(
        &self,
        peer: NodeId,
        request: StreamRequest,
        time: Duration,
    ) -> Result<PeerStream, ApiError> {
        let unreachable = |why: &str| ApiError::new(ErrorCode::Unreachable, why.to_owned());
        let opened = self
            .with(move |engine| Ok(engine.net.open_request(&peer, request.to_bytes())))
            .await?;
        let asked = async {
            let (send, mut recv) = opened
                .await
                .map_err(|_| unreachable("that node is not connected; see `hedgerow peers`"))?;
            recv = recv.patient();
            let frame = recv.read_frame(MAX_ANSWER).await;
            // An older program resets a stream that it does not know.
            let frame = frame.ok().flatten();
            let frame = frame.ok_or_else(|| unreachable("the other node broke off; perhaps its program is older"))?;
            match StreamAnswer::from_bytes(&frame) {
                Ok(StreamAnswer::Yes) => Ok(PeerStream { peer, send, recv }),
                Ok(StreamAnswer::No { reason }) => {
                    let reason = crate::notices::clean(&reason, MAX_REASON);
                    Err(ApiError::new(
                        ErrorCode::Refused,
                        format!("the other node refused: {reason}"),
                    ))
                }
                Err(_) => Err(unreachable("the other node answered in a way that is not understood")),
            }
        };
        tokio::time::timeout(time, asked).await.unwrap_or_else(|_| {
            let seconds = time.as_secs();
            Err(unreachable(&format!(
                "the other node did not answer within {seconds} seconds"
            )))
        })
    }

    /// Waits for one peer to open a named stream; dropping the future ends the waiting.
    ///
    /// # Errors
    /// When the name is none, or somebody listens under it already.
    pub async fn listen_stream(&self, name: &str, from: Option<NodeId>) -> Result<PeerStream, ApiError> {
        check_name(name)?;
        let (deliver, delivered) = oneshot::channel();
        self.shared.listeners.with(|map| {
            if map.contains_key(name) || map.len() >= MOST_LISTENERS {
                return Err(ApiError::new(
                    ErrorCode::Refused,
                    format!("somebody listens under {name:?} already; choose another name"),
                ));
            }
            map.insert(name.to_owned(), Listener { from, deliver });
            Ok(())
        })?;
        delivered
            .await
            .map_err(|_| ApiError::new(ErrorCode::Local, "the node has stopped"))
    }

    /// Measures the way to a peer and back, by the program over there, `count` times.
    ///
    /// # Errors
    /// As [`NodeHandle::connect_stream`].
    pub(crate) async fn ping(&self, peer: NodeId, count: u32) -> Result<PingAnswer, ApiError> {
        let mut times = Vec::new();
        for _ in 0..count.clamp(1, 100) {
            let begun = Instant::now();
            self.open_stream(peer, StreamRequest::Ping, ANSWER_TIME).await?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(PingAnswer { times_ms: times })
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    match is_stream_name(name) {
        true => Ok(()),
        false => Err(ApiError::new(
            ErrorCode::BadParams,
            "the name of a stream is made of letters, digits and - _ . and has at most 64 of them",
        )),
    }
}

impl Engine {
    /// Answers a peer that wants a stream, beside the engine.
    pub(crate) fn serve_stream(&self, peer: NodeId, request: StreamRequest, send: RequestSend, recv: RequestRecv) {
        if let StreamRequest::App { app, name } = request {
            return self.offer_stream(peer, app, name, send, recv);
        }
        let shared = self.shared.clone();
        let allowed = self.allowed_ports().unwrap_or_default();
        self.runtime.spawn(async move {
            match request {
                StreamRequest::App { .. } => {}
                StreamRequest::Ping => {
                    if let Some(stream) = answer(send, recv, peer, StreamAnswer::Yes).await {
                        stream.send.finish();
                    }
                }
                StreamRequest::Named { name } => match shared.listeners.take(&name, peer) {
                    Some(listener) => {
                        if let Some(stream) = answer(send, recv, peer, StreamAnswer::Yes).await {
                            let _ = listener.deliver.send(stream);
                        }
                    }
                    None => refuse(send, recv, peer, "nobody listens under that name").await,
                },
                StreamRequest::Forward { port } => {
                    let good =
                        |a: &AllowedPort| a.port == port && a.from.as_ref().is_none_or(|n| *n == peer.to_string());
                    if !allowed.iter().any(good) {
                        return refuse(send, recv, peer, "that port is not on the list of allowed ports").await;
                    }
                    let Ok(socket) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
                        return refuse(send, recv, peer, "no program answers on that port").await;
                    };
                    let Some(stream) = answer(send, recv, peer, StreamAnswer::Yes).await else {
                        return;
                    };
                    let (reader, writer) = socket.into_split();
                    if let Err(error) = stream.pipe(reader, writer).await {
                        tracing::debug!(peer = %peer.short(), %error, "a forwarded connection broke off");
                    }
                }
            }
        });
    }

    /// Ports of this machine that peers may reach.
    pub(crate) fn allowed_ports(&self) -> Result<Vec<AllowedPort>, ApiError> {
        let list = self.store.meta(ALLOWED).map_err(|e| store_error(&e))?;
        Ok(list.and_then(|bytes| unpack(&bytes)).unwrap_or_default())
    }

    /// Lets peers, or one peer, reach a port.
    pub(crate) fn allow_port(&mut self, port: AllowedPort) -> Result<Vec<AllowedPort>, ApiError> {
        if port.port == 0 {
            return Err(ApiError::new(
                ErrorCode::BadParams,
                "a port is a number from 1 to 65535",
            ));
        }
        if let Some(from) = &port.from {
            let _: NodeId = crate::dispatch::parsed(from)?;
        }
        let mut list = self.allowed_ports()?;
        if !list.contains(&port) {
            list.push(port);
        }
        if list.len() > MOST_PORTS {
            return Err(ApiError::new(
                ErrorCode::Limit,
                "100 ports are allowed already; forbid some first",
            ));
        }
        self.stored(|store| store.set_meta(ALLOWED, &pack(&list)))?;
        Ok(list)
    }

    /// Takes a port off the list. Connections that stand go on.
    pub(crate) fn forbid_port(&mut self, port: u16) -> Result<Vec<AllowedPort>, ApiError> {
        let mut list = self.allowed_ports()?;
        list.retain(|allowed| allowed.port != port);
        self.stored(|store| store.set_meta(ALLOWED, &pack(&list)))?;
        Ok(list)
    }
}

pub(crate) async fn answer(
    mut send: RequestSend,
    recv: RequestRecv,
    peer: NodeId,
    what: StreamAnswer,
) -> Option<PeerStream> {
    send.write_frame(&what.to_bytes()).await.ok()?;
    Some(PeerStream { peer, send, recv })
}

pub(crate) async fn refuse(send: RequestSend, recv: RequestRecv, peer: NodeId, reason: &str) {
    let no = StreamAnswer::No { reason: reason.into() };
    if let Some(stream) = answer(send, recv, peer, no).await {
        stream.send.finish();
    }
}

//! Streams of bytes between two instances of an app: `streams.*` (O1). Nothing is buffered beyond what the network has
//! room for, so a reader that is slow makes the writer wait.

use crate::{
    caller::Caller,
    dispatch::value,
    engine::Engine,
    handle::NodeHandle,
    streams::{PeerStream, answer, refuse},
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Event, Request,
    types::{AcceptStreamParams, AppStream, Nothing, OpenStreamParams, StreamBytes, WriteStreamParams},
};
use hedgerow_base::{Alias, AppId, NodeId};
use hedgerow_net::{RequestRecv, RequestSend};
use hedgerow_wire::stream::{StreamAnswer, StreamRequest, is_stream_name};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, oneshot};

/// How long an app has to take a stream.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the other side waits for that, the way there and back included.
const ANSWER: Duration = Duration::from_secs(35);
/// Streams of one app that wait to be taken.
const MOST_WAITING: usize = 16;
/// Open streams of one listener.
const MOST_OPEN: usize = 64;
/// Bytes that are read or written at once.
const PIECE: usize = 128_000;

/// A stream that a peer opened and nobody took yet.
struct Offered {
    peer: NodeId,
    name: String,
    take: oneshot::Sender<oneshot::Sender<PeerStream>>,
}

struct Open {
    listener: String,
    app: AppId,
    send: tokio::sync::Mutex<Option<RequestSend>>,
    recv: tokio::sync::Mutex<Option<RequestRecv>>,
}

#[derive(Default)]
struct State {
    last: u64,
    open: BTreeMap<u64, Arc<Open>>,
    offered: BTreeMap<AppId, VecDeque<Offered>>,
}

/// The streams of all apps.
#[derive(Default)]
pub(crate) struct AppStreams {
    state: Mutex<State>,
    came: Notify,
}

impl AppStreams {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever listened does not any more.
    pub(super) fn close_all(&self, listener: &str) {
        self.state().open.retain(|_, open| open.listener != listener);
    }

    /// An app is closed.
    pub(super) fn close_app(&self, app: &AppId) {
        let mut state = self.state();
        state.open.retain(|_, open| open.app != *app);
        state.offered.remove(app);
    }

    /// Offers a stream to an app; `None` when too many wait already.
    fn offer(&self, app: AppId, peer: NodeId, name: String) -> Option<oneshot::Receiver<oneshot::Sender<PeerStream>>> {
        let (take, taken) = oneshot::channel();
        let mut state = self.state();
        let waiting = state.offered.entry(app).or_default();
        waiting.retain(|offered| !offered.take.is_closed());
        if waiting.len() >= MOST_WAITING {
            return None;
        }
        waiting.push_back(Offered { peer, name, take });
        drop(state);
        self.came.notify_waiters();
        Some(taken)
    }

    /// The next stream that was offered, if there is one.
    fn next(&self, app: &AppId, name: Option<&str>) -> Option<Offered> {
        let mut state = self.state();
        let waiting = state.offered.get_mut(app)?;
        waiting.retain(|offered| !offered.take.is_closed());
        let wanted = |offered: &Offered| name.is_none_or(|name| offered.name == name);
        let at = waiting.iter().position(wanted)?;
        waiting.remove(at)
    }

    /// Keeps a stream under a number.
    fn keep(&self, listener: String, app: AppId, stream: PeerStream) -> Result<u64, ApiError> {
        let (send, recv) = stream.parts();
        let mut state = self.state();
        if state.open.values().filter(|open| open.listener == listener).count() >= MOST_OPEN {
            return Err(too_many());
        }
        state.last += 1;
        let open = Open {
            listener,
            app,
            send: tokio::sync::Mutex::new(Some(send.patient())),
            recv: tokio::sync::Mutex::new(Some(recv.patient())),
        };
        let number = state.last;
        state.open.insert(number, Arc::new(open));
        Ok(number)
    }

    /// A stream of a caller. Others are as if they were not there.
    fn get(&self, caller: &Caller, number: u64) -> Result<Arc<Open>, ApiError> {
        let open = self.state().open.get(&number).cloned();
        let theirs = |open: &Arc<Open>| match caller {
            Caller::Plugin(session) => open.listener.strip_prefix("plugin:") == Some(&session.name),
            Caller::Component(id) => open.listener == super::component_listener(id),
            // The hub speaks for its widgets and knows which stream belongs to which.
            Caller::Dashboard(_) | Caller::Program => true,
        };
        open.filter(theirs).ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                format!("there is no open stream {number}; it may have ended"),
            )
        })
    }

    fn remove(&self, number: u64) -> Option<Arc<Open>> {
        self.state().open.remove(&number)
    }
}

fn too_many() -> ApiError {
    ApiError::new(ErrorCode::Limit, "too many streams are open; close some first")
}

fn broken(error: &hedgerow_net::StreamError) -> ApiError {
    ApiError::new(ErrorCode::Unreachable, format!("the stream broke: {error}"))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    match name.is_empty() || is_stream_name(name) {
        true => Ok(()),
        false => Err(ApiError::new(
            ErrorCode::BadParams,
            "the name of a stream is made of letters, digits and - _ . and has at most 64 of them",
        )),
    }
}

/// Carries out the methods about streams.
pub(super) async fn call(node: &NodeHandle, caller: &Caller, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::StreamsOpen(p) => value(open(node, caller, p).await?),
        Request::StreamsAccept(p) => value(accept(node, caller, p).await?),
        Request::StreamsWrite(p) => value(write(node, caller, p).await?),
        Request::StreamsRead(p) => {
            let max = p.max.map_or(PIECE, |max| (max as usize).clamp(1, PIECE));
            value(read(node, caller, p.stream, max).await?)
        }
        Request::StreamsClose(p) => value(close(node, caller, p.stream).await?),
        other => Err(crate::dispatch::forgotten(&other)),
    }
}

async fn open(node: &NodeHandle, caller: &Caller, p: OpenStreamParams) -> Result<AppStream, ApiError> {
    check_name(&p.name)?;
    let (asked, name) = (caller.clone(), p.name.clone());
    let (speaker, app, peer) = node
        .with(move |e| {
            let speaker = e.speaker(&asked, p.instance.as_deref(), p.app.as_deref())?;
            let app = speaker.app.id();
            if !e.apps.swarms.contains_key(&app) {
                return Err(super::not_open());
            }
            let peer = e.member(&app, &p.to)?;
            Ok((speaker, app, peer))
        })
        .await?;
    let request = StreamRequest::App {
        app,
        name: name.clone(),
    };
    let stream = node.open_stream(peer, request, ANSWER).await?;
    Ok(AppStream {
        stream: node.shared.app_streams.keep(speaker.listener, app, stream)?,
        peer: Alias::of(&app, &peer).to_string(),
        name,
    })
}

async fn accept(node: &NodeHandle, caller: &Caller, p: AcceptStreamParams) -> Result<AppStream, ApiError> {
    let wait = Duration::from_millis(u64::from(super::calls::milliseconds(p.timeout)?));
    let asked = caller.clone();
    let (speaker, app) = node
        .with(move |e| {
            let speaker = e.speaker(&asked, p.instance.as_deref(), p.app.as_deref())?;
            let app = speaker.app.id();
            match e.apps.swarms.contains_key(&app) {
                true => Ok((speaker, app)),
                false => Err(super::not_open()),
            }
        })
        .await?;
    let streams = &node.shared.app_streams;
    let taking = async {
        loop {
            let came = streams.came.notified();
            tokio::pin!(came);
            // Noted before looking, so that nothing comes unseen in between.
            came.as_mut().enable();
            if let Some(offered) = streams.next(&app, p.name.as_deref()) {
                let (give, given) = oneshot::channel();
                // Whoever offered may be gone by now.
                if offered.take.send(give).is_ok()
                    && let Ok(stream) = given.await
                {
                    return (offered.peer, offered.name, stream);
                }
                continue;
            }
            came.await;
        }
    };
    let (peer, name, stream) = tokio::time::timeout(wait, taking).await.map_err(|_| {
        ApiError::new(
            ErrorCode::Unreachable,
            "nobody opened a stream in this time; call again to go on waiting",
        )
    })?;
    Ok(AppStream {
        stream: streams.keep(speaker.listener, app, stream)?,
        peer: Alias::of(&app, &peer).to_string(),
        name,
    })
}

async fn write(node: &NodeHandle, caller: &Caller, p: WriteStreamParams) -> Result<Nothing, ApiError> {
    let bad = |why: String| ApiError::new(ErrorCode::BadParams, why);
    let data = BASE64
        .decode(p.data.as_bytes())
        .map_err(|e| bad(format!("data is not base64: {e}")))?;
    if data.len() > PIECE {
        return Err(bad(format!("data has more than {PIECE} bytes")));
    }
    let open = node.shared.app_streams.get(caller, p.stream)?;
    let mut slot = open.send.lock().await;
    let send = slot.as_mut().ok_or_else(|| {
        ApiError::new(
            ErrorCode::Refused,
            "this end of the stream was ended already; nothing more can be written",
        )
    })?;
    send.write(data.into()).await.map_err(|e| broken(&e))?;
    if p.end
        && let Some(send) = slot.take()
    {
        send.finish();
        drop(slot);
        forget_if_over(node, p.stream, &open).await;
    }
    Ok(Nothing {})
}

async fn read(node: &NodeHandle, caller: &Caller, number: u64, max: usize) -> Result<StreamBytes, ApiError> {
    let open = node.shared.app_streams.get(caller, number)?;
    let mut slot = open.recv.lock().await;
    let over = StreamBytes {
        data: String::new(),
        end: true,
    };
    let Some(recv) = slot.as_mut() else {
        return Ok(over);
    };
    if let Some(bytes) = recv.read_some(max).await.map_err(|e| broken(&e))? {
        return Ok(StreamBytes {
            data: BASE64.encode(&bytes),
            end: false,
        });
    }
    slot.take();
    drop(slot);
    forget_if_over(node, number, &open).await;
    Ok(over)
}

/// A stream of which both directions ended is forgotten.
async fn forget_if_over(node: &NodeHandle, number: u64, open: &Open) {
    if open.send.lock().await.is_none() && open.recv.lock().await.is_none() {
        node.shared.app_streams.remove(number);
    }
}

async fn close(node: &NodeHandle, caller: &Caller, number: u64) -> Result<Nothing, ApiError> {
    let open = node.shared.app_streams.get(caller, number)?;
    node.shared.app_streams.remove(number);
    // What was written still arrives. A write that is under way keeps its end until it is done.
    if let Ok(mut slot) = open.send.try_lock()
        && let Some(send) = slot.take()
    {
        send.finish();
    }
    Ok(Nothing {})
}

impl Engine {
    /// A peer wants a stream to an app.
    pub(crate) fn offer_stream(&self, peer: NodeId, app: AppId, name: String, send: RequestSend, recv: RequestRecv) {
        let listeners = self.apps.listeners(&app);
        let shared = self.shared.clone();
        let events = self.events.clone();
        self.runtime.spawn(async move {
            if listeners.is_empty() {
                return refuse(send, recv, peer, "the app is not running there").await;
            }
            let Some(taken) = shared.app_streams.offer(app, peer, name.clone()) else {
                return refuse(send, recv, peer, "too many streams wait there already; try again later").await;
            };
            for listener in listeners {
                let _ = events.send(Arc::new(Event::StreamsIncoming {
                    listener,
                    from: Alias::of(&app, &peer).to_string(),
                    name: name.clone(),
                }));
            }
            match tokio::time::timeout(PATIENCE, taken).await {
                Ok(Ok(give)) => {
                    if let Some(stream) = answer(send, recv, peer, StreamAnswer::Yes).await {
                        let _ = give.send(stream);
                    }
                }
                Ok(Err(_)) | Err(_) => refuse(send, recv, peer, "the app over there did not take it").await,
            }
        });
    }
}

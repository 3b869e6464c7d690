//! A conversation over a connection that lasts: a token first, then JSON-RPC both ways. The same over a WebSocket and
//! over the Unix socket, for the dashboard, for programs and for plugins.

use super::{Shared, api::From, backend::Backend, connection::told, crowd::Seat, rpc};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hedgerow_api::{API_VERSION, call::Call};
use hedgerow_node::Caller;
use serde_json::{Value, json};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, broadcast::error::RecvError},
    time::{Instant, timeout},
};

/// Time in which the token must come.
const TOKEN_TIME: Duration = Duration::from_secs(5);
/// Calls of one connection that are worked on at once; the next is read when one is done.
const MAX_IN_FLIGHT: usize = 64;
/// How long one message may take to be taken by the other side.
const SEND_TIME: Duration = Duration::from_secs(10);
/// Longest first message, bytes.
pub(super) const MAX_FIRST: usize = 1024;

/// Why a connection is ended by us, with the code that WebSocket has for it.
pub(super) struct End(pub(super) u16, pub(super) &'static str);

impl End {
    /// The node ends.
    pub(super) const AWAY: u16 = 1001;
    /// Something else than text.
    pub(super) const UNSUPPORTED: u16 = 1003;
    /// Not allowed to be here.
    pub(super) const POLICY: u16 = 1008;
    /// Too large.
    pub(super) const SIZE: u16 = 1009;
    /// Come again.
    pub(super) const AGAIN: u16 = 1013;
}

/// What came.
pub(super) enum Received {
    /// A message.
    Text(String),
    /// Nothing to answer.
    Nothing,
    /// The other side is gone.
    Gone,
    /// Something that is not taken here.
    Bad(End),
}

/// A connection that carries messages.
pub(super) trait Socket: Send {
    /// The next message. May be dropped and called again without loss.
    fn receive(&mut self) -> impl Future<Output = Received> + Send;
    /// Sends one; `false` when it cannot be sent any more.
    fn send(&mut self, text: String) -> impl Future<Output = bool> + Send;
    /// Says why it ends, and ends it.
    fn close(&mut self, end: End) -> impl Future<Output = ()> + Send;
    /// The token was good: messages may be longer now.
    fn welcome(&mut self) {}
}

type Pending<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>>>;

/// Serves one connection until it ends. One whose place (`seat`) others want goes, unless it has shown its token.
pub(super) async fn run<B: Backend, S: Socket>(
    mut socket: S,
    shared: Arc<Shared<B>>,
    from: From,
    seat: Option<Arc<Seat>>,
) {
    let sent_away = async {
        match &seat {
            Some(seat) => seat.sent_away().await,
            None => std::future::pending().await,
        }
    };
    let known = tokio::select! {
        known = introduced(&mut socket, &shared, from) => known,
        () = sent_away => return,
    };
    if let (Ok(_), Some(seat)) = (&known, &seat) {
        seat.known();
    }
    let caller = match known {
        Ok(known) => known,
        Err(why) => {
            let answer = json!({"ready": false, "error": {"code": "denied", "message": why}});
            let _ = send(&mut socket, answer.to_string()).await;
            socket.close(End(End::POLICY, "not let in")).await;
            return;
        }
    };
    let (caller, _counted) = match counted(caller) {
        Ok(counted) => counted,
        Err(end) => return socket.close(end).await,
    };
    socket.welcome();
    let opened = rpc::Opened::default();
    if let Err(end) = converse(&mut socket, &shared, &caller, &opened).await {
        socket.close(end).await;
    }
    opened.close_all(&shared, &caller).await;
}

/// A plugin has so many connections and no more.
fn counted(caller: Caller) -> Result<(Caller, Option<OwnedSemaphorePermit>), End> {
    let permit = match &caller {
        Caller::Dashboard(_) | Caller::Program | Caller::Component(_) => None,
        Caller::Plugin(session) => match session.connections.clone().try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => return Err(End(End::AGAIN, "too many connections of this plugin; close one first")),
        },
    };
    Ok((caller, permit))
}

/// Who it is, by the first message; or why they are not let in.
async fn introduced<B: Backend, S: Socket>(
    socket: &mut S,
    shared: &Shared<B>,
    from: From,
) -> Result<Caller, &'static str> {
    const SHAPE: &str = "the first message is {\"token\": \"…\"}, within five seconds";
    let end = Instant::now() + TOKEN_TIME;
    loop {
        match tokio::time::timeout_at(end, socket.receive()).await {
            Ok(Received::Text(text)) if text.len() <= MAX_FIRST => {
                let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
                let token = value.get("token").and_then(Value::as_str).ok_or(SHAPE)?;
                return shared.caller(from, token).ok_or(match from {
                    From::Hub => "log in again with `hedgerow login`",
                    From::Program => "this token is wrong or does not count any more; read it again from its file",
                });
            }
            Ok(Received::Nothing) => {}
            Ok(Received::Text(_) | Received::Gone | Received::Bad(_)) | Err(_) => return Err(SHAPE),
        }
    }
}

fn welcome(caller: &Caller) -> String {
    let mut ready = json!({"ready": true, "api": API_VERSION});
    if let Caller::Plugin(session) = caller {
        ready["plugin"] = json!(*session.name);
        ready["permissions"] = json!(*session.granted);
    }
    if let Caller::Dashboard(tier) = caller {
        ready["tier"] = json!(tier.name());
    }
    ready.to_string()
}

/// Waits until the caller's token does not count any more; the owner's counts as long as the node runs.
async fn dismissed(caller: &mut Caller) {
    match caller {
        Caller::Plugin(session) => session.ended().await,
        Caller::Dashboard(_) | Caller::Program | Caller::Component(_) => std::future::pending().await,
    }
}

async fn converse<B: Backend, S: Socket>(
    socket: &mut S,
    shared: &Shared<B>,
    caller: &Caller,
    opened: &rpc::Opened,
) -> Result<(), End> {
    let mut events = shared.backend.events();
    rpc::take_part(shared, caller, opened).await;
    let mut ending = shared.ending.subscribe();
    let mut watched = caller.clone();
    let mut calls: Pending<'_> = FuturesUnordered::new();
    send(socket, welcome(caller)).await?;
    loop {
        tokio::select! {
            // Answers before new work, so that a flood of calls cannot starve them.
            biased;
            () = dismissed(&mut watched) => {
                return Err(End(End::POLICY, "the plugin was stopped, or its permissions were taken back"));
            }
            Some(answer) = calls.next(), if !calls.is_empty() => {
                if let Some(answer) = answer {
                    send(socket, answer.to_string()).await?;
                }
            }
            event = events.recv() => match event {
                Ok(event) if caller.hears(&event) && opened.wants(&event) => {
                    send(socket, rpc::notification(&event)).await?;
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Err(End(End::AGAIN, "too slow; connect again")),
                Err(RecvError::Closed) => return Err(End(End::AWAY, "the node is ending")),
            },
            message = socket.receive(), if calls.len() < MAX_IN_FLIGHT => match message {
                Received::Text(text) => match Call::parse(text.as_bytes()) {
                    // Polled in the order in which they came, so the node gets them in that order.
                    Ok(call) => calls.push(Box::pin(rpc::run(shared, caller, Some(opened), call))),
                    Err(answer) => send(socket, answer.to_string()).await?,
                },
                Received::Nothing => {}
                Received::Gone => return Ok(()),
                Received::Bad(end) => return Err(end),
            },
            () = told(&mut ending), if calls.is_empty() => {
                return Err(End(End::AWAY, "the node is ending"));
            }
        }
    }
}

/// Sends, but not to somebody who does not read.
async fn send<S: Socket>(socket: &mut S, text: String) -> Result<(), End> {
    match timeout(SEND_TIME, socket.send(text)).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(End(End::AGAIN, "not reading")),
    }
}

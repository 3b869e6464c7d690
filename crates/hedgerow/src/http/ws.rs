//! The dashboard's WebSocket: a token first, then JSON-RPC both ways.

use super::{Shared, backend::Backend, connection::told, rpc};
use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hedgerow_api::API_VERSION;
use serde_json::{Value, json};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, timeout},
};

/// Time in which the token must come.
const TOKEN_TIME: Duration = Duration::from_secs(5);
/// Calls of one connection that are worked on at once; the next is read when one is done.
const MAX_IN_FLIGHT: usize = 64;
/// How long one message may take to be taken by the other side.
const SEND_TIME: Duration = Duration::from_secs(10);

type Pending<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Option<Value>> + Send + 'a>>>;

/// Why a connection is ended by us.
struct End(u16, &'static str);

/// Serves one connection until it ends.
pub(super) async fn run<B: Backend>(mut socket: WebSocket, shared: Arc<Shared<B>>) {
    if !proves_itself(&mut socket, &shared).await {
        let answer =
            json!({"ready": false, "error": {"code": "denied", "message": "log in again with `hedgerow login`"}});
        let _ = send(&mut socket, Message::text(answer.to_string())).await;
        close(&mut socket, End(close_code::POLICY, "not logged in")).await;
        return;
    }
    let opened = rpc::Opened::default();
    if let Err(end) = converse(&mut socket, &shared, &opened).await {
        close(&mut socket, end).await;
    }
    opened.close_all(&shared).await;
}

async fn proves_itself<B: Backend>(socket: &mut WebSocket, shared: &Shared<B>) -> bool {
    let end = Instant::now() + TOKEN_TIME;
    loop {
        match tokio::time::timeout_at(end, socket.recv()).await {
            Ok(Some(Ok(Message::Text(text)))) => {
                let value: Value = serde_json::from_str(text.as_str()).unwrap_or(Value::Null);
                let token = value.get("token").and_then(Value::as_str);
                return token.is_some_and(|token| shared.auth.is_session(token));
            }
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            Ok(Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None) | Err(_) => return false,
        }
    }
}

async fn converse<B: Backend>(socket: &mut WebSocket, shared: &Shared<B>, opened: &rpc::Opened) -> Result<(), End> {
    let mut events = shared.backend.events();
    let mut ending = shared.ending.subscribe();
    let mut calls: Pending<'_> = FuturesUnordered::new();
    let ready = json!({"ready": true, "api": API_VERSION});
    send(socket, Message::text(ready.to_string())).await?;
    loop {
        tokio::select! {
            // Answers before new work, so that a flood of calls cannot starve them.
            biased;
            Some(answer) = calls.next(), if !calls.is_empty() => {
                if let Some(answer) = answer {
                    send(socket, Message::text(answer.to_string())).await?;
                }
            }
            event = events.recv() => match event {
                Ok(event) if opened.wants(&event) => send(socket, Message::text(rpc::notification(&event))).await?,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Err(End(close_code::AGAIN, "too slow; connect again")),
                Err(RecvError::Closed) => return Err(End(close_code::AWAY, "the node is ending")),
            },
            message = socket.recv(), if calls.len() < MAX_IN_FLIGHT => match message {
                Some(Ok(Message::Text(text))) => match rpc::Call::parse(text.as_bytes()) {
                    // Polled in the order in which they came, so the node gets them in that order.
                    Ok(call) => calls.push(Box::pin(rpc::run(shared, Some(opened), call))),
                    Err(answer) => send(socket, Message::text(answer.to_string())).await?,
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(End(close_code::UNSUPPORTED, "text only")),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Err(_)) => return Err(End(close_code::SIZE, "too large or not understood")),
            },
            () = told(&mut ending), if calls.is_empty() => {
                return Err(End(close_code::AWAY, "the node is ending"));
            }
        }
    }
}

/// Sends, but not to somebody who does not read.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(SEND_TIME, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End(close_code::AGAIN, "not reading")),
    }
}

async fn close(socket: &mut WebSocket, end: End) {
    let frame = CloseFrame {
        code: end.0,
        reason: end.1.into(),
    };
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(Some(frame)))).await;
    // The other side's answer, so that it reads ours before the connection is gone.
    let _ = timeout(Duration::from_secs(1), async {
        while let Some(Ok(_)) = socket.recv().await {}
    })
    .await;
}

//! A conversation's messages as those of a WebSocket.

use super::talk::{End, Received, Socket};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use std::time::Duration;
use tokio::time::timeout;

impl Socket for WebSocket {
    async fn receive(&mut self) -> Received {
        match self.recv().await {
            Some(Ok(Message::Text(text))) => Received::Text(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Received::Nothing,
            Some(Ok(Message::Binary(_))) => Received::Bad(End(End::UNSUPPORTED, "text only")),
            Some(Ok(Message::Close(_))) | None => Received::Gone,
            Some(Err(_)) => Received::Bad(End(End::SIZE, "too large or not understood")),
        }
    }

    async fn send(&mut self, text: String) -> bool {
        Self::send(self, Message::text(text)).await.is_ok()
    }

    async fn close(&mut self, end: End) {
        let frame = CloseFrame {
            code: end.0,
            reason: end.1.into(),
        };
        let close = Self::send(self, Message::Close(Some(frame)));
        let _ = timeout(Duration::from_secs(1), close).await;
        // The other side's answer, so that it reads ours before the connection is gone.
        let _ = timeout(Duration::from_secs(1), async {
            while let Some(Ok(_)) = self.recv().await {}
        })
        .await;
    }
}

//! Stands between the socket and the HTTP library.
//!
//! The library answers requests that it cannot read (address or head too long, bad bytes) by itself, with a bare
//! status line. A widget can provoke that for a page of its own origin, frame it, and act in a page without a policy:
//! a way around every fence. So each head that leaves is looked at, and one without our headers is replaced. Peers
//! that do not read what they asked for are let go after a while.

use hedgerow_sandbox::{HeaderSet, headers::MARKER};
use std::{
    future::Future as _,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// How long a peer may not read before it is let go.
const STALL: Duration = Duration::from_secs(30);

/// A socket whose answers all carry headers.
pub(super) struct Guard<S> {
    inner: S,
    headers: String,
    /// Looks for heads; ends with an upgrade, after which it is no HTTP any more.
    looking: bool,
    /// Our own answer in place of a bare one, and how much of it was sent.
    instead: Option<(Vec<u8>, usize)>,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> Guard<S> {
    pub(super) fn new(inner: S, headers: &HeaderSet) -> Self {
        Self {
            inner,
            headers: headers.lines(),
            looking: true,
            instead: None,
            stalled: None,
        }
    }

    /// Whether these bytes are a head that lacks our headers; then an own answer takes their place.
    fn replaces(&mut self, bytes: &[u8]) -> bool {
        if self.instead.is_some() {
            return true;
        }
        if !self.looking || !bytes.starts_with(b"HTTP/1.") {
            return false;
        }
        let head = until(bytes, b"\r\n\r\n");
        let line = String::from_utf8_lossy(until(head, b"\r\n")).into_owned();
        match line.get(9..12) {
            Some("100") => return false,
            Some("101") => self.looking = false,
            _ => {}
        }
        if contains(head, MARKER.as_bytes()) {
            return false;
        }
        self.instead = Some((self.own_answer(&line).into_bytes(), 0));
        true
    }

    fn own_answer(&self, line: &str) -> String {
        let text = "The request could not be read.\n";
        format!(
            "{line}\r\n{}content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{text}",
            self.headers,
            text.len()
        )
    }

    fn send_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((answer, sent)) = &mut self.instead
            && let Some(rest) = answer.get(*sent..).filter(|rest| !rest.is_empty())
        {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, rest))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *sent += count;
        }
        Poll::Ready(Ok(()))
    }

    /// Passes a write's outcome on, and watches how long the peer reads nothing.
    fn watched<T>(&mut self, outcome: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + STALL)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

fn until<'a>(bytes: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = bytes.windows(end.len()).position(|window| window == end);
    bytes.get(..at.unwrap_or(bytes.len())).unwrap_or(bytes)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.replaces(buf) {
            return Poll::Ready(Ok(buf.len()));
        }
        let outcome = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.watched(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The library keeps a head in one piece and begins a write with it.
        let first = bufs.iter().find(|buf| !buf.is_empty());
        if first.is_some_and(|first| self.replaces(first)) {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let outcome = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.watched(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.send_own(cx);
        ready!(self.watched(outcome, cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.send_own(cx);
        ready!(self.watched(outcome, cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

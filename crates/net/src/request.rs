//! The two ends of a request stream. Every operation ends within the stall time, so that a silent peer pins nothing.
//!
//! Write in blocks (64 KiB and more) rather than in many small frames: a reader that pauses while some thousand
//! small parts arrive loses the whole connection to the engine's "too many gaps" limit (quinn issue 2809). Blocks
//! fill packets, and the stream window is chosen so that full packets stay below that limit.

use crate::{
    error::StreamError,
    frame::{read_body, read_frame, write_chunks, write_frame},
};
use bytes::Bytes;
use hedgerow_base::limits;
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Code with which a request stream is given up.
const GIVEN_UP: u32 = 1;

/// Longest silence of a patient stream. The connection below is watched all the time.
const PATIENCE: Duration = Duration::from_secs(30 * 24 * 3600);

/// The sending end. Dropped before [`RequestSend::finish`], it tells the peer that the request was given up.
#[derive(Debug)]
pub struct RequestSend {
    stream: SendStream,
    stall: Duration,
    finished: bool,
    /// The connection is in use as long as this lives.
    held: Option<Arc<()>>,
}

impl RequestSend {
    pub(crate) fn new(stream: SendStream, stall: Duration) -> Self {
        Self {
            stream,
            stall,
            finished: false,
            held: None,
        }
    }

    pub(crate) fn holding(mut self, held: Arc<()>) -> Self {
        self.held = Some(held);
        self
    }

    /// A peer that reads slowly, or not at all for a while, no longer ends the stream: for what people type.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.stall = PATIENCE;
        self
    }

    /// Writes one frame, a length and the bytes.
    ///
    /// # Errors
    /// When the stream broke, the peer does not read, or `body` is over `limits::MAX_FRAME`.
    pub async fn write_frame(&mut self, body: &[u8]) -> Result<(), StreamError> {
        if body.len() > limits::MAX_FRAME {
            return Err(StreamError::TooLong {
                len: body.len(),
                max: limits::MAX_FRAME,
            });
        }
        write_frame(&mut self.stream, body, self.stall).await
    }

    /// Writes bytes as they are, without copying them.
    ///
    /// # Errors
    /// When the stream broke or the peer does not read.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        if bytes.is_empty() {
            return Ok(());
        }
        write_chunks(&mut self.stream, &mut [bytes], self.stall).await
    }

    /// Ends the stream: the peer reads what was written and then the end.
    pub fn finish(mut self) {
        self.finished = self.stream.finish().is_ok();
    }
}

impl Drop for RequestSend {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.stream.reset(VarInt::from_u32(GIVEN_UP));
        }
    }
}

/// The receiving end. Dropped early, it tells the peer to stop.
#[derive(Debug)]
pub struct RequestRecv {
    stream: RecvStream,
    stall: Duration,
    /// The connection is in use as long as this lives.
    held: Option<Arc<()>>,
}

impl RequestRecv {
    pub(crate) fn new(stream: RecvStream, stall: Duration) -> Self {
        Self {
            stream,
            stall,
            held: None,
        }
    }

    pub(crate) fn holding(mut self, held: Arc<()>) -> Self {
        self.held = Some(held);
        self
    }

    /// Silence no longer ends the stream: for what people type.
    #[must_use]
    pub fn patient(mut self) -> Self {
        self.stall = PATIENCE;
        self
    }

    /// Reads one frame of at most `max` bytes; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream broke, nothing came for too long, or the frame is over `max`.
    pub async fn read_frame(&mut self, max: usize) -> Result<Option<Vec<u8>>, StreamError> {
        read_frame(&mut self.stream, max, self.stall).await
    }

    /// Reads exactly `len` bytes; memory grows with what arrives.
    ///
    /// # Errors
    /// When the stream broke or ended, or nothing came for too long.
    pub async fn read_exact(&mut self, len: usize) -> Result<Vec<u8>, StreamError> {
        read_body(&mut self.stream, len, self.stall).await
    }

    /// Reads what has arrived, at most `max` bytes; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream broke, or nothing came for too long.
    pub async fn read_some(&mut self, max: usize) -> Result<Option<Bytes>, StreamError> {
        Ok(timeout(self.stall, self.stream.read_chunk(max))
            .await
            .map_err(|_| StreamError::Stalled)??)
    }
}

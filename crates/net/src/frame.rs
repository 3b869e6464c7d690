//! Frames: a length (u32, little endian) and that many bytes.

use crate::error::StreamError;
use bytes::Bytes;
use iroh::endpoint::{ReadError, RecvStream, SendStream, WriteError};
use std::time::Duration;
use tokio::time::timeout;

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        StreamError::Closed(error.to_string())
    }
}

impl From<WriteError> for StreamError {
    fn from(error: WriteError) -> Self {
        StreamError::Closed(error.to_string())
    }
}

/// Fills `buf`; `Ok(false)` when the stream ended before its first byte.
pub(crate) async fn read_full(recv: &mut RecvStream, buf: &mut [u8]) -> Result<bool, StreamError> {
    let mut filled = 0;
    while let Some(rest) = buf.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match recv.read(rest).await? {
            Some(len) => filled += len,
            None if filled == 0 => return Ok(false),
            None => return Err(StreamError::Short),
        }
    }
    Ok(true)
}

/// Reads the length of the next frame, however long that takes; `None` at the end of the stream.
pub(crate) async fn read_length(recv: &mut RecvStream, max: usize) -> Result<Option<usize>, StreamError> {
    let mut prefix = [0; 4];
    if !read_full(recv, &mut prefix).await? {
        return Ok(None);
    }
    let len = u32::from_le_bytes(prefix) as usize;
    if len > max {
        return Err(StreamError::TooLong { len, max });
    }
    Ok(Some(len))
}

/// Reads the `len` bytes of a frame. Memory grows with what arrives, not with what was announced. Each part must
/// arrive within `stall`. The bytes are copied: a part of a received packet would keep the whole packet alive.
pub(crate) async fn read_body(recv: &mut RecvStream, len: usize, stall: Duration) -> Result<Vec<u8>, StreamError> {
    let mut body = Vec::new();
    while body.len() < len {
        let part = timeout(stall, recv.read_chunk(len - body.len()))
            .await
            .map_err(|_| StreamError::Stalled)??;
        let part = part.ok_or(StreamError::Short)?;
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Reads one whole frame of at most `max` bytes; its length must arrive within `stall` as well.
pub(crate) async fn read_frame(
    recv: &mut RecvStream,
    max: usize,
    stall: Duration,
) -> Result<Option<Vec<u8>>, StreamError> {
    match timeout(stall, read_length(recv, max))
        .await
        .map_err(|_| StreamError::Stalled)??
    {
        Some(len) => read_body(recv, len, stall).await.map(Some),
        None => Ok(None),
    }
}

/// Length prefix of a frame. Callers checked the length against `limits::MAX_FRAME`.
pub(crate) fn prefix(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes()
}

/// Writes one frame; every part must be taken within `stall`.
pub(crate) async fn write_frame(send: &mut SendStream, body: &[u8], stall: Duration) -> Result<(), StreamError> {
    let mut bytes = Vec::with_capacity(body.len() + 4);
    bytes.extend_from_slice(&prefix(body.len()));
    bytes.extend_from_slice(body);
    write_chunks(send, &mut [bytes.into()], stall).await
}

/// Writes all of `chunks`, none of them empty; a `stall` without any progress is an error.
pub(crate) async fn write_chunks(
    send: &mut SendStream,
    mut chunks: &mut [Bytes],
    stall: Duration,
) -> Result<(), StreamError> {
    while !chunks.is_empty() {
        timeout(stall, send.write_many_chunks(&mut chunks))
            .await
            .map_err(|_| StreamError::Stalled)??;
    }
    Ok(())
}

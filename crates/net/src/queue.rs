//! A queue of frames towards one peer, bounded in bytes.

use bytes::Bytes;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// Locks even after another thread panicked while it held the lock: the data behind our locks is whole between
/// any two statements, and the node must go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a small frame costs besides its bytes.
const OVERHEAD: usize = 64;
/// Frames are taken together up to this many bytes, so that many small ones share a write.
pub(crate) const BATCH: usize = 64 << 10;

pub(crate) struct Queue {
    state: Mutex<State>,
    ready: Notify,
    max: usize,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// A frame was refused since the queue was last half empty.
    refused: bool,
}

impl Queue {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            state: Mutex::default(),
            ready: Notify::new(),
            max,
        }
    }

    /// Adds a frame; `false` when the queue is full. An empty queue takes any frame.
    pub(crate) fn push(&self, frame: Bytes) -> bool {
        let mut state = lock(&self.state);
        let bytes = state.bytes + frame.len() + OVERHEAD;
        if bytes > self.max && !state.frames.is_empty() {
            state.refused = true;
            return false;
        }
        state.bytes = bytes;
        state.frames.push_back(frame);
        drop(state);
        self.ready.notify_one();
        true
    }

    /// Waits for frames and takes at least one. There is one reader.
    pub(crate) async fn take(&self) -> Vec<Bytes> {
        loop {
            let frames = self.try_take();
            if !frames.is_empty() {
                return frames;
            }
            self.ready.notified().await;
        }
    }

    fn try_take(&self) -> Vec<Bytes> {
        let mut state = lock(&self.state);
        let mut taken = Vec::new();
        let mut size = 0;
        while size < BATCH
            && let Some(frame) = state.frames.pop_front()
        {
            size += frame.len() + OVERHEAD;
            taken.push(frame);
        }
        state.bytes = state.bytes.saturating_sub(size);
        taken
    }

    /// True once after a frame was refused and there is room for half the bound again.
    pub(crate) fn has_room_again(&self) -> bool {
        let mut state = lock(&self.state);
        let again = state.refused && state.bytes <= self.max / 2;
        if again {
            state.refused = false;
        }
        again
    }
}

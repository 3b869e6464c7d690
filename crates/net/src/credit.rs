//! Credit on the message channels: how much a peer may send before the node has taken what it sent.
//!
//! Invariant: a receiver holds at most [`CREDIT_WINDOW`] of cost per channel, and an honest sender never exceeds it:
//! what it spent is at most the window and what the receiver released.

use crate::queue::{BATCH, lock};
use hedgerow_base::limits;
use hedgerow_wire::node::{CREDIT_WINDOW, Channel, Credit, FRAME_COST};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The receiver tells of new credit when this much was released.
const STEP: u64 = CREDIT_WINDOW / 4;

// What a sender spends at once fits into what it has when the receiver holds nothing and has not told the last step.
const _: () = assert!(CREDIT_WINDOW - STEP >= (limits::MAX_FRAME + BATCH) as u64 + 2 * FRAME_COST);

/// The sender's side of one channel.
pub(crate) struct Granted {
    /// Granted in all, and spent of it.
    state: Mutex<(u64, u64)>,
    grown: Notify,
}

impl Default for Granted {
    fn default() -> Self {
        Self {
            state: Mutex::new((CREDIT_WINDOW, 0)),
            grown: Notify::new(),
        }
    }
}

impl Granted {
    pub(crate) fn grant(&self, total: u64) {
        let mut state = lock(&self.state);
        state.0 = state.0.max(total);
        drop(state);
        self.grown.notify_one();
    }

    /// Waits until there is credit for `cost`, which is at most the window, and spends it. There is one spender.
    pub(crate) async fn spend(&self, cost: u64) {
        loop {
            if let (total, spent) = &mut *lock(&self.state)
                && let after = spent.saturating_add(cost)
                && after <= *total
            {
                *spent = after;
                return;
            }
            self.grown.notified().await;
        }
    }
}

/// The receiver's side of all channels.
#[derive(Default)]
pub(crate) struct Taken {
    channels: Mutex<[Counts; Channel::ALL.len()]>,
    released: Notify,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    received: u64,
    released: u64,
    /// What of `released` the peer was told.
    told: u64,
}

/// A received frame that the node has not taken yet; dropping it gives the credit back.
pub(crate) struct Held {
    taken: Arc<Taken>,
    channel: Channel,
    cost: u64,
}

impl Taken {
    /// Counts a frame of `len` bytes; `None` when the peer had no credit for it.
    pub(crate) fn hold(this: &Arc<Taken>, channel: Channel, len: usize) -> Option<Held> {
        let cost = (len as u64).saturating_add(FRAME_COST);
        let mut channels = lock(&this.channels);
        let counts = channels.get_mut(usize::from(channel.number()))?;
        let received = counts.received.saturating_add(cost);
        if received.saturating_sub(counts.released) > CREDIT_WINDOW {
            return None;
        }
        counts.received = received;
        Some(Held {
            taken: this.clone(),
            channel,
            cost,
        })
    }

    /// Waits until the peer should be told of new credit: a quarter of the window, so that it does not run dry and
    /// is not told of every frame.
    pub(crate) async fn due(&self) -> Vec<Credit> {
        loop {
            let due = self.try_due();
            if !due.is_empty() {
                return due;
            }
            self.released.notified().await;
        }
    }

    fn try_due(&self) -> Vec<Credit> {
        let mut due = Vec::new();
        for (number, counts) in (0u8..).zip(lock(&self.channels).iter_mut()) {
            if counts.released.saturating_sub(counts.told) >= STEP {
                counts.told = counts.released;
                due.push(Credit {
                    channel: number,
                    total: CREDIT_WINDOW.saturating_add(counts.released),
                });
            }
        }
        due
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(counts) = lock(&self.taken.channels).get_mut(usize::from(self.channel.number())) {
            counts.released = counts.released.saturating_add(self.cost);
        }
        self.taken.released.notify_one();
    }
}

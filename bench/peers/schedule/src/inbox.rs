//! What came, counted once.

use crate::message::{Check, Header, now_us};
use anyhow::Result;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Where a node's messages go.
pub struct Inbox {
    check: Check,
    came: Mutex<Came>,
    /// Rung at each delivery.
    pub(crate) bell: Notify,
}

/// A message that passed the rules.
#[derive(Clone, Copy, Debug)]
pub struct Checked(Header);

/// What came in the present part of the measurement.
#[derive(Default)]
pub(crate) struct Came {
    phase: u32,
    /// Of each sender, which numbers came.
    seen: Vec<Vec<bool>>,
    /// Of each sender, the highest number that came and one.
    next: Vec<u32>,
    pub(crate) delivered: u64,
    pub(crate) repeated: u64,
    pub(crate) last_us: u64,
    /// How long each took, in microseconds.
    pub(crate) took_us: Vec<u32>,
}

impl Inbox {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            check: Check::new()?,
            came: Mutex::default(),
            bell: Notify::new(),
        })
    }

    /// Whether the rules of the app let a message through.
    pub fn check(&self, message: &[u8]) -> Result<Checked> {
        self.check.message(message).map(Checked)
    }

    /// The app has the message.
    pub fn deliver(&self, Checked(header): Checked) {
        let now = now_us();
        let mut came = self.came();
        if header.phase != came.phase {
            // It is late, of a part that is over.
            return;
        }
        let numbers = came.seen.get_mut(header.from as usize);
        let Some(seen) = numbers.and_then(|numbers| numbers.get_mut(header.seq as usize)) else {
            return;
        };
        if std::mem::replace(seen, true) {
            came.repeated += 1;
            return;
        }
        came.delivered += 1;
        came.last_us = now;
        came.took_us
            .push(u32::try_from(now.saturating_sub(header.at_us)).unwrap_or(u32::MAX));
        if let Some(next) = came.next.get_mut(header.from as usize) {
            *next = (*next).max(header.seq + 1);
        }
        drop(came);
        self.bell.notify_waiters();
    }

    /// Begins a part in which each of `nodes` sends `per_node`.
    pub(crate) fn begin(&self, phase: u32, nodes: u32, per_node: u32) {
        let mut came = self.came();
        *came = Came {
            phase,
            seen: vec![vec![false; per_node as usize]; nodes as usize],
            next: vec![0; nodes as usize],
            took_us: Vec::with_capacity((nodes * per_node) as usize),
            ..Came::default()
        };
    }

    /// Of how many messages of every other node at least one at that place or behind came.
    pub(crate) fn level(&self, own: u32) -> u32 {
        let came = self.came();
        let others = came.next.iter().enumerate().filter(|(node, _)| *node != own as usize);
        others.map(|(_, next)| *next).min().unwrap_or(0)
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.came().delivered
    }

    pub(crate) fn came(&self) -> MutexGuard<'_, Came> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_once_and_only_in_its_part() {
        let inbox = Inbox::new().unwrap();
        inbox.begin(2, 3, 5);
        let message = |phase, from, seq| {
            Checked(Header {
                phase,
                from,
                seq,
                at_us: now_us(),
            })
        };
        for (phase, from, seq) in [(2, 1, 0), (2, 1, 0), (1, 1, 1), (2, 9, 0), (2, 1, 9), (2, 2, 3)] {
            inbox.deliver(message(phase, from, seq));
        }
        assert_eq!(inbox.delivered(), 2);
        assert_eq!(inbox.came().repeated, 1);
        assert_eq!(inbox.level(0), 1, "of node 1 there is one, of node 2 there are four");
    }
}

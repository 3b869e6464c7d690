//! Callers that wait for what becomes of their messages.

use hedgerow_base::{AppId, MessageId};
use hedgerow_overlay::{Answer, SendError};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Most callers that wait at once, over all apps. The core bounds them for each app.
const MOST: usize = 4096;

/// What became of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is on its way.
    Sent(MessageId),
    /// It is not, and why.
    NotSent(SendError),
    /// Who was asked, how many, and what they replied.
    Answered(usize, Vec<Answer>),
    /// What a peer speaks.
    Speaks(Vec<AppId>, Vec<String>),
}

/// Callers by the number of their request.
#[derive(Default)]
pub(crate) struct Waiting {
    last: u64,
    open: BTreeMap<u64, oneshot::Sender<Outcome>>,
}

impl Waiting {
    /// A number for a request, and where its outcome comes.
    pub(super) fn add(&mut self) -> (u64, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        self.open.retain(|_, waiter| !waiter.is_closed());
        if self.open.len() >= MOST {
            self.open.pop_first();
        }
        self.last += 1;
        self.open.insert(self.last, sender);
        (self.last, receiver)
    }

    /// Tells whoever waits for it.
    pub(super) fn tell(&mut self, request: u64, outcome: Outcome) {
        if let Some(waiter) = self.open.remove(&request) {
            let _ = waiter.send(outcome);
        }
    }
}

//! What the app says of messages (Z8), and messages for an app that is not running (Z3).

use crate::{
    api::{Received, Running},
    bounds::{IMMEDIATE, IMMEDIATE_BYTES, VERDICT_MS, VERDICTS},
    check::Came,
    peers::{Timer, World},
    score::Fault,
    swarm::Swarm,
};
use alloc::collections::{BTreeMap, VecDeque};
use hedgerow_base::MessageId;
use hedgerow_wire::overlay::{Tag, Unsealed};

/// Messages that wait for the app.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    waiting: BTreeMap<MessageId, (Unsealed, Came)>,
    /// For an app that is not running, with how they came.
    later: VecDeque<(Received, Came)>,
    later_bytes: usize,
}

impl Verdicts {
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < VERDICTS
    }
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps a message until the app runs; the oldest go if there are too many.
    pub(crate) fn keep_for_later(&mut self, received: Received, came: Came, now_ms: u64) {
        self.later_bytes += received.message.body().len();
        self.later.push_back((received, came));
        while self.later.len() > IMMEDIATE || self.later_bytes > IMMEDIATE_BYTES || self.first_is_over(now_ms) {
            let Some((dropped, _)) = self.later.pop_front() else {
                break;
            };
            self.later_bytes -= dropped.message.body().len();
        }
    }

    fn first_is_over(&self, now_ms: u64) -> bool {
        self.later
            .front()
            .is_some_and(|(received, came)| is_over(received, came, now_ms))
    }
}

fn is_over(received: &Received, came: &Came, now_ms: u64) -> bool {
    let age = u64::from(came.age_ms) + now_ms.saturating_sub(came.at_ms);
    age >= u64::from(received.message.header.ttl_ms)
}

impl Swarm {
    /// Holds a message until the app has judged it, or five seconds.
    pub(crate) fn await_verdict(&mut self, world: &mut World<'_>, message: Unsealed, came: Came) {
        let id = message.id;
        self.verdicts.waiting.insert(id, (message, came));
        world.wake(VERDICT_MS, Timer::Verdict(self.app, id));
    }

    /// The app judged a message.
    pub(crate) fn on_verdict(&mut self, world: &mut World<'_>, id: &MessageId, valid: bool) {
        if valid {
            return self.release(world, id);
        }
        let waited = self.verdicts.waiting.remove(id).map(|(message, _)| message);
        self.wanted.refused(&Tag::from(id));
        // It may have travelled on already: the signer pays all the same, if it is remembered who that was.
        let judged = waited.or_else(|| self.recent.get(&Tag::from(id)).map(|kept| kept.message.clone()));
        if let Some(message) = judged.filter(|message| message.id == *id) {
            self.recent.forget(&Tag::from(id));
            if let Some(who) = message.header.signer {
                self.charge_signer(world, who, Fault::Rejected);
            }
        }
    }

    /// A message was found valid, or the app said nothing for five seconds: it travels on.
    pub(crate) fn release(&mut self, world: &mut World<'_>, id: &MessageId) {
        if let Some((message, came)) = self.verdicts.waiting.remove(id) {
            self.pass_on(world, message, &came);
        }
    }

    /// The app began or ceased to run.
    pub(crate) fn on_running(&mut self, world: &mut World<'_>, running: Running) {
        self.running = running;
        if running != Running::Judges {
            let waiting: alloc::vec::Vec<_> = self.verdicts.waiting.keys().copied().collect();
            for id in waiting {
                self.release(world, &id);
            }
        }
        if running == Running::No {
            return;
        }
        self.verdicts.later_bytes = 0;
        for (received, came) in core::mem::take(&mut self.verdicts.later) {
            if !is_over(&received, &came, world.now_ms) {
                self.deliver(world, received);
            }
        }
    }
}

//! The memory of messages: two generations, so that forgetting costs nothing and memory is bounded.

use crate::bounds::{SEEN, SEEN_MS};
use alloc::collections::BTreeSet;
use hedgerow_base::MessageId;
use hedgerow_wire::overlay::Tag;

/// Ids of messages that came, and were taken or refused for good.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    young: BTreeSet<MessageId>,
    old: BTreeSet<MessageId>,
    since_ms: u64,
}

impl Seen {
    pub(crate) fn insert(&mut self, id: MessageId, now_ms: u64) {
        let late = now_ms.saturating_sub(self.since_ms) >= SEEN_MS;
        if late || self.young.len() >= SEEN {
            self.old = core::mem::take(&mut self.young);
            self.since_ms = now_ms;
        }
        self.young.insert(id);
    }

    pub(crate) fn has(&self, id: &MessageId) -> bool {
        self.young.contains(id) || self.old.contains(id)
    }

    pub(crate) fn has_tag(&self, tag: &Tag) -> bool {
        let (mut from, mut to) = ([0; 32], [0xff; 32]);
        from.iter_mut().zip(tag.0).for_each(|(to, byte)| *to = byte);
        to.iter_mut().zip(tag.0).for_each(|(to, byte)| *to = byte);
        let range = MessageId(from)..=MessageId(to);
        self.young.range(range.clone()).next().is_some() || self.old.range(range).next().is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

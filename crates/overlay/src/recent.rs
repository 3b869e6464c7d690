//! Messages that are kept for a while, to be given to those who ask.

use crate::bounds::{HOPS, RECENT, RECENT_BYTES, RECENT_MS};
use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use hedgerow_base::MessageId;
use hedgerow_wire::overlay::{Tag, Unsealed};

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) message: Unsealed,
    pub(crate) hops: u8,
    /// Its age when it came.
    pub(crate) age_ms: u32,
    pub(crate) at_ms: u64,
    /// One bit for each link whose other end has heard of it: it had it, or was told.
    pub(crate) knows: u64,
    /// One bit for each link whose other end has it for sure: it announced it or gave it, or asked for it.
    pub(crate) has: u64,
    /// One bit for each link over which it was given on request.
    pub(crate) given: u64,
    /// How often it was announced again.
    pub(crate) repairs: u8,
}

impl Kept {
    /// Its age now, and something for the way to the next.
    pub(crate) fn age(&self, now_ms: u64) -> u32 {
        let held = u32::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(u32::MAX);
        self.age_ms.saturating_add(held)
    }
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.age(now_ms) >= self.message.header.ttl_ms
    }
    pub(crate) fn size(&self) -> usize {
        self.message.envelope().as_bytes().len()
    }
}

/// All of them, the oldest first in `order`.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    kept: BTreeMap<Tag, Kept>,
    order: VecDeque<(u64, Tag)>,
    bytes: usize,
}

impl Recent {
    pub(crate) fn insert(&mut self, id: &MessageId, kept: Kept) {
        let tag = Tag::from(id);
        self.bytes += kept.size();
        self.order.push_back((kept.at_ms, tag));
        if let Some(before) = self.kept.insert(tag, kept) {
            self.bytes -= before.size();
        }
        while self.order.len() > RECENT || self.bytes > RECENT_BYTES {
            if !self.drop_oldest() {
                break;
            }
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, tag)) = self.order.pop_front() else {
            return false;
        };
        if let Some(kept) = self.kept.remove(&tag) {
            self.bytes -= kept.size();
        }
        true
    }

    /// Drops what is too old; answers when there will be more to drop.
    pub(crate) fn expire(&mut self, now_ms: u64) -> Option<u64> {
        while let Some((at_ms, _)) = self.order.front() {
            if at_ms + RECENT_MS > now_ms {
                return Some(at_ms + RECENT_MS - now_ms);
            }
            self.drop_oldest();
        }
        None
    }

    /// Those that nobody was told of, the oldest first.
    pub(crate) fn untold(&self, now_ms: u64) -> Vec<Tag> {
        let untold = |tag: &Tag| {
            let kept = self.kept.get(tag);
            kept.is_some_and(|kept| kept.knows == 0 && kept.hops < HOPS && !kept.is_over(now_ms))
        };
        self.order.iter().map(|(_, tag)| *tag).filter(untold).collect()
    }

    pub(crate) fn get(&self, tag: &Tag) -> Option<&Kept> {
        self.kept.get(tag)
    }
    pub(crate) fn get_mut(&mut self, tag: &Tag) -> Option<&mut Kept> {
        self.kept.get_mut(tag)
    }
    /// It is not given any more.
    pub(crate) fn forget(&mut self, tag: &Tag) {
        if let Some(kept) = self.kept.remove(tag) {
            self.bytes -= kept.size();
        }
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
    /// A place among the links is free, or taken by another.
    pub(crate) fn forget_place(&mut self, place: u8) {
        let mask = !(1u64 << (place & 63));
        for kept in self.kept.values_mut() {
            (kept.knows, kept.has, kept.given) = (kept.knows & mask, kept.has & mask, kept.given & mask);
        }
    }
    /// Nothing is given any more: what was checked by other rules is not vouched for.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

//! Entries that wait for what their author had seen.

use crate::bounds;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{LogId, NodeId};
use hedgerow_wire::sync::Header;

/// What an entry waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// An entry.
    Entry(LogId, u64),
    /// The key of an epoch.
    Epoch(u64),
}

/// An entry with a good signature.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) from: NodeId,
    pub(crate) header: Header,
    pub(crate) bytes: Vec<u8>,
    need: Need,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    entries: BTreeMap<(LogId, u64), Waiting>,
    waiters: BTreeMap<Need, BTreeSet<(LogId, u64)>>,
    used: BTreeMap<NodeId, (usize, usize)>,
    bytes: usize,
}

impl Pending {
    pub(crate) fn contains(&self, log: &LogId, seq: u64) -> bool {
        self.entries.contains_key(&(*log, seq))
    }
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
    /// Keeps an entry until `need` is met; `false` when there is no room.
    pub(crate) fn insert(&mut self, from: NodeId, header: Header, bytes: Vec<u8>, need: Need) -> bool {
        let size = bytes.len();
        let (count, used) = self.used.get(&from).copied().unwrap_or_default();
        let full = count >= bounds::PENDING_ENTRIES
            || used.saturating_add(size) > bounds::PENDING_BYTES
            || self.bytes.saturating_add(size) > bounds::PENDING_SPACE_BYTES;
        let id = (header.log, header.seq);
        if full || self.entries.contains_key(&id) {
            return !full;
        }
        self.used
            .insert(from, (count.saturating_add(1), used.saturating_add(size)));
        self.bytes = self.bytes.saturating_add(size);
        self.waiters.entry(need).or_default().insert(id);
        self.entries.insert(
            id,
            Waiting {
                from,
                header,
                bytes,
                need,
            },
        );
        true
    }
    fn take(&mut self, id: &(LogId, u64)) -> Option<Waiting> {
        let waiting = self.entries.remove(id)?;
        if let Some(waiters) = self.waiters.get_mut(&waiting.need) {
            waiters.remove(id);
            if waiters.is_empty() {
                self.waiters.remove(&waiting.need);
            }
        }
        self.bytes = self.bytes.saturating_sub(waiting.bytes.len());
        if let Some((count, used)) = self.used.get_mut(&waiting.from) {
            *count = count.saturating_sub(1);
            *used = used.saturating_sub(waiting.bytes.len());
            if *count == 0 {
                self.used.remove(&waiting.from);
            }
        }
        Some(waiting)
    }
    /// Takes out all that waited for `need`.
    pub(crate) fn wake(&mut self, need: &Need) -> Vec<Waiting> {
        let ids: Vec<_> = self.waiters.get(need).into_iter().flatten().copied().collect();
        ids.iter().filter_map(|id| self.take(id)).collect()
    }
    /// Takes out everything: what counts has changed.
    pub(crate) fn wake_all(&mut self) -> Vec<Waiting> {
        self.waiters.clear();
        self.used.clear();
        self.bytes = 0;
        core::mem::take(&mut self.entries).into_values().collect()
    }
    /// Forgets what a peer sent; it is fetched again when needed.
    pub(crate) fn forget(&mut self, peer: &NodeId) {
        let ids: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, w)| w.from == *peer)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.take(&id);
        }
    }
}

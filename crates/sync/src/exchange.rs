//! What a peer lacks and how it gets it: digests, vectors, pushes, proofs of forks.

use crate::{
    admit::Standing,
    api::{Effect, EntryRange},
    bounds,
    deliver::FAULT,
    neighbour::Neighbour,
    space::{Fresh, Space},
};
use alloc::{collections::BTreeMap, vec::Vec};
use hedgerow_base::{LogId, NodeId, limits};
use hedgerow_wire::sync::{EntryBytes, ForkProof, MAX_VECTOR, SyncFrame, VectorItem};
use minicbor::{Decode, Encode};

/// Two whole vectors to one peer are at least this far apart.
const VECTOR_PAUSE_MS: u64 = 1_000;
/// After something could not be kept, the digest goes out this soon.
const MISSED_MS: u64 = 1_000;
/// Most logs of a peer that are kept in mind.
const MAX_KNOWN: usize = bounds::SPACE_LOGS * 2;

/// What a space remembers beside its entries.
#[derive(Encode, Decode)]
#[cbor(map)]
struct State {
    #[n(0)]
    forks: Vec<ForkProof>,
}

impl Space {
    pub(crate) fn send_summary(&self, peer: NodeId, out: &mut Vec<Effect>) {
        let frame = SyncFrame::Summary {
            space: self.id,
            digest: self.digest(),
        };
        out.push(Effect::Send {
            peer,
            bytes: frame.to_bytes(),
        });
    }

    fn send_vector(&mut self, now_ms: u64, peer: NodeId, out: &mut Vec<Effect>) {
        let items = self.vector();
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        neighbour.vector_sent_ms = Some(now_ms);
        let parts = items.len().div_ceil(MAX_VECTOR).max(1);
        for part in 0..parts {
            let from = part.saturating_mul(MAX_VECTOR);
            let items = items.iter().skip(from).take(MAX_VECTOR).copied().collect();
            let (begin, end) = (part == 0, part.saturating_add(1) == parts);
            let frame = SyncFrame::Vector {
                space: self.id,
                begin,
                end,
                items,
            };
            out.push(Effect::Send {
                peer,
                bytes: frame.to_bytes(),
            });
        }
    }

    /// A peer's digest: if it differs, tell what we have.
    pub(crate) fn on_summary(&mut self, now_ms: u64, peer: NodeId, digest: &[u8; 32], out: &mut Vec<Effect>) {
        let own = self.digest();
        let items = (own == *digest).then(|| self.vector());
        let Some(neighbour) = self.neighbours.get_mut(&peer).filter(|n| n.speaks()) else {
            return;
        };
        if let Some(items) = items {
            neighbour.known = items.iter().map(|item| (item.log, item.next)).collect();
            neighbour.synced = true;
            return;
        }
        if neighbour
            .vector_sent_ms
            .is_none_or(|sent| now_ms.saturating_sub(sent) >= VECTOR_PAUSE_MS)
        {
            self.send_vector(now_ms, peer, out);
        }
        self.send_forks(peer, out);
    }

    /// A peer's vector, or a part of it.
    pub(crate) fn on_vector(
        &mut self,
        now_ms: u64,
        peer: NodeId,
        (begin, end): (bool, bool),
        items: &[VectorItem],
        out: &mut Vec<Effect>,
    ) {
        let Some(neighbour) = self.neighbours.get_mut(&peer).filter(|n| n.speaks()) else {
            return;
        };
        if begin {
            neighbour.known.clear();
            neighbour.told.clear();
        }
        let room = MAX_KNOWN.saturating_sub(neighbour.known.len());
        if items.len() > room {
            return out.push(Effect::Misbehaved {
                peer,
                what: "a vector of too many logs",
                points: FAULT,
            });
        }
        neighbour.collecting = (neighbour.collecting || begin) && !end;
        for item in items {
            neighbour.known.insert(item.log, item.next);
            neighbour.told.insert(item.log, (item.next, item.head));
        }
        if neighbour.collecting {
            return;
        }
        if end {
            neighbour.synced = true;
        }
        let lacking = self.lacks(&peer);
        self.push_missing(peer, out);
        self.send_forks(peer, out);
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        neighbour.told.clear();
        let quiet = neighbour
            .vector_sent_ms
            .is_none_or(|sent| now_ms.saturating_sub(sent) >= VECTOR_PAUSE_MS);
        if lacking && quiet {
            self.send_vector(now_ms, peer, out);
        }
    }

    /// Whether a peer has told of entries that are missing here.
    fn lacks(&self, peer: &NodeId) -> bool {
        let Some(neighbour) = self.neighbours.get(peer) else {
            return false;
        };
        let missing = |(log, (next, _)): (&LogId, &(u64, u64))| {
            let own = self.logs.get(log).map_or(0, |log| log.next);
            let limit = self.limit(log).unwrap_or(u64::MAX);
            *next != u64::MAX && *next > own && own < limit
        };
        neighbour.told.iter().any(missing)
    }

    /// Sends a member what it lacks, from the store.
    fn push_missing(&mut self, peer: NodeId, out: &mut Vec<Effect>) {
        let Some(neighbour) = self.neighbours.get(&peer) else {
            return;
        };
        if neighbour.standing != Standing::Proven || !neighbour.synced {
            return;
        }
        let mut wanted = Vec::new();
        for (id, log) in &self.logs {
            let offered = self.offered(id);
            let known = neighbour.known.get(id).copied().unwrap_or(0);
            let own = self.item(id, log);
            let differs = neighbour.told.get(id).is_some_and(|(next, head)| {
                *next == own.next && *head != own.head && *head != 0 && own.head != 0 && own.next > 0
            });
            if known < offered {
                wanted.push(EntryRange {
                    log: *id,
                    from: known,
                    to: offered,
                });
            } else if differs {
                // The same number of entries, but not the same ones: who has both can prove the fork.
                wanted.push(EntryRange {
                    log: *id,
                    from: offered.saturating_sub(1),
                    to: offered,
                });
            }
        }
        self.send_ranges(peer, &wanted, out);
    }

    fn send_ranges(&mut self, peer: NodeId, wanted: &[EntryRange], out: &mut Vec<Effect>) {
        let ranges = self.ranges(wanted);
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        for range in wanted {
            let known = neighbour.known.entry(range.log).or_insert(0);
            *known = range.to.max(*known);
        }
        if !ranges.is_empty() {
            out.push(Effect::SendEntries {
                peer,
                space: self.id,
                ranges,
            });
        }
    }

    /// Passes what was delivered in this step on to the members who lack it, and never back to where it came from.
    pub(crate) fn spread(&mut self, out: &mut Vec<Effect>) {
        let mut fresh = core::mem::take(&mut self.fresh);
        self.fresh_bytes = 0;
        fresh.retain(|item| item.seq < self.offered(&item.log));
        if fresh.is_empty() {
            return;
        }
        let ready = |n: &Neighbour| n.standing == Standing::Proven && n.synced && !n.collecting;
        let peers: Vec<NodeId> = self
            .neighbours
            .iter()
            .filter(|(_, n)| ready(n))
            .map(|(peer, _)| *peer)
            .collect();
        for peer in peers {
            self.spread_to(peer, &fresh, out);
        }
    }

    fn spread_to(&mut self, peer: NodeId, fresh: &[Fresh], out: &mut Vec<Effect>) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        let mut from: BTreeMap<LogId, u64> = BTreeMap::new();
        let (mut entries, mut stored, mut size) = (Vec::new(), false, 0usize);
        let mut wanted: BTreeMap<LogId, EntryRange> = BTreeMap::new();
        for item in fresh {
            let start = neighbour.known.get(&item.log).copied().unwrap_or(0);
            let known = *from.entry(item.log).or_insert(start);
            if known > item.seq {
                continue;
            }
            stored |= known < item.seq || item.bytes.is_none();
            if let Some(bytes) = &item.bytes {
                size = size.saturating_add(bytes.len()).saturating_add(8);
                entries.push(EntryBytes(bytes));
            }
            let to = item.seq.saturating_add(1);
            from.insert(item.log, to);
            wanted
                .entry(item.log)
                .or_insert(EntryRange {
                    log: item.log,
                    from: known,
                    to,
                })
                .to = to;
        }
        if wanted.is_empty() {
            return;
        }
        if stored || size > bounds::PUSH_BYTES.saturating_mul(2).min(limits::MAX_FRAME / 2) {
            let wanted: Vec<EntryRange> = wanted.into_values().collect();
            return self.send_ranges(peer, &wanted, out);
        }
        neighbour.known.extend(from);
        let frame = SyncFrame::Entries {
            space: self.id,
            entries,
        };
        out.push(Effect::Send {
            peer,
            bytes: frame.to_bytes(),
        });
    }

    /// Notes a proof that a log was forked; nothing of it counts from there on.
    pub(crate) fn take_fork(&mut self, proof: ForkProof, out: &mut Vec<Effect>) -> bool {
        let Ok((log, seq)) = proof.verify(&self.id) else {
            return false;
        };
        if self.forks.get(&log).is_some_and(|(known, _)| *known <= seq) || self.forks.len() >= bounds::FORKS {
            return true;
        }
        let first = self.forks.insert(log, (seq, proof.clone())).is_none();
        self.tips.remove(&log);
        out.push(Effect::PersistState {
            space: self.id,
            bytes: self.state(),
        });
        if first {
            out.push(Effect::Forked {
                space: self.id,
                log,
                own: log == self.own,
            });
        }
        let frame = SyncFrame::Fork { space: self.id, proof }.to_bytes();
        for (peer, neighbour) in self
            .neighbours
            .iter_mut()
            .filter(|(_, n)| n.standing == Standing::Proven)
        {
            neighbour.forks_sent.insert(log);
            out.push(Effect::Send {
                peer: *peer,
                bytes: frame.clone(),
            });
        }
        true
    }

    /// Tells a member of all forks that it was not told of in this connection.
    fn send_forks(&mut self, peer: NodeId, out: &mut Vec<Effect>) {
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        if neighbour.standing != Standing::Proven {
            return;
        }
        for (log, (_, proof)) in &self.forks {
            if neighbour.forks_sent.insert(*log) {
                let frame = SyncFrame::Fork {
                    space: self.id,
                    proof: proof.clone(),
                };
                out.push(Effect::Send {
                    peer,
                    bytes: frame.to_bytes(),
                });
            }
        }
    }

    /// A proof from a peer.
    pub(crate) fn on_fork(&mut self, peer: NodeId, proof: ForkProof, out: &mut Vec<Effect>) {
        let Some(neighbour) = self.neighbours.get_mut(&peer).filter(|n| n.speaks()) else {
            return;
        };
        if let Ok(header) = proof.first.read() {
            neighbour.forks_sent.insert(header.log);
            if self.forks.get(&header.log).is_some_and(|(seq, _)| *seq <= header.seq) {
                return;
            }
        }
        if !self.take_fork(proof, out) {
            out.push(Effect::Misbehaved {
                peer,
                what: "a proof that proves nothing",
                points: FAULT,
            });
        }
        self.retry_pending(out);
    }

    fn state(&self) -> Vec<u8> {
        let forks = self.forks.values().map(|(_, proof)| proof.clone()).collect();
        let mut bytes = Vec::new();
        // Writing to memory has no error.
        let _ = minicbor::encode(State { forks }, &mut bytes);
        bytes
    }

    /// Takes back what [`Effect::PersistState`] told. A damaged state is as none: forks are found again.
    pub(crate) fn restore_state(&mut self, bytes: &[u8]) {
        let Ok(state) = minicbor::decode::<State>(bytes) else {
            return;
        };
        for proof in state.forks.into_iter().take(bounds::FORKS) {
            if let Ok((log, seq)) = proof.verify(&self.id) {
                self.forks.insert(log, (seq, proof));
            }
        }
    }

    /// Digests that are due.
    pub(crate) fn tick(&mut self, now_ms: u64, mut next_due: impl FnMut() -> u64, out: &mut Vec<Effect>) {
        let due: Vec<NodeId> = self
            .neighbours
            .iter()
            .filter(|(_, n)| n.due_ms <= now_ms)
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            let Some(neighbour) = self.neighbours.get_mut(&peer) else {
                continue;
            };
            neighbour.due_ms = next_due();
            let missed = core::mem::take(&mut neighbour.missed);
            if !neighbour.speaks() {
                continue;
            }
            match missed {
                true => self.send_vector(now_ms, peer, out),
                false => self.send_summary(peer, out),
            }
        }
    }

    /// Brings the next digest forward where something could not be kept.
    pub(crate) fn hurry(&mut self, now_ms: u64) {
        for neighbour in self.neighbours.values_mut().filter(|n| n.missed) {
            neighbour.due_ms = neighbour.due_ms.min(now_ms.saturating_add(MISSED_MS));
        }
    }
}

//! Comparing two directories by coded symbols: what differs is found for about 20 bytes a difference, whatever there is.
//!
//! Both sides open with a fingerprint and a count. If they differ, the side of the lower fingerprint asks for symbols of
//! the other until it knows what differs, sends what the other lacks, and asks for what it lacks itself. The other side
//! opens once more, so that a change between the two openings leaves nobody waiting. Sets that are small, or differ by
//! much, are compared by ranges ([`crate::recon`]), and so is whatever goes wrong here.

use crate::{
    api::Effect,
    core::Directory,
    recon::Answer,
    riblt::{Decoder, Encoder, Key, Progress, Symbol},
};
use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use hedgerow_base::{NodeId, RecordId, hash::hash};
use hedgerow_wire::directory::{DirectoryFrame, MAX_IDS, MAX_SYMBOLS, Range, Say, Symbol as WireSymbol};

/// Sets with at most so many ids are compared by ranges: a list is as short.
const SMALL: usize = 24;
/// Counts that differ by more are compared by ranges.
const FAR: usize = 4_000;
/// Symbols that are asked for first; then half as many as there are.
const FIRST: u32 = 48;
/// Sessions in which this node answers, or asks, at once: each takes 24 bytes of memory for each record.
const MOST_SESSIONS: usize = 8;

/// What goes on with one peer.
#[derive(Default)]
pub(crate) struct Sketch {
    asks: Option<Box<(Key, Decoder)>>,
    answers: Option<Box<(Key, Encoder)>>,
}

impl Directory {
    /// Tells a peer what there is.
    pub(crate) fn open(&self, peer: NodeId, effects: &mut Vec<Effect>) {
        let frame = DirectoryFrame::Open {
            print: self.ids.print(),
            count: u32::try_from(self.ids.len()).unwrap_or(u32::MAX),
        };
        effects.push(send(peer, &frame));
    }

    /// A peer tells what it has.
    pub(crate) fn opened(&mut self, from: NodeId, print: [u8; 16], count: u32, effects: &mut Vec<Effect>) {
        let own = self.ids.print();
        if own == print {
            return effects.push(Effect::Compared { peer: from });
        }
        let (mine, theirs) = (self.ids.len(), count as usize);
        if mine.min(theirs) <= SMALL || mine.abs_diff(theirs) > FAR || self.sessions() >= MOST_SESSIONS {
            return self.by_ranges(from, effects);
        }
        if own > print {
            // The other one asks. It hears of the present state, so that it knows that it is its turn.
            return self.open(from, effects);
        }
        let key = self.next_key(&from);
        let ids: Vec<RecordId> = self.ids.iter().copied().collect();
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.sketch.asks.is_some() {
            return;
        }
        peer.sketch.asks = Some(Box::new((key, Decoder::new(key, ids.into_iter()))));
        effects.push(ask(from, key, 0, FIRST));
    }

    /// A peer asks for symbols.
    pub(crate) fn asked(&mut self, from: NodeId, key: [u8; 16], first: u32, count: u32, effects: &mut Vec<Effect>) {
        let key = Key(key);
        let busy = self.sessions() >= MOST_SESSIONS;
        let Some(peer) = self.peers.get_mut(&from) else { return };
        if peer.sketch.answers.as_ref().is_none_or(|session| session.0 != key) {
            if busy || first != 0 {
                return self.by_ranges(from, effects);
            }
            peer.sketch.answers = Some(Box::new((key, Encoder::new(key, self.ids.iter().copied()))));
        }
        let Some(session) = &mut peer.sketch.answers else {
            return;
        };
        let (from_number, to) = (first as usize, first.saturating_add(count) as usize);
        let symbols = session.1.symbols(from_number, to).iter().map(|symbol| WireSymbol {
            sum: symbol.sum,
            check: symbol.check,
            count: symbol.count,
        });
        let frame = DirectoryFrame::Symbols {
            from: first,
            symbols: symbols.collect(),
        };
        effects.push(send(from, &frame));
    }

    /// Symbols that were asked for.
    pub(crate) fn symbols(&mut self, from: NodeId, first: u32, symbols: &[WireSymbol], effects: &mut Vec<Effect>) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let Some(mut session) = peer.sketch.asks.take() else {
            return;
        };
        // Those of an earlier question, or of none.
        if session.1.taken() != first as usize {
            peer.sketch.asks = Some(session);
            return;
        }
        let symbols: Vec<Symbol> = symbols
            .iter()
            .map(|symbol| Symbol {
                sum: symbol.sum,
                check: symbol.check,
                count: symbol.count,
            })
            .collect();
        if symbols.is_empty() {
            return self.by_ranges(from, effects);
        }
        let key = session.0;
        match session.1.add(&symbols) {
            Progress::More => {
                let taken = u32::try_from(session.1.taken()).unwrap_or(u32::MAX);
                let more = (taken / 2).clamp(FIRST, MAX_SYMBOLS as u32);
                peer.sketch.asks = Some(session);
                effects.push(ask(from, key, taken, more));
            }
            Progress::Done { theirs, ours } => {
                // What came or went in the meantime was offered by itself.
                let ours: Vec<RecordId> = ours.into_iter().filter(|id| self.ids.contains(id)).collect();
                if !ours.is_empty() {
                    effects.push(Effect::SendRecords { peer: from, ids: ours });
                }
                let refused: BTreeSet<u64> = self.refused.iter().map(|id| key.short(id)).collect();
                let wanted: Vec<u64> = theirs.into_iter().filter(|short| !refused.contains(short)).collect();
                for ids in wanted.chunks(MAX_IDS) {
                    let frame = DirectoryFrame::WantShort {
                        key: key.0,
                        ids: ids.to_vec(),
                    };
                    effects.push(send(from, &frame));
                }
            }
            Progress::TooDifferent => self.by_ranges(from, effects),
        }
    }

    /// The ids that a peer names by their short ones.
    pub(crate) fn of_short(&self, key: [u8; 16], ids: Vec<u64>) -> Vec<RecordId> {
        let (key, wanted): (Key, BTreeSet<u64>) = (Key(key), ids.into_iter().collect());
        self.ids
            .iter()
            .filter(|id| wanted.contains(&key.short(id)))
            .copied()
            .collect()
    }

    /// Compares by ranges instead.
    fn by_ranges(&mut self, peer: NodeId, effects: &mut Vec<Effect>) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.sketch = Sketch::default();
        }
        // As if the other had nothing in common: a whole range that is not the same.
        let range = Range {
            end: None,
            say: Say::Print { print: [0; 16] },
        };
        let Answer { ranges, .. } = self.ids.answer(&[range]);
        effects.push(send(peer, &DirectoryFrame::Reconcile { ranges }));
    }

    fn sessions(&self) -> usize {
        let sketches = self.peers.values().map(|peer| &peer.sketch);
        sketches
            .map(|sketch| usize::from(sketch.asks.is_some()) + usize::from(sketch.answers.is_some()))
            .sum()
    }

    /// A key that no author could know when making records.
    fn next_key(&mut self, peer: &NodeId) -> Key {
        self.sessions_begun = self.sessions_begun.wrapping_add(1);
        let number = self.sessions_begun.to_le_bytes();
        let digest = hash("hedgerow 2026 sketch key v1", &[&self.seed, &peer.0, &number]);
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Key(key)
    }
}

fn send(peer: NodeId, frame: &DirectoryFrame) -> Effect {
    Effect::Send {
        peer,
        bytes: frame.to_bytes(),
    }
}

fn ask(peer: NodeId, key: Key, from: u32, count: u32) -> Effect {
    send(
        peer,
        &DirectoryFrame::Ask {
            key: key.0,
            from,
            count,
        },
    )
}

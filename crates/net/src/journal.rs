//! What happened between this node and each peer lately, so that a person can see why a connection is as it is. Only in
//! memory, bounded per peer and in all. The time comes from the caller.

use hedgerow_base::NodeId;
use std::collections::{BTreeMap, VecDeque};

/// Notes about one peer that are kept.
const MAX_NOTES: usize = 48;
/// Peers about whom notes are kept; who was heard of longest ago goes.
const MAX_PEERS: usize = 256;

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was found on the local network.
    Found,
    /// A lookup was made or answered.
    Lookup,
    /// A dial began.
    Dial,
    /// A dial ended without a connection.
    Failed,
    /// A connection stands.
    Connected,
    /// A path was opened.
    PathOpened,
    /// A path was closed.
    PathClosed,
    /// Packets take this path from now on.
    PathChosen,
    /// The connection ended.
    Disconnected,
}

impl Step {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Lookup => "lookup",
            Self::Dial => "dial",
            Self::Failed => "failed",
            Self::Connected => "connected",
            Self::PathOpened => "path opened",
            Self::PathClosed => "path closed",
            Self::PathChosen => "path chosen",
            Self::Disconnected => "disconnected",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, milliseconds since 1970.
    pub at_ms: u64,
    /// What.
    pub step: Step,
    /// For people: addresses, reasons.
    pub text: String,
}

/// All notes.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    notes: BTreeMap<NodeId, VecDeque<Note>>,
}

impl Journal {
    pub(crate) fn note(&mut self, at_ms: u64, node: NodeId, step: Step, text: String) {
        if self.notes.len() >= MAX_PEERS && !self.notes.contains_key(&node) {
            let last = |(_, notes): &(&NodeId, &VecDeque<Note>)| notes.back().map_or(0, |note| note.at_ms);
            let oldest = self.notes.iter().min_by_key(last).map(|(node, _)| *node);
            oldest.map(|node| self.notes.remove(&node));
        }
        let notes = self.notes.entry(node).or_default();
        if notes.len() >= MAX_NOTES {
            notes.pop_front();
        }
        notes.push_back(Note { at_ms, step, text });
    }

    /// Oldest first.
    pub(crate) fn of(&self, node: &NodeId) -> Vec<Note> {
        self.notes.get(node).into_iter().flatten().cloned().collect()
    }

    pub(crate) fn forget(&mut self, node: &NodeId) {
        self.notes.remove(node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_notes_of_the_latest_peers_are_kept() {
        let mut journal = Journal::default();
        let node = |n: u64| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            NodeId(id)
        };
        for n in 0..300 {
            for at in 0..60 {
                journal.note(n * 100 + at, node(n), Step::Dial, format!("{at}"));
            }
        }
        assert_eq!(journal.notes.len(), MAX_PEERS);
        assert!(journal.of(&node(0)).is_empty(), "the first was heard of longest ago");
        let last = journal.of(&node(299));
        assert_eq!(last.len(), MAX_NOTES);
        assert_eq!((last[0].text.as_str(), last[47].text.as_str()), ("12", "59"));
        journal.forget(&node(299));
        assert!(journal.of(&node(299)).is_empty());
    }
}

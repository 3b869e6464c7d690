//! The newest release of each widget that a node has heard of: what an update spreads by (W23).

use alloc::collections::BTreeMap;

/// The highest sequence number heard for each widget; never goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest<W> {
    most: usize,
    heard: BTreeMap<W, u64>,
}

impl<W: Ord + Copy> Latest<W> {
    /// Of at most so many widgets.
    pub const fn new(most: usize) -> Self {
        Self {
            most,
            heard: BTreeMap::new(),
        }
    }

    /// Takes a release whose signatures were checked. True if it is newer than what was known.
    pub fn learn(&mut self, widget: W, seq: u64) -> bool {
        let room = self.heard.len() < self.most;
        match self.heard.get_mut(&widget) {
            Some(known) if *known < seq => {
                *known = seq;
                true
            }
            None if room => {
                self.heard.insert(widget, seq);
                true
            }
            _ => false,
        }
    }

    /// Takes many.
    pub fn learn_all(&mut self, releases: impl Iterator<Item = (W, u64)>) {
        releases.for_each(|(widget, seq)| {
            self.learn(widget, seq);
        });
    }

    /// The newest of a widget.
    pub fn of(&self, widget: &W) -> Option<u64> {
        self.heard.get(widget).copied()
    }

    /// All, in the order of the widgets.
    pub fn all(&self) -> impl Iterator<Item = (W, u64)> + '_ {
        self.heard.iter().map(|(widget, seq)| (*widget, *seq))
    }
}

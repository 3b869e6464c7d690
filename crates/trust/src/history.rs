//! What came of the last downloads from one source.

use crate::votes::{Common, edge};

/// The last 32 downloads from a source. Older ones are forgotten, so nobody saves up good deeds for the day on which it
/// turns, and nobody pays for ever for a mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The newest is the lowest bit; set for good.
    outcomes: u32,
    known: u8,
}

impl History {
    /// Adds the newest: whether what came was verified and good.
    pub const fn add(&mut self, good: bool) {
        self.outcomes = self.outcomes << 1 | good as u32;
        if self.known < 32 {
            self.known += 1;
        }
    }

    /// How many were good.
    pub const fn good(&self) -> u32 {
        self.outcomes.count_ones()
    }

    /// How many were bad.
    pub const fn bad(&self) -> u32 {
        self.known as u32 - self.good()
    }

    /// Whether one in five or more was bad.
    pub const fn is_bad(&self) -> bool {
        self.bad() > 0 && self.bad() * 4 >= self.good()
    }

    /// The weight of an edge of trust to the source ([`edge`]).
    pub fn edge(&self, common: &Common) -> f64 {
        edge(self.good(), self.bad(), common)
    }
}

//! What two nodes tell each other in a round of the exchange (W19, W21).

use super::{DirectoryFrameError, MAX_CERTIFICATES, MAX_COUNTS, MAX_FLAGS};
use alloc::vec::Vec;
use hedgerow_base::WidgetId;
use minicbor::{Decode, Encode, bytes::ByteVec};

/// How many different people the sender met first-hand who have a widget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Count {
    /// Which.
    #[n(0)]
    pub widget: WidgetId,
    /// How many.
    #[n(1)]
    pub people: u32,
}

/// One side of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Round {
    /// What the sender has installed, a record of kind installs; nothing if it does not tell.
    #[n(0)]
    pub installs: Option<ByteVec>,
    /// Different people that it met first-hand.
    #[n(1)]
    pub met: u32,
    /// Of those, how many have each widget; the most used ones. Ordered by widget, each once.
    #[n(2)]
    pub counts: Vec<Count>,
    /// Certificates: the one learned last and random others.
    #[n(3)]
    pub certificates: Vec<ByteVec>,
    /// Tags of certificates that the sender has.
    #[n(4)]
    pub flags: Vec<u32>,
    /// Tags of certificates that it lacks and would like.
    #[n(5)]
    pub pull: Vec<u32>,
    /// Whether an answer is wanted; an answer wants none.
    #[n(6)]
    pub answer: bool,
}

impl Round {
    /// Checks every bound.
    ///
    /// # Errors
    /// `Malformed`.
    pub(super) fn check(&self) -> Result<(), DirectoryFrameError> {
        let ordered = self.counts.windows(2).all(|pair| pair[0].widget < pair[1].widget);
        let possible = self.counts.iter().all(|count| count.people <= self.met);
        let lists = self.counts.len() <= MAX_COUNTS && self.certificates.len() <= MAX_CERTIFICATES;
        let tags = self.flags.len() <= MAX_FLAGS && self.pull.len() <= MAX_FLAGS;
        if ordered && possible && lists && tags {
            Ok(())
        } else {
            Err(DirectoryFrameError::Malformed("round"))
        }
    }
}

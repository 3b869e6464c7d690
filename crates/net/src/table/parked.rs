//! Peers that are there, but without a connection.

use super::{Known, Table};
use hedgerow_base::NodeId;
use tokio::time::Instant;

/// Whether a peer does without a connection because there is nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parked {
    /// No.
    No,
    /// Yes: it is there, and is not dialled.
    Yes,
    /// It was; now there is something to say.
    Called,
}

impl Known {
    /// No dial is under way, and one may be.
    pub(super) fn is_waiting(&self) -> bool {
        self.dial.is_none() && self.parked != Parked::Yes
    }

    /// There is something to say to it.
    pub(super) fn call(&mut self) {
        if self.parked == Parked::Yes {
            self.parked = Parked::Called;
        }
    }
}

impl Table {
    /// There is something to say to a parked peer: dials it. Whether it was parked.
    pub(crate) fn call(&mut self, node: &NodeId, now: Instant) -> bool {
        let Some(known) = self.known.get_mut(node) else {
            return false;
        };
        let parked = known.parked == Parked::Yes;
        if parked && known.next.is_some() {
            known.call();
            known.failures = 0;
            known.next = Some(now);
        }
        parked
    }

    /// Peers that are there, but without a connection.
    pub(crate) fn parked(&self) -> impl Iterator<Item = NodeId> {
        let parked = |known: &Known| known.parked != Parked::No;
        self.known
            .iter()
            .filter(move |(_, known)| parked(known))
            .map(|(node, _)| *node)
    }

    /// A link was parked; `must_return` when there is something to say already. `false` if it is not to be dialled at
    /// all.
    pub(super) fn park(&mut self, node: &NodeId, must_return: bool, now: Instant) -> bool {
        let Some(known) = self.known.get_mut(node).filter(|known| known.next.is_some()) else {
            return false;
        };
        known.parked = Parked::Yes;
        if must_return {
            self.call(node, now);
        }
        true
    }
}

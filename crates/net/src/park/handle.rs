//! What the node says and asks about parking.

use super::ParkReport;
use crate::{net::Net, queue::lock};
use hedgerow_base::NodeId;
use std::collections::BTreeSet;
use tokio::time::Instant;

impl Net {
    /// There is something to say to a parked peer: the connection comes back. `true` if the peer was parked.
    pub fn call(&self, node: &NodeId) -> bool {
        let called = lock(&self.inner().table).call(node, Instant::now());
        if called {
            self.inner().wake_dialler.notify_one();
        }
        called
    }

    /// Something was said to a peer or by it, so its connection is in use: it is not parked for a while. For messages
    /// that the network cannot tell from those that nodes repeat all the time; live messages, long ones and requests
    /// count without.
    pub fn touch(&self, node: &NodeId) {
        if let Ok(link) = self.link(node) {
            link.usage.touch();
        }
    }

    /// These peers are not parked, though nothing may be said for long. Replaces what was held before.
    pub fn hold(&self, nodes: BTreeSet<NodeId>) {
        lock(&self.inner().park).hold(nodes);
    }

    /// Peers that are there, but without a connection.
    pub fn parked(&self) -> BTreeSet<NodeId> {
        lock(&self.inner().table).parked().collect()
    }

    /// What idling costs this node.
    pub fn park_report(&self) -> ParkReport {
        self.inner().park_report()
    }
}

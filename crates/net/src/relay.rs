//! Relaying for others (O8): the engine's relay on a TCP port of this machine, behind a [`door`] of our own that shows
//! this node's key ([`tls`]) and keeps the limits that the person sets ([`quota`]). It passes on sealed packets between
//! nodes and can read none of them.

mod at;
mod door;
mod quota;
pub(crate) mod tls;
mod whose;

pub use at::{NotARelay, RelayAt};
pub(crate) use quota::Quota;
pub use quota::{MonthUse, RelayLimits, Stage, month_of};
pub(crate) use whose::{Answered, who_answers, whose};

use crate::queue::lock;
use door::Door;
use hedgerow_base::{NodeId, SecretKey};
use iroh::EndpointId;
use iroh_relay::server::{Access, AccessControl, ClientRequest, ConnectionId, Metrics, clients::Clients};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::SocketAddr,
    sync::{Arc, Mutex, atomic::AtomicU64},
};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_rustls::TlsAcceptor;

/// What the person set about relaying for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Relay at all, when this node can be reached.
    pub on: bool,
    /// How much.
    pub limits: RelayLimits,
    /// Used before this run.
    pub month: MonthUse,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            on: true,
            limits: RelayLimits::default(),
            month: MonthUse::default(),
        }
    }
}

/// What the relay does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayUse {
    /// Nodes that use it.
    pub clients: usize,
    /// Bytes since the start, in and out.
    pub bytes: u64,
    /// Bytes of this month, in and out.
    pub month: MonthUse,
    /// Its limits.
    pub limits: RelayLimits,
    /// Clients that were not let in.
    pub refused: u64,
    /// How far the limits are.
    pub stage: Stage,
}

/// Who is never let in.
pub(crate) type Barred = Arc<dyn Fn(&NodeId) -> bool + Send + Sync>;

type Present = Arc<Mutex<BTreeMap<NodeId, usize>>>;

struct Guest {
    barred: Barred,
    /// Who is here, with how many connections.
    present: Present,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guest")
    }
}

impl AccessControl for Guest {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let node = NodeId(*request.endpoint_id().as_bytes());
        if (self.barred)(&node) {
            return Access::Deny {
                reason: Some("this relay does not serve you".into()),
            };
        }
        *lock(&self.present).entry(node).or_default() += 1;
        Access::Allow
    }
    fn on_disconnect(&self, node: EndpointId, _: ConnectionId) {
        if let Entry::Occupied(mut entry) = lock(&self.present).entry(NodeId(*node.as_bytes())) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Who can be reached over a relay at any time.
pub(crate) struct Presence(Present);

impl Presence {
    pub(crate) fn has(&self, node: &NodeId) -> bool {
        lock(&self.0).contains_key(node)
    }
}

/// A running relay.
pub(crate) struct Relay {
    door: Arc<Door>,
    accepting: JoinHandle<()>,
    addr: SocketAddr,
    present: Present,
}

impl Relay {
    /// Starts to relay on a TCP address. The times of the quota count from `begin`.
    pub(crate) async fn start(
        addr: SocketAddr,
        secret: &SecretKey,
        quota: Arc<Mutex<Quota>>,
        begin: Instant,
        barred: Barred,
    ) -> Result<Self, String> {
        let listener = TcpListener::bind(addr).await.map_err(|e| e.to_string())?;
        let addr = listener.local_addr().map_err(|e| e.to_string())?;
        let present = Present::default();
        let guest = Guest {
            barred,
            present: present.clone(),
        };
        let door = Arc::new(Door {
            quota,
            clients: Clients::default(),
            access: Arc::new(guest),
            tls: TlsAcceptor::from(Arc::new(tls::server(secret)?)),
            begin,
            next: AtomicU64::new(1),
            keys: door::keys(),
            metrics: Arc::new(Metrics::default()),
        });
        let accepting = tokio::spawn(door.clone().open(listener));
        Ok(Self {
            door,
            accepting,
            addr,
            present,
        })
    }
    /// Ends the connections of a node.
    pub(crate) fn expel(&self, node: &NodeId) {
        if let Ok(id) = EndpointId::from_bytes(node.as_bytes()) {
            self.door.clients.disconnect(id, None);
        }
    }
    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }
    /// Who can be reached over it.
    pub(crate) fn presence(&self) -> Presence {
        Presence(self.present.clone())
    }
    /// Ends it.
    pub(crate) async fn stop(self) {
        self.accepting.abort();
        let _ = self.accepting.await;
        self.door.clients.shutdown().await;
    }
}

/// How much the relay may do and does; `begin` is when the quota's time began.
pub(crate) fn used(quota: &Mutex<Quota>, begin: Instant) -> RelayUse {
    let now = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let quota = lock(quota);
    RelayUse {
        clients: quota.nodes(),
        bytes: quota.bytes(),
        month: quota.month(),
        limits: quota.limits(),
        refused: quota.refused(),
        stage: quota.stage(now),
    }
}

#[cfg(test)]
mod tests;

//! Relaying for others (O8): the engine's relay on a TCP port of this machine, with bounds of our own. It passes on
//! sealed packets between nodes and can read none of them.

use crate::queue::lock;
use hedgerow_base::NodeId;
use iroh::EndpointId;
use iroh_relay::server::{
    Access, AccessControl, ClientRateLimit, ClientRequest, ConnectionId, Limits, RelayConfig, Server, ServerConfig,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Most nodes that are served at once.
const MOST_CLIENTS: usize = 128;
/// Bytes a second that one node may send through, and its longest burst.
const CLIENT_RATE: u32 = 2 << 20;
const CLIENT_BURST: u32 = 8 << 20;

/// Lets nodes in as long as there is room.
#[derive(Debug, Default)]
struct Room {
    clients: Arc<AtomicUsize>,
    /// Who is here, with how many connections.
    present: Present,
}

type Present = Arc<Mutex<BTreeMap<NodeId, usize>>>;

impl AccessControl for Room {
    async fn on_connect(&self, request: &ClientRequest) -> Access {
        let one_more = |clients: usize| (clients < MOST_CLIENTS).then_some(clients + 1);
        match self
            .clients
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        {
            Ok(_) => {
                let node = NodeId(*request.endpoint_id().as_bytes());
                *lock(&self.present).entry(node).or_default() += 1;
                Access::Allow
            }
            Err(_) => Access::Deny { reason: None },
        }
    }
    fn on_disconnect(&self, node: EndpointId, _: ConnectionId) {
        let mut present = lock(&self.present);
        if let std::collections::btree_map::Entry::Occupied(mut entry) = present.entry(NodeId(*node.as_bytes())) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        drop(present);
        self.clients.fetch_sub(1, Ordering::Relaxed);
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
    server: Server,
    clients: Arc<AtomicUsize>,
    present: Present,
}

impl Relay {
    /// Starts to relay on a TCP address.
    pub(crate) async fn start(addr: SocketAddr) -> Result<Self, String> {
        let room = Room::default();
        let (clients, present) = (room.clients.clone(), room.present.clone());
        let mut relay = RelayConfig::new(addr);
        let mut limits = Limits::default();
        if let (Some(rate), burst) = (NonZeroU32::new(CLIENT_RATE), NonZeroU32::new(CLIENT_BURST)) {
            let mut client = ClientRateLimit::new(rate);
            client.max_burst_bytes = burst;
            limits.client_rx = Some(client);
        }
        relay.limits = limits;
        relay.access = Arc::new(room);
        let mut config = ServerConfig::default();
        config.relay = Some(relay);
        let server = Server::spawn(config).await.map_err(|e| e.to_string())?;
        Ok(Self {
            server,
            clients,
            present,
        })
    }
    /// How many nodes use it now.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
    /// Where it is.
    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.server.http_addr()
    }
    /// Who can be reached over it.
    pub(crate) fn presence(&self) -> Presence {
        Presence(self.present.clone())
    }
    /// Ends it.
    pub(crate) async fn stop(self) {
        let _ = self.server.shutdown().await;
    }
}

//! Relaying for others (O8): the engine's relay on a TCP port of this machine, with bounds of our own. It passes on
//! sealed packets between nodes and can read none of them.

use iroh::EndpointId;
use iroh_relay::server::{
    Access, AccessControl, ClientRateLimit, ClientRequest, ConnectionId, Limits, RelayConfig, Server, ServerConfig,
};
use std::{
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc,
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
}

impl AccessControl for Room {
    async fn on_connect(&self, _: &ClientRequest) -> Access {
        let one_more = |clients: usize| (clients < MOST_CLIENTS).then_some(clients + 1);
        match self
            .clients
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
        {
            Ok(_) => Access::Allow,
            Err(_) => Access::Deny { reason: None },
        }
    }
    fn on_disconnect(&self, _: EndpointId, _: ConnectionId) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A running relay.
pub(crate) struct Relay {
    server: Server,
    clients: Arc<AtomicUsize>,
}

impl Relay {
    /// Starts to relay on a TCP address.
    pub(crate) async fn start(addr: SocketAddr) -> Result<Self, String> {
        let room = Room::default();
        let clients = room.clients.clone();
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
        Ok(Self { server, clients })
    }
    /// How many nodes use it now.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
    /// Ends it.
    pub(crate) async fn stop(self) {
        let _ = self.server.shutdown().await;
    }
}

//! Opening the endpoint, and starting what runs on it.

use super::{Guard, Inner, Net, bounded_name};
use crate::{
    accept,
    config::{NetConfig, NetLimits},
    dial,
    error::BindError,
    event::{NetEvents, Queued},
    lan, lookup, park, reach,
    relay::{Quota, tls},
    side,
    table::Table,
    ticket::shortened,
};
use hedgerow_base::NodeId;
use hedgerow_wire::node::{ALPN, MAX_AGENT, MAX_PROTOCOL_NAME, MAX_PROTOCOLS};
use iroh::{
    Endpoint, RelayMap, RelayMode, SecretKey,
    endpoint::{BindOpts, IdleTimeout, QuicTransportConfig, VarInt, presets},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tracing::debug;

/// Received bytes of one stream that nobody has read yet. The engine gives a connection up when one stream has more
/// than 1024 unread parts ("too many gaps", even if there is no gap), so this must stay below 1024 packets of the
/// smallest size, 1200 bytes. Windows of 16 MiB broke connections in trials.
const STREAM_WINDOW: u32 = 1 << 20;
/// The same over all streams of a connection.
const RECEIVE_WINDOW: u32 = 8 << 20;
/// Sent bytes of one connection that are not acknowledged yet.
const SEND_WINDOW: u64 = 4 << 20;
/// Four channels, their credit, and one place for a protocol of a later version.
const MAX_CHANNEL_STREAMS: u32 = 6;
/// A path is dead after so long without an answer, and streams go on over another one. The engine's own values, 15 s and
/// 5 s, leave people waiting when a router has changed its address.
const PATH_IDLE: Duration = Duration::from_secs(8);
const PATH_HEARTBEAT: Duration = Duration::from_millis(2500);

impl Net {
    /// Opens the endpoint and starts to accept, to dial known peers, and to look around the local network.
    ///
    /// Runs inside a tokio runtime; its tasks stay there.
    ///
    /// # Errors
    /// [`BindError`] when no socket can be opened or the certificate is not this device's.
    pub async fn bind(config: NetConfig) -> Result<(Net, NetEvents), BindError> {
        let node = NodeId::from(config.secret.public());
        let claim = config.certificate.verify().map_err(|_| BindError::Certificate)?;
        if claim.device != node {
            return Err(BindError::Certificate);
        }
        let mut boot = [0; 16];
        getrandom::fill(&mut boot).map_err(|_| BindError::Random)?;
        let endpoint = match config.preferred_port {
            Some(port) => match open_endpoint(&config, Some(port)).await {
                Ok(endpoint) => endpoint,
                Err(error) => {
                    debug!(%error, port, "the usual port is taken");
                    open_endpoint(&config, None).await?
                }
            },
            None => open_endpoint(&config, None).await?,
        };
        let (events, queue) = mpsc::channel(config.limits.events.max(1));
        let net = start(config, node, boot, endpoint, events);
        Ok((net, NetEvents { queue }))
    }
}

fn transport(limits: &NetLimits) -> QuicTransportConfig {
    let idle = IdleTimeout::try_from(limits.idle).ok();
    QuicTransportConfig::builder()
        .max_idle_timeout(idle)
        .default_path_keep_alive_interval(PATH_HEARTBEAT)
        .default_path_max_idle_timeout(PATH_IDLE)
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_CHANNEL_STREAMS))
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.max_requests.max(1)))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .build()
}

async fn open_endpoint(config: &NetConfig, port: Option<u16>) -> Result<Endpoint, BindError> {
    let fail = |error: &dyn std::fmt::Display| BindError::Socket(error.to_string());
    let mut builder = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&config.secret.seed()))
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Custom(RelayMap::empty()))
        .ca_tls_config(tls::client())
        .dns_resolver(tls::names())
        .transport_config(transport(&config.limits))
        .clear_ip_transports();
    for addr in &config.listen {
        let port = port.filter(|_| addr.port() == 0).unwrap_or(addr.port());
        // A machine without IPv6 is no error as long as there is another socket.
        let required = addr.is_ipv4() || config.listen.len() == 1;
        let opts = BindOpts::default().set_is_required(required);
        builder = builder
            .bind_addr_with_opts(SocketAddr::new(addr.ip(), port), opts)
            .map_err(|e| fail(&e))?;
    }
    builder.bind().await.map_err(|error| fail(&error))
}

/// The UDP port of the first socket, one of IPv4 if there is one.
pub(super) fn port_of(endpoint: &Endpoint) -> Option<u16> {
    let sockets = endpoint.bound_sockets();
    let first = sockets.iter().find(|socket| socket.is_ipv4()).or(sockets.first());
    first.map(SocketAddr::port)
}

fn start(config: NetConfig, node: NodeId, boot: [u8; 16], endpoint: Endpoint, events: mpsc::Sender<Queued>) -> Net {
    let mut protocols = config.protocols;
    protocols.truncate(MAX_PROTOCOLS);
    protocols.retain(|protocol| protocol.len() <= MAX_PROTOCOL_NAME);
    let mut table = Table::new(node, config.limits);
    table.blocked = config.blocked.into_iter().collect();
    let mut relays = reach::State::default();
    let mut known = config.known;
    known.sort_by_key(|peer| std::cmp::Reverse(peer.last_seen_ms));
    // The latest first: they are the likeliest to answer.
    for (place, peer) in (0u32..).zip(&known) {
        let at = Instant::now() + Duration::from_millis(1).saturating_mul(place);
        table.remember(peer.node, &peer.addresses, at);
        relays.remember(peer.node, &peer.relays);
    }
    let inner = Arc::new(Inner {
        limits: config.limits,
        table: Mutex::new(table),
        wake_dialler: Notify::new(),
        reach: Mutex::new(relays),
        wake_reach: Notify::new(),
        side: Mutex::default(),
        doors: Arc::default(),
        journal: Mutex::default(),
        lookup: lookup::State::new(config.lookup, config.secret.clone()),
        lan: config.lan,
        park: Mutex::new(park::State::new(config.park)),
        wake_home: Notify::new(),
        serve: config.serve,
        wants_to_serve: AtomicBool::new(config.serving.on),
        wants_mapping: AtomicBool::new(config.port_mapping),
        wake_mapping: Notify::new(),
        quota: Arc::new(Mutex::new(Quota::new(config.serving.limits, config.serving.month, 0))),
        begin: Instant::now(),
        secret: config.secret,
        node,
        certificate: config.certificate,
        agent: shortened(&config.agent, MAX_AGENT).to_owned(),
        protocols,
        name: Mutex::new(bounded_name(config.name)),
        boot,
        endpoint: Mutex::new(Some(endpoint.clone())),
        tasks: Mutex::default(),
        events: Mutex::new(Some(events)),
        ids: AtomicU64::new(1),
    });
    inner.spawn(dial::run(inner.clone()));
    inner.spawn(accept::run(inner.clone(), endpoint.clone()));
    inner.spawn(park::run(inner.clone()));
    inner.spawn(reach::run(inner.clone(), endpoint.clone()));
    if let Some(listen) = config.listen.iter().find_map(|addr| match addr.ip() {
        std::net::IpAddr::V4(ip) => Some(ip),
        std::net::IpAddr::V6(_) => None,
    }) {
        let port = port_of(&endpoint);
        inner.spawn(side::run(inner.clone(), listen, port));
    }
    inner.spawn(lookup::run(inner.clone(), endpoint.clone()));
    if config.lan {
        inner.spawn(lan::run(inner.clone(), endpoint));
    }
    Net {
        guard: Arc::new(Guard(inner)),
    }
}

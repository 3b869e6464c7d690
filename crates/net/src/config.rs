//! How a node's network is set up.

use crate::lookup::LookupConfig;
use crate::relay::{RelayAt, Serving};
use hedgerow_base::{NodeId, SecretKey};
use hedgerow_wire::node::{Channel, DeviceCertificate};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// A peer from an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPeer {
    /// The peer.
    pub node: NodeId,
    /// Where it was reached, best first.
    pub addresses: Vec<SocketAddr>,
    /// Relays over which it could be reached.
    pub relays: Vec<RelayAt>,
    /// When it was last connected, milliseconds since 1970; the latest are dialled first.
    pub last_seen_ms: u64,
}

/// What [`crate::Net::bind`] needs.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// The device key: its public half is this node's id.
    pub secret: SecretKey,
    /// The user's certificate for that key, shown to every peer.
    pub certificate: DeviceCertificate,
    /// What the person calls themselves, shown to peers; at most `limits::MAX_NAME` bytes are.
    pub name: Option<String>,
    /// Program and version, shown to peers for diagnostics.
    pub agent: String,
    /// Protocols that the node serves, e.g. `sync/1`.
    pub protocols: Vec<String>,
    /// Sockets to open, at most one per address family. An IPv6 socket that cannot be opened is left out.
    pub listen: Vec<SocketAddr>,
    /// Port to try first on sockets whose port is 0, so that peers find us where we were.
    pub preferred_port: Option<u16>,
    /// Announce this node on the local network, and connect to nodes found there.
    pub lan: bool,
    /// Relay for others when this node turns out to be reachable.
    pub serve: bool,
    /// How it is found, and finds others.
    pub lookup: LookupConfig,
    /// Connections that were not used for so long are given up until there is something to say, if both sides agree;
    /// nothing keeps all of them.
    pub park: Option<Duration>,
    /// Ask routers to let others in (UPnP, PCP, NAT-PMP).
    pub port_mapping: bool,
    /// Whether and how much the person wants it to.
    pub serving: Serving,
    /// Peers from earlier runs.
    pub known: Vec<KnownPeer>,
    /// Nodes that are never spoken to.
    pub blocked: Vec<NodeId>,
    /// Bounds.
    pub limits: NetLimits,
}

/// Protocols that this program speaks.
pub const PROTOCOLS: [&str; 5] = ["directory/1", "sync/1", "live/1", "request/1", "overlay/1"];

impl NetConfig {
    /// All addresses, any port, local network on, no port mapping, nothing known.
    pub fn new(secret: SecretKey, certificate: DeviceCertificate) -> Self {
        Self {
            secret,
            certificate,
            name: None,
            agent: concat!("hedgerow/", env!("CARGO_PKG_VERSION")).into(),
            protocols: PROTOCOLS.map(String::from).to_vec(),
            listen: vec![(Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::UNSPECIFIED, 0).into()],
            preferred_port: None,
            lan: true,
            serve: true,
            lookup: LookupConfig::default(),
            park: Some(Duration::from_millis(hedgerow_traverse::park::idle::QUIET_MS)),
            port_mapping: false,
            serving: Serving::default(),
            known: Vec::new(),
            blocked: Vec::new(),
            limits: NetLimits::default(),
        }
    }
}

/// Bounds on what peers may use. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub struct NetLimits {
    /// Most connected peers.
    pub max_peers: usize,
    /// How many of those places are kept for peers that this node knows.
    pub reserved_for_known: usize,
    /// Most peers remembered for dialling.
    pub max_known: usize,
    /// Most peers dialled only because they were found on the local network.
    pub max_lan: usize,
    /// Most dials under way.
    pub max_dials: usize,
    /// Most incoming connections that have not said hello yet.
    pub max_pending: usize,
    /// Most requests of one peer that are open at once.
    pub max_requests: u32,
    /// Queue towards one peer on each channel but the live one.
    pub outbound_bytes: usize,
    /// Queue towards one peer on the live channel.
    pub live_bytes: usize,
    /// Events that wait for the node.
    pub events: usize,
    /// Time to connect, and again to say hello.
    pub handshake: Duration,
    /// Time without an answer after which a connection counts as dead. Keep-alives go out after 5 s of silence, so a
    /// peer that dies is noticed within `idle` + 5 s.
    pub idle: Duration,
    /// Time in which a begun frame, or a write that the peer does not take, must make progress.
    pub stall: Duration,
    /// First wait before a dial is repeated; it doubles up to `backoff_max`.
    pub backoff_min: Duration,
    /// Longest wait between dials of one peer.
    pub backoff_max: Duration,
}

impl NetLimits {
    /// Queue towards one peer on a channel.
    pub(crate) fn outbound(&self, channel: Channel) -> usize {
        match channel {
            Channel::Live => self.live_bytes,
            Channel::Directory | Channel::Sync | Channel::Overlay => self.outbound_bytes,
        }
    }
}

impl Default for NetLimits {
    fn default() -> Self {
        Self {
            max_peers: 128,
            reserved_for_known: 32,
            max_known: 256,
            max_lan: 32,
            max_dials: 16,
            max_pending: 64,
            max_requests: 32,
            outbound_bytes: 4 << 20,
            live_bytes: 1 << 20,
            events: 1024,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
        }
    }
}

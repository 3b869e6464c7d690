//! How the connection to a peer came to be and is now (O12).

use crate::{
    address::PathKind,
    event::PeerInfo,
    journal::{Note, Step},
    link::Link,
    net::{Inner, Net},
    queue::lock,
    relay::RelayAt,
};
use hedgerow_base::NodeId;
use iroh::{
    TransportAddr,
    endpoint::{PathEvent, TransportAddrUsage},
};
use std::{
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// Most ways to a peer that are told.
const MAX_PATHS: usize = 64;

/// How a way to a peer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathState {
    /// Packets take it.
    Used,
    /// It works and waits.
    Open,
    /// It is known, and not open.
    Known,
}

impl PathState {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Open => "open",
            Self::Known => "known",
        }
    }
}

/// A way to a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PathReport {
    /// What kind it is.
    pub kind: PathKind,
    /// Address of the peer, or of the relay.
    pub address: String,
    /// The node that relays, if it is a connected peer or this node itself.
    pub relay: Option<NodeId>,
    /// How it stands.
    pub state: PathState,
    /// Round-trip time in milliseconds, of those that are open.
    pub rtt_ms: Option<f64>,
}

/// All about the connection to a peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerTrace {
    /// The connection, if there is one.
    pub info: Option<PeerInfo>,
    /// Whether this node began it.
    pub dialled: Option<bool>,
    /// All ways, the one in use first.
    pub paths: Vec<PathReport>,
    /// A dial is under way.
    pub dialling: bool,
    /// When it is dialled next.
    pub next_dial: Option<Duration>,
    /// What happened lately, oldest first.
    pub notes: Vec<Note>,
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Kind and address of a way, as people read them.
fn described(addr: &TransportAddr) -> (PathKind, String) {
    match addr {
        TransportAddr::Ip(addr) => {
            let addr = SocketAddr::new(addr.ip().to_canonical(), addr.port());
            (PathKind::of(addr.ip()), addr.to_string())
        }
        TransportAddr::Relay(url) => {
            let text = RelayAt::from_url(url).map_or_else(|| url.to_string(), |relay| relay.at.to_string());
            (PathKind::Relay, text)
        }
        other => (PathKind::Direct, format!("{other:?}")),
    }
}

fn words(addr: &TransportAddr) -> String {
    let (kind, address) = described(addr);
    match kind {
        PathKind::Lan => format!("local network, {address}"),
        PathKind::Direct => format!("direct, {address}"),
        PathKind::Relay => format!("over the relay {address}"),
    }
}

impl Inner {
    /// Writes down what happened with a peer.
    pub(crate) fn note(&self, node: NodeId, step: Step, text: impl Into<String>) {
        lock(&self.journal).note(now_ms(), node, step, text.into());
    }

    /// Writes down what the engine says of the paths of a connection.
    pub(crate) fn note_path(&self, node: NodeId, event: &PathEvent) {
        match event {
            PathEvent::Opened { remote_addr, .. } => self.note(node, Step::PathOpened, words(remote_addr)),
            PathEvent::Closed { remote_addr, .. } => self.note(node, Step::PathClosed, words(remote_addr)),
            PathEvent::Selected { remote_addr, .. } => self.note(node, Step::PathChosen, words(remote_addr)),
            _ => {}
        }
    }

    /// Writes down that a connection stands, and over which way.
    pub(crate) fn note_connected(&self, link: &Link) {
        let begun = if link.dialled_by_me {
            "this node called"
        } else {
            "the other node called"
        };
        let paths = link.conn.paths();
        let used = paths
            .iter()
            .find(|path| path.is_selected())
            .or_else(|| paths.iter().next());
        let way = used.map_or_else(String::new, |path| format!("; {}", words(path.remote_addr())));
        self.note(link.node, Step::Connected, format!("{begun}{way}"));
    }

    fn paths_of(&self, link: &Link) -> Vec<PathReport> {
        let paths = link.conn.paths();
        let report = paths.iter().map(|path| {
            let (kind, address) = described(path.remote_addr());
            PathReport {
                relay: self.relay_node(kind, &address),
                kind,
                address,
                state: if path.is_selected() {
                    PathState::Used
                } else {
                    PathState::Open
                },
                rtt_ms: Some(path.rtt().as_secs_f64() * 1000.0),
            }
        });
        let mut all: Vec<PathReport> = report.collect();
        all.sort_by_key(|path| path.state != PathState::Used);
        all
    }

    fn relay_node(&self, kind: PathKind, address: &str) -> Option<NodeId> {
        let address: SocketAddr = address.parse().ok().filter(|_| kind == PathKind::Relay)?;
        lock(&self.reach).relay_at(address, self.node())
    }

    async fn trace(self: Arc<Self>, node: NodeId) -> PeerTrace {
        let now = Instant::now();
        let mut trace = PeerTrace {
            notes: lock(&self.journal).of(&node),
            ..PeerTrace::default()
        };
        let mut known = Vec::new();
        let link = {
            let table = lock(&self.table);
            if let Some(entry) = table.known.get(&node) {
                trace.dialling = entry.dial.is_some();
                trace.next_dial = entry.next.map(|next| next.saturating_duration_since(now));
                known.extend(entry.addresses.iter().copied().map(TransportAddr::Ip));
            }
            table.links.get(&node).cloned()
        };
        let relays = lock(&self.reach).relays_of(&node);
        known.extend(relays.iter().filter_map(RelayAt::url).map(TransportAddr::Relay));
        if let Some(link) = &link {
            trace.info = Some(link.info());
            trace.dialled = Some(link.dialled_by_me);
            trace.next_dial = None;
            trace.paths = self.paths_of(link);
        }
        let mut open = Vec::new();
        if let (Some(endpoint), Ok(id)) = (self.endpoint(), iroh::EndpointId::from_bytes(node.as_bytes()))
            && let Some(info) = endpoint.remote_info(id).await
        {
            for addr in info.addrs() {
                if matches!(addr.usage(), TransportAddrUsage::Active) {
                    open.push(described(addr.addr()).1);
                }
                known.push(addr.addr().clone());
            }
        }
        for addr in known {
            let (kind, address) = described(&addr);
            if trace.paths.len() < MAX_PATHS && !trace.paths.iter().any(|p| p.kind == kind && p.address == address) {
                let works = link.is_some() && open.contains(&address);
                trace.paths.push(PathReport {
                    relay: self.relay_node(kind, &address),
                    kind,
                    address,
                    state: if works { PathState::Open } else { PathState::Known },
                    rtt_ms: None,
                });
            }
        }
        trace
    }
}

impl Net {
    /// How the connection to a peer came to be and is now. Also for peers that are not connected.
    pub fn trace(&self, node: &NodeId) -> impl Future<Output = PeerTrace> + Send + use<> {
        self.inner().clone().trace(*node)
    }
}

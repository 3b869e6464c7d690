//! The Mainline DHT, as this node uses it.
//!
//! Two roles, each with a UDP socket of its own. The *client* asks and publishes; it is started for that and ends when
//! nobody has needed it for a while, so that an idle node sends nothing. The *server* keeps records for others; it
//! runs while this node is reachable. The client of a serving node asks its own server first, so a DHT may begin with
//! one node.
//!
//! The library's own list of first nodes is never used: what is asked first is what the user gave, what was remembered,
//! and what peers told of themselves.

use super::shares::{Nobody, Shares};
use crate::queue::lock;
use futures_util::StreamExt as _;
use hedgerow_wire::lookup::{SignedRecord, Subject};
use n0_mainline::{Dht, Id, MutableItem, ServerSettings};
use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::Mutex,
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info};

/// A client that nobody needed for so long ends.
const IDLE: Duration = Duration::from_secs(90);
/// Nor does one live longer: the library makes servers of clients that run for a quarter of an hour.
const LIFE: Duration = Duration::from_secs(600);
/// Most nodes that are remembered, and of those that peers told of.
pub(crate) const MOST_NODES: usize = 16;
/// How long asking or publishing takes at most.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a name of a first node may take to be resolved.
const RESOLVE: Duration = Duration::from_secs(5);
/// A server starts anew with what peers told while it knows fewer nodes than this.
const FEW: usize = 4;
/// Under this name relays announce themselves: SHA-1 of `hedgerow relays 1`.
const RELAYS: [u8; 20] = [
    0x92, 0x51, 0x2b, 0xc1, 0x51, 0x08, 0xcd, 0x20, 0x05, 0xf3, 0xbf, 0x92, 0x59, 0x4e, 0x1f, 0x92, 0xa7, 0xac, 0xbb,
    0x1a,
];

/// Why the DHT did not help. For people, after "the DHT: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DhtError {
    #[error("switched off (--no-dht)")]
    Off,
    #[error("no node of it is known; give one with --dht-bootstrap HOST:PORT, or connect to a peer that serves")]
    NoNodes,
    #[error("no UDP socket could be opened for it: {0}")]
    Socket(String),
    #[error("none of its nodes answers")]
    Silent,
    #[error("its nodes did not take the record: {0}")]
    Refused(String),
}

/// Which role the node plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DhtRole {
    /// It takes no part.
    Off,
    /// It asks, and answers nobody.
    Client,
    /// It keeps records for others.
    Server,
}

struct Running {
    dht: Dht,
    since: Instant,
    used: Instant,
}

struct Server {
    dht: Dht,
    port: u16,
    nodes: Vec<SocketAddrV4>,
}

#[derive(Default)]
struct State {
    client: Option<Running>,
    server: Option<Server>,
    /// Nodes that answered in an earlier life or a moment ago, the latest first.
    remembered: VecDeque<SocketAddrV4>,
    /// What connected peers said of themselves.
    told: VecDeque<SocketAddrV4>,
    table: usize,
}

/// The node's part in the DHT.
pub(crate) struct Part {
    on: bool,
    bootstrap: Vec<String>,
    state: Mutex<State>,
    /// One start at a time.
    starting: tokio::sync::Mutex<()>,
}

fn v4(addr: &SocketAddr) -> Option<SocketAddrV4> {
    match addr.ip().to_canonical() {
        IpAddr::V4(ip) if addr.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast() => {
            Some(SocketAddrV4::new(ip, addr.port()))
        }
        _ => None,
    }
}

/// Puts an address first.
fn note(list: &mut VecDeque<SocketAddrV4>, addr: SocketAddrV4) {
    list.retain(|known| *known != addr);
    list.push_front(addr);
    list.truncate(MOST_NODES);
}

fn target(subject: &Subject) -> Id {
    MutableItem::target_from_key(&subject.key().0, Some(subject.salt()))
}

impl Part {
    pub(crate) fn new(on: bool, bootstrap: Vec<String>, remembered: &[SocketAddr]) -> Self {
        let state = State {
            remembered: remembered.iter().filter_map(v4).take(MOST_NODES).collect(),
            ..State::default()
        };
        Self {
            on,
            bootstrap,
            state: Mutex::new(state),
            starting: tokio::sync::Mutex::default(),
        }
    }

    /// A connected peer is a node of the DHT here. Answers whether that is news.
    pub(crate) fn told(&self, addr: SocketAddr) -> bool {
        let Some(addr) = v4(&addr) else { return false };
        let mut state = lock(&self.state);
        let news = !state.told.contains(&addr);
        note(&mut state.told, addr);
        news
    }

    /// Nodes to ask first the next time.
    pub(crate) fn remembered(&self) -> Vec<SocketAddr> {
        let state = lock(&self.state);
        let mut nodes: Vec<SocketAddr> = Vec::new();
        for node in state.told.iter().chain(&state.remembered) {
            if nodes.len() < MOST_NODES && !nodes.contains(&(*node).into()) {
                nodes.push((*node).into());
            }
        }
        nodes
    }

    /// The first nodes that the user gave, resolved. Names that do not resolve are left out.
    pub(crate) async fn given(&self) -> Vec<SocketAddr> {
        let mut all = Vec::new();
        for name in &self.bootstrap {
            match timeout(RESOLVE, tokio::net::lookup_host(name.as_str())).await {
                Ok(Ok(found)) => all.extend(found),
                Ok(Err(error)) => debug!(name, %error, "a first node of the DHT has no address"),
                Err(_) => debug!(name, "the address of a first node of the DHT took too long"),
            }
        }
        all
    }

    async fn first_nodes(&self) -> Vec<SocketAddrV4> {
        let mut nodes: Vec<_> = self.given().await.iter().filter_map(v4).collect();
        let state = lock(&self.state);
        nodes.extend(&state.told);
        nodes.extend(&state.remembered);
        // Its own server first, and never twice the same.
        let own = state
            .server
            .as_ref()
            .map(|server| SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.port));
        let mut different: Vec<SocketAddrV4> = own.into_iter().collect();
        for node in nodes {
            if different.len() <= 2 * MOST_NODES && !different.contains(&node) {
                different.push(node);
            }
        }
        different
    }

    /// The client, started if need be.
    async fn client(&self) -> Result<Dht, DhtError> {
        if !self.on {
            return Err(DhtError::Off);
        }
        let _one = self.starting.lock().await;
        if let Some(running) = &mut lock(&self.state).client
            && running.since.elapsed() < LIFE
        {
            running.used = Instant::now();
            return Ok(running.dht.clone());
        }
        let nodes = self.first_nodes().await;
        if nodes.is_empty() {
            return Err(DhtError::NoNodes);
        }
        let settings = ServerSettings {
            filter: Box::new(Nobody),
            ..ServerSettings::default()
        };
        let dht = Dht::builder()
            .bootstrap(&nodes)
            .port(0)
            .server_settings(settings)
            .build()
            .map_err(|error| DhtError::Socket(error.to_string()))?;
        debug!(first = nodes.len(), "a client of the DHT");
        let now = Instant::now();
        lock(&self.state).client = Some(Running {
            dht: dht.clone(),
            since: now,
            used: now,
        });
        Ok(dht)
    }

    /// Starts or ends the server. Answers whether something changed.
    pub(crate) async fn serve(&self, wanted: bool, port: Option<u16>) -> bool {
        let wanted = wanted && self.on;
        if lock(&self.state).server.is_some() == wanted {
            return false;
        }
        let _one = self.starting.lock().await;
        if !wanted {
            lock(&self.state).server = None;
            return true;
        }
        let mut nodes = self.first_nodes().await;
        // The first node of a network may be its own first node; it need not ask itself.
        nodes.retain(|node| !(node.ip().is_loopback() && Some(node.port()) == port));
        match start_server(&nodes, port).await {
            Ok(server) => {
                info!(port = server.port, "a node of the DHT for others");
                let mut state = lock(&self.state);
                state.server = Some(server);
                // The client is to ask it, too.
                state.client = None;
                true
            }
            Err(error) => {
                debug!(error, "cannot serve the DHT");
                false
            }
        }
    }

    /// A server that knows hardly anybody begins anew when peers told it of nodes that it does not know. Answers
    /// whether it did: then what it kept is gone.
    pub(crate) async fn grow(&self) -> bool {
        let _one = self.starting.lock().await;
        let known = lock(&self.state)
            .server
            .as_ref()
            .map(|s| (s.dht.clone(), s.port, s.nodes.clone()));
        let Some((dht, port, old)) = known else { return false };
        let table = dht.to_bootstrap().await.unwrap_or_default();
        let nodes = self.first_nodes().await;
        let own = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let new = |node: &SocketAddrV4| *node != own && !old.contains(node) && !table.contains(&node.to_string());
        if table.len() >= FEW || !nodes.iter().any(new) {
            return false;
        }
        let nodes: Vec<_> = nodes.into_iter().filter(|node| *node != own).collect();
        // The socket closes when the last handle is gone.
        drop(dht);
        lock(&self.state).server = None;
        let started = start_server(&nodes, Some(port)).await;
        let mut state = lock(&self.state);
        state.client = None;
        match started {
            Ok(server) => state.server = Some(server),
            Err(error) => debug!(error, "cannot serve the DHT again"),
        }
        true
    }

    /// Ends a client that is not needed, and notes which nodes there are.
    pub(crate) async fn tidy(&self) {
        let (client, server, old) = {
            let state = lock(&self.state);
            let old = state.client.as_ref().is_some_and(|client| client.used.elapsed() > IDLE);
            let client = state.client.as_ref().map(|client| client.dht.clone());
            (client, state.server.as_ref().map(|server| server.dht.clone()), old)
        };
        let mut table = 0;
        for dht in client.iter().chain(&server) {
            let Ok(nodes) = dht.to_bootstrap().await else { continue };
            table = table.max(nodes.len());
            let own = self.serving().map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
            let nodes = nodes.iter().filter_map(|node| node.parse::<SocketAddrV4>().ok());
            let mut state = lock(&self.state);
            for node in nodes.filter(|node| Some(*node) != own).take(MOST_NODES) {
                note(&mut state.remembered, node);
            }
        }
        let mut state = lock(&self.state);
        if client.is_some() || server.is_some() {
            state.table = table;
        }
        if old {
            state.client = None;
        }
    }

    /// The UDP port of the server, if it runs.
    pub(crate) fn serving(&self) -> Option<u16> {
        lock(&self.state).server.as_ref().map(|server| server.port)
    }

    pub(crate) fn role(&self) -> DhtRole {
        match (self.on, self.serving()) {
            (false, _) => DhtRole::Off,
            (true, None) => DhtRole::Client,
            (true, Some(_)) => DhtRole::Server,
        }
    }

    /// Nodes in the table, as of the last look.
    pub(crate) fn table(&self) -> usize {
        lock(&self.state).table
    }

    /// The client, and whether anybody answered it, for errors that say which.
    async fn answered(&self, dht: &Dht) -> bool {
        let size = dht.info().await.map_or(0, |info| info.routing_table_size());
        lock(&self.state).table = size;
        size > 0
    }

    /// Puts a record to the nodes nearest to it.
    pub(crate) async fn put(&self, record: &SignedRecord) -> Result<(), DhtError> {
        let dht = self.client().await?;
        let seq = i64::try_from(record.seq).map_err(|_| DhtError::Refused("its number is too high".into()))?;
        let (key, salt) = (record.subject.key().0, record.subject.salt());
        let item = MutableItem::new_signed_unchecked(key, record.signature.0, &record.value, seq, Some(salt));
        let put = timeout(PATIENCE, dht.put_mutable(item, None)).await;
        match put {
            Ok(Ok(_)) => Ok(()),
            _ if !self.answered(&dht).await => {
                self.start_anew();
                Err(DhtError::Silent)
            }
            Ok(Err(error)) => Err(DhtError::Refused(error.to_string())),
            Err(_) => Err(DhtError::Refused("no answer in time".into())),
        }
    }

    /// The next use begins with the names of the first nodes again: their addresses may have changed.
    fn start_anew(&self) {
        lock(&self.state).client = None;
    }

    /// Asks the nodes nearest to a record, all of them: some may withhold it or send an old one. Every one that comes
    /// is handed to `found` at once, checked only by its signature. If none comes, the nodes near it are looked for by
    /// a question that says nothing about records, and asked again.
    pub(crate) async fn get(&self, subject: Subject, mut found: impl FnMut(SignedRecord)) -> Result<(), DhtError> {
        let dht = self.client().await?;
        let asked = async {
            let mut any = ask(&dht, subject, &mut found).await;
            if !any && dht.find_node(target(&subject)).await.is_ok_and(|near| !near.is_empty()) {
                any = ask(&dht, subject, &mut found).await;
            }
            any
        };
        let any = timeout(PATIENCE, asked).await.unwrap_or(false);
        if self.answered(&dht).await || any {
            return Ok(());
        }
        self.start_anew();
        Err(DhtError::Silent)
    }

    /// Says in the DHT that this node relays on a TCP port.
    pub(crate) async fn announce_relay(&self, port: u16) -> Result<(), DhtError> {
        let dht = self.client().await?;
        let announced = timeout(PATIENCE, dht.announce_peer(RELAYS.into(), Some(port))).await;
        match announced {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(DhtError::Refused(error.to_string())),
            Err(_) => Err(DhtError::Silent),
        }
    }

    /// Relays that announced themselves, at most `most`. Nobody vouches for them; whoever relays sees no contents.
    pub(crate) async fn relays(&self, most: usize) -> Result<Vec<SocketAddr>, DhtError> {
        let dht = self.client().await?;
        let mut relays = Vec::new();
        let asked = async {
            let mut peers = dht.get_peers(RELAYS.into()).await.ok()?;
            while let Some(peers) = peers.next().await {
                for peer in peers {
                    let addr = SocketAddr::V4(peer);
                    if relays.len() < most && v4(&addr).is_some() && !relays.contains(&addr) {
                        relays.push(addr);
                    }
                }
            }
            Some(())
        };
        let _ = timeout(PATIENCE, asked).await;
        match relays.is_empty() && !self.answered(&dht).await {
            true => Err(DhtError::Silent),
            false => Ok(relays),
        }
    }
}

/// One round of questions. Answers whether any record came.
async fn ask(dht: &Dht, subject: Subject, found: &mut impl FnMut(SignedRecord)) -> bool {
    let (key, salt) = (subject.key().0, subject.salt());
    let Ok(mut items) = dht.get_mutable(&key, Some(salt), None).await else {
        return false;
    };
    let mut any = false;
    // The library's own choice of the newest is not used: it keeps the first of several numbers (0.7.1).
    while let Some(item) = items.next().await {
        if let Ok(seq) = u64::try_from(item.seq()) {
            any = true;
            found(SignedRecord {
                subject,
                seq,
                value: item.value().to_vec().into(),
                signature: hedgerow_base::Signature(*item.signature()),
            });
        }
    }
    any
}

async fn start_server(nodes: &[SocketAddrV4], port: Option<u16>) -> Result<Server, String> {
    let settings = ServerSettings {
        filter: Box::new(Shares::default()),
        ..ServerSettings::default()
    };
    let mut builder = Dht::builder();
    builder.server_mode().bootstrap(nodes).server_settings(settings);
    // A socket that was just closed may take a moment to be free.
    let mut built = builder.port(port.unwrap_or(0)).build();
    for _ in 0..20 {
        if built.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        built = builder.build();
    }
    let dht = match (built, port) {
        (Ok(dht), _) => dht,
        (Err(_), Some(_)) => builder.port(0).build().map_err(|e| e.to_string())?,
        (Err(error), None) => return Err(error.to_string()),
    };
    let info = dht.info().await.map_err(|e| e.to_string())?;
    Ok(Server {
        dht,
        port: info.local_addr().port(),
        nodes: nodes.to_vec(),
    })
}

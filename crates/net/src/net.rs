//! The handle, and what its tasks share.

mod opening;

use opening::port_of;

use crate::{
    address::{merge, own_addresses, path_of},
    config::NetLimits,
    error::{ConnectError, SendError},
    event::{NetEvent, PeerInfo, Queued, Why},
    journal::Journal,
    link::Link,
    lookup::{self, FindAnswer, LookupReport, NotFound},
    park,
    queue::lock,
    reach::{self, ReachReport},
    relay::Quota,
    request::{RequestRecv, RequestSend},
    side::{self, Doors},
    table::Table,
    ticket::{Ticket, shortened},
};
use bytes::Bytes;
use hedgerow_base::{NodeId, SecretKey as DeviceKey, limits};
use hedgerow_wire::node::{Channel, CloseCode, DeviceCertificate, Hello, OLDEST_VERSION, VERSION};
use iroh::{Endpoint, endpoint::Connection};
use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
    time::{Instant, timeout},
};

/// How long a shutdown may take to tell the peers.
const SHUTDOWN: Duration = Duration::from_secs(3);
/// How long a shutdown then waits for the sockets to close; request streams that are still held keep them open.
const SOCKETS: Duration = Duration::from_millis(500);

/// A running network. Clones name the same one; it ends with [`Net::shutdown`], or abruptly with its last clone.
#[derive(Clone)]
pub struct Net {
    guard: Arc<Guard>,
}

/// Ends the tasks when the last handle goes.
struct Guard(Arc<Inner>);

impl Drop for Guard {
    fn drop(&mut self) {
        lock(&self.0.table).closing = true;
        lock(&self.0.tasks).abort_all();
        lock(&self.0.endpoint).take();
    }
}

pub(crate) struct Inner {
    pub(crate) limits: NetLimits,
    pub(crate) table: Mutex<Table>,
    pub(crate) wake_dialler: Notify,
    pub(crate) reach: Mutex<reach::State>,
    pub(crate) wake_reach: Notify,
    pub(crate) side: Mutex<side::State>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) journal: Mutex<Journal>,
    pub(crate) lookup: lookup::State,
    /// Nodes are looked for on the local network.
    pub(crate) lan: bool,
    pub(crate) park: Mutex<park::State>,
    pub(crate) wake_home: Notify,
    /// Relay when this node can be reached: for this run, and as the person set it.
    pub(crate) serve: bool,
    pub(crate) wants_to_serve: AtomicBool,
    /// Ask routers to let others in.
    pub(crate) wants_mapping: AtomicBool,
    pub(crate) wake_mapping: Notify,
    pub(crate) quota: Arc<Mutex<Quota>>,
    pub(crate) begin: Instant,
    pub(crate) secret: DeviceKey,
    node: NodeId,
    certificate: DeviceCertificate,
    agent: String,
    protocols: Vec<String>,
    name: Mutex<Option<String>>,
    boot: [u8; 16],
    endpoint: Mutex<Option<Endpoint>>,
    tasks: Mutex<JoinSet<()>>,
    /// Taken at shutdown, so that the node's end of the queue sees its end.
    events: Mutex<Option<mpsc::Sender<Queued>>>,
    ids: AtomicU64,
}

impl Inner {
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        lock(&self.endpoint).clone()
    }

    /// The engine's port of IPv4, if it listens on the loopback interface.
    pub(crate) fn engine_port(&self) -> Option<u16> {
        let sockets = self.endpoint()?.bound_sockets();
        let on_loopback = |ip: std::net::IpAddr| ip.is_ipv4() && (ip.is_unspecified() || ip.is_loopback());
        sockets
            .iter()
            .find(|socket| on_loopback(socket.ip()))
            .map(SocketAddr::port)
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs a task until it ends or the network does.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        // Under the same lock as the shutdown, so that none slips past it.
        let closing = lock(&self.table).closing;
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        if !closing {
            tasks.spawn(task);
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    pub(crate) fn name(&self) -> Option<String> {
        lock(&self.name).clone()
    }

    /// As [`Net::connect`].
    pub(crate) fn connect(&self, ticket: &Ticket) -> impl Future<Output = Result<(), ConnectError>> + Send + use<> {
        let (waiter, answer) = oneshot::channel();
        let relayed = {
            let mut reach = lock(&self.reach);
            if !ticket.relays.is_empty() {
                reach.remember(ticket.node, &ticket.relays);
            }
            !reach.relays_of(&ticket.node).is_empty()
        };
        lock(&self.table).ask(ticket.node, &ticket.addresses, relayed, Instant::now(), waiter);
        self.wake_dialler.notify_one();
        async move { answer.await.unwrap_or(Err(ConnectError::Closing)) }
    }

    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        lock(&self.table).links.values().cloned().collect()
    }

    /// Tells the node what to keep of lookup.
    pub(crate) async fn remember_lookup(&self, memory: lookup::LookupMemory) {
        self.emit(Queued::Plain(NetEvent::LookupLearned { memory })).await;
    }

    /// Queues an event; waits while the node is behind.
    pub(crate) async fn emit(&self, event: Queued) {
        let sender = lock(&self.events).clone();
        if let Some(sender) = sender {
            let _ = sender.send(event).await;
        }
    }

    /// What this node says of itself on `conn`. Loopback addresses are for peers on this machine only.
    pub(crate) fn hello(&self, conn: &Connection) -> Result<Hello, ConnectError> {
        let endpoint = self.endpoint().ok_or(ConnectError::Closing)?;
        let near = path_of(conn, &self.doors).1.is_some_and(|addr| addr.ip().is_loopback());
        let mut addresses = own_addresses(&endpoint);
        addresses.retain(|addr| near || !addr.ip().is_loopback());
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(|_| ConnectError::Unreachable("no random bytes".into()))?;
        Ok(Hello {
            version: VERSION,
            oldest: OLDEST_VERSION,
            protocols: self.protocols.clone(),
            certificate: self.certificate.clone(),
            agent: self.agent.clone(),
            salt,
            boot: self.boot,
            name: lock(&self.name).clone(),
            addresses,
        })
    }

    /// Where the peer of `link` can be reached: the address in use, then what it says of itself.
    pub(crate) fn addresses_of(&self, link: &Link) -> Vec<SocketAddr> {
        let used = path_of(&link.conn, &self.doors).1;
        let near = used.is_some_and(|addr| addr.ip().is_loopback());
        let mut addresses = Vec::new();
        merge(&mut addresses, used);
        merge(
            &mut addresses,
            link.hello
                .addresses
                .iter()
                .copied()
                .filter(|addr| near || !addr.ip().is_loopback()),
        );
        addresses
    }

    /// Tells the node where the peer of `link` is.
    pub(crate) async fn learn(&self, link: &Link) {
        let addresses = self.addresses_of(link);
        let relays = lock(&self.reach).relays_of(&link.node);
        if !addresses.is_empty() || !relays.is_empty() {
            self.emit(Queued::Plain(NetEvent::PeerAddressLearned {
                node: link.node,
                addresses,
                relays,
            }))
            .await;
        }
    }

    /// A link ended.
    pub(crate) fn unlink(&self, link: &Link, why: &Why) {
        lock(&self.table).remove(&link.node, link.id, why, Instant::now());
        self.wake_dialler.notify_one();
    }
}

/// Waits until the engine let go of its sockets, which happens in its own tasks, so that the next start finds its
/// ports free.
async fn closed(sockets: &[SocketAddr]) {
    for socket in sockets {
        let taken = || std::net::UdpSocket::bind(socket).is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse);
        while taken() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The texts that go into a hello, cut to their bounds.
fn bounded_name(name: Option<String>) -> Option<String> {
    name.map(|name| shortened(&name, limits::MAX_NAME).to_owned())
        .filter(|name| !name.is_empty())
}

impl Net {
    /// This node.
    pub fn node(&self) -> NodeId {
        self.inner().node
    }

    /// A ticket with this node's addresses of this moment.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            node: self.node(),
            addresses: self.addresses(),
            relays: self.inner().all_homes(),
            name: lock(&self.inner().name).clone(),
        }
    }

    /// Where this node may be reached now; the last ones are for this machine only.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.inner().endpoint().as_ref().map(own_addresses).unwrap_or_default()
    }

    /// The UDP port of the first socket: to be kept, and given back in [`NetConfig::preferred_port`].
    pub fn port(&self) -> Option<u16> {
        port_of(&self.inner().endpoint()?)
    }

    /// The name that new connections and tickets show.
    pub fn set_name(&self, name: Option<String>) {
        *lock(&self.inner().name) = bounded_name(name);
        self.inner().wake_reach.notify_one();
    }

    /// Dials the node of a ticket. The work starts now; the future ends with the first attempt. After a failed
    /// attempt the network goes on trying by itself, unless it is told otherwise.
    pub fn connect(&self, ticket: &Ticket) -> impl Future<Output = Result<(), ConnectError>> + Send + use<> {
        self.inner().connect(ticket)
    }

    /// Connects to a node by its id alone: what is remembered first, then connected peers and the DHT together.
    /// Takes half a minute at most.
    pub fn connect_to(&self, node: NodeId) -> impl Future<Output = Result<(), NotFound>> + Send + use<> {
        lookup::connect(self.inner().clone(), node)
    }

    /// Finds a node, or the devices of a user: the id says which only when something is found.
    pub fn find(&self, id: [u8; 32]) -> impl Future<Output = FindAnswer> + Send + use<> {
        lookup::find(self.inner().clone(), id)
    }

    /// How looking up goes.
    pub fn lookup(&self) -> LookupReport {
        self.inner().lookup.report()
    }

    /// Queues a message to a connected peer. Never waits. A parked peer is called.
    ///
    /// # Errors
    /// [`SendError::NotConnected`], also for a parked peer until its [`NetEvent::PeerConnected`], [`SendError::TooLong`], or [`SendError::Full`]: then a live message is dropped,
    /// and for the other channels [`NetEvent::Writable`] tells when to try again.
    pub fn send(&self, node: &NodeId, channel: Channel, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        match self.link(node) {
            Ok(link) => link.send(channel, bytes.into()),
            Err(error) => {
                self.call(node);
                Err(error)
            }
        }
    }

    /// Opens a request stream to a connected or parked peer. `header` is at most 16 KiB. Nothing is sent before the
    /// future is polled.
    pub fn open_request(
        &self,
        node: &NodeId,
        header: Vec<u8>,
    ) -> impl Future<Output = Result<(RequestSend, RequestRecv), SendError>> + Send + use<> {
        let link = self.link(node);
        let (inner, node) = (self.inner().clone(), *node);
        async move {
            match link {
                Ok(link) => link.open_held(&header).await,
                Err(error) => inner.returned(&node).await.ok_or(error)?.open_held(&header).await,
            }
        }
    }

    /// All connected peers.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let links: Vec<_> = lock(&self.inner().table).links.values().cloned().collect();
        links.iter().map(|link| link.info()).collect()
    }

    /// One connected peer, with where others may reach it.
    pub fn peer(&self, node: &NodeId) -> Option<(PeerInfo, Vec<SocketAddr>)> {
        let link = self.link(node).ok()?;
        let addresses = self.inner().addresses_of(&link);
        Some((link.info(), addresses))
    }

    /// Whose relay a peer is behind, as far as it is known: 32 bytes that name it.
    pub fn relay_of(&self, node: &NodeId) -> Option<[u8; 32]> {
        let relays = lock(&self.inner().reach).relays_of(node);
        relays.first()?.node.map(|relay| relay.0)
    }

    /// How this node can be reached, as peers see it.
    pub fn reach(&self) -> ReachReport {
        self.inner().reach_report()
    }

    /// Ends the connection to a peer and dials it no more, until it is asked for or connects by itself.
    pub fn disconnect(&self, node: &NodeId) {
        self.close(node, CloseCode::Disconnected);
    }

    /// Like [`Net::disconnect`], and its addresses are forgotten.
    pub fn forget(&self, node: &NodeId) {
        self.close(node, CloseCode::Disconnected);
        lock(&self.inner().table).known.remove(node);
        lock(&self.inner().journal).forget(node);
    }

    /// Never again: no dial, and what comes from it is refused at once.
    pub fn block(&self, node: &NodeId) {
        lock(&self.inner().table).blocked.insert(*node);
        self.inner().expel(node);
        self.close(node, CloseCode::Blocked);
    }

    /// Undoes [`Net::block`].
    pub fn unblock(&self, node: &NodeId) {
        lock(&self.inner().table).blocked.remove(node);
    }

    /// The peer sent what no correct node sends: its connection ends, and it is refused for a while that doubles
    /// with every fault.
    pub fn charge(&self, node: &NodeId, what: &str) {
        if let Ok(link) = self.link(node) {
            link.close(CloseCode::Fault, Why::Fault(what.into()));
        }
    }

    /// Tells every peer goodbye, closes the sockets and ends the event queue.
    pub async fn shutdown(&self) {
        let inner = self.inner();
        let links: Vec<_> = {
            let mut table = lock(&inner.table);
            table.closing = true;
            table.links.values().cloned().collect()
        };
        for link in links {
            link.close(CloseCode::Shutdown, Why::Local);
        }
        inner.stop_relay().await;
        let endpoint = lock(&inner.endpoint).take();
        let mut sockets = Vec::new();
        if let Some(endpoint) = endpoint {
            sockets = endpoint.bound_sockets();
            let _ = timeout(SHUTDOWN, endpoint.close()).await;
        }
        let mut tasks = std::mem::take(&mut *lock(&inner.tasks));
        tasks.shutdown().await;
        lock(&inner.table).links.clear();
        lock(&inner.events).take();
        let _ = timeout(SOCKETS, closed(&sockets)).await;
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.guard.0
    }

    pub(crate) fn link(&self, node: &NodeId) -> Result<Arc<Link>, SendError> {
        lock(&self.inner().table)
            .links
            .get(node)
            .cloned()
            .ok_or(SendError::NotConnected)
    }

    fn close(&self, node: &NodeId, code: CloseCode) {
        let link = lock(&self.inner().table).stop(node);
        if let Some(link) = link {
            link.close(code, Why::Local);
        }
    }
}

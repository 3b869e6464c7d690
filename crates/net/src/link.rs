//! One live connection: its channels, its requests, and its end.

mod silence;
mod streams;

use crate::{
    address::{PathKind, path_of},
    config::NetLimits,
    credit::{Granted, Taken},
    error::{SendError, StreamError, closed_with},
    event::{NetEvent, PeerInfo, Queued, Why},
    frame::write_frame,
    hello::Agreed,
    journal::Step,
    net::Inner,
    queue::{Queue, lock},
    request::{RequestRecv, RequestSend},
    side::{self, Doors},
    usage::Usage,
};
use bytes::Bytes;
use futures_util::StreamExt;
use hedgerow_base::{NodeId, UserId, limits};
use hedgerow_wire::node::{Channel, CloseCode, Hello, MAX_REQUEST_HEADER, REQUEST, StreamHeader};
use iroh::endpoint::{Connection, ConnectionError, VarInt};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, timeout},
};
use tracing::debug;

pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) node: NodeId,
    pub(crate) user: UserId,
    pub(crate) session: [u8; 32],
    pub(crate) hello: Hello,
    pub(crate) boot: [u8; 16],
    pub(crate) dialled_by_me: bool,
    pub(crate) since: Instant,
    pub(crate) conn: Connection,
    doors: Arc<Doors>,
    /// The node has received `PeerConnected`: messages may be sent.
    pub(crate) active: AtomicBool,
    /// What the peer calls itself now.
    name: Mutex<Option<String>>,
    since_ms: u64,
    queues: [Queue; Channel::ALL.len()],
    /// What the peer lets us send, and what we hold of what it sent, per channel.
    granted: [Granted; Channel::ALL.len()],
    taken: Arc<Taken>,
    /// The streams that the peer opened: one for each channel, and its credit.
    streams_seen: [AtomicBool; Channel::ALL.len() + 1],
    unknown_streams: AtomicU32,
    /// Why this side ended the connection, if it did.
    why: Mutex<Option<Why>>,
    /// Becomes true after `PeerDisconnected` is queued.
    ended: watch::Sender<bool>,
    limits: NetLimits,
    pub(crate) usage: Usage,
}

fn index(channel: Channel) -> usize {
    usize::from(channel.number())
}

impl Link {
    pub(crate) fn new(net: &Inner, conn: Connection, agreed: Agreed, dialled_by_me: bool) -> Arc<Self> {
        let limits = net.limits;
        let since_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        let name = agreed.hello.name.clone();
        Arc::new(Self {
            id: net.next_id(),
            doors: net.doors.clone(),
            node: crate::hello::remote_id(&conn),
            user: agreed.user,
            session: agreed.session,
            boot: agreed.hello.boot,
            hello: agreed.hello,
            dialled_by_me,
            since: Instant::now(),
            conn,
            active: AtomicBool::new(false),
            name: Mutex::new(name),
            since_ms,
            queues: Channel::ALL.map(|channel| Queue::new(limits.outbound(channel))),
            granted: Default::default(),
            taken: Arc::default(),
            streams_seen: Default::default(),
            unknown_streams: AtomicU32::new(0),
            why: Mutex::new(None),
            ended: watch::Sender::new(false),
            limits,
            usage: Usage::default(),
        })
    }

    /// The peer says what it calls itself now.
    pub(crate) async fn rename(&self, net: &Inner, name: Option<String>) {
        let new = std::mem::replace(&mut *lock(&self.name), name.clone()) != name;
        if new {
            let node = self.node;
            net.emit(Queued::Plain(NetEvent::PeerNamed { node, name })).await;
        }
    }

    /// Queues a message.
    pub(crate) fn send(&self, channel: Channel, bytes: Bytes) -> Result<(), SendError> {
        if bytes.len() > limits::MAX_FRAME {
            return Err(SendError::TooLong(bytes.len()));
        }
        self.usage.said(channel, bytes.len());
        if !self.active.load(Ordering::Acquire) || self.conn.close_reason().is_some() {
            return Err(SendError::NotConnected);
        }
        if self.queues[index(channel)].push(bytes) {
            Ok(())
        } else {
            Err(SendError::Full)
        }
    }

    /// Closes the connection; the first reason given is the one that is reported.
    pub(crate) fn close(&self, code: CloseCode, why: Why) {
        lock(&self.why).get_or_insert(why);
        self.conn.close(VarInt::from_u32(code.code()), b"");
    }

    fn fault(&self, what: impl Into<String>) {
        let what = what.into();
        debug!(peer = %self.node.short(), what, "fault");
        self.close(CloseCode::Fault, Why::Fault(what));
    }

    pub(crate) fn info(&self) -> PeerInfo {
        let (path, address, rtt_ms) = path_of(&self.conn, &self.doors);
        let stats = self.conn.stats();
        PeerInfo {
            node: self.node,
            user: self.user,
            name: lock(&self.name).clone(),
            path,
            address,
            rtt_ms: rtt_ms.unwrap_or_default(),
            connected_since_ms: self.since_ms,
            bytes_in: stats.udp_rx.bytes,
            bytes_out: stats.udp_tx.bytes,
        }
    }

    /// Opens a request stream.
    pub(crate) async fn open_request(&self, header: &[u8]) -> Result<(RequestSend, RequestRecv), SendError> {
        if header.len() > MAX_REQUEST_HEADER {
            return Err(SendError::TooLong(header.len()));
        }
        if !self.active.load(Ordering::Acquire) {
            return Err(SendError::NotConnected);
        }
        let opened = timeout(self.limits.stall, self.conn.open_bi())
            .await
            .map_err(|_| StreamError::Stalled)?;
        let (mut send, recv) = opened.map_err(|_| SendError::NotConnected)?;
        write_frame(&mut send, &StreamHeader::new(REQUEST).to_bytes(), self.limits.stall).await?;
        write_frame(&mut send, header, self.limits.stall).await?;
        Ok((
            RequestSend::new(send, self.limits.stall),
            RequestRecv::new(recv, self.limits.stall),
        ))
    }

    fn reason(&self, error: &ConnectionError) -> Why {
        if let Some(why) = lock(&self.why).clone() {
            return why;
        }
        match (closed_with(error), error) {
            (Some(CloseCode::Parked), _) if self.usage.has_parted() => Why::Parked,
            (Some(code), _) => Why::ByPeer(code),
            (None, ConnectionError::LocallyClosed) => Why::Local,
            (None, error) => Why::Lost(error.to_string()),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({} to {})", self.id, self.node.short())
    }
}

/// Runs a link from its announcement to its end. `previous` is the link that it replaces.
pub(crate) async fn run(net: Arc<Inner>, link: Arc<Link>, previous: Option<Arc<Link>>) {
    if let Some(previous) = previous {
        previous.close(CloseCode::Duplicate, Why::Replaced);
        let _ = previous.ended.subscribe().wait_for(|ended| *ended).await;
    }
    let (path, ..) = path_of(&link.conn, &link.doors);
    let connected = NetEvent::PeerConnected {
        node: link.node,
        user: link.user,
        session: link.session,
        path,
        name: link.hello.name.clone(),
        protocols: link.hello.protocols.clone(),
        boot: link.hello.boot,
    };
    net.note_connected(&link);
    net.emit(Queued::Connected(link.clone(), connected)).await;
    net.learn(&link).await;
    net.wake_reach.notify_one();
    net.lookup.reached(&link.node);

    let mut writers = JoinSet::new();
    for channel in Channel::ALL {
        writers.spawn(streams::write_channel(net.clone(), link.clone(), channel));
    }
    writers.spawn(streams::write_credit(link.clone()));
    writers.spawn(silence::watch(link.clone()));
    writers.spawn(watch_path(net.clone(), link.clone(), path));
    if link.dialled_by_me {
        writers.spawn(side::watch(net.clone(), link.clone()));
    }
    let mut readers = JoinSet::new();
    // Bounded by the credit, so that readers never wait for the node.
    let (received, waiting) = mpsc::unbounded_channel();
    readers.spawn(streams::deliver(net.clone(), waiting));
    readers.spawn(streams::accept_channels(link.clone(), received));
    readers.spawn(streams::accept_requests(net.clone(), link.clone()));

    let error = link.conn.closed().await;
    // Readers end by themselves, after the last message that came is queued.
    writers.shutdown().await;
    while readers.join_next().await.is_some() {}
    let why = link.reason(&error);
    debug!(peer = %link.node.short(), ?why, "disconnected");
    net.note(link.node, Step::Disconnected, why.to_string());
    net.unlink(&link, &why);
    net.emit(Queued::Plain(NetEvent::PeerDisconnected { node: link.node, why }))
        .await;
    link.ended.send_replace(true);
}

/// Reports when packets begin to travel another way.
async fn watch_path(net: Arc<Inner>, link: Arc<Link>, mut path: PathKind) {
    let mut address = path_of(&link.conn, &link.doors).1;
    let mut events = link.conn.path_events();
    while let Some(event) = events.next().await {
        net.note_path(link.node, &event);
        let (new_path, new_address, _) = path_of(&link.conn, &link.doors);
        if new_address != address && new_address.is_some() {
            address = new_address;
            net.learn(&link).await;
        }
        if new_path != path {
            path = new_path;
            if path == PathKind::Relay && lock(&net.reach).doubt(Instant::now()) {
                net.wake_reach.notify_one();
            }
            net.emit(Queued::Plain(NetEvent::PathChanged { node: link.node, path }))
                .await;
        }
    }
}

//! One live connection: its channels, its requests, and its end.

use crate::{
    address::{PathKind, path_of},
    config::NetLimits,
    credit::{Granted, Held, Taken},
    error::{SendError, StreamError, closed_with},
    event::{NetEvent, PeerInfo, Queued, Why},
    frame::{prefix, read_body, read_frame, read_length, write_chunks, write_frame},
    hello::Agreed,
    journal::Step,
    lookup,
    net::Inner,
    queue::{Queue, lock},
    reach,
    request::{RequestRecv, RequestSend},
    side::{self, Doors},
    usage::Usage,
};
use bytes::Bytes;
use futures_util::StreamExt;
use hedgerow_base::{NodeId, UserId, limits};
use hedgerow_wire::node::{
    CREDIT, Channel, CloseCode, Credit, FRAME_COST, HELLO, Hello, MAX_CREDIT, MAX_REQUEST_HEADER, MAX_STREAM_HEADER,
    REQUEST, StreamHeader,
};
use hedgerow_wire::{lookup::LookupRequest, reach::ReachRequest};
use iroh::endpoint::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
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

/// Streams of unknown protocols that one connection may open before that counts as a fault.
const MAX_UNKNOWN_STREAMS: u32 = 64;

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
    /// The streams that the peer opened: three channels, and its credit.
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

/// Live messages pass before the others, all messages before requests.
fn priority(channel: Channel) -> i32 {
    match channel {
        Channel::Live => 30,
        Channel::Sync | Channel::Overlay => 20,
        Channel::Directory => 10,
    }
}

/// Before everything else: without it the other side waits.
const CREDIT_PRIORITY: i32 = 40;

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
    };
    net.note_connected(&link);
    net.emit(Queued::Connected(link.clone(), connected)).await;
    net.learn(&link).await;
    net.wake_reach.notify_one();
    net.lookup.reached(&link.node);

    let mut writers = JoinSet::new();
    for channel in Channel::ALL {
        writers.spawn(write_channel(net.clone(), link.clone(), channel));
    }
    writers.spawn(write_credit(link.clone()));
    writers.spawn(watch_path(net.clone(), link.clone(), path));
    if link.dialled_by_me {
        writers.spawn(side::watch(net.clone(), link.clone()));
    }
    let mut readers = JoinSet::new();
    // Bounded by the credit, so that readers never wait for the node.
    let (received, waiting) = mpsc::unbounded_channel();
    readers.spawn(deliver(net.clone(), waiting));
    readers.spawn(accept_channels(link.clone(), received));
    readers.spawn(accept_requests(net.clone(), link.clone()));

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

/// Writes what is queued on one channel. The stream is opened with the first message.
async fn write_channel(net: Arc<Inner>, link: Arc<Link>, channel: Channel) {
    let queue = &link.queues[index(channel)];
    let stall = link.limits.stall;
    let mut frames = queue.take().await;
    let written = async {
        let mut send = link
            .conn
            .open_uni()
            .await
            .map_err(|error| StreamError::Closed(error.to_string()))?;
        let _ = send.set_priority(priority(channel));
        write_frame(&mut send, &StreamHeader::new(channel.name()).to_bytes(), stall).await?;
        loop {
            let cost = frames.iter().map(|frame| frame.len() as u64 + FRAME_COST).sum();
            let spent = link.granted[index(channel)].spend(cost);
            timeout(stall, spent).await.map_err(|_| StreamError::Stalled)?;
            let mut chunks = Vec::with_capacity(frames.len() * 2);
            for frame in frames.drain(..) {
                chunks.push(Bytes::copy_from_slice(&prefix(frame.len())));
                if !frame.is_empty() {
                    chunks.push(frame);
                }
            }
            write_chunks(&mut send, &mut chunks, stall).await?;
            if queue.has_room_again() && channel != Channel::Live {
                net.emit(Queued::Plain(NetEvent::Writable {
                    node: link.node,
                    channel,
                }))
                .await;
            }
            frames = queue.take().await;
        }
    };
    let Err::<std::convert::Infallible, StreamError>(error) = written.await;
    end_writer(&link, channel.name(), error);
}

fn end_writer(link: &Link, stream: &str, error: StreamError) {
    match error {
        StreamError::Stalled => link.close(CloseCode::Slow, Why::Slow),
        // A peer that stops a channel broke the protocol, unless the whole connection is gone.
        error if link.conn.close_reason().is_none() => link.fault(format!("{stream} stream: {error}")),
        _ => {}
    }
}

/// A stream of a protocol that this version does not know: harmless, unless there is no end of them.
fn unknown_stream(link: &Link) {
    if link.unknown_streams.fetch_add(1, Ordering::Relaxed) >= MAX_UNKNOWN_STREAMS {
        link.fault("too many streams of unknown protocols");
    }
}

async fn read_header(link: &Link, recv: &mut RecvStream) -> Result<StreamHeader, StreamError> {
    let bytes = read_frame(recv, MAX_STREAM_HEADER, link.limits.handshake)
        .await?
        .ok_or(StreamError::Short)?;
    Ok(StreamHeader::from_bytes(&bytes)?)
}

/// Received messages on their way to the node's event queue.
type Received = mpsc::UnboundedSender<(NetEvent, Held)>;

async fn deliver(net: Arc<Inner>, mut waiting: mpsc::UnboundedReceiver<(NetEvent, Held)>) {
    while let Some((message, held)) = waiting.recv().await {
        net.emit(Queued::Message(message, held)).await;
    }
}

async fn accept_channels(link: Arc<Link>, received: Received) {
    let mut streams = JoinSet::new();
    while let Ok(recv) = link.conn.accept_uni().await {
        streams.spawn(read_stream(link.clone(), received.clone(), recv));
        while streams.try_join_next().is_some() {}
    }
    while streams.join_next().await.is_some() {}
}

async fn read_stream(link: Arc<Link>, received: Received, mut recv: RecvStream) {
    let ended = async {
        let header = read_header(&link, &mut recv).await?;
        let channel = Channel::from_name(&header.protocol);
        if header.version != 1 || (channel.is_none() && header.protocol != CREDIT) {
            let _ = recv.stop(VarInt::from_u32(0));
            unknown_stream(&link);
            return Ok(());
        }
        let place = channel.map_or(Channel::ALL.len(), index);
        if link.streams_seen[place].swap(true, Ordering::Relaxed) {
            link.fault(format!("a second {} stream", header.protocol));
            return Ok(());
        }
        match channel {
            Some(channel) => read_channel(&link, channel, &received, &mut recv).await,
            None => read_credit(&link, &mut recv).await,
        }
    };
    if let Err(error) = ended.await {
        blame_stream(&link, error);
    }
}

/// Reads one channel until it ends, without ever waiting for the node: unread streams break the connection.
async fn read_channel(
    link: &Arc<Link>,
    channel: Channel,
    received: &Received,
    recv: &mut RecvStream,
) -> Result<(), StreamError> {
    while let Some(len) = read_length(recv, limits::MAX_FRAME).await? {
        let Some(held) = Taken::hold(&link.taken, channel, len) else {
            link.fault("more than its credit");
            break;
        };
        let bytes = read_body(recv, len, link.limits.stall).await?;
        link.usage.heard(channel, len);
        let message = NetEvent::Message {
            node: link.node,
            channel,
            bytes,
        };
        if received.send((message, held)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads how much the peer lets us send.
async fn read_credit(link: &Link, recv: &mut RecvStream) -> Result<(), StreamError> {
    while let Some(len) = read_length(recv, MAX_CREDIT).await? {
        let credit = Credit::from_bytes(&read_body(recv, len, link.limits.stall).await?)?;
        // A channel of a later version is not ours to send on.
        if let Some(channel) = Channel::from_number(credit.channel) {
            link.granted[index(channel)].grant(credit.total);
        }
    }
    Ok(())
}

/// Tells the peer how much it may send, as the node takes what it sent.
async fn write_credit(link: Arc<Link>) {
    let stall = link.limits.stall;
    let mut due = link.taken.due().await;
    let written = async {
        let mut send = link
            .conn
            .open_uni()
            .await
            .map_err(|error| StreamError::Closed(error.to_string()))?;
        let _ = send.set_priority(CREDIT_PRIORITY);
        write_frame(&mut send, &StreamHeader::new(CREDIT).to_bytes(), stall).await?;
        loop {
            for credit in due {
                write_frame(&mut send, &credit.to_bytes(), stall).await?;
            }
            due = link.taken.due().await;
        }
    };
    let Err::<std::convert::Infallible, StreamError>(error) = written.await;
    end_writer(&link, CREDIT, error);
}

/// A broken channel or header is a fault, unless it broke because the connection did.
fn blame_stream(link: &Link, error: StreamError) {
    match error {
        StreamError::Closed(_) => {}
        StreamError::Stalled => link.fault("a frame was begun and not ended"),
        error if link.conn.close_reason().is_none() => link.fault(error.to_string()),
        _ => {}
    }
}

async fn accept_requests(net: Arc<Inner>, link: Arc<Link>) {
    let mut streams = JoinSet::new();
    while let Ok((send, recv)) = link.conn.accept_bi().await {
        streams.spawn(read_request(net.clone(), link.clone(), send, recv));
        while streams.try_join_next().is_some() {}
    }
    while streams.join_next().await.is_some() {}
}

async fn read_request(net: Arc<Inner>, link: Arc<Link>, send: SendStream, mut recv: RecvStream) {
    let stall = link.limits.stall;
    let send = RequestSend::new(send, stall);
    let header = async {
        let header = read_header(&link, &mut recv).await?;
        if header.protocol == HELLO {
            link.fault("a second hello");
            return Ok(None);
        }
        if header.protocol != REQUEST || header.version != 1 {
            unknown_stream(&link);
            return Ok(None);
        }
        let bytes = read_frame(&mut recv, MAX_REQUEST_HEADER, link.limits.handshake).await?;
        bytes.ok_or(StreamError::Short).map(Some)
    };
    match header.await {
        Ok(Some(header)) => {
            if let Ok(request) = ReachRequest::from_bytes(&header) {
                return reach::answer(net, link, request, send).await;
            }
            if let Ok(request) = LookupRequest::from_bytes(&header) {
                return lookup::answer(net, link, request, send).await;
            }
            link.usage.touch();
            let send = send.holding(link.usage.hold());
            let recv = RequestRecv::new(recv, stall).holding(link.usage.hold());
            net.emit(Queued::Plain(NetEvent::Request {
                node: link.node,
                header,
                send,
                recv,
            }))
            .await;
        }
        Ok(None) => {}
        Err(error) => blame_stream(&link, error),
    }
}

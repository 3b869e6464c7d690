//! The streams of a connection: one each way for each channel, one for credit, and one for each request.

use super::{Link, index};
use crate::{
    credit::{Held, Taken},
    error::StreamError,
    event::{NetEvent, Queued, Why},
    frame::{prefix, read_body, read_frame, read_length, write_chunks, write_frame},
    lookup,
    net::Inner,
    reach,
    request::{RequestRecv, RequestSend},
};
use bytes::Bytes;
use hedgerow_base::limits;
use hedgerow_wire::{
    lookup::LookupRequest,
    node::{
        CREDIT, Channel, CloseCode, Credit, FRAME_COST, HELLO, MAX_CREDIT, MAX_REQUEST_HEADER, MAX_STREAM_HEADER,
        REQUEST, StreamHeader,
    },
    reach::ReachRequest,
};
use iroh::endpoint::{RecvStream, SendStream, VarInt};
use std::sync::{Arc, atomic::Ordering};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

/// Streams of unknown protocols that one connection may open before that counts as a fault.
const MAX_UNKNOWN_STREAMS: u32 = 64;

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

/// Writes what is queued on one channel. The stream is opened with the first message.
pub(super) async fn write_channel(net: Arc<Inner>, link: Arc<Link>, channel: Channel) {
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

pub(super) async fn deliver(net: Arc<Inner>, mut waiting: mpsc::UnboundedReceiver<(NetEvent, Held)>) {
    while let Some((message, held)) = waiting.recv().await {
        net.emit(Queued::Message(message, held)).await;
    }
}

pub(super) async fn accept_channels(link: Arc<Link>, received: Received) {
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
pub(super) async fn write_credit(link: Arc<Link>) {
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

pub(super) async fn accept_requests(net: Arc<Inner>, link: Arc<Link>) {
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
